// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/clock"
	testclock "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

func args() config.PredictionArgs {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	return config.PredictionArgs{
		Usage:      config.UsageArgs{Source: config.UsageFromMetricsAPI, Interval: d(time.Second), Window: d(time.Minute), Expiry: d(2 * time.Minute)},
		Percentile: 95, ColdStart: d(15 * time.Minute),
		Checkpoint: config.CheckpointArgs{Interval: d(time.Minute)},
	}
}

// script is a usage.Source that answers what it is told, one answer a reading.
type script struct{ answers chan answer }

type answer struct {
	usage.Reading
	err error
}

func (s *script) Name() string { return "script" }

func (s *script) Read(ctx context.Context) (usage.Reading, error) {
	select {
	case a := <-s.answers:
		return a.Reading, a.err
	case <-ctx.Done():
		return usage.Reading{}, ctx.Err()
	}
}

func reading(at time.Time, cpu map[string]float64) usage.Reading {
	r := usage.Reading{Start: at, End: at}
	for name, v := range cpu {
		n := usage.NodeSample{Node: name}
		n.Time = at
		n.Values.Set(usage.CPU, v)
		r.Nodes = append(r.Nodes, n)
	}
	return r
}

// What a source says is published; what it fails to say leaves the last word standing,
// which tells its own age.
func TestEngine(t *testing.T) {
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now := testclock.NewFakeClock(begin)
	e := New(args(), now)
	if e.Snapshot() != nil {
		t.Fatal("an engine that never ran knows something")
	}
	source := &script{answers: make(chan answer)}
	done := make(chan error)
	go func() { done <- e.Run(t.Context(), source, Cluster{}) }()

	next := func(a answer) {
		source.answers <- a
		// The collector waits for its next turn once it has handed the reading over.
		for !now.HasWaiters() {
			time.Sleep(time.Millisecond)
		}
		now.Step(10 * time.Second)
	}
	next(answer{Reading: reading(begin, map[string]float64{"a": 1, "b": 5})})
	next(answer{Reading: reading(begin.Add(10*time.Second), map[string]float64{"a": 3})})
	before := e.Snapshot()
	a, ok := before.Node("a")
	if !ok || a.CPU != (forecast.Stats{Mean: 2, StdDev: 1, Latest: 3}) || !a.Newest.Equal(begin.Add(10*time.Second)) || a.Window != 10*time.Second {
		t.Errorf("a: %+v, %v", a, ok)
	}
	if !math.IsNaN(a.Memory.Mean) || !math.IsNaN(a.Memory.Latest) {
		t.Errorf("memory was never measured, and is %+v", a.Memory)
	}
	next(answer{err: errors.New("no answer")})
	if later, _ := e.Snapshot().Node("a"); later.CPU != a.CPU || later.Newest != a.Newest {
		t.Error("a failed reading changed what is known")
	}

	// After the window the old sample no longer counts; after the expiry b is forgotten.
	now.Step(3 * time.Minute)
	lacking := reading(now.Now(), map[string]float64{"a": 7})
	lacking.Failed = []usage.Failure{{Node: "b", Err: errors.New("no answer")}}
	lacking.Warnings = []string{"a store is down"}
	next(answer{Reading: lacking})
	after := e.Snapshot()
	if a, _ := after.Node("a"); a.CPU != (forecast.Stats{Mean: 7, StdDev: 0, Latest: 7}) {
		t.Errorf("a: %+v", a)
	}
	if _, ok := after.Node("b"); ok || after.Nodes(now.Now(), time.Hour) != 1 {
		t.Error("b is still known long after its last sample")
	}
	if a, _ := before.Node("a"); a.CPU.Latest != 3 {
		t.Error("a published snapshot changed")
	}

	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(e))
	want := `
# HELP foresight_usage_node_failures_total [ALPHA] Nodes that good readings of usage could not read.
# TYPE foresight_usage_node_failures_total counter
foresight_usage_node_failures_total 1
# HELP foresight_usage_nodes [ALPHA] Nodes whose usage is known.
# TYPE foresight_usage_nodes gauge
foresight_usage_nodes 1
# HELP foresight_usage_readings_total [ALPHA] Readings of usage by result: success or failure.
# TYPE foresight_usage_readings_total counter
foresight_usage_readings_total{result="failure"} 1
foresight_usage_readings_total{result="success"} 3
# HELP foresight_usage_warnings_total [ALPHA] Remarks of the queried server beside good readings, such as that its answer is not complete.
# TYPE foresight_usage_warnings_total counter
foresight_usage_warnings_total 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_usage_node_failures_total", "foresight_usage_warnings_total", "foresight_usage_nodes", "foresight_usage_readings_total"); err != nil {
		t.Error(err)
	}

	source.answers <- answer{err: usage.ErrEnd}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Metrics say of each node what it uses and what it is predicted to use at most, unless there are more nodes than they may name.
func TestMetricsNameNodesUpToALimit(t *testing.T) {
	for limit, want := range map[int32]int{1: 0, 2: 2} {
		now := testclock.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		a := args()
		a.NodeMetricsLimit = limit
		e := New(a, now)
		source, done := &script{answers: make(chan answer)}, make(chan error)
		go func() { done <- e.Run(t.Context(), source, Cluster{}) }()
		for range 10 {
			source.answers <- answer{Reading: reading(now.Now(), map[string]float64{"a": 1, "b": 5})}
			for !now.HasWaiters() {
				time.Sleep(time.Millisecond)
			}
			now.Step(10 * time.Second)
		}
		registry := metrics.NewKubeRegistry()
		registry.CustomMustRegister(NewMetrics(e))
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for _, f := range families {
			counts[f.GetName()] = len(f.GetMetric())
			for _, m := range f.GetMetric() {
				v, node := m.GetGauge().GetValue(), ""
				for _, l := range m.GetLabel() {
					if l.GetName() == "node" {
						node = l.GetValue()
					}
				}
				use := map[string]float64{"a": 1, "b": 5}[node]
				switch f.GetName() {
				case "foresight_node_cpu_cores_used":
					if v != use {
						t.Errorf("%s uses %v, told is %v", node, use, v)
					}
				case "foresight_node_cpu_cores_predicted_peak":
					if v < use || v > 2*use {
						t.Errorf("%s uses %v, predicted is %v", node, use, v)
					}
				}
			}
		}
		for name, all := range map[string]int{
			"foresight_node_cpu_cores_used": want, "foresight_node_cpu_cores_predicted_peak": 2 * want,
			// It was never measured.
			"foresight_node_memory_bytes_used": 0, "foresight_node_memory_bytes_predicted_peak": 0,
		} {
			if counts[name] != all {
				t.Errorf("limit %d: %d series of %s, want %d", limit, counts[name], name, all)
			}
		}
		source.answers <- answer{err: usage.ErrEnd}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestEngineRefusesWhatItCannotRun(t *testing.T) {
	bad := args()
	bad.Usage.Interval.Duration = 0
	if err := New(bad, clock.RealClock{}).Run(t.Context(), &script{}, Cluster{}); err == nil {
		t.Error("ran without an interval")
	}
}

// The statistics against their definition, for values as large as bytes are.
func TestStatsOf(t *testing.T) {
	var samples []sample
	sum, n := 0., 0
	for i := range 50 {
		v := 64e9 + float64(i*i%17)
		if i%9 == 4 {
			v = math.NaN()
		} else {
			sum, n = sum+v, n+1
		}
		samples = append(samples, sample{memory: v})
	}
	mean, squares := sum/float64(n), 0.
	for _, s := range samples {
		if !math.IsNaN(s.memory) {
			squares += (s.memory - mean) * (s.memory - mean)
		}
	}
	got := statsOf(samples, func(s *sample) float64 { return s.memory })
	want := math.Sqrt(squares / float64(n))
	if math.Abs(got.Mean-mean) > 1e-3 || math.Abs(got.StdDev-want) > 1e-3 {
		t.Errorf("got %+v, want mean %v and deviation %v", got, mean, want)
	}
}

// The memory of a node is bounded by the window, however long it is watched.
func TestHistoryIsBounded(t *testing.T) {
	h := newWindows(time.Minute, time.Minute)
	at := time.Unix(0, 0)
	for range 10000 {
		at = at.Add(time.Second)
		h.add(reading(at, map[string]float64{"a": 1}))
	}
	if n := cap(h.nodes["a"]); n > 200 {
		t.Errorf("%d samples are held for a window of 61", n)
	}
}

// One cycle of the largest cluster that is planned for.
func BenchmarkPublish(b *testing.B) {
	h := newWindows(15*time.Minute, 5*time.Minute)
	nodes := map[string]float64{}
	for i := range 15000 {
		nodes[fmt.Sprint("node-", i)] = 1
	}
	at := time.Unix(0, 0)
	for range 30 {
		at = at.Add(30 * time.Second)
		h.add(reading(at, nodes))
	}
	b.ReportAllocs()
	for b.Loop() {
		h.publish(at)
	}
}

func BenchmarkSnapshotNode(b *testing.B) {
	h := newWindows(time.Minute, time.Minute)
	at := time.Unix(0, 0)
	h.add(reading(at, map[string]float64{"node-7": 1}))
	s := forecast.NewSnapshot(forecast.Contents{Usage: h.publish(at)})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := s.Node("node-7"); !ok {
			b.Fatal("unknown")
		}
	}
}
