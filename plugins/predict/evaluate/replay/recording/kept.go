// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// own annotations are kept: they say how a pod or a node is scheduled.
const own = "foresight-scheduler.dev/"

func keptOfMeta(m *metav1.ObjectMeta) metav1.ObjectMeta {
	kept := metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, Labels: m.Labels, CreationTimestamp: m.CreationTimestamp}
	for k, v := range m.Annotations {
		if strings.HasPrefix(k, own) {
			if kept.Annotations == nil {
				kept.Annotations = map[string]string{}
			}
			kept.Annotations[k] = v
		}
	}
	if owner := metav1.GetControllerOfNoCopy(m); owner != nil {
		kept.OwnerReferences = []metav1.OwnerReference{*owner}
	}
	return kept
}

// keptOfNode is what placement needs of a node. It is a copy.
func keptOfNode(n *v1.Node) *v1.Node {
	return (&v1.Node{
		ObjectMeta: keptOfMeta(&n.ObjectMeta),
		Spec:       v1.NodeSpec{Taints: n.Spec.Taints, Unschedulable: n.Spec.Unschedulable},
		Status:     v1.NodeStatus{Capacity: n.Status.Capacity, Allocatable: n.Status.Allocatable},
	}).DeepCopy()
}

// keptOfPod is what placement needs of a pod: no environment, commands, volumes or secrets. It is a copy.
func keptOfPod(p *v1.Pod) *v1.Pod {
	containers := func(all []v1.Container) (kept []v1.Container) {
		for i := range all {
			c := &all[i]
			k := v1.Container{Name: c.Name, Image: c.Image, Resources: c.Resources, RestartPolicy: c.RestartPolicy}
			for _, port := range c.Ports {
				if port.HostPort != 0 {
					k.Ports = append(k.Ports, v1.ContainerPort{HostPort: port.HostPort, HostIP: port.HostIP, Protocol: port.Protocol, ContainerPort: port.ContainerPort})
				}
			}
			kept = append(kept, k)
		}
		return kept
	}
	s := &p.Spec
	return (&v1.Pod{
		ObjectMeta: keptOfMeta(&p.ObjectMeta),
		Spec: v1.PodSpec{
			NodeName: s.NodeName, NodeSelector: s.NodeSelector, Affinity: s.Affinity, Tolerations: s.Tolerations,
			TopologySpreadConstraints: s.TopologySpreadConstraints, Priority: s.Priority, RestartPolicy: s.RestartPolicy,
			ActiveDeadlineSeconds: s.ActiveDeadlineSeconds, Overhead: s.Overhead, Resources: s.Resources,
			InitContainers: containers(s.InitContainers), Containers: containers(s.Containers),
		},
	}).DeepCopy()
}

// hasher replaces names by keyed hashes: the same name by the same hash, within one recording.
type hasher struct{ key []byte }

func (h *hasher) of(s string) string {
	if s == "" {
		return ""
	}
	mac := hmac.New(sha256.New, h.key)
	mac.Write([]byte(s))
	return "x" + hex.EncodeToString(mac.Sum(nil)[:8])
}

// known labels' keys stay, since schedulers and configurations know them; values are hashed all the same.
func (h *hasher) labelKey(k string) string {
	if domain, _, ok := strings.Cut(k, "/"); ok && (strings.HasSuffix(domain, "kubernetes.io") || strings.HasSuffix(domain, "k8s.io") || domain+"/" == own) {
		return k
	}
	if k == "pod-template-hash" {
		return k
	}
	return h.of(k)
}

func (h *hasher) labels(in map[string]string) map[string]string {
	if in == nil {
		return nil
	}
	out := make(map[string]string, len(in))
	for k, v := range in {
		out[h.labelKey(k)] = h.of(v)
	}
	return out
}

func (h *hasher) meta(m *metav1.ObjectMeta) {
	m.Namespace, m.UID, m.Labels = h.of(m.Namespace), types.UID(h.of(string(m.UID))), h.labels(m.Labels)
	m.Name = h.of(m.Name)
	for i := range m.OwnerReferences {
		o := &m.OwnerReferences[i]
		o.Name, o.UID = h.of(o.Name), types.UID(h.of(string(o.UID)))
	}
}

func (h *hasher) node(n *v1.Node) {
	h.meta(&n.ObjectMeta)
	for i := range n.Spec.Taints {
		t := &n.Spec.Taints[i]
		t.Key, t.Value = h.labelKey(t.Key), h.of(t.Value)
	}
}

func (h *hasher) pod(p *v1.Pod) {
	// What tells a Deployment from its replica set, and a CronJob from its jobs, is the end of their names: it is kept apart from the hash.
	if len(p.OwnerReferences) == 1 {
		o := &p.OwnerReferences[0]
		name := o.Name
		if base, suffix, ok := cutLast(name); ok && (o.Kind == "ReplicaSet" && suffix == p.Labels["pod-template-hash"] || o.Kind == "Job" && digits(suffix)) {
			h.meta(&p.ObjectMeta)
			if o = &p.OwnerReferences[0]; o.Kind == "ReplicaSet" {
				suffix = h.of(suffix)
			}
			o.Name = h.of(base) + "-" + suffix
		} else {
			h.meta(&p.ObjectMeta)
		}
	} else {
		h.meta(&p.ObjectMeta)
	}
	s := &p.Spec
	s.NodeName, s.NodeSelector = h.of(s.NodeName), h.labels(s.NodeSelector)
	for i := range s.Tolerations {
		t := &s.Tolerations[i]
		if t.Key != "" {
			t.Key = h.labelKey(t.Key)
		}
		t.Value = h.of(t.Value)
	}
	for _, all := range [][]v1.Container{s.Containers, s.InitContainers} {
		for i := range all {
			all[i].Name, all[i].Image = h.of(all[i].Name), h.of(repository(all[i].Image))
		}
	}
	for i := range s.TopologySpreadConstraints {
		c := &s.TopologySpreadConstraints[i]
		c.TopologyKey = h.labelKey(c.TopologyKey)
		h.selector(c.LabelSelector)
		for k := range c.MatchLabelKeys {
			c.MatchLabelKeys[k] = h.labelKey(c.MatchLabelKeys[k])
		}
	}
	h.affinity(s.Affinity)
}

func (h *hasher) affinity(a *v1.Affinity) {
	if a == nil {
		return
	}
	if n := a.NodeAffinity; n != nil {
		if required := n.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
			for i := range required.NodeSelectorTerms {
				h.term(&required.NodeSelectorTerms[i])
			}
		}
		for i := range n.PreferredDuringSchedulingIgnoredDuringExecution {
			h.term(&n.PreferredDuringSchedulingIgnoredDuringExecution[i].Preference)
		}
	}
	if p := a.PodAffinity; p != nil {
		h.podTerms(p.RequiredDuringSchedulingIgnoredDuringExecution, p.PreferredDuringSchedulingIgnoredDuringExecution)
	}
	if p := a.PodAntiAffinity; p != nil {
		h.podTerms(p.RequiredDuringSchedulingIgnoredDuringExecution, p.PreferredDuringSchedulingIgnoredDuringExecution)
	}
}

func (h *hasher) podTerms(required []v1.PodAffinityTerm, preferred []v1.WeightedPodAffinityTerm) {
	one := func(t *v1.PodAffinityTerm) {
		h.selector(t.LabelSelector)
		h.selector(t.NamespaceSelector)
		for i := range t.Namespaces {
			t.Namespaces[i] = h.of(t.Namespaces[i])
		}
		t.TopologyKey = h.labelKey(t.TopologyKey)
		for _, keys := range [][]string{t.MatchLabelKeys, t.MismatchLabelKeys} {
			for i := range keys {
				keys[i] = h.labelKey(keys[i])
			}
		}
	}
	for i := range required {
		one(&required[i])
	}
	for i := range preferred {
		one(&preferred[i].PodAffinityTerm)
	}
}

func (h *hasher) selector(s *metav1.LabelSelector) {
	if s == nil {
		return
	}
	s.MatchLabels = h.labels(s.MatchLabels)
	for i := range s.MatchExpressions {
		e := &s.MatchExpressions[i]
		e.Key = h.labelKey(e.Key)
		for k := range e.Values {
			e.Values[k] = h.of(e.Values[k])
		}
	}
}

func (h *hasher) term(t *v1.NodeSelectorTerm) {
	for i := range t.MatchFields { // metadata.name is the only one there is
		for k := range t.MatchFields[i].Values {
			t.MatchFields[i].Values[k] = h.of(t.MatchFields[i].Values[k])
		}
	}
	for i := range t.MatchExpressions {
		e := &t.MatchExpressions[i]
		e.Key = h.labelKey(e.Key)
		if e.Operator == v1.NodeSelectorOpGt || e.Operator == v1.NodeSelectorOpLt {
			continue // Numbers, which hashes are not.
		}
		for k := range e.Values {
			e.Values[k] = h.of(e.Values[k])
		}
	}
}

func cutLast(name string) (base, suffix string, ok bool) {
	i := strings.LastIndexByte(name, '-')
	if i <= 0 {
		return name, "", false
	}
	return name[:i], name[i+1:], true
}

func digits(s string) bool {
	return len(s) > 0 && strings.Trim(s, "0123456789") == ""
}

// repository cuts tag and digest off: another version is much like the last one.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		image = image[:i]
	}
	return image
}
