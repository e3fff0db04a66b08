// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// syntheticEngine returns an engine that knows what every node uses.
func syntheticEngine(ctx context.Context, c *synthetic.Cluster) (*learn.Engine, error) {
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
	}, clock.RealClock{})
	machines := make(map[string]usage.Machine, len(c.Nodes.Items))
	var largest usage.Machine
	for i := range c.Nodes.Items {
		m := usage.MachineOf(&c.Nodes.Items[i])
		machines[c.Nodes.Items[i].Name] = m
		largest.Cores, largest.Bytes = max(largest.Cores, m.Cores), max(largest.Bytes, m.Bytes)
	}
	// The source ends after its one reading, and Run with it.
	err := e.Run(ctx, &oneReading{cluster: c}, learn.Cluster{Machines: func(name string) (usage.Machine, bool) {
		if name == "" {
			return largest, true
		}
		m, ok := machines[name]
		return m, ok
	}})
	return e, err
}

// oneReading is a source of usage that has read once.
type oneReading struct {
	cluster *synthetic.Cluster
	read    bool
}

// Name of the source.
func (o *oneReading) Name() string { return "synthetic" }

// Read returns what every node uses, then usage.ErrEnd.
func (o *oneReading) Read(context.Context) (usage.Reading, error) {
	if o.read {
		return usage.Reading{}, usage.ErrEnd
	}
	o.read = true
	now := time.Now()
	r := usage.Reading{Start: now, End: now}
	for i := range o.cluster.Nodes.Items {
		n := &o.cluster.Nodes.Items[i]
		m := usage.MachineOf(n)
		cpu, memory := synthetic.UsedBy(i)
		s := usage.NodeSample{Node: n.Name, Sample: usage.Sample{Time: now, Window: 30 * time.Second}}
		s.Set(usage.CPU, cpu*m.Cores)
		s.Set(usage.Memory, memory*m.Bytes)
		r.Nodes = append(r.Nodes, s)
	}
	return r, nil
}
