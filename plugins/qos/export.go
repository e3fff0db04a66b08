// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"
	"sync"
	"time"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// classes are the risks of a typical pod of each objective on each node, from one round.
type classes struct {
	at    time.Time // when the last node was judged
	nodes []string
	risks [][objective.Count]Risk
}

// Risk is the risk of a typical pod, 0–1, and its 80 % interval. The interval covers the
// uncertainty of the node's history and of the objective's base rate.
type Risk struct{ Likely, Low, High float32 }

// exportEvery is the largest age of exported classes while pods are being placed.
const exportEvery = 10 * time.Second

// exportedAtOnce is how many nodes a cycle judges for the export when pods are placed one after the
// other, which takes less than 0.5 ms. exportedAtMost is how many it judges after a pause, which
// takes about 6 ms.
const exportedAtOnce, exportedAtMost = 64, 1024

// round is one export of all nodes. It is spread over cycles, since only a scheduling cycle may
// read them. The zero value is ready.
type round struct {
	lock  sync.Mutex
	left  []fwk.NodeInfo // those that are still to be judged, of the nodes that there were when the round began
	next  *classes
	began time.Time
	last  time.Time // cycle
}

// typical is the sensitivity of a typical pod to the burden of the pods beside it.
var typical = outcome.Burden{1}

// export judges some of the nodes for metrics and commands, and publishes a round when it is
// complete. If pods are placed one after the other, a cycle judges few nodes. After a pause, it
// judges as many as make a round last exportEvery, at most exportedAtMost.
func (p *PredictedQoS) export(c *frame, state fwk.CycleState, nodes []fwk.NodeInfo) {
	if p.service.untold {
		return
	}
	r, now := &p.round, p.service.now()
	r.lock.Lock()
	defer r.lock.Unlock()
	every := min(exportEvery, 2*p.feedback.Interval())
	share := float64(now.Sub(r.last)) / float64(every)
	if r.last = now; r.next == nil {
		if now.Sub(r.began) < every {
			return
		}
		r.left, r.began = nodes, now
		r.next = &classes{nodes: make([]string, 0, len(nodes)), risks: make([][objective.Count]Risk, 0, len(nodes))}
	}
	some := min(len(r.left), max(exportedAtOnce, min(exportedAtMost, int(min(share, 1)*float64(len(nodes))))))
	for _, n := range r.left[:some] {
		r.next.nodes, r.next.risks = append(r.next.nodes, n.Node().Name), append(r.next.risks, c.risks(p.view(c, state, n)))
	}
	if r.left = r.left[some:]; len(r.left) == 0 {
		r.next.at = now
		p.exported.Store(r.next)
		r.left, r.next = nil, nil
	}
}

// risks returns the risk of a typical pod of each objective on a node.
func (c *frame) risks(v *view) (risks [objective.Count]Risk) {
	plain := c.judge.Typical.LogOdds(v.before, v.pressure) + v.history[0] + v.company.Dot(&typical)
	for o := range risks {
		z, rate := plain+c.judge.Offset[o], c.judge.Doubt[o]
		doubt := doubts * float32(math.Sqrt(float64(v.doubt*v.doubt+rate*rate)))
		risks[o] = Risk{quality.Probability(z), quality.Probability(z - doubt), quality.Probability(z + doubt)}
	}
	return risks
}
