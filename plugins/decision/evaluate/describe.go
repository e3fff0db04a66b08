// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// describe writes the candidates and what there is to say of them.
func (e *Evaluator) describe(out *decision.Evaluation, r *answers, q *Question, pod *v1.Pod) {
	view, heldOut := viewIn(r.state), cycle.ArmIn(r.state).HeldOut
	if view != nil && !heldOut {
		out.Forecast = forecastOf(view, pod)
	}
	k := e.options.Candidates
	for i := range r.scores {
		s := &r.scores[i]
		if i > k && s.Name != q.Chosen {
			continue
		}
		c := decision.Candidate{Node: s.Name, Chosen: s.Name == q.Chosen, Total: s.TotalScore}
		for _, part := range s.Scores {
			c.Parts = append(c.Parts, decision.Part{Plugin: part.Name, Score: part.Score})
		}
		view.predict(r, &c)
		out.Candidates = append(out.Candidates, c)
	}
	e.describeRefused(out, r, q, view)
	if len(r.scores) > 0 && q.Chosen == "" {
		out.Candidates[0].Chosen = true
	}
	if chosen, _ := pair(out); chosen != nil && chosen.Refused == "" {
		for i := range r.scores {
			if r.scores[i].TotalScore == chosen.Total {
				out.Alike++
			}
		}
	}
	out.Because, out.Flip = because(out), view.flip(out, r)
	if heldOut {
		out.Because = "held out of predictions, so that requests decide: " + out.Because
	}
}

// describeRefused counts the reasons, and adds a node of each.
func (e *Evaluator) describeRefused(out *decision.Evaluation, r *answers, q *Question, view *view) {
	if r.pre != nil {
		out.Refused = []decision.Refusal{{Reason: decision.Cut(r.pre.Message()), Plugin: r.pre.Plugin(), Nodes: len(r.nodes.all)}}
		return
	}
	at := map[string]int{}
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(r.refused)) {
		status := r.refused[name]
		fresh := name == q.Chosen
		for _, reason := range status.Reasons() {
			i, known := at[reason]
			if !known {
				i = len(out.Refused)
				at[reason] = i
				out.Refused = append(out.Refused, decision.Refusal{Reason: decision.Cut(reason), Plugin: status.Plugin()})
				fresh = true
			}
			out.Refused[i].Nodes++
		}
		if fresh && (len(shown) <= e.options.Candidates || name == q.Chosen) {
			shown = append(shown, name)
		}
	}
	slices.SortStableFunc(out.Refused, func(a, b decision.Refusal) int { return cmp.Compare(b.Nodes, a.Nodes) })
	for _, name := range shown {
		status := r.refused[name]
		c := decision.Candidate{Node: name, Chosen: name == q.Chosen, Refused: decision.Cut(strings.Join(status.Reasons(), ", ")), Plugin: status.Plugin()}
		view.predict(r, &c)
		if figures := figuresOf(&c); figures != "" {
			c.Refused = decision.Cut(c.Refused + ": " + figures)
		}
		if figures := room(r.nodes.byName[name], q.Pod, status); figures != "" {
			c.Refused = decision.Cut(c.Refused + ": " + figures)
		}
		out.Candidates = append(out.Candidates, c)
	}
}

// because is the sentence that matters: what told the chosen node from the best other one, or why there is none.
func because(e *decision.Evaluation) string {
	if e.Feasible == 0 {
		return waitsBecause(e)
	}
	chosen, other := pair(e)
	switch {
	case chosen == nil:
		return ""
	case chosen.Refused != "":
		return fmt.Sprintf("%s would be refused: %s", chosen.Node, chosen.Refused)
	case other == nil:
		return fmt.Sprintf("%s is the only node that the pod may go to", chosen.Node)
	}
	ahead := chosen.Total - other.Total
	switch {
	case ahead == 0:
		return fmt.Sprintf("%d nodes score %d: one of them is drawn", e.Alike, chosen.Total)
	case ahead < 0:
		part, by := largest(other, chosen)
		return fmt.Sprintf("%s would be chosen by now: %s gives it %d more%s", other.Node, part, by, compared(other, chosen))
	}
	part, by := largest(chosen, other)
	return fmt.Sprintf("%s is %d ahead of %s; %s gives it %d more%s", chosen.Node, ahead, other.Node, part, by, compared(chosen, other))
}

// waitsBecause counts the nodes by the reasons, three at most, each with the figures of one node where there are any.
func waitsBecause(e *decision.Evaluation) string {
	if len(e.Refused) == 0 {
		return "there are no nodes"
	}
	var said []string
	for i := range e.Refused[:min(3, len(e.Refused))] {
		reason := e.Refused[i].Reason
		text := fmt.Sprintf("%d of %d nodes: %s", e.Refused[i].Nodes, e.Nodes, reason)
		for j := range e.Candidates {
			if c := &e.Candidates[j]; strings.HasPrefix(c.Refused, reason+": ") {
				text += fmt.Sprintf(" (%s: %s)", c.Node, c.Refused[len(reason)+len(": "):])
				break
			}
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// pair is the chosen candidate and the best feasible other one; either may be nil.
func pair(e *decision.Evaluation) (chosen, other *decision.Candidate) {
	for i := range e.Candidates {
		switch c := &e.Candidates[i]; {
		case c.Chosen:
			chosen = c
		case other == nil && c.Refused == "":
			other = c
		}
	}
	return chosen, other
}

// largest is the plugin that speaks most for a, and by how much.
func largest(a, b *decision.Candidate) (plugin string, by int64) {
	of := map[string]int64{}
	for _, p := range b.Parts {
		of[p.Plugin] = p.Score
	}
	for _, p := range a.Parts {
		if d := p.Score - of[p.Plugin]; d > by || plugin == "" {
			plugin, by = p.Plugin, d
		}
	}
	return plugin, by
}

// compared says what is predicted of both, of the resource that differs most as a share of the node.
func compared(a, b *decision.Candidate) string {
	if len(a.Predicted) != len(b.Predicted) {
		return ""
	}
	at, most := -1, 0.
	for i := range a.Predicted {
		p, q := &a.Predicted[i], &b.Predicted[i]
		if d := q.Expected/max(q.Allocatable, 1) - p.Expected/max(p.Allocatable, 1); d > most {
			at, most = i, d
		}
	}
	if at < 0 {
		return ""
	}
	p, q := &a.Predicted[at], &b.Predicted[at]
	return fmt.Sprintf(" (expected %s with the pod: %s against %s)", p.Resource, of(p.Resource, p.Expected, p.Allocatable), of(q.Resource, q.Expected, q.Allocatable))
}

// room says by what a node lacks room for the pod's requests.
func room(info fwk.NodeInfo, pod *v1.Pod, status *fwk.Status) string {
	var said []string
	requests := forecast.RequestsOf(pod)
	asked, has := requests.Asked, forecast.AllocatableOf(info)
	taken := requestedOf(info)
	for r := range forecast.Resource(forecast.NumResources) {
		if slices.Contains(status.Reasons(), "Insufficient "+r.String()) {
			said = append(said, fmt.Sprintf("requested %s + %s of %s", decision.Amount(r.String(), taken[r]), decision.Amount(r.String(), asked[r]), decision.AmountOf(r.String(), has[r])))
		}
	}
	return strings.Join(said, ", ")
}

func of(resource string, use, allocatable float64) string {
	return decision.Amount(resource, use) + " of " + decision.AmountOf(resource, allocatable)
}
