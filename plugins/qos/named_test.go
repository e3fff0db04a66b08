// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// answers are what a server says of pods, by query.
type answers map[string][]usage.PodValue

func (a answers) AskPods(_ context.Context, query string, _ time.Time, each func(usage.PodValue)) (drops usage.Drops, err error) {
	values, ok := a[query]
	if !ok {
		return drops, errors.New("parse error")
	}
	for _, v := range values {
		each(v)
	}
	drops[usage.NotANumber]++
	return drops, nil
}

func (answers) PodWindow() time.Duration { return time.Second }

// lastRound ends the asking with the query that fails, which is the last one.
type lastRound struct {
	usage.PodAsker
	end func()
}

func (l lastRound) AskPods(ctx context.Context, query string, at time.Time, each func(usage.PodValue)) (usage.Drops, error) {
	drops, err := l.PodAsker.AskPods(ctx, query, at, each)
	if err != nil {
		l.end()
	}
	return drops, err
}

// measuredNow has the queries asked once.
func (s *scheduler) measuredNow(source usage.PodAsker) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	s.service.Measure(ctx, lastRound{source, cancel}, time.Minute)
}

// What an operator writes as an objective with a query is what its pods are judged by: metrics and reports tell by its name what was promised
// and what came, how the query fares, and the pods of others are not touched.
func TestObjectiveWithAQuery(t *testing.T) {
	a := args()
	a.Objectives = []config.QoSObjective{
		{Name: "web-p99", Namespaces: []string{"shop"}, Query: "p99", AtMost: resource.MustParse("200m"), Unit: "seconds"},
		{Name: "typo", Namespaces: []string{"none"}, Query: "p98(", AtMost: resource.MustParse("1")},
		{Name: "jobs", Namespaces: []string{"jobs"}, Objective: "batch"},
		{Namespaces: []string{"ops"}, Objective: "batch"},
	}
	s := newScheduler(t, a, nil, node("a"))
	of := func(namespace, name string) *v1.Pod {
		p := pod(name, "latency", "100m")
		p.Namespace = namespace
		return p
	}
	for _, p := range []*v1.Pod{of("shop", "slow"), of("shop", "quick"), of("jobs", "job"), of("other", "slow")} {
		p.UID += types.UID("-of-" + p.Namespace)
		state := framework.NewCycleState()
		if _, status := s.PreFilter(t.Context(), state, p, s.nodes); !status.IsSuccess() {
			t.Fatal(status)
		}
		s.Reserve(t.Context(), state, p, "a")
		s.PostBind(t.Context(), state, p, "a")
	}
	s.elapsed.Add(int64(2 * time.Second))
	server := answers{"p99": {
		{Namespace: "shop", Name: "slow", Value: .5}, {Namespace: "shop", Name: "quick", Value: .1}, {Namespace: "other", Name: "slow", Value: 9},
	}}
	s.measuredNow(server)
	s.wait(10 * time.Minute)

	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(s.service))
	want := `
# HELP foresight_qos_objective_outcomes_total [ALPHA] Decisions judged of a named objective, by result: kept or violated.
# TYPE foresight_qos_objective_outcomes_total counter
foresight_qos_objective_outcomes_total{name="jobs",profile="",result="kept"} 1
foresight_qos_objective_outcomes_total{name="jobs",profile="",result="violated"} 0
foresight_qos_objective_outcomes_total{name="typo",profile="",result="kept"} 0
foresight_qos_objective_outcomes_total{name="typo",profile="",result="violated"} 0
foresight_qos_objective_outcomes_total{name="web-p99",profile="",result="kept"} 1
foresight_qos_objective_outcomes_total{name="web-p99",profile="",result="violated"} 1
# HELP foresight_qos_objective_queries_total [ALPHA] Times the query of a named objective was asked, by result: success or failure.
# TYPE foresight_qos_objective_queries_total counter
foresight_qos_objective_queries_total{name="typo",profile="",result="failure"} 1
foresight_qos_objective_queries_total{name="typo",profile="",result="success"} 0
foresight_qos_objective_queries_total{name="web-p99",profile="",result="failure"} 0
foresight_qos_objective_queries_total{name="web-p99",profile="",result="success"} 1
# HELP foresight_qos_objective_values_dropped_total [ALPHA] Values that the query told and that are not believed, by reason.
# TYPE foresight_qos_objective_values_dropped_total counter
foresight_qos_objective_values_dropped_total{name="web-p99",profile="",reason="not_a_number"} 1
# HELP foresight_qos_objective_values_total [ALPHA] Values that the query told of pods that waited for them.
# TYPE foresight_qos_objective_values_total counter
foresight_qos_objective_values_total{name="typo",profile=""} 0
foresight_qos_objective_values_total{name="web-p99",profile=""} 2
# HELP foresight_qos_violations_total [ALPHA] Violations by what happened.
# TYPE foresight_qos_violations_total counter
foresight_qos_violations_total{profile="",reason="query"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_qos_objective_outcomes_total", "foresight_qos_objective_queries_total",
		"foresight_qos_objective_values_dropped_total", "foresight_qos_objective_values_total", "foresight_qos_violations_total"); err != nil {
		t.Error(err)
	}
	named := s.service.Reports()[0].Named
	if len(named) != 3 || named[0].Rule.Name != "web-p99" || named[0].Count.Violated != 1 || named[0].Query.Err != nil || named[1].Query.Err == nil || named[2].Count.Decided != 1 {
		t.Errorf("reported: %+v", named)
	}
}

// Pods of a named objective go by the risk that was learned of it, and the node index tells them from others of the same size.
func TestNamedObjectiveIsJudgedByItsOwnRate(t *testing.T) {
	a := args()
	a.Objectives = []config.QoSObjective{{Name: "strict", Namespaces: []string{"shop"}, Objective: "latency"}}
	s := newScheduler(t, a, nil, node("a"))
	mine, other := pod("mine", "latency", "100m"), pod("other", "latency", "100m")
	mine.Namespace, other.Namespace = "shop", "shop2"
	risk := func(p *v1.Pod) float32 {
		c := cycleIn(s.begin(p))
		return c.logOdds(s.view(c.frame, framework.NewCycleState(), s.nodes[0]), .5)
	}
	if risk(mine) != risk(other) {
		t.Errorf("with no outcomes: %v and %v", risk(mine), risk(other))
	}
	for i := range 40 {
		p := pod(string(rune('a'+i%26))+string(rune('a'+i/26)), "latency", "100m")
		p.Namespace = "shop"
		state := s.begin(p)
		s.Reserve(t.Context(), state, p, "a")
		s.PostBind(t.Context(), state, p, "a")
		s.wait(10 * time.Minute)
	}
	if risk(mine) >= risk(other)-.1 {
		t.Errorf("of 40 that kept their service: log-odds %v, of others %v", risk(mine), risk(other))
	}
	shapeOf := func(p *v1.Pod) any {
		j, _ := s.Judge(s.begin(p), p)
		return j.Shape()
	}
	if shapeOf(mine) == shapeOf(other) {
		t.Error("the node index takes them for alike")
	}
}
