// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
)

const maxCounters = 1024

// Counter counts the pods that match, by the row of their node.
type Counter struct {
	// Rows with matching pods.
	Rows map[int32]int32
	// Total of Rows.
	Total      int64
	namespaces []string
	selector   labels.Selector
	match      func(*v1.Pod) bool
}

// Count returns the counter of that key, which is kept for the next pod that asks. match
// must be false for pods that are not in the namespaces (nil means any) or that the selector
// does not select: they are not shown to it. It must depend on the pod's object alone.
func (t *Table) Count(key []byte, namespaces []string, selector labels.Selector, match func(*v1.Pod) bool) *Counter {
	if c, ok := t.counters.get(key); ok {
		return c
	}
	c := &Counter{Rows: map[int32]int32{}, namespaces: namespaces, selector: selector, match: match}
	label, value, exact := exactLabel(selector)
	hash := t.hash(label, value)
	for row, pods := range t.pods {
		if exact && !slices.Contains(t.hashes[row], hash) {
			continue
		}
		for _, p := range pods {
			if match(p.GetPod()) {
				c.add(int32(row), 1)
			}
		}
	}
	t.counters.put(key, c)
	t.byPod.add(namespaces, selector, c)
	return c
}

func (c *Counter) add(row, delta int32) {
	c.Total += int64(delta)
	if c.Rows[row] += delta; c.Rows[row] == 0 {
		delete(c.Rows, row)
	}
}

// TermKind says what a term of a placed pod asks of the pods beside it.
type TermKind byte

// The kinds of terms.
const (
	RequiredAntiAffinity TermKind = iota
	RequiredAffinity
	PreferredAffinity
	PreferredAntiAffinity
)

// Term of placed pods that concerns pods that are yet to be placed. Equal terms of any
// number of pods are one.
type Term struct {
	fwk.AffinityTerm
	Kind   TermKind
	Weight int32 // of a preferred term
	// Rows with pods that have the term.
	Rows map[int32]int32

	namespaces []string
}

// Terms calls yield with every term of a placed pod whose namespaces and selector match
// the pod. namespace has the labels of the pod's namespace.
func (t *Table) Terms(pod *v1.Pod, namespace labels.Set, yield func(*Term)) {
	t.byIncoming.visit(pod, func(term *Term) {
		if term.Matches(pod, namespace) {
			yield(term)
		}
	})
}

// HasTerms says whether any placed pod has a term.
func (t *Table) HasTerms() bool { return len(t.terms) > 0 }

// setPods tells counters and terms which pods came and went. Upstream makes a new PodInfo
// for every change of a pod, so equal pointers are equal pods.
func (t *Table) setPods(row int32, pods []fwk.PodInfo) {
	old := t.pods[row]
	same := 0
	for same < len(old) && same < len(pods) && old[same] == pods[same] {
		same++
	}
	gone, come := old[same:], pods[same:]
	for _, p := range gone {
		if !slices.Contains(come, p) {
			t.movePod(row, p, -1)
		}
	}
	for _, p := range come {
		if !slices.Contains(gone, p) {
			t.movePod(row, p, 1)
		}
	}
	if len(gone) > 0 {
		kept := 0
		for _, p := range pods[:same] {
			kept += len(p.GetPod().Labels)
		}
		t.hashes[row] = t.hashes[row][:kept]
	}
	for _, p := range come {
		for label, value := range p.GetPod().Labels {
			t.hashes[row] = append(t.hashes[row], t.hash(label, value))
		}
	}
	// The snapshot never writes to the slice of an older one.
	t.pods[row] = pods
}

// hash of a label and its value.
func (t *Table) hash(label, value string) uint32 {
	return uint32(maphash.String(t.seed, label)*31 + maphash.String(t.seed, value))
}

func (t *Table) movePod(row int32, p fwk.PodInfo, delta int32) {
	pod := p.GetPod()
	t.byPod.visit(pod, func(c *Counter) {
		if c.match(pod) {
			c.add(row, delta)
		}
	})
	for _, term := range p.GetRequiredAntiAffinityTerms() {
		t.moveTerm(row, &term, RequiredAntiAffinity, 0, delta)
	}
	for _, term := range p.GetRequiredAffinityTerms() {
		t.moveTerm(row, &term, RequiredAffinity, 0, delta)
	}
	for _, term := range p.GetPreferredAffinityTerms() {
		t.moveTerm(row, &term.AffinityTerm, PreferredAffinity, term.Weight, delta)
	}
	for _, term := range p.GetPreferredAntiAffinityTerms() {
		t.moveTerm(row, &term.AffinityTerm, PreferredAntiAffinity, term.Weight, delta)
	}
}

func (t *Table) moveTerm(row int32, at *fwk.AffinityTerm, kind TermKind, weight, delta int32) {
	key := termKey(at, kind, weight)
	term, ok := t.terms[key]
	if !ok {
		term = &Term{AffinityTerm: *at, Kind: kind, Weight: weight, Rows: map[int32]int32{}}
		if SelectsNothing(at.NamespaceSelector) {
			term.namespaces = sets.List(at.Namespaces)
		}
		t.terms[key] = term
		t.byIncoming.add(term.namespaces, at.Selector, term)
	}
	if term.Rows[row] += delta; term.Rows[row] == 0 {
		delete(term.Rows, row)
	}
	if len(term.Rows) == 0 {
		delete(t.terms, key)
		t.byIncoming.remove(term.namespaces, at.Selector, term)
	}
}

func termKey(at *fwk.AffinityTerm, kind TermKind, weight int32) string {
	var b strings.Builder
	b.WriteByte(byte(kind))
	b.WriteString(strconv.Itoa(int(weight)))
	b.WriteByte(0)
	b.WriteString(at.TopologyKey)
	b.WriteByte(0)
	b.WriteString(at.Selector.String())
	if SelectsNothing(at.Selector) {
		b.WriteByte('!') // Everything prints the same.
	}
	b.WriteByte(0)
	if !SelectsNothing(at.NamespaceSelector) {
		b.WriteByte('*')
		b.WriteString(at.NamespaceSelector.String())
	}
	for _, ns := range sets.List(at.Namespaces) {
		b.WriteByte(0)
		b.WriteString(ns)
	}
	return b.String()
}

// SelectsNothing says whether the selector is labels.Nothing.
func SelectsNothing(s labels.Selector) bool {
	if s == nil {
		return true
	}
	_, selectable := s.Requirements()
	return !selectable
}
