// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// spreading is one topology spread constraint of a pod, counted over all nodes.
type spreading struct {
	of       *v1.TopologySpreadConstraint
	topology *table.Topology
	// counter of matching pods by row; nil counts none.
	counter                    *table.Counter
	maxSkew, minDomains        int32
	self                       int64 // 1 where the pod counts itself
	honorAffinity, honorTaints bool

	// takes says of each value of the topology whether the constraint lets the pod go there.
	takes []bool
	// counts of matching pods, by value of the topology, or by row for hostnames.
	counts []int64
	weight float64
}

func (s *spreading) admits(row int32) bool {
	value := s.topology.Values[row]
	return value != table.NoValue && s.takes[value]
}

// compileSpread is filterTopologySpreadConstraints and buildDefaultConstraints of
// pkg/scheduler/framework/plugins/podtopologyspread, with counters in place of selectors.
func (x *Index) compileSpread(q *query, p *policy) {
	q.hard, q.soft = q.hard[:0], q.soft[:0]
	constraints := q.pod.Spec.TopologySpreadConstraints
	explicit := len(constraints) > 0
	q.requireAll = explicit || !p.systemDefaulted
	var selector labels.Selector
	if !explicit {
		if constraints = p.spreadDefaults; len(constraints) == 0 {
			return
		}
		if selector = x.owners.selector(q.pod); selector.Empty() {
			return
		}
	}
	for i := range constraints {
		c := &constraints[i]
		hard := c.WhenUnsatisfiable == v1.DoNotSchedule
		if hard && !p.filtersSpread || !hard && p.spread == 0 {
			continue
		}
		s := selector
		if explicit {
			var err error
			if s, err = metav1.LabelSelectorAsSelector(c.LabelSelector); err != nil {
				q.cannotSay(reasonInvalid)
				return
			}
			if p.features.EnableMatchLabelKeysInPodTopologySpread {
				s = withLabelKeys(s, c.MatchLabelKeys, q.pod.Labels)
			}
		}
		d := spreading{
			of:       c,
			topology: x.table.Topology(c.TopologyKey), counter: x.countSelected(q.pod.Namespace, s),
			maxSkew: c.MaxSkew, minDomains: ptr.Deref(c.MinDomains, 1),
			honorAffinity: ptr.Deref(c.NodeAffinityPolicy, v1.NodeInclusionPolicyHonor) == v1.NodeInclusionPolicyHonor,
			honorTaints:   ptr.Deref(c.NodeTaintsPolicy, v1.NodeInclusionPolicyIgnore) == v1.NodeInclusionPolicyHonor,
		}
		if d.topology == nil {
			q.cannotSay(reasonTopology)
			return
		}
		if s.Matches(labels.Set(q.pod.Labels)) {
			d.self = 1
		}
		if hard {
			q.hard = append(q.hard, d)
		} else {
			q.soft = append(q.soft, d)
		}
	}
}

// withLabelKeys adds the pod's values of the keys to the selector.
func withLabelKeys(s labels.Selector, keys []string, pod map[string]string) labels.Selector {
	values := labels.Set{}
	for _, key := range keys {
		if value, ok := pod[key]; ok {
			values[key] = value
		}
	}
	requirements, selectable := s.Requirements()
	if len(values) == 0 || !selectable {
		return s
	}
	return labels.SelectorFromSet(values).Add(requirements...)
}

// countSelected counts the pods of the namespace that spreading counts: those that are not
// being deleted. A selector that is empty counts none.
func (x *Index) countSelected(namespace string, s labels.Selector) *table.Counter {
	if s.Empty() || table.SelectsNothing(s) {
		return nil
	}
	x.key = append(append(append(append(x.key[:0], "spread"...), 0), namespace...), 0)
	x.key = append(x.key, s.String()...)
	return x.table.Count(x.key, []string{namespace}, s, func(pod *v1.Pod) bool {
		return pod.DeletionTimestamp == nil && pod.Namespace == namespace && s.Matches(labels.Set(pod.Labels))
	})
}

// included is matchNodeInclusionPolicies: whether pods on the node count.
func (x *Index) included(q *query, s *spreading, row int32) bool {
	return !(s.honorAffinity && q.selection != nil && !q.selection.Has(row) ||
		s.honorTaints && q.repelled[x.table.Classes[row]])
}

// hasAll says whether the node has the topology keys of all constraints.
func hasAll(all []spreading, row int32) bool {
	for i := range all {
		if all[i].topology.Values[row] == table.NoValue {
			return false
		}
	}
	return true
}

// prepareSpread decides which domains the pod may go to, as PreFilter and Filter of
// pkg/scheduler/framework/plugins/podtopologyspread/filtering.go:
// matching + self − least of all domains ≤ maxSkew.
func (x *Index) prepareSpread(q *query) {
	for i := range q.hard {
		s := &q.hard[i]
		domains := s.topology.Domains()
		s.takes = x.bools.take(domains)
		present, counts := x.bools.take(domains), x.ints.take(domains)
		for row := range x.table.Rows {
			if r := int32(row); x.table.Infos[row] != nil && hasAll(q.hard, r) && x.included(q, s, r) {
				present[s.topology.Values[row]] = true
			}
		}
		if s.counter != nil {
			for row, n := range s.counter.Rows {
				if hasAll(q.hard, row) && x.included(q, s, row) {
					counts[s.topology.Values[row]] += int64(n)
				}
			}
		}
		least, number := int64(math.MaxInt32), int32(0)
		for value, is := range present {
			if is {
				number++
				least = min(least, counts[value])
			}
		}
		if number < s.minDomains {
			least = 0
		}
		for value := range s.takes {
			s.takes[value] = counts[value]+s.self-least <= int64(s.maxSkew)
		}
		q.proven.spread = append(q.proven.spread, s.of)
	}
}

// addSpread is PreScore, Score and NormalizeScore of
// pkg/scheduler/framework/plugins/podtopologyspread/scoring.go.
func (x *Index) addSpread(q *query, p *policy, total []int64) {
	scored := len(x.feasible)
	ignored := func(row int32) bool { return q.requireAll && !hasAll(q.soft, row) }
	for _, row := range x.feasible {
		if ignored(row) {
			scored--
		}
	}
	for i := range q.soft {
		x.countSoft(q, &q.soft[i], scored, ignored)
	}
	raw := x.ints.take(len(x.feasible))
	least, most := int64(math.MaxInt64), int64(0)
	for i, row := range x.feasible {
		if ignored(row) {
			raw[i] = -1
			continue
		}
		score := 0.
		for j := range q.soft {
			s := &q.soft[j]
			value := s.topology.Values[row]
			if value == table.NoValue {
				continue
			}
			if s.topology.Key == v1.LabelHostname {
				value = row
			}
			score += float64(s.counts[value])*s.weight + float64(s.maxSkew-1)
		}
		raw[i] = int64(math.Round(score))
		least, most = min(least, raw[i]), max(most, raw[i])
	}
	for i, score := range raw {
		switch {
		case score < 0:
		case most == 0:
			total[i] += p.spread * fwk.MaxScore
		default:
			total[i] += p.spread * (fwk.MaxScore * (most + least - score) / most)
		}
	}
}

// countSoft counts matching pods by domain, and weighs the constraint by the number of
// domains with feasible nodes; for hostnames the rows are the domains.
func (x *Index) countSoft(q *query, s *spreading, scored int, ignored func(int32) bool) {
	if s.topology.Key == v1.LabelHostname {
		s.counts = x.ints.take(len(x.table.Rows))
		if s.counter != nil {
			for row, n := range s.counter.Rows {
				s.counts[row] = int64(n)
			}
		}
		s.weight = math.Log(float64(scored + 2))
		return
	}
	// A node without the label counts as one with an empty value.
	domains := s.topology.Domains()
	missing := int32(domains)
	if id, ok := s.topology.ID(""); ok {
		missing = id
	}
	s.counts = x.ints.take(domains + 1)
	present, number := x.bools.take(domains+1), 0
	for _, row := range x.feasible {
		if ignored(row) {
			continue
		}
		value := s.topology.Values[row]
		if value == table.NoValue {
			value = missing
		}
		if !present[value] {
			present[value] = true
			number++
		}
	}
	if s.counter != nil {
		for row, n := range s.counter.Rows {
			value := s.topology.Values[row]
			if value == table.NoValue {
				value = missing
			}
			if present[value] && !ignored(row) && x.included(q, s, row) {
				s.counts[value] += int64(n)
			}
		}
	}
	s.weight = math.Log(float64(number + 2))
}
