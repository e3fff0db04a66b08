// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testclock "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Nodes are told with how their own forecasts came out, and with the last misses where somebody asks for them.
func TestNodesAreToldWithTheirAccount(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := testclock.NewFakeClock(begin.Add(-10 * time.Minute))
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	e := learn.New(config.PredictionArgs{
		Usage:      config.UsageArgs{Interval: d(10 * time.Minute), Window: d(time.Hour), Expiry: d(time.Hour)},
		Percentile: 95, ColdStart: d(15 * time.Minute), Checkpoint: config.CheckpointArgs{Interval: d(time.Hour)},
	}, now)
	stepper := e.Stepper(learn.Cluster{
		Nodes:    func() []*v1.Node { return []*v1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}} },
		Machines: func(string) (usage.Machine, bool) { return usage.Machine{Cores: 8, Bytes: 32 << 30}, true },
	})
	for hour := range 6 {
		for range 6 {
			now.Step(10 * time.Minute)
			n := usage.NodeSample{Node: "a"}
			n.Time = now.Now()
			n.Values.Set(usage.CPU, map[bool]float64{false: 1, true: 6}[hour == 4])
			if err := stepper.Step(t.Context(), usage.Reading{Start: n.Time, End: n.Time, Nodes: []usage.NodeSample{n}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, misses := range []bool{false, true} {
		nodes := &decision.Nodes{Nodes: []decision.Node{{Name: "a"}, {Name: "unknown"}}}
		judged(e, nodes, misses)
		n := &nodes.Nodes[0]
		held, known := n.CPU.Hours.Held()
		if !known || n.CPU.Hours.Above != 1 || held >= 1 || held < .5 || nodes.Nodes[1].CPU.Hours != nil {
			t.Fatalf("%+v held %v", n.CPU.Hours, held)
		}
		if _, known := n.Memory.Hours.Held(); known {
			t.Errorf("memory was not measured, and its forecasts held: %+v", n.Memory.Hours)
		}
		if len(n.Misses) > 0 != misses {
			t.Fatalf("misses %v: %+v", misses, n.Misses)
		}
		if misses {
			m := n.Misses[len(n.Misses)-1]
			if m.Came != 6 || m.Resource != "cpu" || m.Forecast.Upper >= 6 || m.Forecast.Upper < 1 || !m.Begin.Equal(begin.Add(4*time.Hour)) {
				t.Errorf("the miss is %+v", m)
			}
		}
		if len(nodes.Realised) != 1 || nodes.Realised[0].Promised != .95 {
			t.Errorf("of all nodes: %+v", nodes.Realised)
		}
	}
}
