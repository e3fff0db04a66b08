// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// spread is the term of topology spread constraints. Their counts come from the table's counters.
type spread struct {
	taints   *Taints
	affinity *nodeAffinity

	filters         bool
	weight          int64
	defaults        []v1.TopologySpreadConstraint
	systemDefaulted bool
	matchLabelKeys  bool // are honoured

	// hard and soft are the constraints of the pod in hand.
	hard, soft []spreading
	// requireAll is true if nodes without all topology keys take no part in soft spreading.
	requireAll bool
}

// spreading is one topology spread constraint of a pod, counted over all nodes.
type spreading struct {
	of       *v1.TopologySpreadConstraint
	topology *table.Topology
	// counter counts the matching pods by row. If nil, no pod is counted.
	counter                    *table.Counter
	maxSkew, minDomains        int32
	self                       int64 // 1 where the pod counts itself
	honorAffinity, honorTaints bool

	// takes tells, for each value of the topology, whether the constraint lets the pod go there.
	takes []bool
	// counts are those of matching pods, by value of the topology, or by row for hostnames.
	counts []int64
	weight float64
}

// systemDefaults are the constraints by which upstream spreads pods without constraints of their
// own (pkg/scheduler/framework/plugins/podtopologyspread/plugin.go).
var systemDefaults = []v1.TopologySpreadConstraint{
	{TopologyKey: v1.LabelHostname, WhenUnsatisfiable: v1.ScheduleAnyway, MaxSkew: 3},
	{TopologyKey: v1.LabelTopologyZone, WhenUnsatisfiable: v1.ScheduleAnyway, MaxSkew: 5},
}

func (t *spread) read(p *profile) bool {
	if !p.features.EnableNodeInclusionPolicyInPodTopologySpread {
		p.doNotKnow("feature NodeInclusionPolicyInPodTopologySpread")
	}
	t.matchLabelKeys = p.features.EnableMatchLabelKeysInPodTopologySpread
	t.filters, t.weight = p.filters(names.PodTopologySpread), p.weight(names.PodTopologySpread)
	if args, ok := p.args(names.PodTopologySpread).(*kubeschedulerconfig.PodTopologySpreadArgs); ok {
		t.defaults = args.DefaultConstraints
		if args.DefaultingType == kubeschedulerconfig.SystemDefaulting {
			t.defaults, t.systemDefaulted = systemDefaults, true
		}
	}
	for i := range t.defaults {
		// A pod whose own constraints were left out would get these.
		p.recounts = p.recounts || t.defaults[i].WhenUnsatisfiable == v1.DoNotSchedule
	}
	return t.filters || t.weight > 0
}

// compile is filterTopologySpreadConstraints and buildDefaultConstraints of
// pkg/scheduler/framework/plugins/podtopologyspread, with counters in place of selectors.
func (t *spread) compile(q *Query) {
	t.hard, t.soft = t.hard[:0], t.soft[:0]
	constraints := q.Pod.Spec.TopologySpreadConstraints
	explicit := len(constraints) > 0
	t.requireAll = explicit || !t.systemDefaulted
	var selector labels.Selector
	if !explicit {
		if constraints = t.defaults; len(constraints) == 0 {
			return
		}
		if selector = q.owners.selector(q.Pod); selector.Empty() {
			return
		}
	}
	for i := range constraints {
		c := &constraints[i]
		hard := c.WhenUnsatisfiable == v1.DoNotSchedule
		if hard && !t.filters || !hard && t.weight == 0 {
			continue
		}
		s := selector
		if explicit {
			var err error
			if s, err = metav1.LabelSelectorAsSelector(c.LabelSelector); err != nil {
				q.cannotSay(ReasonInvalid)
				return
			}
			if t.matchLabelKeys {
				s = withLabelKeys(s, c.MatchLabelKeys, q.Pod.Labels)
			}
		}
		d := spreading{
			of:       c,
			topology: q.topology(c.TopologyKey), counter: q.countSelected(q.Pod.Namespace, s),
			maxSkew: c.MaxSkew, minDomains: ptr.Deref(c.MinDomains, 1),
			honorAffinity: ptr.Deref(c.NodeAffinityPolicy, v1.NodeInclusionPolicyHonor) == v1.NodeInclusionPolicyHonor,
			honorTaints:   ptr.Deref(c.NodeTaintsPolicy, v1.NodeInclusionPolicyIgnore) == v1.NodeInclusionPolicyHonor,
		}
		if d.topology == nil {
			return
		}
		if s.Matches(labels.Set(q.Pod.Labels)) {
			d.self = 1
		}
		if hard {
			t.hard = append(t.hard, d)
		} else {
			t.soft = append(t.soft, d)
		}
	}
	if len(t.hard) > 0 {
		t.countHard(q)
		q.admits(t)
	}
	if len(t.soft) > 0 {
		q.scores(t)
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

// countSelected counts the pods of the namespace that spreading counts: those that are not being
// deleted. An empty selector counts none.
func (q *Query) countSelected(namespace string, s labels.Selector) *table.Counter {
	if s.Empty() || table.SelectsNothing(s) {
		return nil
	}
	q.key = append(append(append(append(q.key[:0], "spread"...), 0), namespace...), 0)
	q.key = append(q.key, s.String()...)
	return q.table.Count(q.key, []string{namespace}, s, func(pod *v1.Pod) bool {
		return pod.DeletionTimestamp == nil && pod.Namespace == namespace && s.Matches(labels.Set(pod.Labels))
	})
}

// included is matchNodeInclusionPolicies: it reports whether pods on the node count.
func (t *spread) included(q *Query, s *spreading, row int32) bool {
	return !(s.honorAffinity && t.affinity.selection != nil && !t.affinity.selection.Has(row) ||
		s.honorTaints && t.taints.repelled[q.table.Classes[row]])
}

// hasAll reports whether the node has the topology keys of all constraints.
func hasAll(all []spreading, row int32) bool {
	for i := range all {
		if all[i].topology.Values[row] == table.NoValue {
			return false
		}
	}
	return true
}

// countHard finds the domains that the pod may go to, as PreFilter and Filter of
// pkg/scheduler/framework/plugins/podtopologyspread/filtering.go do: matching + self − least of all
// domains ≤ maxSkew. For example, three zones have 3, 2 and 2 matching pods, the pod itself
// matches, and maxSkew is 1. The zone with 3 is refused, since 3 + 1 − 2 = 2. The others are not,
// since 2 + 1 − 2 = 1.
func (t *spread) countHard(q *Query) {
	for i := range t.hard {
		s := &t.hard[i]
		domains := s.topology.Domains()
		s.takes = q.bools.take(domains)
		present, counts := q.bools.take(domains), q.ints.take(domains)
		for row := range q.table.Rows {
			if r := int32(row); q.table.Infos[row] != nil && hasAll(t.hard, r) && t.included(q, s, r) {
				present[s.topology.Values[row]] = true
			}
		}
		if s.counter != nil {
			for row, n := range s.counter.Rows {
				if hasAll(t.hard, row) && t.included(q, s, row) {
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
		q.proves(s.of)
	}
}

func (t *spread) admit(_ *Query, rows []int32, totals []int64) int {
	return keep(rows, totals, func(row int32) bool {
		for i := range t.hard {
			s := &t.hard[i]
			if value := s.topology.Values[row]; value == table.NoValue || !s.takes[value] {
				return false
			}
		}
		return true
	})
}

// score is PreScore, Score and NormalizeScore of
// pkg/scheduler/framework/plugins/podtopologyspread/scoring.go.
func (t *spread) score(q *Query, rows []int32, totals []int64) {
	scored := len(rows)
	ignored := func(row int32) bool { return t.requireAll && !hasAll(t.soft, row) }
	for _, row := range rows {
		if ignored(row) {
			scored--
		}
	}
	for i := range t.soft {
		t.countSoft(q, &t.soft[i], rows, scored, ignored)
	}
	raw := q.ints.take(len(rows))
	least, most := int64(math.MaxInt64), int64(0)
	for i, row := range rows {
		if ignored(row) {
			raw[i] = -1
			continue
		}
		score := 0.
		for j := range t.soft {
			s := &t.soft[j]
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
			totals[i] += t.weight * fwk.MaxScore
		default:
			totals[i] += t.weight * (fwk.MaxScore * (most + least - score) / most)
		}
	}
}

// countSoft counts matching pods by domain, and weights the constraint by the number of domains
// with feasible nodes. For hostnames, the rows are the domains.
func (t *spread) countSoft(q *Query, s *spreading, rows []int32, scored int, ignored func(int32) bool) {
	if s.topology.Key == v1.LabelHostname {
		s.counts = q.ints.take(len(q.table.Rows))
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
	s.counts = q.ints.take(domains + 1)
	present, number := q.bools.take(domains+1), 0
	for _, row := range rows {
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
			if present[value] && !ignored(row) && t.included(q, s, row) {
				s.counts[value] += int64(n)
			}
		}
	}
	s.weight = math.Log(float64(number + 2))
}

func (t *spread) counts(to []any, pod *v1.Pod) []any {
	if t.filters {
		for i := range pod.Spec.TopologySpreadConstraints {
			if c := &pod.Spec.TopologySpreadConstraints[i]; c.WhenUnsatisfiable == v1.DoNotSchedule {
				to = append(to, c)
			}
		}
	}
	return to
}

func (t *spread) leaveOut(light *v1.Pod) {
	if !t.filters {
		return
	}
	all := light.Spec.TopologySpreadConstraints
	light.Spec.TopologySpreadConstraints = nil
	for i := range all {
		if all[i].WhenUnsatisfiable != v1.DoNotSchedule {
			light.Spec.TopologySpreadConstraints = append(light.Spec.TopologySpreadConstraints, all[i])
		}
	}
}
