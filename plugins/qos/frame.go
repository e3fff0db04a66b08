// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"time"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
)

// frame is what all nodes are judged by for a time, and what has been added up of them by it. What judges is immutable. A new
// one is made beside the scheduling path, with all the nodes that the last one knows, and the last one serves meanwhile: adding
// up the pods of all nodes takes as long as placing dozens of pods.
type frame struct {
	judge     *feedback.Judge
	snapshot  *forecast.Snapshot
	pressure  pressures
	combiners [forecast.NumResources]peak.Combiner
	epoch     uint64

	views pernode.Cache[*view]
	kept  rows
}

func (p *PredictedQoS) forecasts() *forecast.Snapshot {
	if p.snapshot == nil {
		return nil
	}
	return p.snapshot()
}

// epochOf forecasts and a judge: the two numbers count up for themselves, and one step of either is another epoch.
func epochOf(s *forecast.Snapshot, j *feedback.Judge) uint64 { return s.Epoch()<<32 + j.Epoch }

func (p *PredictedQoS) newFrame() *frame {
	f := &frame{judge: p.feedback.Judge(), snapshot: p.forecasts(), pressure: p.service.pressures()}
	f.epoch = epochOf(f.snapshot, f.judge)
	for r := range f.combiners {
		f.combiners[r] = f.snapshot.Combiner(horizon, forecast.Resource(r))
	}
	return f
}

// fewNodes are added up anew in less than a millisecond.
const fewNodes = 100

// current is the frame that serves. Where there is something newer to judge by, it asks for the next one, or makes it at once for
// few nodes: the first pod in a quiet cluster is to be judged by what is known now.
func (p *PredictedQoS) current() *frame {
	f := p.frame.Load()
	if f.epoch == epochOf(p.forecasts(), p.feedback.Judge()) {
		return f
	}
	if f.views.Len() <= fewNodes {
		p.renew()
		return p.frame.Load()
	}
	select {
	case p.stale <- struct{}{}:
	default:
	}
	return f
}

// renew replaces the frame where there is something newer to judge by.
func (p *PredictedQoS) renew() {
	p.renewing.Lock()
	defer p.renewing.Unlock()
	last, next := p.frame.Load(), p.newFrame()
	if last.epoch == next.epoch {
		return
	}
	p.carryOver(last, next)
	p.frame.Store(next)
}

// run keeps the frame current until ctx ends.
func (p *PredictedQoS) run(ctx context.Context) {
	// Pods are seldom placed in a quiet cluster, and the next one is to be judged by what is known then.
	freshen := time.NewTicker(time.Second)
	defer freshen.Stop()
	for {
		select {
		case <-p.stale:
		case <-freshen.C:
		case <-ctx.Done():
			return
		}
		p.renew()
	}
}

// carryOver has the next frame know the nodes that the last one knows, by what they held when they were last looked at; what has
// changed since is seen by its generation.
func (p *PredictedQoS) carryOver(last, next *frame) {
	// In the order of the rows, which is that in which PreScore reads them.
	known := last.kept.nodes()
	next.kept.rows, next.kept.memory, next.kept.rest = make([]row, 0, len(known)), make([]memory, 0, len(known)), make([]rest, 0, len(known))
	next.kept.index = make(map[fwk.NodeInfo]int32, len(known))
	for _, k := range known {
		generation, v, ok := last.views.Kept(k.name)
		if !ok {
			continue
		}
		v = p.add(next, v.holds)
		next.views.Put(k.name, generation, next.epoch, v)
		next.kept.take(next, k.node, generation, v)
	}
	// Those that no pod was scored on.
	last.views.Each(func(name string, generation int64, v *view) {
		if _, _, ok := next.views.Kept(name); !ok {
			next.views.Put(name, generation, next.epoch, p.add(next, v.holds))
		}
	})
}
