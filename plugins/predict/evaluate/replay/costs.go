// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"slices"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/harm"
)

// peakOf is the CPU peak of a node with the pod over the next 24 h, as a share of the node.
func (r *run) peakOf(p *v1.Pod, name string) float64 {
	return r.peakWith(r.byKey[key(p.Namespace, p.Name)], r.index[name])
}

func (r *run) peakWith(i, on int) float64 {
	w, n := &r.world.Pods[i], &r.nodes[on]
	from := world.Index(r.now + world.Step - 1)
	to := min(r.world.Steps, from+daySteps)
	leaves := world.Index(w.End + world.Step - 1)
	peak := float32(0)
	for k := from; k < to; k++ {
		if v := n.future[k]; k < leaves {
			peak = max(peak, v+w.CPU[k])
		} else {
			peak = max(peak, v)
		}
	}
	return float64(peak) / n.cores
}

// repeatedOf is the harm to a node with the pod over the next 24 h, were each pod to stay and to do again what it did a day before, at
// the same time of day. Within an hour use is taken to be normal about its mean.
func (r *run) repeatedOf(p *v1.Pod, name string) float64 {
	w, n := &r.world.Pods[r.byKey[key(p.Namespace, p.Name)]], &r.nodes[r.index[name]]
	return r.dayOf(n, func(from int) harm.Use {
		return hourOf(from, func(k int) float64 { return float64(n.repeated[k] + w.CPU[max(0, k-daySteps)]) })
	})
}

// knownHoursOf is the harm to a node with the pod over the next 24 h, by the true mean and the true variance of each workload's CPU on it
// in each hour, as if workloads varied independently within the hour: what the best forecast by the hour could say.
func (r *run) knownHoursOf(p *v1.Pod, name string) float64 {
	n := &r.nodes[r.index[name]]
	workloads := map[forecast.Workload][]int{}
	for _, i := range append(slices.Clone(n.pods), r.byKey[key(p.Namespace, p.Name)]) {
		w, owned := forecast.WorkloadOf(r.world.Pods[i].Object)
		if !owned {
			w.Name = r.world.Pods[i].Object.Name
		}
		workloads[w] = append(workloads[w], i)
	}
	return r.dayOf(n, func(from int) (node harm.Use) {
		for _, pods := range workloads {
			u := hourOf(from, func(k int) (v float64) {
				for _, i := range pods {
					if p := &r.world.Pods[i]; k < world.Index(p.End+world.Step-1) { // Who has ended uses nothing.
						v += float64(p.CPU[k])
					}
				}
				return v
			})
			node.Mean, node.Variance = node.Mean+u.Mean, node.Variance+u.Variance
		}
		return node
	})
}

// dayOf is the mean harm to a node over the next 24 h; hour says what the node uses in the hour that begins with a step. For example, a
// node of 4 cores uses 3.6 cores in six of the hours and 1 core in the others, for sure. Six hours harm it by (3.6 − .8·4) / 4 = .1 each,
// which is .025 a day, and .0008 comes from the share of the mean that harm.Risk always counts.
func (r *run) dayOf(n *node, hour func(from int) harm.Use) float64 {
	risk, hours := 0.0, 0
	for k := world.Index(r.now + world.Step - 1); hours < 24 && k+hourSteps <= r.world.Steps; k += hourSteps {
		risk += harm.Risk(hour(k), .8*n.cores, n.cores)
		hours++
	}
	return risk / float64(max(1, hours))
}

// hourOf is the mean and the variance over the hour that begins with a step, in cores: 1, 3, 1, 3 … have the mean 2 and the variance 1.
func hourOf(from int, use func(step int) float64) (u harm.Use) {
	for k := from; k < from+hourSteps; k++ {
		v := use(k)
		u.Mean, u.Variance = u.Mean+v/float64(hourSteps), u.Variance+v*v/float64(hourSteps)
	}
	u.Variance = max(0, u.Variance-u.Mean*u.Mean)
	return u
}

// lastHourOf is the highest CPU use of the last hour's steps, and what was not measured yet by its requests, as a share of the node.
func (r *run) lastHourOf(p *v1.Pod, name string) float64 {
	n := &r.nodes[r.index[name]]
	return (slices.Max(n.measured[:]) + n.unseen + forecast.Asked(p)[forecast.CPU]) / n.cores
}
