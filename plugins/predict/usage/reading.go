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
	// Time of the measurement, by the clock of the machine that measured: the end of the
	// window. The zero time is not known, and a Cleaner drops such a sample.
	Time time.Time
	// Window over which the values that are rates or shares are averaged; 0 is not known.
	Window time.Duration
}

// NodeSample is what a node used, its daemons and the kernel included.
type NodeSample struct {
	// Node is the name of the Node object.
	Node string
	Sample
}

// PodSample is what a pod used, the sum over its containers or its cgroup.
type PodSample struct {
	Namespace, Name string
	// UID of the pod; empty where the source does not know it. Pods of one name that
	// follow each other differ in it.
	UID string
	// Node that runs the pod; empty where the source does not know it.
	Node string
	Sample
}

// Reading is one look at the cluster. Who hands a reading over never touches it again,
// so that it can be shared between goroutines without a lock, as long as nobody writes.
type Reading struct {
	// Start and End of the look, by the clock of this process.
	Start, End time.Time
	// Nodes and Pods hold at most one sample per object, in no particular order.
	Nodes []NodeSample
	Pods  []PodSample
	// Failed lists the nodes of which something could not be read. What could be read of
	// them is in Nodes and Pods.
	Failed []Failure
	// Warnings are the remarks of the queried server, such as an incomplete answer, as AddWarning keeps them.
	Warnings []string
	// Dropped counts what was measured and not believed.
	Dropped Drops
}

const (
	// MaxWarnings that a reading holds, and MaxWarning bytes of each: they are logged.
	MaxWarnings = 8
	MaxWarning  = 256
)

// AddWarning adds the remark of a server to warnings, cut to MaxWarning bytes, unless there are MaxWarnings already.
func AddWarning(warnings []string, text string) []string {
	if len(warnings) >= MaxWarnings {
		return warnings
	}
	if len(text) > MaxWarning {
		text = strings.ToValidUTF8(text[:MaxWarning-len("…")], "") + "…"
	}
	return append(warnings, strings.Clone(text))
}

// Failure says why something of a node could not be read.
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
