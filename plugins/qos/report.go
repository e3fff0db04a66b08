// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"cmp"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Report is how the plugin of one profile judges nodes, and the outcomes of its decisions.
type Report struct {
	Profile string
	Rung    string
	// Scores is true if nodes are scored and refused by the current judge.
	Scores bool
	Counts feedback.Counts
	// Named are the named objectives, in the order of the args.
	Named []NamedObjective
	// Time is when Nodes were judged. It is zero before a pod was placed.
	Time  time.Time
	Nodes []string
	// Risks are those of a typical pod of each objective, by node. They must not be changed.
	Risks [][objective.Count]Risk
}

// Reports returns the reports of all profiles, sorted by name.
func (s *Service) Reports() []Report {
	var all []Report
	for _, p := range s.all() {
		r := Report{Profile: p.profile, Rung: p.feedback.Judge().Rung.String(), Scores: p.scoresBy(p.latest())}
		r.Counts, _ = p.feedback.Report()
		r.Named = p.namedObjectives(r.Counts.Named)
		if out := p.exported.Load(); out != nil {
			r.Time, r.Nodes, r.Risks = out.at, out.nodes, out.risks
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Report) int { return cmp.Compare(a.Profile, b.Profile) })
	return all
}
