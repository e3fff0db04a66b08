// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/measure"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// NamedObjective is the result for the pods of one objective that the operator named.
type NamedObjective struct {
	Rule  *objective.Rule
	Count feedback.Named
	// Query is the state of the rule's query, if it has one.
	Query measure.Status
}

// namedObjectives returns the named objectives, in the order of the args.
func (p *PredictedQoS) namedObjectives(counts map[string]feedback.Named) (all []NamedObjective) {
	for i := range p.rules {
		if r := &p.rules[i]; r.Name != "" {
			all = append(all, NamedObjective{r, counts[r.Name], p.service.query(r.Query)})
		}
	}
	return all
}

// namedMetrics are those of objectives that the operator named.
type namedMetrics struct {
	outcomes, judged, promised, realised, queries, values, dropped *metrics.Desc
}

func newNamedMetrics(desc func(name, help string, labels ...string) *metrics.Desc) namedMetrics {
	return namedMetrics{
		outcomes: desc("objective_outcomes_total", "Decisions judged of a named objective, by result: kept or violated.", "name", "result"),
		judged:   desc("objective_promises_judged_total", "Decisions of a named objective whose outcome tells something of their nodes.", "name"),
		promised: desc("objective_promised_violations_total", "Violations that were predicted of these decisions: the sum of their risks.", "name"),
		realised: desc("objective_realised_violations_total", "Violations that came of these decisions.", "name"),
		queries:  desc("objective_queries_total", "Times the query of a named objective was asked, by result: success or failure.", "name", "result"),
		values:   desc("objective_values_total", "Values that the query told of pods that waited for them.", "name"),
		dropped:  desc("objective_values_dropped_total", "Values that the query told and that are not believed, by reason.", "name", "reason"),
	}
}

func (m *namedMetrics) all() []*metrics.Desc {
	return []*metrics.Desc{m.outcomes, m.judged, m.promised, m.realised, m.queries, m.values, m.dropped}
}

func (m *namedMetrics) collect(p *PredictedQoS, counts map[string]feedback.Named, counted func(d *metrics.Desc, v float64, labels ...string)) {
	for _, o := range p.namedObjectives(counts) {
		name, promise, query := o.Rule.Name, &o.Count.Promise, &o.Query
		counted(m.outcomes, float64(o.Count.Kept), name, "kept")
		counted(m.outcomes, float64(o.Count.Violated), name, "violated")
		counted(m.judged, float64(promise.Judged), name)
		counted(m.promised, promise.Risk, name)
		counted(m.realised, float64(promise.Violated), name)
		if o.Rule.Query == "" {
			continue
		}
		counted(m.queries, float64(query.Answered), name, "success")
		counted(m.queries, float64(query.Failed), name, "failure")
		counted(m.values, float64(query.Values), name)
		for reason, n := range query.Dropped {
			if n > 0 {
				counted(m.dropped, float64(n), name, usage.Reason(reason).String())
			}
		}
	}
}
