// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/judge"
)

// What the columns do not know, plugins tell: a row is shown to them when it has changed, or when
// the pod is of a new shape, and what they say is kept beside the score for resources.

// maxJudges bounds the plugins of a profile that are asked.
const maxJudges = 6

// judged is a plugin of a profile that is asked.
type judged struct {
	plugin  judge.Plugin
	weight  int64 // 0 where the profile does not score with it
	filters bool
}

// judging is what one of them says about the pod in hand.
type judging struct {
	judge.Judge
	*judged
	at       int // in the policy's
	relative bool
}

// judges are by place in the policy, and the forecasts' place is the last; nil has nothing to say.
type judges [maxJudges + 1]any

// ask has the index ask the plugin of that name, if it can tell.
func (p *policy) ask(name string) *judged {
	for i := range p.judged {
		if p.judged[i].plugin.Name() == name {
			return &p.judged[i]
		}
	}
	plugin, ok := p.plugins(name).(judge.Plugin)
	if !ok || len(p.judged) == maxJudges {
		return nil
	}
	p.judged = append(p.judged, judged{plugin: plugin})
	return &p.judged[len(p.judged)-1]
}

// compileJudges asks which plugins have something to say about the pod.
func (x *Index) compileJudges(q *query, p *policy, pod *v1.Pod, state fwk.CycleState) {
	q.judges = q.judges[:0]
	for i := range p.judged {
		j, can := p.judged[i].plugin.Judge(state, pod)
		switch {
		case !can:
			q.cannotSay(reasonPlugin + reason(p.judged[i].plugin.Name()))
		case j != nil:
			q.judges = append(q.judges, judging{Judge: j, judged: &p.judged[i], at: i, relative: p.judged[i].weight > 0 && j.Relative()})
		}
	}
}

// compares says whether what a node scores depends on other nodes, to one of the plugins.
func (q *query) compares() bool {
	for i := range q.judges {
		if q.judges[i].relative {
			return true
		}
	}
	return false
}

// shapes of the pod to the plugins.
func (q *query) shapes() (shapes judges) {
	for i := range q.judges {
		shapes[q.judges[i].at] = q.judges[i].Shape()
	}
	return shapes
}

// judge has the plugins look at the rows that the pod fits in.
func (f *fits) judge(x *Index, q *query, rows []int32) {
	fitting := x.looked[:0]
	for _, row := range rows {
		if f.scores[row] != noFit {
			fitting = append(fitting, x.table.Judged(row))
		}
	}
	x.looked = fitting
	for i := range q.judges {
		j := &q.judges[i]
		verdicts := resize(&x.verdicts, len(fitting))
		if until := j.Look(fitting, verdicts); !until.IsZero() && (f.until.IsZero() || until.Before(f.until)) {
			f.until = until
		}
		if j.relative && len(f.raw[j.at]) < len(f.scores) {
			f.raw[j.at] = append(make([]int64, 0, len(f.scores)+len(f.scores)/16), f.raw[j.at]...)[:len(f.scores)]
		}
		left := 0
		for k := range fitting {
			row, v := fitting[k].At, &verdicts[k]
			switch {
			case v.Refused && j.filters:
				f.scores[row] = noFit
				continue
			case j.relative:
				f.raw[j.at][row] = v.Raw
			default:
				f.scores[row] += int32(j.weight * v.Raw) // maxWeight keeps it below
			}
			if left < k {
				fitting[left] = fitting[k]
			}
			left++
		}
		fitting = fitting[:left]
	}
	clear(x.looked)
}

// expired says whether the scores no longer hold.
func (f *fits) expired(q *query) bool {
	if f.until.IsZero() {
		return false
	}
	for i := range q.judges {
		if q.judges[i].Now().After(f.until) {
			return true
		}
	}
	return false
}

// addJudged adds the scores that are relative to those of other nodes.
func (x *Index) addJudged(q *query, fits *fits, total []int64) {
	for i := range q.judges {
		j := &q.judges[i]
		if !j.relative {
			continue
		}
		scores, raw := x.ints.take(len(x.feasible)), fits.raw[j.at]
		for k, row := range x.feasible {
			scores[k] = raw[row]
		}
		j.Scores(scores)
		for k, score := range scores {
			total[k] += j.weight * score
		}
	}
}
