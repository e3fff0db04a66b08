// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cyclestate

import (
	"testing"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

type ours struct{ n int }

func (o *ours) Clone() fwk.StateData { return o }

type others struct{}

func (others) Clone() fwk.StateData { return others{} }

func TestOf(t *testing.T) {
	state := framework.NewCycleState()
	if got := Of[*ours](state, "PreFilterOurs"); got != nil {
		t.Errorf("%+v of nothing", got)
	}
	written := &ours{7}
	state.Write("PreFilterOurs", written)
	if got := Of[*ours](state, "PreFilterOurs"); got != written {
		t.Errorf("%+v, want what was written", got)
	}
	state.Write("PreFilterOurs", others{})
	if got := Of[*ours](state, "PreFilterOurs"); got != nil {
		t.Errorf("%+v of another type", got)
	}
	if n := testing.AllocsPerRun(100, func() { Of[*ours](state, "PreFilterOurs") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
