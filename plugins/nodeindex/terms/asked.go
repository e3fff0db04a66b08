// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"fmt"
	"slices"

	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// asked is the term of the plugins that tell the index their verdicts: PredictedQoS, Trimaran's,
// the guard on limits, and ResourceFit if the columns do not know its args. A row is shown to them
// when it has changed or the pod has a new shape. Their verdicts are kept beside the score for
// resources.
type asked struct {
	plugins []ask

	saying   []saying // those that have something to say about the pod
	kept     [maxAsked]keptSaid
	fitting  []int32
	looked   []judge.Row
	verdicts []judge.Verdict
}

// maxAsked is the most plugins of a profile that are asked.
const maxAsked = 6

// saying is the verdict of one of them on the pod in hand.
type saying struct {
	judge.Judge
	ask
	at       int // in the profile's
	relative bool
	said     *said
}

// read has all plugins asked that no other term models, if they can be asked.
func (t *asked) read(p *profile) bool {
	for _, name := range p.filterNames {
		if !slices.Contains(p.knownFilters, name) && p.ask(p.plugin(name), p.weightOf(name), true) {
			p.knownFilters, p.knownScores = append(p.knownFilters, name), append(p.knownScores, name)
		}
	}
	for i := range p.scores {
		name := p.scores[i].Name
		switch {
		case slices.Contains(p.knownScores, name):
		case p.ask(p.plugin(name), p.weightOf(name), false):
			p.knownScores = append(p.knownScores, name)
		case (name == names.VolumeBinding || name == names.DynamicResources) && slices.Contains(p.filterNames, name):
			// They score 0 on every node where their filter has nothing to say about the pod.
		default:
			p.doNotKnow("score plugin " + name)
		}
	}
	t.plugins = p.toAsk
	for i := range t.plugins {
		if t.plugins[i].weight > maxWeight {
			p.doNotKnow(fmt.Sprintf("a weight over %d", maxWeight))
		}
	}
	return len(t.plugins) > 0
}

func (t *asked) compile(q *Query) {
	t.saying = t.saying[:0]
	compares := false
	for i := range t.plugins {
		plugin := &t.plugins[i]
		j, can := plugin.plugin.Judge(q.State, q.Pod)
		switch {
		case !can:
			q.cannotSay(ReasonPlugin + Reason(plugin.plugin.Name()))
		case j != nil:
			world, shape := j.World(), j.Shape()
			said := saying{Judge: j, ask: *plugin, at: i, relative: plugin.weight > 0 && j.Relative(), said: t.kept[i].by(world, shape, j.Now, q.table)}
			compares = compares || said.relative
			t.saying = append(t.saying, said)
			q.Shape.asked[i] = shape
			q.World.asked[i].says, q.World.asked[i].of = true, world
			q.clocks = append(q.clocks, j)
		}
	}
	if len(t.saying) > 0 {
		q.keeps(t)
	}
	if compares {
		q.scores(t)
	}
}

// judge shows the plugins the rows that the pod fits in.
func (t *asked) judge(q *Query, rows []int32) {
	kept := q.Kept
	fitting := t.fitting[:0]
	for _, row := range rows {
		if kept.Scores[row] != NoFit {
			fitting = append(fitting, row)
		}
	}
	t.fitting = fitting
	for i := range t.saying {
		j := &t.saying[i]
		t.look(q, j, fitting)
		if until := j.said.until; !until.IsZero() && (kept.until.IsZero() || until.Before(kept.until)) {
			kept.until = until
		}
		if n := len(kept.Scores); j.relative && len(kept.raw[j.at]) < n {
			kept.raw[j.at] = append(make([]int64, 0, n+n/16), kept.raw[j.at]...)[:n]
		}
		left := 0
		for _, row := range fitting {
			raw := j.said.raw[row]
			switch {
			case raw == refusedRow:
				kept.Scores[row] = NoFit
				continue
			case j.relative:
				kept.raw[j.at][row] = raw
			default:
				kept.Scores[row] += int32(j.weight * raw) // maxWeight keeps it below
			}
			fitting[left] = row
			left++
		}
		fitting = fitting[:left]
	}
}

// score adds the scores that depend on those of other nodes.
func (t *asked) score(q *Query, rows []int32, totals []int64) {
	for i := range t.saying {
		j := &t.saying[i]
		if !j.relative {
			continue
		}
		scores, raw := q.ints.take(len(rows)), q.Kept.raw[j.at]
		for k, row := range rows {
			scores[k] = raw[row]
		}
		j.Scores(scores)
		for k, score := range scores {
			totals[k] += j.weight * score
		}
	}
}
