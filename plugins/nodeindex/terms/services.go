// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// services is the term of Affinity's rules about where the pods of a pod's Services run. That
// plugin has one score a node, so this term mixes that of node affinity into its own.
type services struct {
	affinity *nodeAffinity
	plugin   judge.Services // nil where it cannot be asked
	filters  bool
	forAll   bool // rules are for pods that state none, too

	// These fields are how the pods of the Service keep away from each other.
	topologies []*table.Topology // none where no rule binds the pod
	counter    *table.Counter
	weight     int64 // beside preferred node affinity
}

func (t *services) read(p *profile) bool {
	t.plugin, _ = p.plugin(config.AffinityName).(judge.Services)
	t.filters = slices.Contains(p.filterNames, config.AffinityName)
	if args, ok := p.args(config.AffinityName).(*config.AffinityArgs); ok {
		t.forAll = len(args.ServiceAffinity.Labels) > 0 || len(args.ServiceAntiAffinity.Labels) > 0
	}
	return p.runs(config.AffinityName)
}

func (t *services) compile(q *Query) {
	t.topologies, t.counter, t.affinity.mixed = t.topologies[:0], nil, false
	if t.plugin == nil {
		if t.forAll || hasServiceRules(q.Pod) {
			q.cannotSay(ReasonService)
		}
		return
	}
	if t.filters {
		if want := t.plugin.Together(q.State); len(want) > 0 {
			q.allows(q.table.Labels.Select(want, nil))
		}
	}
	if t.affinity.weight == 0 {
		return
	}
	keys, selector, weight, err := t.plugin.Apart(q.Pod)
	if err != nil || len(keys) > 0 && selector.Empty() {
		q.cannotSay(ReasonInvalid)
		return
	}
	for _, key := range keys {
		t.topologies = append(t.topologies, q.topology(key))
	}
	if len(keys) > 0 {
		t.counter, t.weight = q.countSelected(q.Pod.Namespace, selector), weight
		t.affinity.mixed = true
		q.scores(t)
	}
}

func hasServiceRules(pod *v1.Pod) bool {
	together, apart := claims.ServiceAffinity.In(pod.Annotations), claims.ServiceAntiAffinity.In(pod.Annotations)
	return together || apart
}

// score adds Affinity's score for a pod that a rule keeps apart from others.
func (t *services) score(q *Query, rows []int32, totals []int64) {
	scores := t.keepApart(q, rows)
	if t.affinity.prefer != nil {
		preferred := q.ints.take(len(rows))
		t.affinity.addTo(rows, preferred, 1)
		for i := range scores {
			scores[i] = (preferred[i] + t.weight*scores[i]) / (1 + t.weight)
		}
	}
	for i, score := range scores {
		totals[i] += t.affinity.weight * score
	}
}

// keepApart returns, by feasible row, the share of the Service's pods on feasible nodes that run
// elsewhere, 0–100, as spreadScores of plugins/affinity does. For example, if 1 of 4 such pods runs
// in a node's zone, the node scores 75.
func (t *services) keepApart(q *Query, rows []int32) []int64 {
	scores, sums := q.ints.take(len(rows)), q.floats.take(len(rows))
	total := int64(0)
	if t.counter != nil {
		for _, row := range rows {
			total += int64(t.counter.Rows[row])
		}
	}
	for _, topology := range t.topologies {
		counts := q.ints.take(topology.Domains())
		if total > 0 {
			for _, row := range rows {
				if value := topology.Values[row]; value != table.NoValue {
					counts[value] += int64(t.counter.Rows[row])
				}
			}
		}
		for i, row := range rows {
			value := topology.Values[row]
			if value == table.NoValue {
				continue
			}
			score := float64(fwk.MaxScore)
			if total > 0 {
				score *= float64(total-counts[value]) / float64(total)
			}
			sums[i] += score / float64(len(t.topologies))
		}
	}
	for i, sum := range sums {
		scores[i] = int64(sum)
	}
	return scores
}
