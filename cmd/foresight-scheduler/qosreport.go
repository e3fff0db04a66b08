// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net/http"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/explained"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
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
					Objective: objective.Objective(o).String(), Placed: r.Counts.Decided[o],
					Judged: promise.Judged, Predicted: promise.Risk, Violated: promise.Violated, Own: r.Counts.Violated[o] - promise.Violated,
				})
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
