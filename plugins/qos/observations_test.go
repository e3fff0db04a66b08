// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/outcome"
)

// What comes of decisions is written, a scheduler that starts goes on with it, and a model that is trained from it judges: the
// node where pods suffered is the riskier one.
func TestModelIsRenewed(t *testing.T) {
	a := args()
	a.Feedback.ObservationsFile = filepath.Join(t.TempDir(), "observations.csv")
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	nodes := []*v1.Node{node("hot-0"), node("hot-1"), node("cold-0"), node("cold-1")}
	var hogs []*v1.Pod
	for i := range 2 {
		hogs = append(hogs, on(fmt.Sprint("hot-", i), pod(fmt.Sprint("hog-", i), "batch", "3")))
	}
	logger := klog.Background()
	s := newScheduler(t, a, hogs, nodes...)
	for i := range 240 {
		name, at := fmt.Sprint("p", i), nodes[i%4].Name
		s.bind(pod(name, "latency", "100m"), at)
		if i%4 < 2 && i%3 > 0 {
			s.observe(restarted(pod(name, "latency", "100m")))
		}
		s.time = s.time.Add(time.Second)
	}
	s.wait(10 * time.Minute)
	s.bind(pod("other", "batch", "100m"), "hot-0")
	s.observe(restarted(pod("other", "batch", "100m")))
	s.feedback.exporter.write(logger, 0)
	late := pod("p0", "latency", "100m") // kept at ten minutes, and lost after
	s.observe(restarted(late))
	s.feedback.exporter.write(logger, 0)

	next := newScheduler(t, a, hogs, nodes...)
	next.bind(pod("after", "latency", "100m"), "cold-0")
	next.wait(10 * time.Minute)
	next.feedback.exporter.write(logger, 0)
	outcomes, err := outcome.ReadObservations(a.Feedback.ObservationsFile)
	if err != nil || len(outcomes) != 242 {
		t.Fatalf("%d outcomes, want 242; error %v", len(outcomes), err)
	}
	groups, violations := outcome.FromObservations(outcomes, "latency"), 0.
	for _, g := range groups {
		for _, y := range g.Y {
			violations += y
		}
	}
	if len(groups) != 4 || violations != 81 {
		t.Errorf("%d groups with %v violations, want 4 and 81", len(groups), violations)
	}
	if err := quality.Save(a.ModelFile, quality.Fit(quality.Placement, groups, nil), quality.Card{}); err != nil {
		t.Fatal(err)
	}
	next.wait(time.Second)
	if rung := next.judge.Load().rung; rung != RungModel {
		t.Fatalf("rung %v", rung)
	}
	if got := next.decide(pod("p", "latency", "100m")); got["hot-0"] >= got["cold-1"] {
		t.Errorf("scores %v", got)
	}
}

// A file that cannot be written is counted; one that is damaged starts anew.
func TestObservationsFileFails(t *testing.T) {
	a := args()
	a.Feedback.ObservationsFile = filepath.Join(t.TempDir(), "there", "observations.csv")
	s := newScheduler(t, a, nil, node("a"))
	s.bind(pod("p", "latency", "100m"), "a")
	s.observe(restarted(pod("p", "latency", "100m")))
	s.feedback.exporter.write(klog.Background(), 0)
	if n := s.feedback.counts.unwritten; n != 1 {
		t.Errorf("%d failures", n)
	}
	if err := os.Mkdir(filepath.Dir(a.Feedback.ObservationsFile), 0o700); err != nil {
		t.Fatal(err)
	}
	s.feedback.exporter.write(klog.Background(), 0)
	if outcomes, err := outcome.ReadObservations(a.Feedback.ObservationsFile); err != nil || len(outcomes) != 1 {
		t.Errorf("once the folder is there: %+v, %v", outcomes, err)
	}
	if err := os.WriteFile(a.Feedback.ObservationsFile, []byte("bound,node\nyesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = newScheduler(t, a, nil, node("a"))
	s.bind(pod("p", "latency", "100m"), "a")
	s.observe(restarted(pod("p", "latency", "100m")))
	s.feedback.exporter.write(klog.Background(), 0)
	if outcomes, err := outcome.ReadObservations(a.Feedback.ObservationsFile); err != nil || len(outcomes) != 1 || !outcomes[0].Violated {
		t.Errorf("%+v, %v", outcomes, err)
	}
}
