// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package roster holds what was measured against what there is: nodes and pods that the API server does not know are not
// learned from, whatever an answer calls them.
package roster

import (
	"net"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Roster is the nodes and pods of a cluster at one moment. It is not safe for concurrent use.
type Roster struct {
	nodes map[string]*v1.Node
	// aliases of nodes, built when a name is met that no node has. "" is an alias of several.
	aliases map[string]string
	pod     func(namespace, name string) *v1.Pod
}

// New returns the roster of nodes and of the pods that pod finds, which returns nil where there is none. A nil list, or a
// nil pod, is not known: then every name is believed.
func New(nodes []*v1.Node, pod func(namespace, name string) *v1.Pod) *Roster {
	c := &Roster{pod: pod}
	if nodes != nil {
		c.nodes = make(map[string]*v1.Node, len(nodes))
		for _, n := range nodes {
			c.nodes[n.Name] = n
		}
	}
	return c
}

// Has says whether there is a node of that name, or that it is not known which there are.
func (c *Roster) Has(node string) bool { return c.nodes == nil || c.nodes[node] != nil }

// Names says how the nodes of a reading were named.
type Names struct {
	// Mapped counts the nodes that were named by an address, a host name or a provider's ID, and Unknown those whose name
	// belongs to no node. Each has an example.
	Mapped, Unknown           int
	MappedName, MappedTo, Odd string
}

// Resolve drops what was measured of nodes and pods that there are not, and counts it, and gives what remains the names
// and UIDs that the API server knows them by. It works in place.
func (c *Roster) Resolve(r *usage.Reading) (names Names) {
	if c.nodes != nil {
		kept := r.Nodes[:0]
		for _, s := range r.Nodes {
			name, ok := c.node(s.Node)
			switch {
			case s.Node == "": // The cleaner counts it.
			case !ok:
				names.Unknown++
				names.Odd = s.Node
				r.Dropped[usage.UnknownNode]++
				continue
			case name != s.Node:
				names.Mapped++
				names.MappedName, names.MappedTo = s.Node, name
				s.Node = name
			}
			kept = append(kept, s)
		}
		clear(r.Nodes[len(kept):]) // Let go of the names of the dropped.
		r.Nodes = kept
	}
	if c.pod == nil {
		return names
	}
	kept := r.Pods[:0]
	told, node, known := "", "", false // Pods come grouped by node from most sources.
	for _, s := range r.Pods {
		if s.Name == "" || s.Namespace == "" {
			kept = append(kept, s) // The cleaner counts it.
			continue
		}
		if s.Node != told {
			told = s.Node
			node, known = c.node(told)
		}
		pod := c.pod(s.Namespace, s.Name)
		switch {
		case pod == nil || s.UID != "" && !hasUID(pod, s.UID):
			r.Dropped[usage.UnknownPod]++
			continue
		case told != "" && known && node != pod.Spec.NodeName:
			// A kubelet has no say in pods of others.
			r.Dropped[usage.OtherNode]++
			continue
		case s.UID == "" && inherits(pod, &s.Sample):
			r.Dropped[usage.UnknownPod]++
			continue
		}
		s.Node, s.UID = pod.Spec.NodeName, string(pod.UID)
		kept = append(kept, s)
	}
	clear(r.Pods[len(kept):])
	r.Pods = kept
	return names
}

// hasUID says whether a pod is meant by a UID. The kubelet calls a static pod by the hash of its file; its mirror, which is
// what the API server knows, notes that hash and has another UID.
func hasUID(pod *v1.Pod, uid string) bool {
	return types.UID(uid) == pod.UID || uid == pod.Annotations["kubernetes.io/config.hash"] || uid == pod.Annotations["kubernetes.io/config.mirror"]
}

// inherits says whether a sample that names no UID may be one of the pod's predecessor: a StatefulSet's pods, and those that
// people name, follow each other under one name, and the series of the one before linger.
func inherits(pod *v1.Pod, s *usage.Sample) bool {
	if w, ok := forecast.WorkloadOf(pod); ok && w.Kind != "StatefulSet" && pod.GenerateName != "" {
		return false // Its name was drawn at random.
	}
	start := pod.Status.StartTime
	return start != nil && s.Time.Add(-s.Window).Before(start.Time)
}

// node returns which node is meant by a name.
func (c *Roster) node(name string) (string, bool) {
	if c.Has(name) {
		return name, true
	}
	if c.aliases == nil {
		c.aliases = map[string]string{}
		for _, n := range c.nodes {
			c.alias(n)
		}
	}
	to := c.aliases[name]
	if host, _, err := net.SplitHostPort(name); to == "" && err == nil {
		if to = c.aliases[host]; to == "" && c.nodes[host] != nil {
			to = host
		}
	}
	return to, to != ""
}

func (c *Roster) alias(n *v1.Node) {
	add := func(alias string) {
		if alias == "" {
			return
		}
		if other, ok := c.aliases[alias]; ok && other != n.Name {
			c.aliases[alias] = "" // Who is meant nobody knows.
			return
		}
		c.aliases[alias] = n.Name
	}
	for _, a := range n.Status.Addresses {
		add(a.Address)
	}
	add(n.Labels[v1.LabelHostname])
	if id := n.Spec.ProviderID; id != "" {
		add(id)
		add(id[strings.LastIndexByte(id, '/')+1:])
	}
}
