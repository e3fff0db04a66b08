// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// syntheticEngine returns an engine that knows what every node uses. Where it predicts it has watched nodes and pods for an hour, too.
func syntheticEngine(ctx context.Context, c *synthetic.Cluster, predicts bool) (*learn.Engine, error) {
	now := testclock.NewFakeClock(time.Now())
	if predicts {
		now.SetTime(now.Now().Add(-watched))
	}
	e := learn.New(config.PredictionArgs{
		Usage: config.UsageArgs{
			Source:   config.UsageFromMetricsAPI,
			Interval: metav1.Duration{Duration: time.Second},
			Window:   metav1.Duration{Duration: 15 * time.Minute},
			Expiry:   metav1.Duration{Duration: 24 * time.Hour},
		},
		Percentile: 95,
		ColdStart:  metav1.Duration{Duration: 15 * time.Minute},
		Checkpoint: config.CheckpointArgs{Interval: metav1.Duration{Duration: time.Hour}},
	}, now)
	machines := make(map[string]usage.Machine, len(c.Nodes.Items))
	var largest usage.Machine
	for i := range c.Nodes.Items {
		m := usage.MachineOf(&c.Nodes.Items[i])
		machines[c.Nodes.Items[i].Name] = m
		largest.Cores, largest.Bytes = max(largest.Cores, m.Cores), max(largest.Bytes, m.Bytes)
	}
	pods := make(map[string]*v1.Pod, len(c.Pods.Items))
	for i := range c.Pods.Items {
		pods[c.Pods.Items[i].Name] = &c.Pods.Items[i]
	}
	stepper := e.Stepper(learn.Cluster{
		Machines: func(name string) (usage.Machine, bool) {
			if name == "" {
				return largest, true
			}
			m, ok := machines[name]
			return m, ok
		},
		Pod: func(_, name string) *v1.Pod { return pods[name] },
	})
	for until := time.Now(); predicts && now.Now().Before(until); now.Step(watched / 12) {
		if err := stepper.Step(ctx, reading(c, now.Now(), true)); err != nil {
			return nil, err
		}
	}
	return e, stepper.Step(ctx, reading(c, now.Now(), false))
}

// watched is for how long an engine that predicts has looked on.
const watched = time.Hour

// reading of what nodes use at a time, and of what placed pods do: two fifths of their requests, now more and now less.
func reading(c *synthetic.Cluster, at time.Time, pods bool) usage.Reading {
	r := usage.Reading{Start: at, End: at}
	sample := usage.Sample{Time: at, Window: 30 * time.Second}
	for i := range c.Nodes.Items {
		n := &c.Nodes.Items[i]
		m := usage.MachineOf(n)
		cpu, memory := synthetic.UsedBy(i)
		s := usage.NodeSample{Node: n.Name, Sample: sample}
		s.Set(usage.CPU, cpu*m.Cores)
		s.Set(usage.Memory, memory*m.Bytes)
		r.Nodes = append(r.Nodes, s)
	}
	for i := range c.Pods.Items {
		p := &c.Pods.Items[i]
		if !pods || p.Spec.NodeName == "" {
			continue
		}
		requests := p.Spec.Containers[0].Resources.Requests
		share := .4 + .2*math.Sin(float64(i)+float64(at.Unix())/300)
		s := usage.PodSample{Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Sample: sample}
		s.Set(usage.CPU, share*requests.Cpu().AsApproximateFloat64())
		s.Set(usage.Memory, .4*requests.Memory().AsApproximateFloat64())
		r.Pods = append(r.Pods, s)
	}
	return r
}
