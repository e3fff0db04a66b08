// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// With scoreFrom: Model the plugin has a say while a model judges, and none before, nor after the model was demoted. It learns from what
// comes of decisions all the time.
func TestScoreFromModel(t *testing.T) {
	a := args()
	a.ScoreFrom, a.MaxRiskPercent = config.QoSFromModel, 50
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	s := newScheduler(t, a, []*v1.Pod{on("hot", pod("hog", "batch", "3800m"))}, node("hot"), node("cold"))
	silent := func(when string) {
		t.Helper()
		p, state := pod("p", "latency", "100m"), framework.NewCycleState()
		if _, status := s.PreFilter(t.Context(), state, p, s.nodes); !status.IsSkip() {
			t.Errorf("%s: PreFilter %v", when, status)
		}
		if j, can := s.Judge(state, p); j != nil || !can {
			t.Errorf("%s: the index is told %v, %v", when, j, can)
		}
		if status := s.PreScore(t.Context(), state, p, s.nodes); !status.IsSkip() {
			t.Errorf("%s: PreScore %v", when, status)
		}
		for _, n := range s.nodes {
			score, status := s.Score(t.Context(), state, p, n)
			if refused := s.Filter(t.Context(), state, p, n); score != 0 || !status.IsSuccess() || !refused.IsSuccess() {
				t.Errorf("%s: %s scores %d, %v, %v", when, n.Node().Name, score, status, refused)
			}
		}
		if signed, status := s.SignPod(t.Context(), p); len(signed) > 0 || !status.IsSuccess() {
			t.Errorf("%s: it signs %v, %v", when, signed, status)
		}
		if r := s.service.Reports()[0]; r.Scores || len(r.Nodes) != 2 {
			t.Errorf("%s: it tells %+v", when, r)
		}
	}
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(s.service))
	says := func(scores int) {
		t.Helper()
		want := fmt.Sprintf("# HELP foresight_qos_scores [ALPHA] 1 where nodes are scored and refused by what judges now, 0 where it is only told.\n# TYPE foresight_qos_scores gauge\nforesight_qos_scores{profile=\"\"} %d\n", scores)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_qos_scores"); err != nil {
			t.Error(err)
		}
	}
	silent("without a model")
	says(0)
	watched := func(name string) {
		t.Helper()
		p, state := pod(name, "latency", "100m"), framework.NewCycleState()
		s.PreFilter(t.Context(), state, p, s.nodes)
		s.Reserve(t.Context(), state, p, "cold")
		s.PostBind(t.Context(), state, p, "cold")
	}
	watched("kept")
	s.wait(10 * time.Minute)
	if c, _ := s.feedback.Report(); c.Decided[objective.Latency] != 1 || c.Kept[objective.Latency] != 1 {
		t.Errorf("what came of a decision: %+v", c)
	}

	writeModel(t, a.ModelFile)
	s.wait(time.Minute)
	if got := s.decide(pod("p", "latency", "100m")); got["hot"] != -1 || got["cold"] != 100 {
		t.Errorf("a model judges: %v, want the hot node refused", got)
	}
	if r := s.service.Reports()[0]; !r.Scores {
		t.Errorf("a model judges: it tells %+v", r)
	}
	says(1)

	for i := range 200 {
		s.feedback.Bound(&feedback.Decision{UID: pod(fmt.Sprint(i), "latency", "1m").UID, Node: "cold", Objective: objective.Latency})
	}
	if err := os.WriteFile(a.ModelFile, []byte("no model"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.wait(time.Minute)
	silent("the model is damaged")
}

// Decisions in which the plugin has no part are watched up to a burst, and from then on no faster than they are judged. The others are
// counted.
func TestDecisionsThatAreOnlyWatchedAreFew(t *testing.T) {
	a := args()
	a.ScoreFrom, a.Feedback.Decisions = config.QoSFromModel, 3600
	s := newScheduler(t, a, nil, node("a"))
	bind := func(from, to int) {
		for i := from; i < to; i++ {
			p, state := pod(fmt.Sprint("p", i), "latency", "1m"), framework.NewCycleState()
			s.PreFilter(t.Context(), state, p, s.nodes)
			s.Reserve(t.Context(), state, p, "a")
			s.PostBind(t.Context(), state, p, "a")
		}
	}
	bind(0, 1500)
	if c, _ := s.feedback.Report(); c.Decided[objective.Latency] != 1500 || c.Unjudged != 500 {
		t.Errorf("of a burst of 1,500: %d counted, %d not watched", c.Decided[objective.Latency], c.Unjudged)
	}
	s.elapsed.Add(int64(100 * time.Second))
	bind(1500, 2000)
	if c, _ := s.feedback.Report(); c.Decided[objective.Latency] != 2000 || c.Unjudged != 900 {
		t.Errorf("100 s later, at one a second: %d counted, %d not watched", c.Decided[objective.Latency], c.Unjudged)
	}
}
