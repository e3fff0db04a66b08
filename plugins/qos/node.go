// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// view is the plugin's knowledge of one node. It is immutable.
type view struct {
	cpu, memory demand
	pressure    float32 // NaN where not known
	history     outcome.Vector
	company     outcome.Burden // of the pods that are there
	doubt       float32
	before      float32                  // share of the CPU that the node uses without the pod
	residents   [objective.Count]float32 // Σ weight · importance of the pods that are there
	suffered    float32                  // Σ residents · their harm without the pod
	exposed     float32                  // Σ residents · their risk: what their harm rises by with a burden, in log-odds
	holds       held
}

// held is what a view is computed from. It has its own list of pods, since upstream writes to that
// of a NodeInfo.
type held struct {
	name        string
	cpu, memory int64 // allocatable, in millicores and bytes
	pods        []fwk.PodInfo
}

func hold(node fwk.NodeInfo) held {
	a := node.GetAllocatable()
	return held{node.Node().Name, a.GetMilliCPU(), a.GetMemory(), slices.Clone(node.GetPods())}
}

// demand is the future use of a resource by a node's pods.
type demand struct {
	load     forecast.Load
	residual forecast.Interval
	per      float32 // shares of the node in a core or byte
}

// horizon is the horizon of the forecasts that count: service is lost within the hour, and
// decisions are judged after it.
const horizon = forecast.Hour

func (p *PredictedQoS) view(c *frame, state fwk.CycleState, node fwk.NodeInfo) *view {
	return *c.views.Get(state, node, c.epoch, func() *view {
		if state.IsPodGroupSchedulingCycle() {
			return p.add(c, hold(node), nil) // What is added up then is kept for nobody.
		}
		return p.add(c, hold(node), &c.loads.Of(state, c.snapshot, node).Load)
	})
}

// add computes the view of a node for a frame. load is that of the node's pods, or nil if it must
// be computed too. It is safe for concurrent use.
func (p *PredictedQoS) add(c *frame, node held, load *forecast.NodeLoad) *view {
	name := node.name
	v := &view{pressure: c.pressure.of(name), holds: node}
	residual := c.snapshot.NodeForecast(name).Residual[horizon]
	v.cpu = demand{residual: residual[forecast.CPU], per: float32(1000 / float64(max(node.cpu, 1)))}
	v.memory = demand{residual: residual[forecast.Memory], per: float32(1 / float64(max(node.memory, 1)))}
	allocatable := forecast.Amounts{forecast.CPU: float64(node.cpu) / 1000, forecast.Memory: float64(node.memory)}
	if load != nil {
		v.cpu.load, v.memory.load = load[horizon][forecast.CPU], load[horizon][forecast.Memory]
	}
	for _, r := range node.pods {
		if load == nil {
			f := c.snapshot.Resident(r, allocatable)
			v.cpu.load = v.cpu.load.Add(f.Peaks[horizon][forecast.CPU])
			v.memory.load = v.memory.load.Add(f.Peaks[horizon][forecast.Memory])
		}
		o := p.objectiveOf(r.GetPod())
		v.residents[o] += p.weights[o] * objective.Importance(r.GetPod())
		if len(c.judge.History.Hurts) > 0 {
			if class, ok := classOf(r.GetPod()); ok {
				if burden, hurts := c.judge.History.Hurts[class]; hurts {
					v.company.Add(&burden)
				}
			}
		}
	}
	history := c.judge.History.Nodes[name]
	v.history, v.doubt = history.Vector, history.Doubt()
	v.before = v.cpu.with(forecast.Peak{}, c.combiners[forecast.CPU]).upper
	at := quality.At(v.before, v.pressure)
	v.suffered, v.exposed = c.suffer(&v.residents, at), c.expose(&v.residents, at)
	return v
}

// alone returns the view without the node's pods: a risk that is still there is there for good.
func (v *view) alone() *view {
	empty := *v
	empty.cpu.load, empty.memory.load, empty.company = forecast.Load{}, forecast.Load{}, outcome.Burden{}
	if !math.IsNaN(float64(v.pressure)) {
		empty.pressure = 0
	}
	return &empty
}

// classOf returns the class that a pod belongs to for the pods beside it. Pods of a DaemonSet have
// none, since they do the same on every node.
func classOf(pod *v1.Pod) (outcome.Class, bool) {
	w, ok := forecast.WorkloadOf(pod)
	return outcome.Class{Namespace: w.Namespace, Kind: w.Kind, Name: w.Name}, ok && w.Kind != "DaemonSet"
}

// beside counts the pods of each class on a node, for at most outcome.MostCompanions classes.
func beside(node fwk.NodeInfo) []outcome.Companion {
	var all []outcome.Companion
	for _, r := range node.GetPods() {
		class, ok := classOf(r.GetPod())
		if !ok {
			continue
		}
		if i := slices.IndexFunc(all, func(c outcome.Companion) bool { return c.Class == class }); i >= 0 {
			all[i].Pods++
		} else if len(all) < outcome.MostCompanions {
			all = append(all, outcome.Companion{Class: class, Pods: 1})
		}
	}
	return all
}

// expose returns Σ residents · their risk at a point of the table. Their harm rises by that much
// for each additional unit of log-odds. For example, residents with a total weight of 3 and a risk
// of .1 give .3.
func (c *frame) expose(residents *[objective.Count]float32, at quality.Point) (sum float32) {
	z := c.judge.Typical.In(at)
	for o, weight := range residents {
		if weight != 0 {
			sum += weight * quality.Probability(z+c.judge.Offset[o])
		}
	}
	return sum
}

// share is an interval of a node's use of a resource, where 1 is the whole node.
type share struct{ lower, upper float32 }

// with returns the predicted peak with one more pod.
func (d *demand) with(pod forecast.Peak, together peak.Combiner) share {
	u := forecast.PeakWith(d.residual, d.load, pod, together)
	return share{float32(u.Lower) * d.per, float32(u.Upper) * d.per}
}

// suffer returns Σ residents · their harm at a point of the table. Between the table's columns it
// is linear in the node's CPU, so that rows can keep it.
func (c *frame) suffer(residents *[objective.Count]float32, at quality.Point) float32 {
	left, right := c.sufferOn(residents, at, at.Column), c.sufferOn(residents, at, at.Column+1)
	return left + at.Right*(right-left)
}

func (c *frame) sufferOn(residents *[objective.Count]float32, at quality.Point, column int32) (sum float32) {
	at = at.OnColumn(column)
	for o, weight := range residents {
		if weight != 0 {
			sum += weight * c.judge.Loses[o].In(at)
		}
	}
	return sum
}

// forget drops nodes that are gone, given the number of nodes.
func (c *frame) forget(nodes int) {
	c.views.Forget(nodes)
	c.kept.forget(nodes)
}

// pressures are those of nodes, by name.
type pressures map[string]float32

func (m pressures) of(node string) float32 {
	if v, ok := m[node]; ok {
		return v
	}
	return float32(math.NaN())
}
