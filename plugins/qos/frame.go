// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"time"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
)

// frame is what all nodes are judged by for a time, and the sums over their pods. Its judge and
// snapshot are immutable. A new frame is made outside the scheduling path, with all nodes that the
// last one knows, since adding up the pods of all nodes takes as long as placing dozens of pods.
// Meanwhile the last frame serves.
type frame struct {
	judge     *feedback.Judge
	snapshot  *forecast.Snapshot
	pressure  pressures
	combiners [forecast.NumResources]peak.Combiner
	epoch     uint64

	loads *cycle.Loads // that all plugins share
	views pernode.Cache[*view]
	kept  rows
}

// epochOf combines the epochs of forecasts and judge, which are counted separately. A step of
// either gives another epoch.
func epochOf(s *forecast.Snapshot, j *feedback.Judge) uint64 { return s.Epoch()<<32 + j.Epoch }

func (p *PredictedQoS) newFrame(s *forecast.Snapshot) *frame {
	f := &frame{judge: p.feedback.Judge(), snapshot: s, pressure: p.service.pressures(), loads: p.service.views.Loads()}
	f.epoch = epochOf(f.snapshot, f.judge)
	for r := range f.combiners {
		f.combiners[r] = f.snapshot.Combiner(horizon, forecast.Resource(r))
	}
	return f
}

// by reports whether the frame was made from this snapshot and judge.
func (c *frame) by(s *forecast.Snapshot, j *feedback.Judge) bool {
	return c.snapshot == s && c.judge == j
}

// fewNodes is the number of nodes that are added up anew in less than a millisecond.
const fewNodes = 100

// frameOf returns the frame of the cycle's snapshot, by which all plugins of the cycle judge. If
// there is a newer judge, it asks for a frame with that judge, or makes it at once if there are few
// nodes.
func (p *PredictedQoS) frameOf(s *forecast.Snapshot) *frame {
	f := p.frame.Load()
	if next := p.next.Load(); next != nil && next.snapshot == s {
		f = next
		p.frame.Store(next)
		p.next.CompareAndSwap(next, nil)
	}
	switch {
	case f.by(s, p.feedback.Judge()):
	case f.snapshot != s || f.views.Len() <= fewNodes:
		return p.renewTo(s)
	default:
		p.ask()
	}
	return f
}

// isReady reports whether there is a frame of the snapshot or one can be made at once, so that the
// first pod in a quiet cluster is judged by current knowledge. Otherwise it asks for a frame, and
// pods are judged by the last snapshot meanwhile.
func (p *PredictedQoS) isReady(s *forecast.Snapshot) bool {
	if f := p.frame.Load(); f.snapshot == s || f.views.Len() <= fewNodes || p.service.untold {
		return true
	}
	if next := p.next.Load(); next != nil && next.snapshot == s {
		return true
	}
	p.ask()
	return false
}

// ask signals run to make the next frame.
func (p *PredictedQoS) ask() {
	select {
	case p.stale <- struct{}{}:
	default:
	}
}

// renewTo replaces the frame by one of the snapshot.
func (p *PredictedQoS) renewTo(s *forecast.Snapshot) *frame {
	p.renewing.Lock()
	defer p.renewing.Unlock()
	last, f := p.frame.Load(), p.newFrame(s)
	p.carryOver(last, f)
	p.frame.Store(f)
	p.next.Store(nil)
	return f
}

// renew makes the next frame if there is a newer snapshot or judge. It is used from the first cycle
// on that judges by its snapshot.
func (p *PredictedQoS) renew() {
	p.renewing.Lock()
	defer p.renewing.Unlock()
	next := p.newFrame(p.service.views.Newest())
	if p.latest().by(next.snapshot, next.judge) {
		return
	}
	p.carryOver(p.frame.Load(), next)
	p.next.Store(next)
}

// latest returns the next frame, or the current one if there is none.
func (p *PredictedQoS) latest() *frame {
	if next := p.next.Load(); next != nil {
		return next
	}
	return p.frame.Load()
}

// run keeps the frame current until ctx ends.
func (p *PredictedQoS) run(ctx context.Context) {
	// In a quiet cluster pods are placed seldom, and the next one must be judged by current
	// knowledge.
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

// carryOver adds the nodes that the last frame knows to the next one, with what they held when last
// read. Later changes show in their generations.
func (p *PredictedQoS) carryOver(last, next *frame) {
	// The order of the rows is that in which PreScore reads them.
	known := last.kept.nodes()
	next.kept.rows, next.kept.memory, next.kept.rest = make([]row, 0, len(known)), make([]memory, 0, len(known)), make([]rest, 0, len(known))
	next.kept.index = make(map[fwk.NodeInfo]int32, len(known))
	for _, k := range known {
		generation, v, ok := last.views.Kept(k.name)
		if !ok {
			continue
		}
		v = p.add(next, v.holds, nil)
		next.views.Put(k.name, generation, next.epoch, v)
		next.kept.take(next, k.node, generation, v)
	}
	// Add the nodes on which no pod was scored.
	last.views.Each(func(name string, generation int64, v *view) {
		if _, _, ok := next.views.Kept(name); !ok {
			next.views.Put(name, generation, next.epoch, p.add(next, v.holds, nil))
		}
	})
}
