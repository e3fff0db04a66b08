// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// keepingApart is how the pods of a Service keep away from each other.
type keepingApart struct {
	topologies []*table.Topology // none where no rule binds the pod
	counter    *table.Counter
	weight     int64 // beside preferred node affinity
}

// compileServices takes what binds the pod to the pods of its Services, after node affinity.
func (x *Index) compileServices(q *query, p *policy, state fwk.CycleState) {
	q.apart = keepingApart{topologies: q.apart.topologies[:0]}
	if !p.runs(affinityName) {
		return
	}
	if p.services == nil {
		if p.rulesForAll || hasServiceRules(q.pod) {
			q.cannotSay(reasonService)
		}
		return
	}
	if slices.Contains(p.filters, affinityName) {
		want, err := p.services.Together(state)
		if err != nil {
			q.cannotSay(reasonInvalid)
			return
		}
		if len(want) > 0 {
			x.allow(q, x.table.Labels.Select(want, nil))
		}
	}
	if p.affinity == 0 {
		return
	}
	keys, selector, weight, err := p.services.Apart(q.pod)
	if err != nil || len(keys) > 0 && selector.Empty() {
		q.cannotSay(reasonInvalid)
		return
	}
	for _, key := range keys {
		q.apart.topologies = append(q.apart.topologies, x.topology(q, key))
	}
	if len(keys) > 0 {
		q.apart.counter, q.apart.weight = x.countSelected(q.pod.Namespace, selector), weight
	}
}

func hasServiceRules(pod *v1.Pod) bool {
	together, apart := claims.ServiceAffinity.In(pod.Annotations), claims.ServiceAntiAffinity.In(pod.Annotations)
	return together || apart
}

// keepApart returns by feasible row what share of the Service's pods on feasible nodes runs
// elsewhere, 0–100, as spreadScores of plugins/affinity.
func (x *Index) keepApart(q *query) []int64 {
	scores, sums := x.ints.take(len(x.feasible)), x.floats.take(len(x.feasible))
	total := int64(0)
	if q.apart.counter != nil {
		for _, row := range x.feasible {
			total += int64(q.apart.counter.Rows[row])
		}
	}
	for _, topology := range q.apart.topologies {
		counts := x.ints.take(topology.Domains())
		if total > 0 {
			for _, row := range x.feasible {
				if value := topology.Values[row]; value != table.NoValue {
					counts[value] += int64(q.apart.counter.Rows[row])
				}
			}
		}
		for i, row := range x.feasible {
			value := topology.Values[row]
			if value == table.NoValue {
				continue
			}
			score := float64(fwk.MaxScore)
			if total > 0 {
				score *= float64(total-counts[value]) / float64(total)
			}
			sums[i] += score / float64(len(q.apart.topologies))
		}
	}
	for i, sum := range sums {
		scores[i] = int64(sum)
	}
	return scores
}

// addApart adds the score of Affinity for a pod of which a rule keeps others apart.
func (x *Index) addApart(q *query, p *policy, total []int64) {
	scores := x.keepApart(q)
	if q.prefer != nil {
		preferred := x.ints.take(len(x.feasible))
		x.addPreference(q, 1, preferred)
		for i := range scores {
			scores[i] = (preferred[i] + q.apart.weight*scores[i]) / (1 + q.apart.weight)
		}
	}
	for i, score := range scores {
		total[i] += p.affinity * score
	}
}
