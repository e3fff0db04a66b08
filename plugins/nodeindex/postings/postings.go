// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package postings finds the nodes that a selector selects by an inverted index of their
// labels: for each value of a label that any selector has asked for, the rows of the nodes
// that have it. A selector that was not seen before costs the values of its labels and the
// rows that it selects, not a look at every node.
//
// What a selector means is upstream's: k8s.io/component-helpers/scheduling/corev1/nodeaffinity
// judges whether it is valid, and is the oracle of the tests.
package postings

import (
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
)

const (
	// When there are so many, all are forgotten. A selection costs a bit a row, preferences
	// cost 8 bytes, a label 8 bytes and its values.
	maxSelections  = 4096
	maxPreferences = 256
	maxLabels      = 64
)

// Index of the nodes' labels. It belongs to one goroutine.
type Index struct {
	used   Set
	labels []map[string]string // by row, as the nodes have them; nobody writes to them
	names  map[string]int32
	byKey  map[string]*label
	// nodes counts by label the nodes that have it.
	nodes map[string]int

	// What was asked for since a label last changed, by what spells it.
	selections  map[string]Set
	preferences map[string][]int64
	most        int // of each, where not 0
	key         []byte
	sorted      []string
	union       Set
}

// label is what nodes have as the value of one.
type label struct {
	rows map[string][]int32 // by value, in no order
	// place of a row in its value's list.
	place []int32
	has   Set
}

// New returns an empty index.
func New() *Index {
	return &Index{
		names: map[string]int32{}, byKey: map[string]*label{}, nodes: map[string]int{},
		selections: map[string]Set{}, preferences: map[string][]int64{},
	}
}

// Keep bounds what is kept to n labels, selections and preferences, where n is not 0.
func (x *Index) Keep(n int) { x.most = n }

func (x *Index) bound(n int) int {
	if x.most > 0 {
		return x.most
	}
	return n
}

// Put gives the row to a node of that name and labels.
func (x *Index) Put(row int32, name string, labels map[string]string) {
	for int(row) >= len(x.labels) {
		x.labels = append(x.labels, nil)
	}
	for key, l := range x.byKey {
		l.move(row, key, x.labels[row], labels)
	}
	x.count(x.labels[row], -1)
	x.count(labels, 1)
	x.used = x.used.grown(row)
	x.used.add(row)
	x.labels[row], x.names[name] = labels, row
	x.forget()
}

// Remove frees the row of the node. A free row is selected by nothing.
func (x *Index) Remove(row int32, name string) {
	for key, l := range x.byKey {
		l.move(row, key, x.labels[row], nil)
	}
	x.count(x.labels[row], -1)
	x.used.remove(row)
	x.labels[row] = nil
	delete(x.names, name)
	x.forget()
}

func (x *Index) count(labels map[string]string, delta int) {
	for key := range labels {
		if x.nodes[key] += delta; x.nodes[key] == 0 {
			delete(x.nodes, key)
		}
	}
}

// Known says whether any node has the label. Pods may ask for any number of others.
func (x *Index) Known(key string) bool { return x.nodes[key] > 0 }

func (x *Index) forget() {
	clear(x.selections)
	clear(x.preferences)
}

// Select returns the rows of the nodes that have the labels of nodeSelector and match
// required, if not nil. It is valid until the next Put or Remove.
func (x *Index) Select(nodeSelector map[string]string, required *v1.NodeSelector) Set {
	x.spellSelector(nodeSelector, required)
	if s, ok := x.selections[string(x.key)]; ok { // does not allocate
		return s
	}
	out := append(Set(nil), x.used...)
	for key, value := range nodeSelector {
		x.narrowIn(out, x.label(key), value)
	}
	if required != nil {
		any := make(Set, len(out))
		for i := range required.NodeSelectorTerms {
			// Upstream passes over terms that are not valid as well.
			if term := &required.NodeSelectorTerms[i]; valid(term) {
				any.or(x.match(term))
			}
		}
		out.And(any)
	}
	if len(x.selections) >= x.bound(maxSelections) {
		clear(x.selections)
	}
	x.selections[string(x.key)] = out
	return out
}

func valid(term *v1.NodeSelectorTerm) bool {
	_, err := nodeaffinity.NewNodeSelector(&v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{*term}})
	return err == nil
}

// Prefer returns by row the sum of the weights of the terms that the node matches, or an
// error where a term is not valid. It is valid until the next Put or Remove.
func (x *Index) Prefer(terms []v1.PreferredSchedulingTerm) ([]int64, error) {
	x.spellPreferences(terms)
	if p, ok := x.preferences[string(x.key)]; ok { // does not allocate
		return p, nil
	}
	if _, err := nodeaffinity.NewPreferredSchedulingTerms(terms); err != nil {
		return nil, err
	}
	out := make([]int64, len(x.labels))
	var rows []int32
	for i := range terms {
		weight := int64(terms[i].Weight)
		if weight == 0 {
			continue // not even valid
		}
		rows = x.match(&terms[i].Preference).AppendTo(rows[:0])
		for _, row := range rows {
			out[row] += weight
		}
	}
	if len(x.preferences) >= x.bound(maxPreferences) {
		clear(x.preferences)
	}
	x.preferences[string(x.key)] = out
	return out, nil
}

// match returns the rows that match a valid term.
func (x *Index) match(term *v1.NodeSelectorTerm) Set {
	out := make(Set, len(x.used))
	if len(term.MatchExpressions) == 0 && len(term.MatchFields) == 0 {
		return out // An empty term selects nothing.
	}
	copy(out, x.used)
	for i := range term.MatchExpressions {
		x.narrow(out, &term.MatchExpressions[i])
	}
	for i := range term.MatchFields {
		x.narrowField(out, &term.MatchFields[i])
	}
	return out
}

// narrow leaves in out what meets a valid requirement. A node without the label meets NotIn
// and DoesNotExist.
func (x *Index) narrow(out Set, r *v1.NodeSelectorRequirement) {
	l := x.label(r.Key)
	switch r.Operator {
	case v1.NodeSelectorOpIn:
		x.narrowIn(out, l, r.Values...)
	case v1.NodeSelectorOpNotIn:
		for _, value := range r.Values {
			for _, row := range l.rows[value] {
				out.remove(row)
			}
		}
	case v1.NodeSelectorOpExists:
		out.And(l.has)
	case v1.NodeSelectorOpDoesNotExist:
		out.without(l.has)
	case v1.NodeSelectorOpGt:
		x.narrowCompared(out, l, r, selection.GreaterThan)
	case v1.NodeSelectorOpLt:
		x.narrowCompared(out, l, r, selection.LessThan)
	}
}

func (x *Index) narrowIn(out Set, l *label, values ...string) {
	union := x.emptyUnion()
	for _, value := range values {
		for _, row := range l.rows[value] {
			union.add(row)
		}
	}
	out.And(union)
}

// narrowCompared has upstream compare each value once.
func (x *Index) narrowCompared(out Set, l *label, r *v1.NodeSelectorRequirement, op selection.Operator) {
	union := x.emptyUnion()
	if compares, err := labels.NewRequirement(r.Key, op, r.Values); err == nil {
		for value, rows := range l.rows {
			if compares.Matches(labels.Set{r.Key: value}) {
				for _, row := range rows {
					union.add(row)
				}
			}
		}
	}
	out.And(union)
}

// narrowField leaves in out what meets a valid requirement of a field, which has one value.
// Nodes have the field metadata.name, and every other one is empty.
func (x *Index) narrowField(out Set, r *v1.NodeSelectorRequirement) {
	in, value := r.Operator == v1.NodeSelectorOpIn, r.Values[0]
	if r.Key != metav1.ObjectNameField {
		if in != (value == "") {
			clear(out)
		}
		return
	}
	row, ok := x.names[value]
	switch {
	case ok && in:
		one := x.emptyUnion()
		one.add(row)
		out.And(one)
	case ok:
		out.remove(row)
	case in:
		clear(out)
	}
}

func (x *Index) emptyUnion() Set {
	if len(x.union) < len(x.used) {
		x.union = make(Set, len(x.used))
	}
	clear(x.union)
	return x.union
}

// label returns what nodes have as the value of the label.
func (x *Index) label(key string) *label {
	if l, ok := x.byKey[key]; ok {
		return l
	}
	if !x.Known(key) {
		return &label{} // costs nothing, and takes no place
	}
	if len(x.byKey) >= x.bound(maxLabels) {
		clear(x.byKey)
	}
	l := &label{rows: map[string][]int32{}}
	for row := range x.labels {
		l.move(int32(row), key, nil, x.labels[row])
	}
	x.byKey[key] = l
	return l
}

// move takes the row from the value in one set of labels to that in another one.
func (l *label) move(row int32, key string, from, to map[string]string) {
	old, had := from[key]
	value, has := to[key]
	if had == has && old == value {
		return
	}
	if had {
		l.has.remove(row)
		rows := l.rows[old]
		last := rows[len(rows)-1]
		rows[l.place[row]], l.place[last] = last, l.place[row]
		if rows = rows[:len(rows)-1]; len(rows) > 0 {
			l.rows[old] = rows
		} else {
			delete(l.rows, old)
		}
	}
	if has {
		for int(row) >= len(l.place) {
			l.place = append(l.place, 0)
		}
		l.place[row] = int32(len(l.rows[value]))
		l.rows[value] = append(l.rows[value], row)
		l.has = l.has.grown(row)
		l.has.add(row)
	}
}
