// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/helper"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/config"
)

// Taints is the term of taints and cordons. Each class of nodes with the same taints is judged once
// for a pod, and the index looks up the verdict on a row's class.
type Taints struct {
	// Verdict is, for each class, Refused or the number of taints that the pod dislikes.
	Verdict []int32

	weight     int64
	cordons    bool // are filtered
	comparison bool // operators Gt and Lt

	// repelled tells, for each class, whether its taints alone refuse the pod, cordoned or not.
	repelled []bool
	dislikes bool
	counts   []int32 // by feasible row
	shares   []int64
}

func (t *Taints) read(p *profile) bool {
	if !p.filters(names.TaintToleration, config.TaintsName) {
		p.doNotKnow("no filter for taints")
	}
	t.weight = p.weight(names.TaintToleration, config.TaintsName)
	t.cordons = p.filters(names.NodeUnschedulable)
	t.comparison = p.features.EnableTaintTolerationComparisonOperators
	return true
}

func (t *Taints) compile(q *Query) {
	classes := q.table.Taints
	t.Verdict = slices.Grow(t.Verdict[:0], len(classes))
	t.repelled = slices.Grow(t.repelled[:0], len(classes))
	t.dislikes = false
	logger := klog.Background()
	tolerations := q.Pod.Spec.Tolerations
	for i := range classes {
		class := &classes[i]
		verdict, repelled := int32(0), false
		if len(class.Taints) > 0 {
			_, repelled = v1helper.FindMatchingUntoleratedTaint(logger, class.Taints, tolerations, helper.DoNotScheduleTaintsFilterFunc(), t.comparison)
			for j := range class.Taints {
				if taint := &class.Taints[j]; taint.Effect == v1.TaintEffectPreferNoSchedule && !toleratesDislike(logger, tolerations, taint, t.comparison) {
					verdict++
				}
			}
		}
		cordoned := t.cordons && class.Unschedulable && !v1helper.TolerationsTolerateTaint(logger, tolerations,
			&v1.Taint{Key: v1.TaintNodeUnschedulable, Effect: v1.TaintEffectNoSchedule}, t.comparison)
		if repelled || cordoned {
			verdict = Refused
		}
		t.dislikes = t.dislikes || verdict > 0
		t.Verdict = append(t.Verdict, verdict)
		t.repelled = append(t.repelled, repelled)
	}
	q.byClass(t)
}

// toleratesDislike considers only tolerations for PreferNoSchedule or for all effects, as
// upstream's score does.
func toleratesDislike(logger klog.Logger, tolerations []v1.Toleration, taint *v1.Taint, comparison bool) bool {
	for i := range tolerations {
		if t := &tolerations[i]; (t.Effect == "" || t.Effect == v1.TaintEffectPreferNoSchedule) && t.ToleratesTaint(logger, taint, comparison) {
			return true
		}
	}
	return false
}

// score adds 100 minus the disliked taints in percent of the most that a feasible node has. Taints
// that predicted pressure counts as are included.
func (t *Taints) score(q *Query, rows []int32, totals []int64) {
	counts := resize(&t.counts, len(rows))
	most := int32(0)
	if t.dislikes || q.pressed {
		classes, verdict := q.table.Classes, t.Verdict
		for i, row := range rows {
			count := verdict[classes[row]]
			if q.pressed {
				count += int32(q.Kept.Pressed[row])
			}
			counts[i] = count
			most = max(most, count)
		}
	}
	if most == 0 {
		for i := range totals {
			totals[i] += t.weight * fwk.MaxScore
		}
		return
	}
	shares := t.Shares(most)
	for i, count := range counts {
		totals[i] += shares[count]
	}
}

// Shares returns the weighted score of each count of disliked taints, if the most on a feasible
// node is that many. For example, with most = 4 and weight 3, one taint scores 3·(100 − 25) = 225.
// The slice is valid until the next call.
func (t *Taints) Shares(most int32) []int64 {
	shares := sharesOf(&t.shares, int64(max(most, 1)))[:most+1]
	for n, share := range shares {
		shares[n] = t.weight * (fwk.MaxScore - share)
	}
	return shares
}
