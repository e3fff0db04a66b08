// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package components holds the mains of the upstream programs a local cluster is
// made of, all linked into one binary that re-executes itself as one of them.
package components

import (
	"fmt"
	"os"
)

// Run turns this process into the named program and returns its exit code. Upstream's
// mains read os.Args and install signal handlers, so a process can be only one of them.
func Run(name string, args []string) int {
	os.Args = append([]string{name}, args...)
	switch name {
	case "etcd":
		return etcd()
	case "kube-apiserver":
		return kubeAPIServer()
	case "kube-controller-manager":
		return kubeControllerManager()
	case "kube-scheduler":
		return kubeScheduler()
	case "kwok":
		return kwok()
	case "kubelet":
		return kubelet()
	case "kube-proxy":
		return kubeProxy()
	case "network":
		return clusterNetwork()
	case "node":
		return node()
	case "node-init":
		return nodeInit()
	case "metrics-server":
		return metricsServer()
	case "kubectl":
		return kubectl()
	default:
		fmt.Fprintf(os.Stderr, "unknown component %q\n", name)
		return 1
	}
}
