// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pernode

import (
	"fmt"
	"sync"
	"testing"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

type node struct {
	fwk.NodeInfo
	name       string
	generation int64
}

func (n node) Node() *v1.Node {
	o := &v1.Node{}
	o.Name = n.name
	return o
}
func (n node) GetGeneration() int64 { return n.generation }

type cycle struct{ fwk.CycleState }

func (cycle) IsPodGroupSchedulingCycle() bool { return false }

// Whatever generations nodes share the last bits of, whoever asks at once, and when it is forgotten in between: a value is of
// the node, generation and epoch that was asked for.
func TestValuesAreTheNodes(t *testing.T) {
	var c Cache[string]
	var asking sync.WaitGroup
	for worker := range int64(4) {
		asking.Go(func() {
			for i := range int64(2000) {
				// Nodes 0 and 1 have a slot in common, as have all generations of one.
				n := node{name: fmt.Sprint("node-", (i+worker)%3), generation: (i+worker)%3/2 + i/100*slots}
				epoch := uint64(i / 500)
				want := fmt.Sprint(n.name, n.generation, epoch)
				if got := *c.Get(cycle{}, n, epoch, func() string { return want }); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
				if i%97 == 0 {
					c.Forget(-50) // Any number of nodes is too many.
				}
			}
		})
	}
	asking.Wait()
	n, asked := node{name: "node-0", generation: 7}, 0
	for range 3 {
		c.Get(cycle{}, n, 1, func() string { asked++; return "" })
	}
	if asked != 1 {
		t.Errorf("a node that does not change was added up %d times", asked)
	}
}
