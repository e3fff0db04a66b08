// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// podAffinity is the term of inter-pod affinity and anti-affinity between the pod and placed pods.
type podAffinity struct {
	filters         bool
	weight          int64
	hardWeight      int32 // of required affinity of placed pods
	ignorePreferred bool
	byHostname      bool // see hostScoped

	// Of the pod in hand.
	placed                   []placedTerm // what placed pods ask of it
	antiTerms, affinityTerms []counted
	affinityCounter          *table.Counter
	hosts                    *table.Topology // see hostScoped
	preferences              []counted

	// repels are the nodes that the pod, or placed pods, refuse to share.
	repels []domains[bool]
	// attracts tells, for each required affinity term, where there is a pod that matches all terms.
	attracts []domains[bool]
	// first is true if no pod matches all terms but the pod itself does, so that it may be the
	// first.
	first bool
	// points are those from the pod's preferred terms and all terms of placed pods.
	points []domains[int64]
}

// counted is a term of the pod with the placed pods that match it.
type counted struct {
	of       *v1.PodAffinityTerm // where required
	topology *table.Topology
	counter  *table.Counter
	weight   int64
}

type placedTerm struct {
	term   *table.Term
	weight int64
}

// domains are values, one for each value of a topology.
type domains[T any] struct {
	topology *table.Topology
	values   []T
}

func (t *podAffinity) read(p *profile) bool {
	t.byHostname = p.features.EnableInterPodAffinityHostnameFastPath
	t.filters, t.weight = p.filters(names.InterPodAffinity), p.weight(names.InterPodAffinity)
	if args, ok := p.args(names.InterPodAffinity).(*kubeschedulerconfig.InterPodAffinityArgs); ok {
		t.hardWeight, t.ignorePreferred = args.HardPodAffinityWeight, args.IgnorePreferredTermsOfExistingPods
	}
	return t.filters || t.weight > 0
}

func (t *podAffinity) compile(q *Query) {
	t.repels, t.attracts, t.points, t.first = t.repels[:0], t.attracts[:0], t.points[:0], false
	t.antiTerms, t.affinityTerms, t.preferences = t.antiTerms[:0], t.affinityTerms[:0], t.preferences[:0]
	t.affinityCounter, t.hosts = nil, nil
	scores := t.weight > 0 && (!t.ignorePreferred || hasPreferences(q.Pod.Spec.Affinity))
	t.scanPlaced(q, scores)
	t.parse(q, scores)
	// Domains are filled in once all topologies are known.
	if q.why != "" {
		return
	}
	t.addUp(q)
	if len(t.repels) > 0 || len(t.attracts) > 0 {
		q.admits(t)
	}
	if len(t.points) > 0 {
		q.scores(t)
	}
}

// parse reads the pod's own terms and gets their counters.
func (t *podAffinity) parse(q *Query, scores bool) {
	affinity := q.Pod.Spec.Affinity
	if affinity == nil || affinity.PodAffinity == nil && affinity.PodAntiAffinity == nil {
		return
	}
	info, err := framework.NewPodInfo(q.Pod)
	if err != nil {
		q.cannotSay(ReasonInvalid)
		return
	}
	if t.filters {
		for i, term := range info.GetRequiredAntiAffinityTerms() {
			t.antiTerms = append(t.antiTerms, counted{
				of:       &affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i],
				topology: t.hostScoped(q.topology(term.TopologyKey)), counter: q.countMatching(term),
			})
		}
		t.parseRequired(q, affinity, info.GetRequiredAffinityTerms())
	}
	if scores {
		for _, term := range info.GetPreferredAffinityTerms() {
			t.preferences = append(t.preferences, counted{topology: q.topology(term.TopologyKey), counter: q.countMatching(term.AffinityTerm), weight: int64(term.Weight)})
		}
		for _, term := range info.GetPreferredAntiAffinityTerms() {
			t.preferences = append(t.preferences, counted{topology: q.topology(term.TopologyKey), counter: q.countMatching(term.AffinityTerm), weight: -int64(term.Weight)})
		}
	}
}

// parseRequired gets one counter for all required terms: a placed pod counts only if it matches all
// of them.
func (t *podAffinity) parseRequired(q *Query, affinity *v1.Affinity, required []fwk.AffinityTerm) {
	if len(required) == 0 {
		return
	}
	hostScoped := t.byHostname && !slices.ContainsFunc(required, func(term fwk.AffinityTerm) bool { return term.TopologyKey != v1.LabelHostname })
	for i := range required {
		t.affinityTerms = append(t.affinityTerms, counted{
			of: &affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[i], topology: q.topology(required[i].TopologyKey),
		})
	}
	t.affinityCounter = q.countMatching(required...)
	t.first = matchesAll(required, q.Pod)
	if hostScoped && q.why == "" {
		for i := range t.affinityTerms {
			t.affinityTerms[i].topology = t.hostScoped(t.affinityTerms[i].topology)
		}
		t.first = t.first && t.affinityCounter.Total == 0
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

// hostScoped returns the topology that a required term refers to. With the feature
// InterPodAffinityHostnameFastPath and the host name as the label, upstream looks at the pods of
// each node separately, even if nodes share a host name.
func (t *podAffinity) hostScoped(topology *table.Topology) *table.Topology {
	if topology == nil || topology.Key != v1.LabelHostname || !t.byHostname {
		return topology
	}
	if t.hosts == nil {
		t.hosts = topology.Apart()
	}
	return t.hosts
}

// countMatching counts the placed pods that match all the terms. The terms' namespace selectors
// have been turned into namespaces, as upstream does for a pod that it places. It returns nil if
// the query cannot be answered.
func (q *Query) countMatching(terms ...fwk.AffinityTerm) *table.Counter {
	key := append(q.key[:0], "terms"...)
	for i := range terms {
		t := &terms[i]
		if s := t.NamespaceSelector; !s.Empty() && !table.SelectsNothing(s) {
			selected, err := q.owners.namespaces.List(s)
			if err != nil {
				q.cannotSay(ReasonInvalid)
				return nil
			}
			for _, ns := range selected {
				t.Namespaces.Insert(ns.Name)
			}
			t.NamespaceSelector = labels.Nothing()
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
	q.key = key
	var namespaces []string
	if first := &terms[0]; !first.NamespaceSelector.Empty() {
		namespaces = sets.List(first.Namespaces)
		if len(namespaces) == 0 {
			q.cannotSay(ReasonInvalid)
			return nil
		}
	}
	return q.table.Count(key, namespaces, terms[0].Selector, func(pod *v1.Pod) bool { return matchesAll(terms, pod) })
}

// scanPlaced collects the terms of placed pods that concern this pod.
func (t *podAffinity) scanPlaced(q *Query, scores bool) {
	t.placed = t.placed[:0]
	if !q.table.HasTerms() || !t.filters && !scores {
		return
	}
	q.table.Terms(q.Pod, q.owners.labels(q.Pod.Namespace), func(term *table.Term) {
		weight := int64(0)
		switch term.Kind {
		case table.RequiredAntiAffinity:
			if !t.filters {
				return
			}
		case table.RequiredAffinity:
			weight = int64(t.hardWeight)
		case table.PreferredAffinity:
			weight = int64(term.Weight)
		case table.PreferredAntiAffinity:
			weight = -int64(term.Weight)
		}
		if term.Kind != table.RequiredAntiAffinity && (!scores || weight == 0) {
			return
		}
		t.placed = append(t.placed, placedTerm{term, weight})
	})
}

// addUp sums the counters by domain, as PreFilter and PreScore of
// pkg/scheduler/framework/plugins/interpodaffinity do.
func (t *podAffinity) addUp(q *Query) {
	for _, placed := range t.placed {
		topology := q.topology(placed.term.TopologyKey)
		if topology == nil {
			return
		}
		if placed.term.Kind == table.RequiredAntiAffinity {
			topology = t.hostScoped(topology)
			d := q.domainsOfBools(&t.repels, topology)
			for row := range placed.term.Rows {
				if value := topology.Values[row]; value != table.NoValue {
					d[value] = true
				}
			}
			continue
		}
		t.addPoints(q, topology, placed.term.Rows, placed.weight)
	}
	for _, term := range t.antiTerms {
		d := q.domainsOfBools(&t.repels, term.topology)
		for row := range term.counter.Rows {
			if value := term.topology.Values[row]; value != table.NoValue {
				d[value] = true
			}
		}
		q.proves(term.of)
	}
	any := false
	for _, term := range t.affinityTerms {
		values := q.bools.take(term.topology.Domains())
		for row := range t.affinityCounter.Rows {
			if value := term.topology.Values[row]; value != table.NoValue {
				values[value], any = true, true
			}
		}
		t.attracts = append(t.attracts, domains[bool]{term.topology, values})
		q.proves(term.of)
	}
	t.first = t.first && !any
	for _, term := range t.preferences {
		t.addPoints(q, term.topology, term.counter.Rows, term.weight)
	}
}

// domainsOfBools returns the flags of the topology's values, and adds them to the list if missing.
func (q *Query) domainsOfBools(list *[]domains[bool], topology *table.Topology) []bool {
	for i := range *list {
		if (*list)[i].topology == topology {
			return (*list)[i].values
		}
	}
	d := domains[bool]{topology, q.bools.take(topology.Domains())}
	*list = append(*list, d)
	return d.values
}

func (t *podAffinity) addPoints(q *Query, topology *table.Topology, rows map[int32]int32, weight int64) {
	var values []int64
	for i := range t.points {
		if t.points[i].topology == topology {
			values = t.points[i].values
		}
	}
	if values == nil {
		values = q.ints.take(topology.Domains())
		t.points = append(t.points, domains[int64]{topology, values})
	}
	for row, n := range rows {
		if value := topology.Values[row]; value != table.NoValue {
			values[value] += weight * int64(n)
		}
	}
}

func (t *podAffinity) admit(_ *Query, rows []int32, totals []int64) int {
	return keep(rows, totals, t.takes)
}

func (t *podAffinity) takes(row int32) bool {
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

// score is Score and NormalizeScore of
// pkg/scheduler/framework/plugins/interpodaffinity/scoring.go.
func (t *podAffinity) score(q *Query, rows []int32, totals []int64) {
	raw := q.ints.take(len(rows))
	least, most := int64(math.MaxInt64), int64(math.MinInt64)
	for i, row := range rows {
		for j := range t.points {
			d := &t.points[j]
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
		totals[i] += t.weight * int64(float64(fwk.MaxScore)*(float64(raw[i]-least)/float64(most-least)))
	}
}

func (t *podAffinity) counts(to []any, pod *v1.Pod) []any {
	a := pod.Spec.Affinity
	if !t.filters || a == nil {
		return to
	}
	if a.PodAntiAffinity != nil {
		to = appendTerms(to, a.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
	}
	if a.PodAffinity != nil {
		to = appendTerms(to, a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution)
	}
	return to
}

func appendTerms(to []any, terms []v1.PodAffinityTerm) []any {
	for i := range terms {
		to = append(to, &terms[i])
	}
	return to
}

func (t *podAffinity) leaveOut(light *v1.Pod) {
	if !t.filters || light.Spec.Affinity == nil {
		return
	}
	a := *light.Spec.Affinity
	if a.PodAffinity != nil {
		a.PodAffinity = &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: a.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution}
	}
	if a.PodAntiAffinity != nil {
		a.PodAntiAffinity = &v1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: a.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution}
	}
	light.Spec.Affinity = &a
}
