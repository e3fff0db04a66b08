// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import v1 "k8s.io/api/core/v1"

// MachineOf returns the size of a node: its capacity, since what the system keeps for
// itself is used as well.
func MachineOf(n *v1.Node) Machine {
	return Machine{Cores: n.Status.Capacity.Cpu().AsApproximateFloat64(), Bytes: n.Status.Capacity.Memory().AsApproximateFloat64()}
}
