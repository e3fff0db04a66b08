// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"fmt"
	"strings"
	"time"
)

// Sample is one measurement of a node or a pod.
type Sample struct {
	Values
	// Time is when the window ended, by the clock of the machine that measured. The zero time is
	// unknown, and a Cleaner drops such a sample.
	Time time.Time
	// Window is the time over which rates and shares are averaged; 0 is unknown.
	Window time.Duration
}

// NodeSample is the use of a node, including its daemons and the kernel.
type NodeSample struct {
	// Node is the name of the Node object.
	Node string
	Sample
}

// PodSample is the use of a pod: the sum over its containers, or that of its cgroup.
type PodSample struct {
	Namespace, Name string
	// UID is that of the pod, or empty if the source does not know it. Successive pods of one name
	// differ in it.
	UID string
	// Node is the node that runs the pod, or empty if the source does not know it.
	Node string
	Sample
}

// Reading is one observation of the cluster. It can be shared between goroutines without a lock as
// long as nobody writes to it, so whoever delivers a reading does not change it afterwards.
type Reading struct {
	// Start and End are the times of the observation, by this process's clock.
	Start, End time.Time
	// Nodes and Pods hold at most one sample per object, in no particular order.
	Nodes []NodeSample
	Pods  []PodSample
	// Failed lists the nodes that could not be read completely. What could be read of them is in
	// Nodes and Pods.
	Failed []Failure
	// Warnings are remarks of the queried server, such as an incomplete answer, in the form that
	// AddWarning keeps.
	Warnings []string
	// Dropped counts measurements that were not believed.
	Dropped Drops
}

const (
	// MaxWarnings is the largest number of warnings in a reading, and MaxWarning the largest length
	// of each, in bytes, since they are logged.
	MaxWarnings = 8
	MaxWarning  = 256
)

// AddWarning adds a server's remark to warnings, cut to MaxWarning bytes. If there are already
// MaxWarnings, it is dropped.
func AddWarning(warnings []string, text string) []string {
	if len(warnings) >= MaxWarnings {
		return warnings
	}
	if len(text) > MaxWarning {
		text = strings.ToValidUTF8(text[:MaxWarning-len("…")], "") + "…"
	}
	return append(warnings, strings.Clone(text))
}

// Failure is the reason why a node could not be read completely.
type Failure struct {
	// Node is the name of the Node object.
	Node string
	Err  error
}

func (f Failure) Error() string {
	return fmt.Sprintf("node %s: %v", f.Node, f.Err)
}

func (f Failure) Unwrap() error {
	return f.Err
}
