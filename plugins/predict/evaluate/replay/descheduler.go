// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"cmp"
	"context"
	"slices"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// deviates is by how much of a node its use must be below or above the mean over the nodes to be low or high: the descheduler's
// thresholds and targetThresholds with useDeviationThresholds.
const deviates = .1

// byThresholds is LowNodeUtilization of sigs.k8s.io/descheduler with metricsUtilization and useDeviationThresholds, on CPU and memory:
// nodes that are below both thresholds are underutilized, nodes above one of the targets are overutilized. Pods are evicted from the
// overutilized ones, those that use the most first, until they are below the targets, or the pods would no longer fit below the targets of
// the underutilized nodes. Of a node pods of the lowest priority go first, then those of the worst QoS class, then in any order.
func (m *mover) byThresholds(_ context.Context, most int) (evicted []int, _ error) {
	r := m.run
	k := world.Index(r.now) - 1
	if k < 0 {
		return nil, nil
	}
	use := make([][2]float64, len(r.nodes)) // shares
	var mean [2]float64
	for i := range r.nodes {
		n := &r.nodes[i]
		cpu, memory := r.demand(n, k)
		use[i] = [2]float64{min(1, cpu/n.cores), min(1, memory/n.bytes)}
		for j := range mean {
			mean[j] += use[i][j] / float64(len(r.nodes))
		}
	}
	var low, high []int
	var spare [2]float64 // cores and bytes
	for i := range r.nodes {
		n := &r.nodes[i]
		switch u := use[i]; {
		case u[0] < mean[0]-deviates && u[1] < mean[1]-deviates:
			low = append(low, i)
			spare[0] += (mean[0] + deviates - u[0]) * n.cores
			spare[1] += (mean[1] + deviates - u[1]) * n.bytes
		case above(u, mean):
			high = append(high, i)
		}
	}
	if len(low) == 0 {
		return nil, nil
	}
	slices.SortStableFunc(high, func(a, b int) int { return cmp.Compare(use[b][0]+use[b][1], use[a][0]+use[a][1]) })
	for _, i := range high {
		n := &r.nodes[i]
		pods := slices.Clone(n.pods)
		slices.SortStableFunc(pods, func(a, b int) int { return cmp.Compare(class(r.pods[a].object), class(r.pods[b].object)) })
		for _, j := range pods {
			if len(evicted) == most || !above(use[i], mean) || spare[0] <= 0 || spare[1] <= 0 {
				break
			}
			if !r.movable(j) {
				continue
			}
			w := &r.world.Pods[j]
			evicted = append(evicted, j)
			use[i][0] -= float64(w.CPU[k]) / n.cores
			use[i][1] -= float64(w.Memory[k]) / n.bytes
			spare[0], spare[1] = spare[0]-float64(w.CPU[k]), spare[1]-float64(w.Memory[k])
		}
	}
	return evicted, nil
}

// above says that a share passes its target.
func above(use, mean [2]float64) bool { return use[0] > mean[0]+deviates || use[1] > mean[1]+deviates }

// class orders pods as they are evicted: by priority, and of one priority those without requests first.
func class(pod *v1.Pod) int64 {
	priority := int64(0)
	if pod.Spec.Priority != nil {
		priority = int64(*pod.Spec.Priority)
	}
	if asked := forecast.Asked(pod); asked[forecast.CPU] > 0 || asked[forecast.Memory] > 0 {
		return 2*priority + 1
	}
	return 2 * priority
}
