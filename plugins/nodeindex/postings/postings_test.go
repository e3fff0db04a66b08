// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package postings

import (
	"fmt"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"

	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
)

// world is nodes by row, nil where the row is free, and the index of them.
type world struct {
	*draw.Dice
	index *Index
	nodes []*v1.Node
}

// change gives a row to a node, changes its labels, or frees it.
func (w *world) change() {
	row := w.IntN(len(w.nodes) + 1)
	if row == len(w.nodes) {
		if row >= 150 {
			return
		}
		w.nodes = append(w.nodes, nil)
	}
	switch old := w.nodes[row]; {
	case old != nil && w.IntN(4) == 0:
		w.nodes[row] = nil
		w.index.Remove(int32(row), old.Name)
	default:
		name := fmt.Sprint("node-", row)
		if old == nil && w.IntN(2) == 0 {
			name += "-again"
		} else if old != nil {
			name = old.Name
		}
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
		for _, key := range []string{"zone", "size", "disk"} {
			if w.IntN(4) > 0 {
				n.Labels[key] = draw.Of(w.Dice, "", "a", "b", "1", "2", "30", "-4")
			}
		}
		w.nodes[row] = n
		w.index.Put(int32(row), name, n.Labels)
	}
}

// requirement, sometimes one that is not valid.
func (w *world) requirement() v1.NodeSelectorRequirement {
	r := v1.NodeSelectorRequirement{
		Key: draw.Of(w.Dice, "zone", "size", "disk", "absent"),
		Operator: draw.Of(w.Dice, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn, v1.NodeSelectorOpExists, v1.NodeSelectorOpDoesNotExist,
			v1.NodeSelectorOpGt, v1.NodeSelectorOpLt),
	}
	switch r.Operator {
	case v1.NodeSelectorOpGt, v1.NodeSelectorOpLt:
		r.Values = []string{draw.Of(w.Dice, "1", "2", "-4", "9")}
	case v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn:
		for range 1 + w.IntN(3) {
			r.Values = append(r.Values, draw.Of(w.Dice, "", "a", "b", "1", "2", "c"))
		}
	}
	if w.IntN(20) == 0 {
		r.Values = draw.Of(w.Dice, nil, []string{"a", "b"}, []string{"no label!"})
	}
	if w.IntN(40) == 0 {
		r.Operator = "Like"
	}
	return r
}

func (w *world) field() v1.NodeSelectorRequirement {
	r := v1.NodeSelectorRequirement{
		Key: metav1.ObjectNameField, Operator: draw.Of(w.Dice, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn),
		Values: []string{fmt.Sprint("node-", w.IntN(30), draw.Of(w.Dice, "", "-again"))},
	}
	switch w.IntN(20) {
	case 0:
		r.Operator = v1.NodeSelectorOpExists
	case 1:
		r.Values = append(r.Values, "node-1")
	case 2:
		r.Key = "metadata.namespace"
		r.Values[0] = draw.Of(w.Dice, "", "a")
	}
	return r
}

func (w *world) term() (t v1.NodeSelectorTerm) {
	for range w.IntN(3) {
		t.MatchExpressions = append(t.MatchExpressions, w.requirement())
	}
	for w.IntN(5) == 0 {
		t.MatchFields = append(t.MatchFields, w.field())
	}
	return t
}

// pod with a selector, required and preferred affinity.
func (w *world) pod() *v1.Pod {
	p := &v1.Pod{}
	for range w.IntN(3) {
		if p.Spec.NodeSelector == nil {
			p.Spec.NodeSelector = map[string]string{}
		}
		p.Spec.NodeSelector[draw.Of(w.Dice, "zone", "size", "disk", "absent")] = draw.Of(w.Dice, "", "a", "b", "1", "no label!")
	}
	a := &v1.NodeAffinity{}
	if w.IntN(3) > 0 {
		a.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{}
		for range w.IntN(4) {
			a.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms = append(a.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms, w.term())
		}
	}
	for range w.IntN(3) {
		a.PreferredDuringSchedulingIgnoredDuringExecution = append(a.PreferredDuringSchedulingIgnoredDuringExecution,
			v1.PreferredSchedulingTerm{Weight: int32(w.IntN(4)), Preference: w.term()})
	}
	p.Spec.Affinity = &v1.Affinity{NodeAffinity: a}
	return p
}

// compare wants the index to select and prefer what upstream does, node by node.
func (w *world) compare(t *testing.T, pod *v1.Pod) {
	t.Helper()
	a := pod.Spec.Affinity.NodeAffinity
	required := nodeaffinity.GetRequiredNodeAffinity(pod)
	selected := w.index.Select(pod.Spec.NodeSelector, a.RequiredDuringSchedulingIgnoredDuringExecution)
	preferred, want := nodeaffinity.NewPreferredSchedulingTerms(a.PreferredDuringSchedulingIgnoredDuringExecution)
	scores, err := w.index.Prefer(a.PreferredDuringSchedulingIgnoredDuringExecution)
	if (err == nil) != (want == nil) {
		t.Fatalf("preferred %v: %v, upstream says %v", a.PreferredDuringSchedulingIgnoredDuringExecution, err, want)
	}
	rows := map[int32]bool{}
	for _, row := range selected.AppendTo(nil) {
		rows[row] = true
	}
	for row, node := range w.nodes {
		has := selected.Has(int32(row))
		if has != rows[int32(row)] {
			t.Fatalf("row %d: Has says %v, AppendTo %v", row, has, !has)
		}
		if node == nil {
			if has {
				t.Fatalf("the free row %d is selected", row)
			}
			continue
		}
		if match, _ := required.Match(node); match != has {
			t.Fatalf("node %s %v, selector %v, required %v: selected %v, upstream says %v",
				node.Name, node.Labels, pod.Spec.NodeSelector, a.RequiredDuringSchedulingIgnoredDuringExecution, has, match)
		}
		if err == nil {
			if score := preferred.Score(node); score != scores[row] {
				t.Fatalf("node %s %v, preferred %v: score %d, upstream has %d",
					node.Name, node.Labels, a.PreferredDuringSchedulingIgnoredDuringExecution, scores[row], score)
			}
		}
	}
}

func play(t *testing.T, seed uint64, steps int) {
	w := &world{Dice: draw.New(seed, 1), index: New()}
	var pods []*v1.Pod
	for range steps {
		for range w.IntN(6) {
			w.change()
		}
		// Some are asked for again, after changes and without.
		if len(pods) == 0 || w.IntN(2) == 0 {
			pods = append(pods, w.pod())
		}
		w.compare(t, pods[w.IntN(len(pods))])
	}
}

// Through changes of nodes and their labels, every selector selects upstream's nodes.
func TestSameAsUpstream(t *testing.T) {
	for seed := range uint64(3) {
		play(t, seed, 700)
	}
}

func FuzzSameAsUpstream(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { play(t, seed, 200) })
}

// More labels, selectors and preferences than are kept.
func TestForgetting(t *testing.T) {
	x := New()
	for row := range int32(100) {
		x.Put(row, fmt.Sprint(row), map[string]string{fmt.Sprint("label-", row): "x"})
	}
	for i := range int32(2*max(maxSelections, maxPreferences) + 10) {
		row := i % 100
		key := fmt.Sprint("label-", row)
		// As many selectors as steps, all of which select the one node with the label.
		required := &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{
			{Key: key, Operator: v1.NodeSelectorOpIn, Values: []string{"x", fmt.Sprint(i)}},
		}}}}
		if got := x.Select(nil, required).AppendTo(nil); len(got) != 1 || got[0] != row {
			t.Fatalf("selected %v, want row %d", got, row)
		}
		scores, err := x.Prefer([]v1.PreferredSchedulingTerm{{Weight: 1 + i, Preference: required.NodeSelectorTerms[0]}})
		if err != nil || scores[row] != int64(1+i) || scores[(row+1)%100] != 0 {
			t.Fatalf("scores %v, %v, want %d in row %d", scores, err, 1+i, row)
		}
	}
	if len(x.selections) > maxSelections || len(x.preferences) > maxPreferences || len(x.byKey) > maxLabels {
		t.Errorf("%d selections, %d preferences, %d labels are kept", len(x.selections), len(x.preferences), len(x.byKey))
	}
}

// A selector that was not seen before, over 15,000 nodes: by postings, and node by node.
// How much faster the first is is ratio.
func BenchmarkNewSelector(b *testing.B) {
	const nodes, racks = 15000, 40
	x := New()
	list := make([]*v1.Node, nodes)
	for i := range list {
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", i), Labels: map[string]string{
			v1.LabelHostname: fmt.Sprint("node-", i), "rack": fmt.Sprint("rack-", i%racks), "disk": draw.Of(draw.New(uint64(i), 1), "ssd", "hdd"),
		}}}
		list[i] = n
		x.Put(int32(i), n.Name, n.Labels)
	}
	pod := &v1.Pod{Spec: v1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}, Affinity: &v1.Affinity{NodeAffinity: &v1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{
			{Key: "rack", Operator: v1.NodeSelectorOpIn, Values: []string{"rack-1", "rack-2"}},
		}}}},
	}}}}
	selectAll := func() int {
		return len(x.Select(pod.Spec.NodeSelector, pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution).AppendTo(nil))
	}
	selectAll() // The labels are known, this selector is not.
	var fast, plain time.Duration
	for b.Loop() {
		x.forget()
		start := time.Now()
		selected := selectAll()
		between := time.Now()
		required := nodeaffinity.GetRequiredNodeAffinity(pod)
		for _, n := range list {
			if match, _ := required.Match(n); match {
				selected--
			}
		}
		fast, plain = fast+between.Sub(start), plain+time.Since(between)
		if selected != 0 {
			b.Fatal("the two differ")
		}
	}
	b.ReportMetric(float64(fast.Nanoseconds())/float64(b.N), "ns/new")
	b.ReportMetric(float64(plain)/float64(fast), "ratio")
}
