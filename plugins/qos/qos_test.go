// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

func args() *config.PredictedQoSArgs {
	d := func(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }
	return &config.PredictedQoSArgs{
		ScoreFrom: config.QoSFromUtilisation, MaxRiskPercent: 90, Weights: config.QoSWeights{Latency: 3, Realtime: 5, Availability: 3, Batch: 1},
		Feedback:         config.QoSFeedback{Horizons: []metav1.Duration{d(10 * time.Minute), d(time.Hour)}, Decisions: 1000, HalfLife: d(6 * time.Hour)},
		NodeMetricsLimit: 1000,
	}
}

// scheduler is the plugin among some nodes, with a clock of its own.
type scheduler struct {
	*PredictedQoS
	t       testing.TB
	service *Service
	nodes   []fwk.NodeInfo
	elapsed atomic.Int64 // in nanoseconds, since start
	learnt  int
	stop    func() // as at the scheduler's end
	// forecasts are what the engine has published.
	forecasts atomic.Pointer[forecast.Snapshot]
}

var start = time.Unix(1700000000, 0)

func (s *scheduler) now() time.Time { return start.Add(time.Duration(s.elapsed.Load())) }

// publish has the engine publish what it learned, and the plugin take it.
func (s *scheduler) publish(c forecast.Contents) {
	s.forecasts.Store(forecast.NewSnapshot(c))
	s.renew()
}

// snapshot knows of no blind node and forecasts nothing beyond what is requested.
func snapshot() *forecast.Snapshot {
	c := forecast.Contents{Epoch: 1}
	for h := range c.Combiners {
		for r := range c.Combiners[h] {
			c.Combiners[h][r] = peak.Combiner{Together: 1}
		}
	}
	// Pods use what they request, for sure.
	all := forecast.PodForecast{}
	for h := range all.Peaks {
		for r := range all.Peaks[h] {
			all.Peaks[h][r] = forecast.Peak{Mean: 1, Lower: 1, Upper: 1}
		}
	}
	c.Cluster = &all
	return forecast.NewSnapshot(c)
}

func newScheduler(t testing.TB, args *config.PredictedQoSArgs, pods []*v1.Pod, nodes ...*v1.Node) *scheduler {
	t.Helper()
	h := plugintest.Handle(t, cache.NewSnapshot(pods, nodes))
	s := &scheduler{t: t}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	s.forecasts.Store(snapshot())
	service := NewService(cycle.NewViews(s.forecasts.Load), claims.Everything())
	service.now = s.now
	plugin, err := NewFactory(service)(ctx, args, h)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := h.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	s.PredictedQoS, s.service, s.nodes = plugin.(*PredictedQoS), service, infos
	return s
}

// wait lets time pass, and the plugin look at what is due.
func (s *scheduler) wait(d time.Duration) {
	s.elapsed.Add(int64(d))
	s.feedback.Update(s.t.Context())
	s.renew()
}

// The first pod after new forecasts is judged by them where there are few nodes, and a later one where there are many: no plugin judges by
// newer forecasts than this one.
func TestNewForecastsCount(t *testing.T) {
	for _, n := range []int{2, fewNodes + 1} {
		var nodes []*v1.Node
		for i := range n {
			nodes = append(nodes, node(fmt.Sprint("n", i)))
		}
		s, pod := newScheduler(t, args(), nil, nodes...), st.MakePod().Name("p").Obj()
		s.begin(pod)
		now := forecast.NewSnapshot(forecast.Contents{Epoch: 7})
		s.forecasts.Store(now)
		judged := func() bool {
			state := s.begin(pod)
			c := cycleIn(state)
			if all := s.service.views.Snapshot(state); c.snapshot != all {
				t.Fatalf("%d nodes: the plugin judges by the forecasts of epoch %d, and all others by %d", n, c.snapshot.Epoch(), all.Epoch())
			}
			return c.snapshot == now
		}
		if n <= fewNodes && !judged() {
			t.Errorf("%d nodes are judged by old forecasts", n)
		}
		for deadline := time.Now().Add(time.Minute); !judged(); {
			if time.Now().After(deadline) {
				t.Fatalf("%d nodes are judged by old forecasts for ever", n)
			}
			runtime.Gosched()
		}
	}
}

func (s *scheduler) begin(pod *v1.Pod) fwk.CycleState {
	s.t.Helper()
	state := framework.NewCycleState()
	if _, status := s.PreFilter(s.t.Context(), state, pod, s.nodes); !status.IsSuccess() {
		s.t.Fatalf("PreFilter: %v", status)
	}
	return state
}

// decide returns which nodes are refused and what the others score.
func (s *scheduler) decide(pod *v1.Pod) map[string]int64 {
	s.t.Helper()
	state, scores := s.begin(pod), map[string]int64{}
	var left []fwk.NodeInfo
	for _, n := range s.nodes {
		if s.Filter(s.t.Context(), state, pod, n).IsSuccess() {
			left = append(left, n)
		} else {
			scores[n.Node().Name] = -1
		}
	}
	if status := s.PreScore(s.t.Context(), state, pod, left); !status.IsSuccess() {
		s.t.Fatalf("PreScore: %v", status)
	}
	for _, n := range left {
		score, status := s.Score(s.t.Context(), state, pod, n)
		if !status.IsSuccess() || score < 0 || score > 100 {
			s.t.Fatalf("Score: %d, %v", score, status)
		}
		scores[n.Node().Name] = score
	}
	return scores
}

// bind takes a pod through a cycle onto a node.
func (s *scheduler) bind(pod *v1.Pod, node string) {
	s.t.Helper()
	state := s.begin(pod)
	if status := s.PreScore(s.t.Context(), state, pod, s.nodes); !status.IsSuccess() {
		s.t.Fatal(status)
	}
	if status := s.Reserve(s.t.Context(), state, pod, node); !status.IsSuccess() {
		s.t.Fatal(status)
	}
	s.PostBind(s.t.Context(), state, pod, node)
}

// learn has the plugin see what comes of a pod on a node; what is well is known ten minutes later.
func (s *scheduler) learn(node string, o objective.Objective, suffered bool) {
	p := pod(fmt.Sprint("learnt-", s.learnt), o.String(), "100m")
	s.learnt++
	s.feedback.Bound(&feedback.Decision{UID: p.UID, Namespace: p.Namespace, Node: node, Workload: o.String(), Objective: o})
	if suffered {
		s.feedback.Observe(evicted(p))
	}
}

// learnBeside has the plugin see what comes of a pod beside one of a StatefulSet.
func (s *scheduler) learnBeside(node, other string, suffered bool) {
	p := pod(fmt.Sprint("learnt-", s.learnt), "latency", "100m")
	s.learnt++
	tenant := fmt.Sprint("tenant-", s.learnt/2%2)
	s.feedback.Bound(&feedback.Decision{
		UID: p.UID, Namespace: tenant, Node: node, Workload: tenant + "/StatefulSet/victim", Objective: objective.Latency, Model: -2,
		Beside: []outcome.Companion{{Class: outcome.Class{Namespace: "shop", Kind: "StatefulSet", Name: other}, Pods: 1}},
	})
	if suffered {
		s.feedback.Observe(evicted(p))
	}
}

// A pod without a controller speaks for its namespace: those of two are believed that they suffer beside a workload, and those of one among two are not.
func TestPodsWithoutControllerSpeakForTheirNamespace(t *testing.T) {
	for second, believed := range map[string]bool{"evil": false, "other": true} {
		s := newScheduler(t, args(), []*v1.Pod{on("a", of(pod("hog-0", "batch", "10m"), "hog"))}, node("a"), node("b"))
		s.bind(pod("calm", "batch", "10m"), "b")
		for i := range 40 {
			p := pod(fmt.Sprint("p", i), "batch", "10m")
			p.Namespace = []string{"evil", second}[i%2]
			s.bind(p, "a")
			s.feedback.Observe(evicted(p))
		}
		s.wait(10 * time.Minute)
		if _, hurts := s.feedback.Judge().History.Hurts[outcome.Class{Namespace: "shop", Kind: "StatefulSet", Name: "hog"}]; hurts != believed {
			t.Errorf("pods of evil and %s suffer beside it: it hurts: %v", second, hurts)
		}
	}
}

// Who hurts others, wherever it is, is avoided, and is itself put where there is nobody to hurt; what does not hurt is not.
func TestWhoHurtsWhom(t *testing.T) {
	beside := func(name, workload string) *v1.Pod { return of(pod(workload+name, "batch", "10m"), workload) }
	s := newScheduler(t, args(), []*v1.Pod{
		on("hogged", beside("-0", "hog")), on("quiet", beside("-0", "gentle")), on("served", pod("front", "latency", "10m")),
	}, node("hogged"), node("quiet"), node("served"), node("elsewhere"))
	for i := range 40 {
		// Each time on another node, so that none of them is to blame.
		s.learnBeside(fmt.Sprint("node-", i), "hog", i%4 > 0)
		s.learnBeside(fmt.Sprint("other-", i), "gentle", i%10 == 0)
	}
	s.wait(10 * time.Minute)
	s.frame.Store(s.newFrame(s.service.views.Newest()))
	scores := s.decide(of(pod("new", "latency", "100m"), "web"))
	if scores["quiet"] != 100 || scores["hogged"] >= 100 {
		t.Errorf("a latency pod's scores: %v", scores)
	}
	scores = s.decide(of(pod("more", "batch", "100m"), "hog"))
	if scores["elsewhere"] <= scores["served"] {
		t.Errorf("a hog's scores: %v", scores)
	}
}

func node(name string) *v1.Node {
	return st.MakeNode().Name(name).Capacity(map[v1.ResourceName]string{"cpu": "4", "memory": "16Gi", "pods": "110"}).Obj()
}

func pod(name, wants, cpu string) *v1.Pod {
	return st.MakePod().Namespace("shop").Name(name).UID(name).Label(objective.Key, wants).Req(map[v1.ResourceName]string{"cpu": cpu, "memory": "64Mi"}).Obj()
}

func on(node string, p *v1.Pod) *v1.Pod {
	p.Spec.NodeName = node
	return p
}

func restarted(p *v1.Pod) *v1.Pod {
	p.Status.ContainerStatuses = []v1.ContainerStatus{{RestartCount: 1}}
	return p
}

func evicted(p *v1.Pod) *v1.Pod {
	p.Status.Phase, p.Status.Reason = v1.PodFailed, "Evicted"
	return p
}

// Busy nodes are worse; among idle ones the pod goes anywhere.
func TestScoreByUse(t *testing.T) {
	s := newScheduler(t, args(), []*v1.Pod{on("hot", pod("hog", "batch", "3500m"))}, node("hot"), node("cold"), node("idle"))
	got := s.decide(pod("p", "latency", "200m"))
	if got["hot"] >= got["cold"] || got["cold"] != 100 || got["idle"] != 100 {
		t.Errorf("scores %v", got)
	}
}

// A pod that is not harmed itself keeps away from those it would harm.
func TestScoreByWhatResidentsLose(t *testing.T) {
	residents := []*v1.Pod{on("served", pod("db", "realtime", "2500m")), on("filled", pod("job", "batch", "2500m"))}
	s := newScheduler(t, args(), residents, node("served"), node("filled"))
	got := s.decide(pod("p", "batch", "1"))
	if got["served"] >= got["filled"] {
		t.Errorf("scores %v: the batch pod belongs beside the batch pod", got)
	}
}

// What nodes did to pods counts: they are avoided, and come back when the history turns good.
func TestHistoryTurns(t *testing.T) {
	s := newScheduler(t, args(), nil, node("a"), node("b"))
	for i := range 8 {
		name := fmt.Sprint("early-", i)
		s.bind(pod(name, "latency", "100m"), "a")
		s.bind(pod("calm-"+name, "latency", "100m"), "b")
		s.feedback.Observe(evicted(pod(name, "latency", "100m")))
	}
	s.wait(10 * time.Minute)
	if got := s.decide(pod("p", "latency", "100m")); got["a"] > 80 || got["b"] != 100 {
		t.Errorf("after 8 evictions from a: %v", got)
	}
	for i := range 40 {
		s.bind(pod(fmt.Sprint("late-", i), "latency", "100m"), "a")
	}
	s.wait(10 * time.Minute)
	if got := s.decide(pod("p", "latency", "100m")); got["a"] < 95 {
		t.Errorf("after 40 pods that were well on a: %v", got)
	}

	s = newScheduler(t, args(), nil, node("a"), node("b"))
	for i := range 8 {
		s.bind(pod(fmt.Sprint("x-", i), "latency", "100m"), "a")
	}
	s.feedback.NotReady("a")
	s.wait(time.Minute)
	bad := s.decide(pod("p", "latency", "100m"))["a"]
	s.wait(72 * time.Hour)
	if later := s.decide(pod("p", "latency", "100m"))["a"]; bad > 80 || later < 95 {
		t.Errorf("%d after the node failed, %d after three days", bad, later)
	}
}

// A response time that is measured is judged by what the pod says, else by the args; without an objective pressure counts.
func TestResponseTimes(t *testing.T) {
	a := args()
	a.Feedback.ResponseTimeObjective.Duration = 100 * time.Millisecond
	s := newScheduler(t, a, nil, node("a"))
	stated := func(name, mayTake string) *v1.Pod {
		p := pod(name, "latency", "100m")
		p.Annotations = map[string]string{objective.ResponseTimeKey: mayTake}
		return p
	}
	// What each answers in, in seconds, and how long its tasks wait.
	for _, tc := range []struct {
		pod             *v1.Pod
		seconds, waited float64
	}{
		{pod("slow", "latency", "100m"), .2, 0},
		{pod("quick", "latency", "100m"), .05, .9},
		{stated("patient", "1s"), .2, .9},
		{stated("unclear", "soon"), .2, 0},
		{pod("batch", "batch", "100m"), 9, 0},
		{pod("absurd", "latency", "100m"), math.NaN(), 0},
	} {
		s.bind(tc.pod, "a")
		sample := usage.PodSample{UID: tc.pod.Name, Sample: usage.Sample{Time: s.now().Add(time.Second), Window: time.Second}}
		sample.Set(usage.ResponseTime, tc.seconds)
		sample.Set(usage.CPUSome, tc.waited)
		s.service.Observe(&usage.Reading{Pods: []usage.PodSample{sample}})
	}
	s.wait(10 * time.Minute)
	if c, _ := s.feedback.Report(); c.Violated[objective.Latency] != 1 || c.Violations["response_time"] != 1 || c.Kept[objective.Latency] != 4 || c.Kept[objective.Batch] != 1 {
		t.Errorf("%+v", c)
	}
}

// writeModel trains a small model: beyond 60 % of the CPU pods suffer.
func writeModel(t testing.TB, path string) {
	t.Helper()
	d := &classify.Data{}
	for i := range 2000 {
		cpu, y := float64(i%100)/100, 0.
		if cpu > .6 {
			y = 1
		}
		d.Add([]float64{float64(i%7) / 20, cpu, math.NaN()}, y, 1)
	}
	if err := quality.Save(path, quality.Fit(quality.Placement, []*classify.Data{d, d}), quality.Card{}); err != nil {
		t.Fatal(err)
	}
}

// passed is how many pods the plugin let pass because no node would have been left.
func passed(s *scheduler) int64 { return s.service.views.Verdicts.Passed(s.profile, Name) }

// With a model the filter refuses where even the lower bound of the risk is too high; where it would refuse every node it
// refuses none. Preemption is asked about nodes without the victims.
func TestFilter(t *testing.T) {
	a := args()
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	a.MaxRiskPercent = 50
	writeModel(t, a.ModelFile)
	hog := on("hot", pod("hog", "batch", "3800m"))
	s := newScheduler(t, a, []*v1.Pod{hog}, node("hot"), node("cold"))
	p := pod("p", "latency", "100m")
	if got := s.decide(p); got["hot"] != -1 || got["cold"] != 100 {
		t.Errorf("%v, want the hot node refused", got)
	}
	if len(s.service.views.Verdicts.Refused.Take()) != 1 {
		t.Error("the refused pod is not remembered")
	}
	state := s.begin(p)
	for _, n := range s.nodes {
		if n.Node().Name != "hot" {
			continue
		}
		without := n.Snapshot()
		if err := without.RemovePod(klog.FromContext(t.Context()), hog); err != nil {
			t.Fatal(err)
		}
		if status := s.Filter(t.Context(), state.Clone(), p, without); !status.IsSuccess() {
			t.Errorf("without the hog: %v", status)
		}
	}

	for _, n := range s.nodes {
		if n.Node().Name == "hot" {
			if status := s.Filter(t.Context(), state, p, n); status.Code() != fwk.Unschedulable {
				t.Errorf("got %v, and eviction of the hog would do", status)
			}
		}
	}
	// What the node uses beyond its pods stays when they go.
	beyond := forecast.NodeForecast{Rung: forecast.Fresh}
	for h := range beyond.Residual {
		beyond.Residual[h][forecast.CPU] = forecast.Interval{Lower: 4, Upper: 4}
	}
	s.publish(forecast.Contents{Epoch: 2, PodsEpoch: 2, Forecasts: map[string]forecast.NodeForecast{"hot": beyond}})
	state = s.begin(p)
	for _, n := range s.nodes {
		if status := s.Filter(t.Context(), state, p, n); n.Node().Name == "hot" && status.Code() != fwk.UnschedulableAndUnresolvable {
			t.Errorf("got %v, and no eviction makes room for the pod", status)
		}
	}

	s = newScheduler(t, a, []*v1.Pod{hog}, node("hot"))
	if got := s.decide(p); got["hot"] == -1 || passed(s) != 1 {
		t.Errorf("the only node: %v, breaker %d", got, passed(s))
	}
}

// A model that is trained from what came of decisions judges: the node where pods suffered is the riskier one.
func TestModelIsRenewed(t *testing.T) {
	a := args()
	a.Feedback.ObservationsFile = filepath.Join(t.TempDir(), "observations.csv")
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	nodes := []*v1.Node{node("hot-0"), node("hot-1"), node("cold-0"), node("cold-1")}
	var hogs []*v1.Pod
	for i := range 2 {
		hogs = append(hogs, on(fmt.Sprint("hot-", i), pod(fmt.Sprint("hog-", i), "batch", "3")))
	}
	s := newScheduler(t, a, hogs, nodes...)
	for i := range 240 {
		name, at := fmt.Sprint("p", i), nodes[i%4].Name
		s.bind(pod(name, "latency", "100m"), at)
		if i%4 < 2 && i%3 > 0 {
			s.feedback.Observe(evicted(pod(name, "latency", "100m")))
		}
		s.elapsed.Add(int64(time.Second))
	}
	s.wait(10 * time.Minute)
	s.bind(pod("other", "batch", "100m"), "hot-0")
	s.feedback.Observe(evicted(pod("other", "batch", "100m")))
	s.stop()
	outcomes, err := outcome.ReadObservations(a.Feedback.ObservationsFile)
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); {
		runtime.Gosched()
		outcomes, err = outcome.ReadObservations(a.Feedback.ObservationsFile)
	}
	if err != nil || len(outcomes) != 241 {
		t.Fatalf("%d outcomes, want 241; error %v", len(outcomes), err)
	}
	groups, violations := outcome.FromObservations(outcomes, "latency"), 0.
	for _, g := range groups {
		for _, y := range g.Y {
			violations += y
		}
	}
	if len(groups) != 4 || violations != 80 {
		t.Errorf("%d groups with %v violations, want 4 and 80", len(groups), violations)
	}
	if err := quality.Save(a.ModelFile, quality.Fit(quality.Placement, groups), quality.Card{}); err != nil {
		t.Fatal(err)
	}
	next := newScheduler(t, a, hogs, nodes...)
	if rung := next.feedback.Judge().Rung; rung != feedback.RungModel {
		t.Fatalf("rung %v", rung)
	}
	if got := next.decide(pod("p", "latency", "100m")); got["hot-0"] >= got["cold-1"] {
		t.Errorf("scores %v", got)
	}
}

// What the operator wants of pods comes before what they say, and they are judged by it.
func TestOperatorsObjectives(t *testing.T) {
	a := args()
	a.Objectives = []config.QoSObjective{{Namespaces: []string{"shop"}, Objective: "batch", MaxThrottledPercent: 1}}
	s := newScheduler(t, a, nil, node("a"))
	for _, throttled := range []float64{.005, .05} {
		p := pod(fmt.Sprint("throttled-", throttled), "realtime", "100m")
		s.bind(p, "a")
		v := usage.Sample{Time: s.now().Add(time.Minute), Window: time.Second}
		v.Set(usage.CPUSome, .5)
		v.Set(usage.Throttled, throttled)
		s.feedback.Measured(p.UID, &v)
	}
	s.wait(10 * time.Minute)
	counts, _ := s.feedback.Report()
	if counts.Decided[objective.Batch] != 2 || counts.Violations["throttling"] != 1 || counts.Kept[objective.Batch] != 1 {
		t.Errorf("%+v", counts)
	}
}

// Pods that a cycle judges alike are signed alike, others are not.
func TestSignPod(t *testing.T) {
	s := newScheduler(t, args(), nil, node("a"))
	sign := func(p *v1.Pod) string {
		f, status := s.SignPod(t.Context(), p)
		if !status.IsSuccess() {
			t.Fatal(status)
		}
		return fmt.Sprint(f)
	}
	one := sign(pod("a", "latency", "100m"))
	if one != sign(pod("b", "latency", "100m")) {
		t.Error("two equal pods differ")
	}
	if one == sign(pod("a", "batch", "100m")) || one == sign(pod("a", "latency", "200m")) {
		t.Error("two pods that differ are signed alike")
	}
}

func TestMetrics(t *testing.T) {
	s := newScheduler(t, args(), nil, node("a"), node("b"))
	s.bind(pod("p", "latency", "100m"), "a")
	s.feedback.Observe(restarted(pod("p", "latency", "100m")))
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(s.service))
	want := `
# HELP foresight_qos_nodes [ALPHA] Nodes by objective and class: good, fair or poor.
# TYPE foresight_qos_nodes gauge
`
	for _, o := range []string{"availability", "batch", "latency", "realtime"} {
		for _, class := range []string{"fair", "good", "poor"} {
			n := 0
			if class == "good" {
				n = 2
			}
			want += fmt.Sprintf("foresight_qos_nodes{class=%q,objective=%q,profile=\"\"} %d\n", class, o, n)
		}
	}
	want += `
# HELP foresight_qos_violations_total [ALPHA] Violations by what happened.
# TYPE foresight_qos_violations_total counter
foresight_qos_violations_total{profile="",reason="restart"} 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_qos_nodes", "foresight_qos_violations_total"); err != nil {
		t.Error(err)
	}
	// Nodes are named in a small cluster only; they are counted in every one.
	for limit, series := range map[int]int{0: 0, 1: 0, 2: 2 * objective.Count} {
		s.named = limit
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range families {
			if f.GetName() == "foresight_qos_node_risk" {
				n = len(f.GetMetric())
			}
		}
		if n != series {
			t.Errorf("up to %d nodes are named: %d series of 2 nodes, want %d", limit, n, series)
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_qos_nodes", "foresight_qos_violations_total"); err != nil {
			t.Error(err)
		}
	}
}

func TestArgsAreChecked(t *testing.T) {
	bad := args()
	bad.MaxRiskPercent = 0
	bad.Feedback.Horizons[1] = bad.Feedback.Horizons[0]
	_, err := NewFactory(NewService(cycle.NewViews(nil), nil))(t.Context(), bad, nil)
	if err == nil || !strings.Contains(err.Error(), "pluginConfig[PredictedQoS].args.maxRiskPercent") || !strings.Contains(err.Error(), "feedback.horizons[1]") {
		t.Errorf("error %v", err)
	}
}

// One pod and 5,000 nodes with four pods each, per node: the whole of PreScore with the nodes in the scheduler's order, with
// them as two of Filter's workers leave them, and with them in none; and in the same run the arithmetic alone.
func BenchmarkPreScore(b *testing.B) {
	const n = 5000
	var nodes []*v1.Node
	var pods []*v1.Pod
	r := rand.New(rand.NewPCG(1, 2))
	pressures := pressures{}
	for i := range n {
		name := fmt.Sprint("node-", i)
		nodes = append(nodes, node(name))
		for o := range objective.Count {
			p := pod(fmt.Sprint("p", i, "-", o), objective.Objective(o).String(), fmt.Sprint(100+r.IntN(800), "m"))
			pods = append(pods, of(on(name, p), fmt.Sprint("workload-", r.IntN(200))))
		}
		pressures[name] = r.Float32()
	}
	s := newScheduler(b, args(), pods, nodes...)
	s.service.pressure.Store(&pressures)
	for i := range 100 {
		s.learn(fmt.Sprint("node-", i), objective.Latency, i%3 == 0)
		for k := range 10 {
			// One workload in 20 hurts the others.
			s.learnBeside(fmt.Sprint("node-", i), fmt.Sprint("workload-", (i+k)%20), (i+k)%20 == 1 || k == 0)
		}
	}
	s.wait(10 * time.Minute)
	s.frame.Store(s.newFrame(s.service.views.Newest()))
	p := of(pod("p", "latency", "100m"), "workload-1")
	state := s.begin(p)
	in := map[string][]fwk.NodeInfo{"in order": s.nodes, "two workers": slices.Clone(s.nodes), "shuffled": slices.Clone(s.nodes)}
	for i := range n {
		const chunk = 70
		// Chunks are taken in turn, and both workers advance alike.
		at := i/(2*chunk)*2*chunk + i%(2*chunk)/2 + i%2*chunk
		in["two workers"][i] = s.nodes[min(at, n-1)]
	}
	r.Shuffle(n, func(i, j int) { in["shuffled"][i], in["shuffled"][j] = in["shuffled"][j], in["shuffled"][i] })
	perNode := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/node")
	}
	// The first pod after new forecasts, when the frame has been prepared, and when it has to add all nodes up itself.
	for name, prepare := range map[string]func(){"new epoch": s.renew, "new epoch, unprepared": func() { s.frame.Store(s.newFrame(s.service.views.Newest())) }} {
		b.Run(name, func(b *testing.B) {
			s.PreScore(b.Context(), s.begin(p), p, s.nodes)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				contents := forecast.Contents{Epoch: s.frame.Load().snapshot.Epoch() + 1}
				s.forecasts.Store(forecast.NewSnapshot(contents))
				prepare()
				state := s.begin(p)
				b.StartTimer()
				s.PreScore(b.Context(), state, p, s.nodes)
			}
			perNode(b)
		})
	}
	s.PreScore(b.Context(), state, p, s.nodes)
	for _, order := range []string{"in order", "two workers", "shuffled"} {
		b.Run(order, func(b *testing.B) {
			s.PreScore(b.Context(), state, p, in[order])
			b.ReportAllocs()
			for b.Loop() {
				s.PreScore(b.Context(), state, p, in[order])
			}
			perNode(b)
		})
	}
	b.Run("arithmetic", func(b *testing.B) {
		c, pod := cycleIn(state), cycleIn(state).newcomer()
		for b.Loop() {
			for i := range c.kept.rows {
				c.harms[i] = c.harmOn(int32(i), &pod)
			}
		}
		perNode(b)
	})
}
