// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// future is a snapshot in which nodes will use some cores beyond what their pods request:
// from a lower to an upper bound.
func future(epoch uint64, cores map[string]forecast.Interval) *forecast.Snapshot {
	c := forecast.Contents{
		Epoch: epoch, PodsEpoch: epoch, Forecasts: map[string]forecast.NodeForecast{},
		MayPredict: func(*v1.Pod) bool { return true },
	}
	for name, beyond := range cores {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		for h := range f.Residual {
			f.Residual[h][forecast.CPU] = beyond
		}
		f.Beyond[forecast.CPU] = forecast.Use{Mean: (beyond.Lower + beyond.Upper) / 2, Variance: math.Pow(beyond.Upper-beyond.Lower, 2) / 16}
		c.Forecasts[name] = f
	}
	for h := range c.Combiners {
		for r := range c.Combiners[h] {
			c.Combiners[h][r].Together = 1
		}
	}
	return forecast.NewSnapshot(c)
}

func exactly(cores float64) forecast.Interval { return forecast.Interval{Lower: cores, Upper: cores} }

func predicting(mode config.PredictedPeakMode, strategy kubeschedulerv1.ScoringStrategyType) *config.ResourceFitArgs {
	args := defaults()
	args.ScoringStrategy.Type = strategy
	args.BalancedAllocation.Weight = 0
	args.PredictedPeak = config.PredictedPeak{Mode: mode, Score: config.ScoreByStrategy, Max: []config.PeakBound{
		{Resource: v1.ResourceCPU, PercentOfAllocatable: 100}, {Resource: v1.ResourceMemory, PercentOfAllocatable: 100},
	}}
	return args
}

func predictingScheduler(t testing.TB, args *config.ResourceFitArgs, forecasts Forecasts, nodes []*v1.Node, pods ...*v1.Pod) scheduler {
	t.Helper()
	snapshot := cache.NewSnapshot(pods, nodes)
	return schedulerOn(t, args, forecasts, plugintest.Handle(t, snapshot), snapshot)
}

func predictingSchedulerWith(t testing.TB, args *config.ResourceFitArgs, forecasts Forecasts, fts feature.Features, nodes []*v1.Node) scheduler {
	t.Helper()
	snapshot := cache.NewSnapshot(nil, nodes)
	return schedulerWith(t, args, forecasts, fts, plugintest.Handle(t, snapshot), snapshot)
}

func schedulerOn(t testing.TB, args *config.ResourceFitArgs, forecasts Forecasts, h fwk.Handle, snapshot *cache.Snapshot) scheduler {
	t.Helper()
	return schedulerWith(t, args, forecasts, gates(), h, snapshot)
}

func schedulerWith(t testing.TB, args *config.ResourceFitArgs, forecasts Forecasts, fts feature.Features, h fwk.Handle, snapshot *cache.Snapshot) scheduler {
	t.Helper()
	plugin, err := NewFactory(forecasts)(t.Context(), args, h, fts)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := snapshot.NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return scheduler{plugin.(*ResourceFit), snapshot, infos}
}

func reading(s *forecast.Snapshot) Forecasts {
	return Forecasts{Views: cycle.NewViews(func() *forecast.Snapshot { return s })}
}

// The score is upstream's of predicted use: who is used hot but requested cold is avoided
// where the least allocated is wanted, and who is full of requests but idle is not.
func TestScoreByPredictedPeak(t *testing.T) {
	nodes := []*v1.Node{big("hot"), big("idle"), big("over")}
	full := plugintest.Pod("full", "idle", amounts{"cpu": "3", "memory": "0"}, nil)
	in := plugintest.Pod("in", "", amounts{"cpu": "1", "memory": "0"}, nil)
	// Of 4 cores: 3 used beyond requests; 3 requested of which none is used; 5 used.
	view := future(1, map[string]forecast.Interval{"hot": exactly(2), "idle": exactly(-3), "over": exactly(5)})
	for strategy, want := range map[kubeschedulerv1.ScoringStrategyType]map[string]int64{
		// With the pod 3, 1 and 6 cores of 4; memory is not used at all.
		kubeschedulerv1.LeastAllocated: {"hot": (25 + 100) / 2, "idle": (75 + 100) / 2, "over": 0},
		kubeschedulerv1.MostAllocated:  {"hot": 75 / 2, "idle": 25 / 2, "over": 0},
	} {
		s := predictingScheduler(t, predicting(config.PredictedPeakScore, strategy), reading(view), nodes, full)
		for name, score := range want {
			if got := s.score(t, in, s.node(t, name)); got != score {
				t.Errorf("%s: node %s got score %d, want %d", strategy, name, got, score)
			}
			if status := s.filter(t, in, s.node(t, name)); !status.IsSuccess() {
				t.Errorf("mode Score refused node %s: %v", name, status)
			}
		}
	}
}

// The score is the worked example of package harm: of crowded nodes, too, the less crowded one is better, and one that is not
// sure to be cool is worse than one that is.
func TestScoreByHarm(t *testing.T) {
	crowded := map[string]forecast.Interval{"cool": exactly(1), "unsure": {Lower: -1, Upper: 3}, "hot": exactly(3), "over": exactly(5), "far over": exactly(9)}
	var nodes []*v1.Node
	for name := range crowded {
		nodes = append(nodes, big(name))
	}
	args := predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated)
	args.PredictedPeak.Score = config.ScoreByHarm
	s := predictingScheduler(t, args, reading(future(1, crowded)), nodes)
	in := plugintest.Pod("in", "", amounts{"cpu": "1", "memory": "0"}, nil)
	last := int64(100)
	for _, name := range []string{"cool", "unsure", "hot", "over", "far over"} {
		got := s.score(t, in, s.node(t, name))
		if got >= last || got <= 0 {
			t.Errorf("node %s got score %d, the better one before it %d", name, got, last)
		}
		last = got
	}
	// A node of its own bound is full at half the use.
	strict := big("strict")
	strict.Annotations = map[string]string{cycle.MaxPeakAnnotation: "cpu=50"}
	s = predictingScheduler(t, args, reading(future(2, map[string]forecast.Interval{"strict": exactly(1.5), "lax": exactly(1.5)})), []*v1.Node{strict, big("lax")})
	if strict, lax := s.score(t, in, s.node(t, "strict")), s.score(t, in, s.node(t, "lax")); strict >= lax {
		t.Errorf("a node that may be half full got score %d, a node that may be full %d", strict, lax)
	}
}

// Where nothing is known of a node, or of the cluster, or a node says so, requests decide:
// the score is that of the plugin without predictions.
func TestRequestsDecide(t *testing.T) {
	off := big("off")
	off.Annotations = map[string]string{cycle.MaxPeakAnnotation: "none"}
	nodes := []*v1.Node{big("unknown"), off, big("known")}
	resident := plugintest.Pod("resident", "unknown", amounts{"cpu": "2", "memory": "1Gi"}, nil)
	hot := map[string]forecast.Interval{"off": exactly(3), "known": exactly(3)}
	for _, by := range []struct {
		mode  config.PredictedPeakMode
		score config.PredictedPeakScoring
	}{
		{config.PredictedPeakScore, config.ScoreByHarm}, {config.PredictedPeakScore, config.ScoreByStrategy}, {config.PredictedPeakFilter, config.ScoreByStrategy},
	} {
		args := predicting(by.mode, kubeschedulerv1.LeastAllocated)
		args.PredictedPeak.Score = by.score
		args.BalancedAllocation.Weight = 1
		plain := predictingScheduler(t, args, Forecasts{}, nodes, resident)
		for name, view := range map[string]*forecast.Snapshot{"nothing": nil, "blind": forecast.NewSnapshot(forecast.Contents{Blind: true}), "some": future(1, hot)} {
			s := predictingScheduler(t, args, reading(view), nodes, resident)
			for _, in := range []*v1.Pod{plugintest.Pod("in", "", amounts{"cpu": "500m", "memory": "2Gi"}, nil), plugintest.Pod("frugal", "", nil, nil)} {
				for _, node := range nodes {
					if name == "some" && (node.Name == "known" || in.Name == "frugal" && by.score == config.ScoreByStrategy) {
						continue
					}
					if got, want := s.score(t, in, s.node(t, node.Name)), plain.score(t, in, plain.node(t, node.Name)); got != want {
						t.Errorf("%s of the cluster known: %s on %s got score %d, want %d", name, in.Name, node.Name, got, want)
					}
				}
			}
		}
	}
}

// Of pods that are alike, those that are held out are scored and filtered as without predictions, the others as with them; what
// places a pod is in its signature. Whose pods have no choice, or asked for predictions, are not held out.
func TestHeldOut(t *testing.T) {
	nodes := []*v1.Node{big("hot"), big("cool")}
	resident := plugintest.Pod("resident", "cool", amounts{"cpu": "2", "memory": "1Gi"}, nil)
	hot := reading(future(1, map[string]forecast.Interval{"hot": exactly(5), "cool": exactly(-1)}))
	args := predicting(config.PredictedPeakFilter, kubeschedulerv1.LeastAllocated)
	args.PredictedPeak.Score = config.ScoreByHarm
	predicted, plain := predictingScheduler(t, args, hot, nodes, resident), predictingScheduler(t, args, Forecasts{}, nodes, resident)
	halved := *args
	halved.PredictedPeak.HeldOutPercent = 50
	s := predictingScheduler(t, &halved, hot, nodes, resident)
	signatures := map[string]bool{}
	heldOut := 0
	for i := range 40 {
		in := plugintest.Pod("in", "", amounts{"cpu": "500m", "memory": "2Gi"}, nil)
		in.UID = types.UID(fmt.Sprint("uid-", i))
		state := s.begin(t, in)
		arm, as := cycle.ArmIn(state), predicted
		if arm.Chance != .5 {
			t.Fatalf("the chance is %v", arm.Chance)
		}
		if arm.HeldOut {
			heldOut++
			as = plain
		}
		for _, node := range nodes {
			got, want := s.Filter(t.Context(), state, in, s.node(t, node.Name)), as.Filter(t.Context(), as.begin(t, in), in, as.node(t, node.Name))
			if got.IsSuccess() != want.IsSuccess() {
				t.Errorf("held out %v: on %s got %v, want %v", arm.HeldOut, node.Name, got, want)
			}
			if got, want := s.score(t, in, s.node(t, node.Name)), as.score(t, in, as.node(t, node.Name)); got != want {
				t.Errorf("held out %v: on %s got score %d, want %d", arm.HeldOut, node.Name, got, want)
			}
		}
		fragments, _ := s.SignPod(t.Context(), in)
		signed, err := json.Marshal(fragments)
		if err != nil {
			t.Fatal(err)
		}
		signatures[fmt.Sprint(arm.HeldOut, string(signed))] = true
	}
	if heldOut < 10 || heldOut > 30 || len(signatures) != 2 {
		t.Errorf("%d of 40 pods are held out, with %d signatures", heldOut, len(signatures))
	}
	daemon := plugintest.Pod("daemon", "", amounts{"cpu": "500m"}, nil)
	daemon.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "d", Controller: ptr.To(true)}}
	eager := plugintest.Pod("eager", "", amounts{"cpu": "500m"}, nil)
	eager.Annotations = map[string]string{OvercommitAnnotation: "true"}
	for _, in := range []*v1.Pod{daemon, eager} {
		if arm := cycle.ArmIn(s.begin(t, in)); arm.Chance != 0 {
			t.Errorf("%s is compared: %+v", in.Name, arm)
		}
	}
}

// The filter refuses who is surely over a bound, for good where no eviction helps. A node
// may have bounds of its own; one that does not parse leaves the profile's.
func TestFilterByPredictedPeak(t *testing.T) {
	strict, broken := big("strict"), big("broken")
	strict.Annotations = map[string]string{cycle.MaxPeakAnnotation: "cpu=50"}
	broken.Annotations = map[string]string{cycle.MaxPeakAnnotation: "cpu=lots"}
	nodes := []*v1.Node{big("cool"), big("unsure"), big("crowded"), big("lost"), strict, broken}
	view := future(1, map[string]forecast.Interval{
		"cool": exactly(0), "unsure": {Lower: 0, Upper: 9}, "crowded": exactly(2), "lost": exactly(5), "strict": exactly(1), "broken": exactly(1),
	})
	// What a pod requests is not sure to be used, what it states is.
	resident := plugintest.Pod("resident", "crowded", amounts{"cpu": "2"}, nil)
	in := plugintest.Pod("in", "", amounts{"cpu": "1"}, nil)
	for _, p := range []*v1.Pod{resident, in} {
		p.Annotations = map[string]string{forecast.StatedAnnotations[forecast.CPU]: "2"}
	}
	s := predictingScheduler(t, predicting(config.PredictedPeakFilter, kubeschedulerv1.LeastAllocated), reading(view), nodes, resident)
	for name, want := range map[string]fwk.Code{
		"cool": fwk.Success, "unsure": fwk.Success, "lost": fwk.UnschedulableAndUnresolvable, "strict": fwk.Success, "broken": fwk.Success,
	} {
		status := s.filter(t, in, s.node(t, name))
		if status.Code() != want || want != fwk.Success && status.Message() != peakReasons[forecast.CPU] {
			t.Errorf("%s: got %v %q, want %v", name, status.Code(), status.Message(), want)
		}
	}
	// Who overcommits is to stay surely under: the upper bound decides.
	in.Annotations[OvercommitAnnotation] = "true"
	for name, want := range map[string]fwk.Code{
		"cool": fwk.Success, "unsure": fwk.UnschedulableAndUnresolvable, "crowded": fwk.Unschedulable, "strict": fwk.UnschedulableAndUnresolvable,
	} {
		if status := s.filter(t, in, s.node(t, name)); status.Code() != want {
			t.Errorf("overcommitting, %s: got %v %q, want %v", name, status.Code(), status.Message(), want)
		}
	}
}

// A prediction that would refuse every node refuses none, and says so; but to a pod that
// overcommits it does.
func TestLetPass(t *testing.T) {
	forecasts := reading(future(1, map[string]forecast.Interval{"a": exactly(5), "b": exactly(6)}))
	told := func() int64 { return forecasts.Views.Verdicts.Passed("", Name) }
	s := predictingScheduler(t, predicting(config.PredictedPeakFilter, kubeschedulerv1.LeastAllocated), forecasts, []*v1.Node{big("a"), big("b")})
	in := plugintest.Pod("in", "", amounts{"cpu": "1"}, nil)
	if status := s.filter(t, in, s.node(t, "a")); !status.IsSuccess() || told() != 1 {
		t.Errorf("got %v, told %d times; want it let pass and told once", status, told())
	}
	in.Annotations = map[string]string{OvercommitAnnotation: "true"}
	if status := s.filter(t, in, s.node(t, "a")); status.IsSuccess() || told() != 1 {
		t.Errorf("overcommitting: got %v, told %d times", status, told())
	}
}

// Whether a prediction refuses every node is judged among those that the pod may go to: one that is pinned to hot nodes is let
// pass, and one that may also go to a cool node is not. A DaemonSet's pod is never refused.
func TestPinnedPodsAreLetPass(t *testing.T) {
	tainted := big("tainted")
	tainted.Spec.Taints = []v1.Taint{{Key: "k", Effect: v1.TaintEffectNoSchedule}}
	hot, cool := big("hot"), big("cool")
	hot.Labels, cool.Labels = map[string]string{"pool": "a"}, map[string]string{"pool": "b"}
	forecasts := reading(future(1, map[string]forecast.Interval{"hot": exactly(5), "cool": exactly(0), "tainted": exactly(0)}))
	told := func() int64 { return forecasts.Views.Verdicts.Passed("", Name) }
	s := predictingScheduler(t, predicting(config.PredictedPeakFilter, kubeschedulerv1.LeastAllocated), forecasts, []*v1.Node{hot, cool, tainted})
	for name, tc := range map[string]struct {
		change func(*v1.Pod)
		passes bool
		told   int64
	}{
		"free to go elsewhere":    {func(*v1.Pod) {}, false, 0},
		"a selector of hot nodes": {func(p *v1.Pod) { p.Spec.NodeSelector = map[string]string{"pool": "a"} }, true, 1},
		"a selector of no node":   {func(p *v1.Pod) { p.Spec.NodeSelector = map[string]string{"pool": "z"} }, false, 0},
		"overcommitting, to a hot node": {func(p *v1.Pod) {
			p.Spec.NodeSelector, p.Annotations = map[string]string{"pool": "a"}, map[string]string{OvercommitAnnotation: "true"}
		}, false, 0},
		"a DaemonSet's": {func(p *v1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "a", Controller: ptr.To(true)}}
		}, true, 0},
		"a DaemonSet's of another group": {func(p *v1.Pod) {
			p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "x/v1", Kind: "DaemonSet", Name: "a", Controller: ptr.To(true)}}
		}, false, 0},
	} {
		before := told()
		in := plugintest.Pod("in", "", amounts{"cpu": "1"}, nil)
		tc.change(in)
		if status := s.filter(t, in, s.node(t, "hot")); status.IsSuccess() != tc.passes || told()-before != tc.told {
			t.Errorf("%s: got %v, told %d times", name, status, told()-before)
		}
	}
}

// An annotation that does not parse keeps the pod waiting and is named.
func TestBadAnnotations(t *testing.T) {
	s := predictingScheduler(t, predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated), reading(future(1, nil)), []*v1.Node{big("a")})
	for name, value := range map[string]string{
		OvercommitAnnotation: "yes", forecast.StatedAnnotations[forecast.CPU]: "much", forecast.StatedAnnotations[forecast.Memory]: "-1",
	} {
		in := plugintest.Pod("in", "", nil, nil)
		in.Annotations = map[string]string{name: value}
		_, status := s.PreFilter(t.Context(), s.begin(t, plugintest.Pod("other", "", nil, nil)), in, s.nodes)
		if status.Code() != fwk.UnschedulableAndUnresolvable || !strings.Contains(status.Message(), name) || !strings.Contains(status.Message(), value) {
			t.Errorf("%s: %s: got %v %q", name, value, status.Code(), status.Message())
		}
	}
}

// activations is a handle that notes which pods are tried again.
type activations struct {
	fwk.Handle
	pods chan map[string]*v1.Pod
}

func (a activations) Activate(_ klog.Logger, pods map[string]*v1.Pod) { a.pods <- pods }

// Who was refused for a prediction is tried again when there is a new forecast, once.
func TestReactivation(t *testing.T) {
	var current atomic.Pointer[forecast.Snapshot]
	current.Store(future(1, map[string]forecast.Interval{"hot": exactly(5), "cool": exactly(0)}))
	nodes := []*v1.Node{big("hot"), big("cool")}
	snapshot := cache.NewSnapshot(nil, nodes)
	h := activations{plugintest.Handle(t, snapshot), make(chan map[string]*v1.Pod, 2)}
	s := schedulerOn(t, predicting(config.PredictedPeakFilter, kubeschedulerv1.LeastAllocated), Forecasts{Views: cycle.NewViews(current.Load)}, h, snapshot)
	if status := s.filter(t, plugintest.Pod("in", "", amounts{"cpu": "1"}, nil), s.node(t, "hot")); status.IsSuccess() {
		t.Fatal("not refused")
	}
	// Until the watch has noticed one of them.
	deadline := time.After(time.Minute)
	for epoch := uint64(2); ; epoch++ {
		current.Store(future(epoch, nil))
		select {
		case pods := <-h.pods:
			if pods["shop/in"] == nil || len(pods) != 1 {
				t.Errorf("tried again: %v", pods)
			}
			if again := s.peaks.forecasts.Views.Verdicts.Refused.Take(); len(again) != 0 {
				t.Errorf("still waiting: %v", again)
			}
			return
		case <-time.After(time.Second / 4):
		case <-deadline:
			t.Fatal("not tried again")
		}
	}
}

// Pods with one signature get one answer, so what is forecast of them is in it.
func TestSignPrediction(t *testing.T) {
	s := predictingScheduler(t, predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated), reading(future(1, nil)), []*v1.Node{big("a")})
	sign := func(annotations map[string]string) string {
		in := plugintest.Pod("in", "", amounts{"cpu": "1"}, nil)
		in.Annotations = annotations
		fragments, status := s.SignPod(t.Context(), in)
		if !status.IsSuccess() {
			t.Fatal(status)
		}
		signed, err := json.Marshal(fragments)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	plain := sign(nil)
	if plain != sign(map[string]string{"other": "x"}) {
		t.Error("an annotation that decides nothing changes the signature")
	}
	for _, name := range []string{OvercommitAnnotation, forecast.StatedAnnotations[forecast.CPU]} {
		if plain == sign(map[string]string{name: "2"}) {
			t.Errorf("%s does not change the signature", name)
		}
	}
}

// BenchmarkScore is one node's score by requests and by predicted use.
func BenchmarkScore(b *testing.B) {
	nodes := []*v1.Node{big("a")}
	in := plugintest.Pod("in", "", amounts{"cpu": "1", "memory": "1Gi"}, nil)
	known := reading(future(1, map[string]forecast.Interval{"a": exactly(1)}))
	for _, by := range []struct {
		name      string
		forecasts Forecasts
		score     config.PredictedPeakScoring
	}{{"requests", Forecasts{}, config.ScoreByStrategy}, {"predicted", known, config.ScoreByStrategy}, {"harm", known, config.ScoreByHarm}} {
		b.Run(by.name, func(b *testing.B) {
			args := predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated)
			args.PredictedPeak.Score = by.score
			s := predictingScheduler(b, args, by.forecasts, nodes, plugintest.Pod("resident", "a", amounts{"cpu": "1"}, nil))
			state, node := s.begin(b, in), s.node(b, "a")
			b.ReportAllocs()
			for b.Loop() {
				if _, status := s.Score(b.Context(), state, in, node); !status.IsSuccess() {
					b.Fatal(status)
				}
			}
		})
	}
}
