// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// podTerms are the terms of inter-pod (anti-)affinity between a pod and the placed ones.
type podTerms struct {
	// repels: neither the pod nor the placed ones want to be on these nodes together.
	repels []domains[bool]
	// attracts: for each required affinity term, where there is a pod that matches all.
	attracts []domains[bool]
	// first: no pod matches all, and the pod itself does, so it may be the first one.
	first bool
	// points by preferred terms of the pod and all terms of the placed ones.
	points []domains[int64]

	antiTerms, affinityTerms []counted
	affinityCounter          *table.Counter
	hosts                    *table.Topology // see hostScoped
	preferences              []counted
}

// counted is a term of the pod with the placed pods that match it.
type counted struct {
	of       *v1.PodAffinityTerm // where required
	topology *table.Topology
	counter  *table.Counter
	weight   int64
}

// domains has something to say of each value of a topology.
type domains[T any] struct {
	topology *table.Topology
	values   []T
}

func (t *podTerms) constrains() bool { return len(t.repels) > 0 || len(t.attracts) > 0 }

func (t *podTerms) admits(row int32) bool {
	for i := range t.repels {
		d := &t.repels[i]
		if value := d.topology.Values[row]; value != table.NoValue && d.values[value] {
			return false
		}
	}
	together := true
	for i := range t.attracts {
		d := &t.attracts[i]
		value := d.topology.Values[row]
		if value == table.NoValue {
			return false
		}
		together = together && d.values[value]
	}
	return together || t.first
}

// compilePodAffinity parses the pod's own terms and takes their counters.
func (x *Index) compilePodAffinity(q *query, p *policy) {
	t := &q.pods
	*t = podTerms{
		repels: t.repels[:0], attracts: t.attracts[:0], points: t.points[:0],
		antiTerms: t.antiTerms[:0], affinityTerms: t.affinityTerms[:0], preferences: t.preferences[:0],
	}
	affinity := q.pod.Spec.Affinity
	scores := p.podAffinity > 0 && !(p.ignorePreferred && !hasPreferences(affinity))
	x.scanTerms(q, p, scores)
	if affinity == nil || affinity.PodAffinity == nil && affinity.PodAntiAffinity == nil {
		return
	}
	info, err := framework.NewPodInfo(q.pod)
	if err != nil {
		q.cannotSay(reasonInvalid)
		return
	}
	if p.filtersPodAffinity {
		for i, term := range info.GetRequiredAntiAffinityTerms() {
			x.addCounted(&t.antiTerms, q, 0, term)
			t.antiTerms[i].topology = x.hostScoped(q, p, t.antiTerms[i].topology)
			t.antiTerms[i].of = &affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i]
		}
		if required := info.GetRequiredAffinityTerms(); len(required) > 0 {
			// A placed pod counts where it matches all terms at once.
			hostScoped := p.features.EnableInterPodAffinityHostnameFastPath && !slices.ContainsFunc(required, func(term fwk.AffinityTerm) bool {
				return term.TopologyKey != v1.LabelHostname
			})
			for i := range required {
				t.affinityTerms = append(t.affinityTerms, counted{
					of: &affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i], topology: x.topology(q, required[i].TopologyKey),
				})
			}
			t.affinityCounter = x.countMatching(q, required...)
			t.first = matchesAll(required, q.pod)
			if hostScoped && q.why == "" {
				for i := range t.affinityTerms {
					t.affinityTerms[i].topology = x.hostScoped(q, p, t.affinityTerms[i].topology)
				}
				t.first = t.first && t.affinityCounter.Total == 0
			}
		}
	}
	if scores {
		for _, term := range info.GetPreferredAffinityTerms() {
			x.addCounted(&t.preferences, q, int64(term.Weight), term.AffinityTerm)
		}
		for _, term := range info.GetPreferredAntiAffinityTerms() {
			x.addCounted(&t.preferences, q, -int64(term.Weight), term.AffinityTerm)
		}
	}
}

func hasPreferences(a *v1.Affinity) bool {
	return a != nil && (a.PodAffinity != nil && len(a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution) > 0 ||
		a.PodAntiAffinity != nil && len(a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution) > 0)
}

func matchesAll(terms []fwk.AffinityTerm, pod *v1.Pod) bool {
	for i := range terms {
		if !terms[i].Matches(pod, nil) {
			return false
		}
	}
	return true
}

func (x *Index) addCounted(to *[]counted, q *query, weight int64, term fwk.AffinityTerm) {
	*to = append(*to, counted{topology: x.topology(q, term.TopologyKey), counter: x.countMatching(q, term), weight: weight})
}

// hostScoped returns the domains that a required term of this topology speaks of: with the
// feature InterPodAffinityHostnameFastPath, upstream looks at the pods of each node by
// itself where the label is the host name, even if nodes share one.
func (x *Index) hostScoped(q *query, p *policy, topology *table.Topology) *table.Topology {
	if topology == nil || topology.Key != v1.LabelHostname || !p.features.EnableInterPodAffinityHostnameFastPath {
		return topology
	}
	if q.pods.hosts == nil {
		q.pods.hosts = topology.Apart()
	}
	return q.pods.hosts
}

// topology returns the column of a label. It is nil where the query cannot be answered.
func (x *Index) topology(q *query, label string) *table.Topology {
	t := x.table.Topology(label)
	if t == nil {
		q.cannotSay(reasonTopology)
	}
	return t
}

// countMatching counts the placed pods that match all the terms, after the terms' namespace
// selectors have been turned into namespaces, as upstream does for a pod that it places. It
// returns nil where the query cannot be answered.
func (x *Index) countMatching(q *query, terms ...fwk.AffinityTerm) *table.Counter {
	key := append(x.key[:0], "terms"...)
	for i := range terms {
		t := &terms[i]
		if s := t.NamespaceSelector; !s.Empty() && !table.SelectsNothing(s) {
			selected, err := x.owners.namespaces.List(s)
			if err != nil {
				q.cannotSay(reasonInvalid)
				return nil
			}
			for _, ns := range selected {
				t.Namespaces.Insert(ns.Name)
			}
			t.NamespaceSelector = nothing
		}
		key = append(append(key, 0), t.Selector.String()...)
		if table.SelectsNothing(t.Selector) {
			key = append(key, '!') // Everything prints the same.
		}
		if t.NamespaceSelector.Empty() {
			key = append(key, '*')
		}
		for _, ns := range sets.List(t.Namespaces) {
			key = append(append(key, 1), ns...)
		}
	}
	x.key = key
	var namespaces []string
	if first := &terms[0]; !first.NamespaceSelector.Empty() {
		namespaces = sets.List(first.Namespaces)
		if len(namespaces) == 0 {
			q.cannotSay(reasonInvalid)
			return nil
		}
	}
	return x.table.Count(key, namespaces, terms[0].Selector, func(pod *v1.Pod) bool { return matchesAll(terms, pod) })
}

// scanTerms takes what placed pods ask of this one. Domains are filled in by
// preparePodAffinity, when all topologies are known.
func (x *Index) scanTerms(q *query, p *policy, scores bool) {
	x.termsOfPlaced = x.termsOfPlaced[:0]
	if !x.table.HasTerms() || !p.filtersPodAffinity && !scores {
		return
	}
	x.table.Terms(q.pod, x.owners.labels(q.pod.Namespace), func(term *table.Term) {
		weight := int64(0)
		switch term.Kind {
		case table.RequiredAntiAffinity:
			if !p.filtersPodAffinity {
				return
			}
		case table.RequiredAffinity:
			weight = int64(p.hardWeight)
		case table.PreferredAffinity:
			weight = int64(term.Weight)
		case table.PreferredAntiAffinity:
			weight = -int64(term.Weight)
		}
		if term.Kind != table.RequiredAntiAffinity && (!scores || weight == 0) {
			return
		}
		x.termsOfPlaced = append(x.termsOfPlaced, placedTerm{term, weight})
	})
}

type placedTerm struct {
	term   *table.Term
	weight int64
}

// preparePodAffinity adds the counters up by domain, as PreFilter and PreScore of
// pkg/scheduler/framework/plugins/interpodaffinity do.
func (x *Index) preparePodAffinity(q *query, p *policy) {
	t := &q.pods
	for _, placed := range x.termsOfPlaced {
		topology := x.topology(q, placed.term.TopologyKey)
		if topology == nil {
			return
		}
		if placed.term.Kind == table.RequiredAntiAffinity {
			topology = x.hostScoped(q, p, topology)
			d := x.domainsOfBools(&t.repels, topology)
			for row := range placed.term.Rows {
				if value := topology.Values[row]; value != table.NoValue {
					d[value] = true
				}
			}
			continue
		}
		x.addPoints(t, topology, placed.term.Rows, placed.weight)
	}
	for _, term := range t.antiTerms {
		d := x.domainsOfBools(&t.repels, term.topology)
		for row := range term.counter.Rows {
			if value := term.topology.Values[row]; value != table.NoValue {
				d[value] = true
			}
		}
		q.proven.required = append(q.proven.required, term.of)
	}
	any := false
	for _, term := range t.affinityTerms {
		values := x.bools.take(term.topology.Domains())
		for row := range t.affinityCounter.Rows {
			if value := term.topology.Values[row]; value != table.NoValue {
				values[value], any = true, true
			}
		}
		t.attracts = append(t.attracts, domains[bool]{term.topology, values})
		q.proven.required = append(q.proven.required, term.of)
	}
	t.first = t.first && !any
	for _, term := range t.preferences {
		x.addPoints(t, term.topology, term.counter.Rows, term.weight)
	}
}

// domainsOfBools returns the flags of the topology's values, which are added when missing.
func (x *Index) domainsOfBools(list *[]domains[bool], topology *table.Topology) []bool {
	for i := range *list {
		if (*list)[i].topology == topology {
			return (*list)[i].values
		}
	}
	d := domains[bool]{topology, x.bools.take(topology.Domains())}
	*list = append(*list, d)
	return d.values
}

func (x *Index) addPoints(t *podTerms, topology *table.Topology, rows map[int32]int32, weight int64) {
	var values []int64
	for i := range t.points {
		if t.points[i].topology == topology {
			values = t.points[i].values
		}
	}
	if values == nil {
		values = x.ints.take(topology.Domains())
		t.points = append(t.points, domains[int64]{topology, values})
	}
	for row, n := range rows {
		if value := topology.Values[row]; value != table.NoValue {
			values[value] += weight * int64(n)
		}
	}
}

// addPodAffinity is Score and NormalizeScore of
// pkg/scheduler/framework/plugins/interpodaffinity/scoring.go.
func (x *Index) addPodAffinity(q *query, p *policy, total []int64) {
	raw := x.ints.take(len(x.feasible))
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	for i, row := range x.feasible {
		for j := range q.pods.points {
			d := &q.pods.points[j]
			if value := d.topology.Values[row]; value != table.NoValue {
				raw[i] += d.values[value]
			}
		}
		least, most = min(least, raw[i]), max(most, raw[i])
	}
	if most == least {
		return
	}
	for i := range raw {
		total[i] += p.podAffinity * int64(float64(fwk.MaxScore)*(float64(raw[i]-least)/float64(most-least)))
	}
}
