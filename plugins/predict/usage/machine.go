// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	corelisters "k8s.io/client-go/listers/core/v1"
)

// MachineOf returns the size of a node. That is its capacity, not its allocatable, since what the
// system reserves is used as well.
func MachineOf(n *v1.Node) Machine {
	return Machine{Cores: n.Status.Capacity.Cpu().AsApproximateFloat64(), Bytes: n.Status.Capacity.Memory().AsApproximateFloat64()}
}

// MachinesFrom returns Machines that read an informer's cache.
func MachinesFrom(nodes corelisters.NodeLister) Machines {
	return func(name string) (Machine, bool) {
		if name != "" {
			n, err := nodes.Get(name)
			if err != nil {
				return Machine{}, false // The lister knows no other error than that there is none.
			}
			return MachineOf(n), true
		}
		all, err := nodes.List(labels.Everything())
		if err != nil || len(all) == 0 {
			return Machine{}, false
		}
		var largest Machine
		for _, n := range all {
			m := MachineOf(n)
			largest.Cores, largest.Bytes = max(largest.Cores, m.Cores), max(largest.Bytes, m.Bytes)
		}
		return largest, true
	}
}
