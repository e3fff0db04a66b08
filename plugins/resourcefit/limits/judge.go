// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package limits

import (
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

var _ judge.Plugin = &Guard{}

// Name is the guard's, as that of a plugin of its own.
func (g *Guard) Name() string { return "ResourceFit/limitsGuard" }

// Judge tells the node index which nodes Filter refuses.
func (g *Guard) Judge(state fwk.CycleState, _ *v1.Pod) (judge.Judge, bool) {
	pod := podIn(state)
	if pod == nil {
		return nil, true
	}
	return &judging{guard: g, state: state, pod: pod}, true
}

type judging struct {
	judge.Lasting
	guard *Guard
	state fwk.CycleState
	pod   Pod
}

// World is one: nothing counts but the pod and the node.
func (j *judging) World() any { return nil }

// Shape is the pod's limits.
func (j *judging) Shape() any {
	var key []byte
	for _, limit := range j.pod {
		key = append(strconv.AppendInt(key, limit, 10), ',')
	}
	return string(key)
}

// share is what counts of a node, for one resource.
type share struct{ sum, room int64 }

// Look says which nodes have no room.
func (j *judging) Look(rows []judge.Row, verdicts []judge.Verdict) time.Time {
	g := j.guard
	read := func(node fwk.NodeInfo, on *[]share) {
		for i, sum := range g.onNode(j.state, node) {
			*on = append(*on, share{sum, g.bounds[i].room(node)})
		}
	}
	for i := range rows {
		verdicts[i] = judge.Verdict{}
		for r, on := range *g.rows.Of(&rows[i], read) {
			if over(on.sum, j.pod[r], on.room) {
				verdicts[i].Refused = true
			}
		}
	}
	return time.Time{}
}
