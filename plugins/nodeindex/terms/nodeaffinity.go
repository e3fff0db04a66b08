// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/postings"
)

// nodeAffinity is the term of node selectors and node affinity. It is answered from the lists of
// nodes by label value.
type nodeAffinity struct {
	filters bool
	weight  int64
	// Added to every pod's.
	enforced *v1.NodeSelector
	favoured []v1.PreferredSchedulingTerm

	selection postings.Set // by the pod's own; nil selects all
	prefer    []int64      // by row; nil prefers none
	mixed     bool         // into the score of services
	shares    []int64
}

// read makes the term part of any profile, since topology spread needs the selection.
func (a *nodeAffinity) read(p *profile) bool {
	a.filters = p.filters(names.NodeAffinity, config.AffinityName)
	a.weight = p.weight(names.NodeAffinity, config.AffinityName)
	if args, ok := p.args(names.NodeAffinity).(*kubeschedulerconfig.NodeAffinityArgs); ok {
		a.add(p, args.AddedAffinity)
	}
	if args, ok := p.args(config.AffinityName).(*config.AffinityArgs); ok {
		a.add(p, args.AddedAffinity)
	}
	return true
}

func (a *nodeAffinity) add(p *profile, added *v1.NodeAffinity) {
	if added == nil {
		return
	}
	if a.enforced != nil || a.favoured != nil {
		p.doNotKnow("two plugins that add node affinity")
	}
	a.enforced, a.favoured = added.RequiredDuringSchedulingIgnoredDuringExecution, added.PreferredDuringSchedulingIgnoredDuringExecution
}

func (a *nodeAffinity) compile(q *Query) {
	a.selection, a.prefer = nil, nil
	var required *v1.NodeSelector
	var preferred []v1.PreferredSchedulingTerm
	if of := q.Pod.Spec.Affinity; of != nil && of.NodeAffinity != nil {
		required = of.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		preferred = of.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	}
	if len(q.Pod.Spec.NodeSelector) > 0 || required != nil {
		a.selection = q.table.Labels.Select(q.Pod.Spec.NodeSelector, required)
	}
	if a.filters {
		if a.selection != nil {
			q.allows(a.selection)
		}
		if a.enforced != nil {
			q.allows(q.table.Labels.Select(nil, a.enforced))
		}
	}
	if a.weight == 0 || len(preferred)+len(a.favoured) == 0 {
		return
	}
	if len(a.favoured) > 0 {
		preferred = append(slices.Clone(a.favoured), preferred...)
	}
	var err error
	if a.prefer, err = q.table.Labels.Prefer(preferred); err != nil {
		q.cannotSay(ReasonInvalid)
	}
	if a.prefer != nil && !a.mixed {
		q.scores(a)
	}
}

func (a *nodeAffinity) score(_ *Query, rows []int32, totals []int64) { a.addTo(rows, totals, a.weight) }

// maxShares is the largest sum of weights for which a table is worthwhile: 10 preferences of the
// largest weight, 100.
const maxShares = 1000

// addTo adds the normalized score for preferred node affinity, multiplied by the weight.
func (a *nodeAffinity) addTo(rows []int32, totals []int64, weight int64) {
	least, most := int64(0), int64(0)
	for _, row := range rows {
		least, most = min(least, a.prefer[row]), max(most, a.prefer[row])
	}
	if most > 0 && most <= maxShares && least == 0 {
		shares := sharesOf(&a.shares, most)
		for i, row := range rows {
			totals[i] += weight * shares[a.prefer[row]]
		}
		return
	}
	for i, row := range rows {
		score := a.prefer[row]
		if most > 0 {
			score = fwk.MaxScore * score / most
		}
		totals[i] += weight * score
	}
}
