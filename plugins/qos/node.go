// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
)

// view is what the plugin knows of one node. It is immutable.
type view struct {
	slot      int32
	known     bool // the node's history says something
	perCore   float32
	perByte   float32
	pressure  float32 // NaN where not known
	load      [predict.NumResources]predict.Load
	residual  [predict.NumResources]predict.Interval
	history   quality.NodeHistory
	doubt     float32
	residents [numObjectives]float32 // Σ weight · importance of the pods that are there
	before    float32                // share of the CPU that the node uses without the pod
}

// horizon of the forecasts that count: service is lost within the hour, and decisions are judged by then.
const horizon = predict.Hour

func (p *PredictedQoS) view(c *cycle, state fwk.CycleState, node fwk.NodeInfo) *view {
	return p.views.Get(state, node, c.epoch, func() *view { return p.look(c, node) })
}

func (p *PredictedQoS) look(c *cycle, node fwk.NodeInfo) *view {
	name := node.Node().Name
	v := &view{slot: p.slot(name), pressure: c.pressure.of(name)}
	a := node.GetAllocatable()
	v.perCore, v.perByte = float32(1000/float64(max(a.GetMilliCPU(), 1))), float32(1/float64(max(a.GetMemory(), 1)))
	for _, r := range node.GetPods() {
		f := c.snapshot.Resident(r)
		for k := range v.load {
			v.load[k] = v.load[k].Add(f.Peaks[horizon][k])
		}
		o := objectiveOf(r.GetPod(), p.classes)
		v.residents[o] += p.weights[o] * importance(r.GetPod())
	}
	forecast := c.snapshot.NodeForecast(name)
	v.residual = forecast.Residual[horizon]
	v.history, v.known = c.judge.history.Nodes[name]
	v.doubt = v.history.Doubt()
	v.before = v.use(predict.CPU, predict.Peak{}, c.combiners[predict.CPU]).upper
	return v
}

// share is an interval of a node's resource, where 1 is all of it.
type share struct{ lower, upper float32 }

// use is the predicted peak with one more pod.
func (v *view) use(r predict.Resource, pod predict.Peak, together peak.Combiner) share {
	u := predict.PeakWith(v.residual[r], v.load[r], pod, together)
	per := v.perCore
	if r == predict.Memory {
		per = v.perByte
	}
	return share{float32(u.Lower) * per, float32(u.Upper) * per}
}

func (p *PredictedQoS) slot(name string) int32 {
	p.slotsLock.Lock()
	defer p.slotsLock.Unlock()
	s, ok := p.slots[name]
	if !ok {
		s = int32(len(p.slots))
		p.slots[name] = s
	}
	return s
}

// forget starts the numbering over when nodes that are gone outnumber those that there are. No cycle is under way.
func (p *PredictedQoS) forget(nodes int) {
	p.views.Forget(nodes)
	p.slotsLock.Lock()
	defer p.slotsLock.Unlock()
	if len(p.slots) > 2*nodes+100 {
		clear(p.slots)
		p.slotsAge++
	}
}

// pressures of nodes by name.
type pressures map[string]float32

func (m pressures) of(node string) float32 {
	if v, ok := m[node]; ok {
		return v
	}
	return float32(math.NaN())
}
