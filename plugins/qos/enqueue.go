// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// SignPod signs what the plugin reads of a pod: its objective, weight, history and forecast. While
// no node is judged, nothing is read and the signature is empty.
func (p *PredictedQoS) SignPod(_ context.Context, pod *v1.Pod) ([]fwk.SignFragment, *fwk.Status) {
	if !p.scoresBy(p.latest()) {
		return nil, nil
	}
	o := p.objectiveOf(pod)
	return []fwk.SignFragment{{Key: "foresight-scheduler.dev/qos", Value: struct {
		Objective  string
		Named      string
		Importance float32
		Workload   string
		Requests   forecast.Requests
		Class      forecast.Class
	}{o.String(), p.rules.NameFor(pod), objective.Importance(pod), workload(pod, o), forecast.RequestsOf(pod), forecast.ClassOf(pod, forecast.RequestsOf(pod).Asked)}}}, nil
}

// EventsToRegister returns the events that may lower the risk on a node. New metrics and outcomes
// raise no event.
func (p *PredictedQoS) EventsToRegister(context.Context) ([]fwk.ClusterEventWithHint, error) {
	return p.rule.Events(), nil
}
