// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"fmt"
	"slices"
	"strings"
)

// The components, by the names their upstream binaries have.
const (
	Etcd              = "etcd"
	APIServer         = "kube-apiserver"
	ControllerManager = "kube-controller-manager"
	Scheduler         = "kube-scheduler"
	Kwok              = "kwok"
	MetricsServer     = "metrics-server"
	Foresight         = "foresight-scheduler"
	// Network is the component of clusters with real nodes that no upstream binary is. It
	// starts first. Real nodes are components too, by the nodes' names, and start last.
	Network = "network"
)

// Names returns all components in the order they start.
func Names() []string {
	return []string{Etcd, APIServer, ControllerManager, Scheduler, Kwok, MetricsServer, Foresight}
}

// OptionalNames returns the components a cluster can be without.
func OptionalNames() []string { return Names()[2:] }

// CheckWithout returns an error when a cluster cannot be without one of the components.
func CheckWithout(without []string) error {
	for _, name := range without {
		if !slices.Contains(OptionalNames(), name) {
			return fmt.Errorf("cannot leave out %q: it is not one of %s", name, strings.Join(OptionalNames(), ", "))
		}
	}
	return nil
}
