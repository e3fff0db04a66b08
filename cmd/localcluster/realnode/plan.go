// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package realnode decides what the real nodes of a local cluster are: how many CPUs and
// how much memory each has, its addresses, and the configuration of what runs on it.
package realnode

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Addresses of the cluster's own network, which has no link to the machine's.
const (
	// ControlPlaneIP is where nodes and pods reach the API server.
	ControlPlaneIP = "172.30.0.1"
	prefix         = "172.30.0."
	prefixLength   = 24
	podPrefix      = "10.244."
)

// MaxNodes is how many nodes the plan of addresses has room for.
const MaxNodes = 100

// Node is one real node.
type Node struct {
	Name string `json:"name"`
	// Cgroup is the name of its control group in every hierarchy.
	Cgroup string `json:"cgroup"`
	// CPUs are the numbers of its CPUs, as in cpuset.cpus.
	CPUs string `json:"cpus"`
	// Memory in bytes.
	Memory int64  `json:"memory"`
	IP     string `json:"ip"`
	// PodCIDR is where its pods' addresses are from.
	PodCIDR string `json:"podCIDR"`
	// Zone is a label.
	Zone string `json:"zone"`
	// Neighbours are the other nodes' pod addresses, by the node's address.
	Neighbours map[string]string `json:"neighbours"`
}

// Plan divides a machine with so many CPUs into n nodes. Where there are more nodes than
// CPUs, some share one.
func Plan(l state.Layout, n, cpus int, memory int64) []Node {
	nodes := make([]Node, n)
	for i := range nodes {
		first, last := i*cpus/n, (i+1)*cpus/n-1
		list := strconv.Itoa(first)
		if last > first {
			list = fmt.Sprintf("%d-%d", first, last)
		}
		name := fmt.Sprintf("node-%d", i)
		nodes[i] = Node{
			Name:       name,
			Cgroup:     CgroupPrefix(l) + name,
			CPUs:       list,
			Memory:     memory,
			IP:         prefix + strconv.Itoa(10+i),
			PodCIDR:    fmt.Sprintf("%s%d.0/24", podPrefix, i),
			Zone:       "zone-" + string(rune('a'+i%3)),
			Neighbours: map[string]string{},
		}
	}
	for i := range nodes {
		for j := range nodes {
			if i != j {
				nodes[i].Neighbours[nodes[j].IP] = nodes[j].PodCIDR
			}
		}
	}
	return nodes
}

// CgroupPrefix begins the names of all control groups of one cluster, so that they are
// found when nothing else is known of it any more.
func CgroupPrefix(l state.Layout) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.Dir))
	return fmt.Sprintf("localcluster-%08x-", h.Sum32())
}

// CPUs is how many CPUs this process may use, which are those that nodes divide.
func CPUs() int { return runtime.NumCPU() }

// Memory is half the machine's memory divided by n, and no more than 4 GiB, in bytes.
func Memory(n int) (int64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("finding the machine's memory: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "MemTotal:" {
			kilobytes, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 0, fmt.Errorf("finding the machine's memory: %w", err)
			}
			const mebi = 1 << 20
			return min(4<<30, kilobytes<<10/2/int64(n)/mebi*mebi), nil
		}
	}
	return 0, fmt.Errorf("finding the machine's memory: /proc/meminfo does not tell")
}

// Address is the node's, with the size of the network.
func (n Node) Address() *net.IPNet { return Address(n.IP) }

// Address is one of the cluster's network, with its size.
func Address(ip string) *net.IPNet {
	return &net.IPNet{IP: net.ParseIP(ip).To4(), Mask: net.CIDRMask(prefixLength, 32)}
}

// Dir is where a node's files are.
func Dir(l state.Layout, name string) string { return l.Path("nodes", name) }

// File is a file of a node.
func File(l state.Layout, name, file string) string { return l.Path("nodes", name, file) }

// planFile holds the node itself.
const planFile = "node.json"

// Save writes the node where Load finds it.
func (n Node) Save(l state.Layout) error {
	data, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(Dir(l, n.Name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(File(l, n.Name, planFile), data, 0o600)
}

// Load reads a node.
func Load(l state.Layout, name string) (Node, error) {
	data, err := os.ReadFile(File(l, name, planFile))
	if err != nil {
		return Node{}, fmt.Errorf("reading the plan of %s: %w", name, err)
	}
	var n Node
	if err := json.Unmarshal(data, &n); err != nil {
		return Node{}, fmt.Errorf("reading the plan of %s: %w", name, err)
	}
	return n, nil
}
