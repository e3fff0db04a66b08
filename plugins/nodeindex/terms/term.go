// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package terms holds what the node index knows of scheduler plugins, a file a term. A term is one thing that profiles
// filter and score nodes by, such as taints: how a profile has it configured, how it reads a pod, which rows it
// refuses and how it scores them. The index itself knows rows, scores and what is kept of them, and no plugin.
//
// Everything here belongs to the goroutine that schedules. Loops over rows are inside the terms: what stands
// between the index and a term is called once for a pod, or for many rows.
package terms

import v1 "k8s.io/api/core/v1"

// all returns new terms, in the order in which they read a profile, then each pod. Some read what others have made of
// the pod.
func all() []Term {
	resources, taints, affinity := &resources{}, &Taints{}, &nodeAffinity{}
	return []Term{
		resources,
		&pressure{},
		&peaks{resources: resources},
		taints,
		&services{affinity: affinity},
		affinity,
		&ports{},
		&images{},
		&spread{taints: taints, affinity: affinity},
		&podAffinity{},
		&asked{}, // all plugins that are left
	}
}

// Term is made for one profile and asked about one pod after the other.
type Term interface {
	// read takes from the profile which plugins it has for the term, and their args. It returns false where there is
	// nothing for the term to do.
	read(p *profile) bool
	// compile reads what the pod in hand asks of nodes, and has the query do what that takes: keeps, byClass, allows, admits,
	// scores or scoresAlike. Where it cannot tell, it says so by cannotSay.
	compile(q *Query)
}

// keeper judges rows for all pods of a shape at once: what it makes of a row holds until the row changes. What of the
// pod it depends on, compile has written to the query's Shape; what else, to its World.
type keeper interface {
	// judge brings the rows of q.Kept up to date. The keepers before it have set rows that they refuse to NoFit.
	judge(q *Query, rows []int32)
}

// admitter refuses rows for the pod in hand only.
type admitter interface {
	// admit leaves of the rows, and of the totals beside them, those that the pod may go to, and returns how many.
	admit(q *Query, rows []int32, totals []int64) int
}

// scorer scores rows for the pod in hand only, most of them by what other rows have.
type scorer interface {
	// score adds to the totals of all feasible rows, at least two.
	score(q *Query, rows []int32, totals []int64)
}

// alike scores each row by itself, and alike for all pods that have the same numbers (see scoresAlike).
type alike interface {
	scorer
	// scoreRows adds to the scores of the rows from the first on, but for those that are Infeasible.
	scoreRows(q *Query, first int32, scores []int64)
}

// prover is a term whose plugin has PreFilter count the pods of the whole cluster.
type prover interface {
	// counts adds pointers to what of the pod it counts for. The term proves each that it judges all nodes by.
	counts(to []any, pod *v1.Pod) []any
	// leaveOut takes the same out of a shallow copy of the pod.
	leaveOut(light *v1.Pod)
}

// keep leaves of the rows, and of what stands beside them, those that are admitted.
func keep(rows []int32, totals []int64, admits func(row int32) bool) int {
	n := 0
	for i, row := range rows {
		if admits(row) {
			rows[n], totals[n] = row, totals[i]
			n++
		}
	}
	return n
}
