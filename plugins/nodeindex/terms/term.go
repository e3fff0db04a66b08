// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package terms is what the node index knows of scheduler plugins, with a file for each term. A
// term is one thing that profiles filter and score nodes by, such as taints: its configuration in a
// profile, how it reads a pod, which rows it refuses, and how it scores them. The index itself
// knows rows, scores and what is kept of them, and no plugin.
//
// Everything here belongs to the goroutine that schedules. Loops over rows are inside the terms:
// the index calls a term once for a pod, or for many rows.
package terms

import v1 "k8s.io/api/core/v1"

// all returns new terms, in the order in which they read a profile and then each pod. Some read
// what others have found about the pod.
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
	// read takes the term's plugins and their args from the profile. It returns false if there is
	// nothing for the term to do.
	read(p *profile) bool
	// compile reads what the pod in hand asks of nodes, and has the query do what that requires:
	// keeps, byClass, allows, admits, scores or scoresAlike. If it cannot tell, it calls cannotSay.
	compile(q *Query)
}

// keeper judges rows for all pods of a shape at once: its verdict on a row holds until the row
// changes. compile has written the parts of the pod that it depends on to the query's Shape, and
// everything else that it depends on to its World.
type keeper interface {
	// judge updates the rows of q.Kept. Earlier keepers have set rows that they refuse to NoFit.
	judge(q *Query, rows []int32)
}

// admitter refuses rows for the pod in hand only.
type admitter interface {
	// admit keeps the rows that the pod may go to, with their totals, and returns their number.
	admit(q *Query, rows []int32, totals []int64) int
}

// scorer scores rows for the pod in hand only, usually relative to other rows.
type scorer interface {
	// score adds to the totals of all feasible rows, at least two.
	score(q *Query, rows []int32, totals []int64)
}

// alike scores each row by itself, and alike for all pods with the same numbers (see scoresAlike).
type alike interface {
	scorer
	// scoreRows adds to the scores of the rows from the first on, except those that are Infeasible.
	scoreRows(q *Query, first int32, scores []int64)
}

// prover is a term for which upstream's PreFilter counts the pods of the whole cluster.
type prover interface {
	// counts appends pointers to the parts of the pod that it counts for. The term proves each of
	// them by which it judges all nodes.
	counts(to []any, pod *v1.Pod) []any
	// leaveOut removes the same parts from a shallow copy of the pod.
	leaveOut(light *v1.Pod)
}

// keep moves the admitted rows and their totals to the front and returns their number.
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
