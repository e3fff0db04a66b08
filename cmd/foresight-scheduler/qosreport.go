// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/explained"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// qosReport answers with what the PredictedQoS plugins make of nodes, and what became of their decisions.
func qosReport(service *qos.Service) explained.Answer {
	return func(context.Context, *http.Request) (any, error) {
		out := decision.QoS{Profiles: []decision.QoSProfile{}}
		for _, r := range service.Reports() {
			p := decision.QoSProfile{Profile: r.Profile, Rung: r.Rung, Scores: r.Scores}
			for o := range objective.Count {
				var promise feedback.Promise
				for _, class := range r.Counts.Promises[o] {
					promise.Add(class)
				}
				p.Objectives = append(p.Objectives, decision.QoSObjective{
					Objective: objective.Objective(o).String(), QoSOutcomes: outcomesOf(r.Counts.Decided[o], r.Counts.Violated[o], &promise),
				})
			}
			for i := range r.Named {
				p.Named = append(p.Named, named(&r.Named[i]))
			}
			if !r.Time.IsZero() {
				p.Time = &r.Time
			}
			for i, name := range r.Nodes {
				n := decision.QoSNode{Name: name, Service: make(map[string]decision.QoSService, objective.Count)}
				for o, risk := range r.Risks[i] {
					n.Service[objective.Objective(o).String()] = decision.QoSService{
						Risk: float64(risk.Likely), Low: float64(risk.Low), High: float64(risk.High), Class: quality.Class(float64(risk.Likely)),
					}
				}
				p.Nodes = append(p.Nodes, n)
			}
			out.Profiles = append(out.Profiles, p)
		}
		return out, nil
	}
}

func outcomesOf(placed, violated int, promise *feedback.Promise) decision.QoSOutcomes {
	return decision.QoSOutcomes{
		Placed: placed, Judged: promise.Judged, Predicted: promise.Risk, Violated: promise.Violated, Own: violated - promise.Violated,
	}
}

func named(o *qos.NamedObjective) decision.QoSNamed {
	n := decision.QoSNamed{
		Name: o.Rule.Name, QoSOutcomes: outcomesOf(o.Count.Decided, o.Count.Violated, &o.Count.Promise),
		AtMost: o.Rule.AtMost, Unit: o.Rule.Unit, Values: o.Query.Values,
	}
	if o.Query.Err != nil {
		n.Failing = usage.AddWarning(nil, o.Query.Err.Error())[0]
	}
	return n
}
