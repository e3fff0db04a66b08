// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
)

// Target is a kubelet to ask.
type Target struct {
	// Node is the name of the kubelet's Node object.
	Node string
	// Address is host:port of the kubelet's HTTPS server.
	Address string
}

// Targets returns the kubelets to ask and the nodes whose kubelet cannot be asked, with
// the reason. It is called once a reading.
type Targets func() (targets []Target, unreachable map[string]error, err error)

// FromLister asks every node in the lister at its internal IP and the port that its
// status names.
func FromLister(nodes corelisters.NodeLister) Targets {
	return func() ([]Target, map[string]error, error) {
		list, err := nodes.List(labels.Everything())
		if err != nil {
			return nil, nil, err
		}
		targets := make([]Target, 0, len(list))
		var unreachable map[string]error
		for _, node := range list {
			address, err := address(node)
			if err != nil {
				if unreachable == nil {
					unreachable = map[string]error{}
				}
				unreachable[node.Name] = err
				continue
			}
			targets = append(targets, Target{Node: node.Name, Address: address})
		}
		return targets, unreachable, nil
	}
}

// address of the kubelet's HTTPS server. Only the internal IP is taken: other addresses
// may lead through what is not the cluster's, and host names through DNS for each
// request.
func address(node *corev1.Node) (string, error) {
	port := node.Status.DaemonEndpoints.KubeletEndpoint.Port
	if port <= 0 {
		return "", errNoPort
	}
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP && a.Address != "" {
			return net.JoinHostPort(a.Address, strconv.Itoa(int(port))), nil
		}
	}
	return "", errNoAddress
}
