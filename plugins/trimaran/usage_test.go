// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"encoding/json"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// blind is what each plugin gives a node of unknown usage. Load risk counts as 1, and
// there is no limit risk, so the risk is ½·0 + ½·1.
var blind = map[string]int64{TargetLoadPackingName: 0, LoadVariationRiskBalancingName: 0, LowRiskOverCommitmentName: 50, PeaksName: 0}

// A sample that is older than the expiry counts no more, nor does one from the future, which
// would never get older. The fresh node shows what the same usage is worth.
func TestSamplesExpire(t *testing.T) {
	for _, tc := range []struct {
		name    string
		age     time.Duration
		expiry  time.Duration
		expired bool
	}{
		{"within the default", DefaultExpiry - 10*time.Second, 0, false},
		{"beyond the default", DefaultExpiry + time.Second, 0, true},
		{"within ours", 9 * time.Minute, 10 * time.Minute, false},
		{"beyond ours", 11 * time.Second, 10 * time.Second, true},
		{"a little ahead", -time.Second, 0, false},
		{"far ahead", -DefaultExpiry - time.Minute, 0, true},
		{"never", time.Since(time.Time{}), 0, true},
	} {
		old := used(1, gi)
		old.Newest = time.Now().Add(-tc.age)
		if tc.name == "never" {
			old.Newest = time.Time{}
		}
		opts := view{"fresh": used(1, gi), "old": old}.options()
		opts.Expiry = tc.expiry
		for name, args := range everyPlugin("fresh", "old", "unknown") {
			s := newScheduler(t, name, args, opts, []*v1.Node{node("fresh", "10", "10Gi"), node("old", "10", "10Gi"), node("unknown", "10", "10Gi")},
				runningSince(podWith("a", "2", "2", "2Gi", "2Gi"), "fresh", time.Hour),
				runningSince(podWith("b", "2", "2", "2Gi", "2Gi"), "old", time.Hour))
			scores := s.scores(t, podWith("p", "1", "1", "1Gi", "1Gi"))
			if scores["unknown"] != blind[name] || scores["fresh"] <= blind[name] {
				t.Errorf("%s: got %v", name, scores)
			}
			want := scores["fresh"]
			if tc.expired {
				want = blind[name]
			}
			if scores["old"] != want {
				t.Errorf("%s, sample %s: got %d, want %d", name, tc.name, scores["old"], want)
			}
		}
	}
}

// While nothing is known about any node the plugins are skipped, but for limits, which
// need no usage.
func TestNothingKnown(t *testing.T) {
	for reader, opts := range map[string]Options{"no reader": {}, "no view": {Usage: func(fwk.CycleState) Usage { return nil }}} {
		for name, args := range everyPlugin("n") {
			s := newScheduler(t, name, args, opts, []*v1.Node{node("n", "10", "10Gi")})
			state, pod := framework.NewCycleState(), podWith("p", "1", "1", "1Gi", "1Gi")
			status := s.plugin.PreScore(t.Context(), state, pod, s.nodes)
			if name == LowRiskOverCommitmentName {
				if !status.IsSuccess() {
					t.Errorf("%s, %s: %v", name, reader, status)
				}
			} else if !status.IsSkip() {
				t.Errorf("%s, %s: got %v, want Skip", name, reader, status)
			}
			if scores := s.scores(t, pod); name != LowRiskOverCommitmentName && scores["n"] != 0 {
				t.Errorf("%s, %s: got %v", name, reader, scores)
			}
		}
	}
}

// unseenCases say how much of the use of a pod the samples lack.
var unseenCases = []struct {
	name   string
	window time.Duration
	place  func(*v1.Pod) *v1.Pod
	want   float64
}{
	{"assumed", time.Minute, func(p *v1.Pod) *v1.Pod { return assumed(p, "n") }, 1},
	{"assumed after it was refused before", time.Minute, func(p *v1.Pod) *v1.Pod {
		p.Status = v1.PodStatus{Phase: v1.PodPending, Conditions: []v1.PodCondition{{Type: v1.PodScheduled, Status: v1.ConditionFalse}}}
		return assumed(p, "n")
	}, 1},
	{"bound, pulling its image for long", 0, func(p *v1.Pod) *v1.Pod {
		p = runningSince(p, "n", time.Hour)
		p.Status.Phase = v1.PodPending
		return p
	}, 1},
	{"started after the newest sample", 0, func(p *v1.Pod) *v1.Pod { return runningSince(p, "n", -10*time.Second) }, 1},
	{"started before it", 0, func(p *v1.Pod) *v1.Pod { return runningSince(p, "n", 10*time.Second) }, 0},
	{"runs as long as the window", time.Minute, func(p *v1.Pod) *v1.Pod { return runningSince(p, "n", 62*time.Second) }, 0},
	{"runs half as long", 200 * time.Second, func(p *v1.Pod) *v1.Pod { return runningSince(p, "n", 101*time.Second) }, 0.5},
	{"runs, since when is not said", time.Minute, func(p *v1.Pod) *v1.Pod {
		p.Spec.NodeName, p.Status.Phase = "n", v1.PodRunning
		return p
	}, 0},
}

// A pod counts with its expected use for as long as no sample can show it. The pod has 2
// cores as request and limit, and 2 GiB.
func TestUnseenPods(t *testing.T) {
	for _, tc := range unseenCases {
		u := used(1, gi)
		u.Window = tc.window
		for name, args := range everyPlugin("n") {
			s := newScheduler(t, name, args, view{"n": u}.options(), []*v1.Node{node("n", "10", "10Gi")}, tc.place(podWith("a", "2", "2", "2Gi", "2Gi")))
			base := scorerOf(s)
			c := base.begin(framework.NewCycleState(), podWith("p", "1", "", "", ""))
			mean := base.meanOn(c, s.nodes[0])
			// The start time is cut to seconds, so the share is good to 1/200.
			if want := 1 + 2*tc.want; math.Abs(mean[forecast.CPU]-want) > 0.011 {
				t.Errorf("%s, a pod %s: %g cores are used, want %g", name, tc.name, mean[forecast.CPU], want)
			}
			wantBytes := gi * (1 + 2*tc.want)
			if name == TargetLoadPackingName {
				wantBytes = gi // It does not look at memory.
			}
			if math.Abs(mean[forecast.Memory]-wantBytes) > 0.011*gi {
				t.Errorf("%s, a pod %s: %g bytes are used, want %g", name, tc.name, mean[forecast.Memory], wantBytes)
			}
		}
	}
}

// meanOn is the mean that a plugin's formula is given.
func (s *scorer) meanOn(c *cycle, node fwk.NodeInfo) forecast.Amounts {
	var n nodePart
	s.readNode(c.usage, framework.NewCycleState(), node, &n)
	mean, _ := n.load(c, s.options.Expiry)
	return mean
}

func scorerOf(s scheduler) *scorer {
	switch p := s.plugin.(type) {
	case *TargetLoadPacking:
		return &p.scorer
	case *LoadVariationRiskBalancing:
		return &p.scorer
	case *LowRiskOverCommitment:
		return &p.scorer
	case *Peaks:
		return &p.scorer
	}
	panic("no such plugin")
}

// Where the mean is unknown and the newest sample stands in, it shows a pod in full at once.
func TestLatestStandsIn(t *testing.T) {
	u := used(3, 3*gi)
	u.CPU.Mean, u.Window = math.NaN(), time.Minute
	s := newScheduler(t, LoadVariationRiskBalancingName, balancingArgs(), view{"n": u}.options(), []*v1.Node{node("n", "10", "10Gi")},
		runningSince(podWith("a", "2", "2", "2Gi", "2Gi"), "n", 31*time.Second),
		assumed(podWith("b", "2", "2", "2Gi", "2Gi"), "n"))
	base := scorerOf(s)
	mean := base.meanOn(base.begin(framework.NewCycleState(), podWith("p", "1", "", "", "")), s.nodes[0])
	if mean[forecast.CPU] != 3+2 { // b alone
		t.Errorf("got %g cores, want 5", mean[forecast.CPU])
	}
	if math.Abs(mean[forecast.Memory]/gi-(3+2*0.5+2)) > 0.05 { // half of a, and b
		t.Errorf("got %g GiB, want 6", mean[forecast.Memory]/gi)
	}
}

// A burst of pods does not herd: samples stay as they are while pods are placed one by one.
func TestBurstSpreads(t *testing.T) {
	const nodes, pods = 5, 20
	names := []string{}
	list, usage := []*v1.Node{}, view{}
	for i := range nodes {
		name := fmt.Sprintf("n%d", i)
		names, list = append(names, name), append(list, node(name, "16", "64Gi"))
		usage[name] = used(0.5, gi)
	}
	for name, args := range everyPlugin(names...) {
		s, count := newScheduler(t, name, args, usage.options(), list), map[string]int{}
		for i := range pods {
			scores := s.scores(t, podWith("p", "1", "1", "1Gi", "1Gi"))
			best := names[0]
			for _, n := range names[1:] {
				if scores[n] > scores[best] {
					best = n
				}
			}
			count[best]++
			s.place(t, assumed(podWith(fmt.Sprintf("p%d", i), "1", "1", "1Gi", "1Gi"), best), best)
		}
		for n, c := range count {
			switch name {
			case TargetLoadPackingName:
				// 0.5 + 6 cores are just above 40 % of 16: one pod more is worth 39 at most.
				if c > 6 {
					t.Errorf("%s put %d pods on %s: %v", name, c, n, count)
				}
			case LoadVariationRiskBalancingName, PeaksName:
				// Power doubles every 10 %, so it spreads too.
				if c != pods/nodes {
					t.Errorf("%s put %d pods on %s: %v", name, c, n, count)
				}
			}
		}
	}
}

// Usage that makes no sense is not known, for each resource; it is no zero.
func TestNonsense(t *testing.T) {
	for _, v := range []float64{math.NaN(), -1, math.Inf(1), math.Inf(-1)} {
		nonsense := forecast.NodeUsage{CPU: forecast.Stats{Mean: v, StdDev: v, Latest: v}, Memory: forecast.Stats{Mean: v, StdDev: v, Latest: v}, Newest: time.Now()}
		for name, args := range everyPlugin("n", "known") {
			s := newScheduler(t, name, args, view{"n": nonsense, "known": used(1, gi)}.options(), []*v1.Node{node("n", "10", "10Gi"), node("known", "10", "10Gi")},
				assumed(podWith("a", "2", "2", "2Gi", "2Gi"), "n"))
			if scores := s.scores(t, podWith("p", "1", "1", "1Gi", "1Gi")); scores["n"] != blind[name] {
				t.Errorf("%s, usage %v: got %v", name, v, scores)
			}
		}
		// CPU alone: its mean is known, its deviation counts as none. μ = (1+1)/10, and memory
		// is left out.
		half := forecast.NodeUsage{CPU: forecast.Stats{Mean: 1, StdDev: v, Latest: v}, Memory: forecast.Stats{Mean: v, StdDev: v, Latest: v}, Newest: time.Now()}
		s := newScheduler(t, LoadVariationRiskBalancingName, balancingArgs(), view{"n": half}.options(), []*v1.Node{node("n", "10", "10Gi")})
		if scores := s.scores(t, podWith("p", "1", "1", "9Gi", "9Gi")); scores["n"] != 90 {
			t.Errorf("deviation %v: got %v, want 100·(1 − 0.2/2)", v, scores)
		}
	}
}

// A node that has none of a resource divides nothing by zero: it scores 0.
func TestNoCapacity(t *testing.T) {
	for name, args := range everyPlugin("none", "n") {
		for _, none := range []*v1.Node{node("none", "0", "0"), node("none", "0", "10Gi")} {
			s := newScheduler(t, name, args, view{"none": used(1, gi), "n": used(1, gi)}.options(), []*v1.Node{none, node("n", "10", "10Gi")},
				runningSince(podWith("a", "2", "2", "2Gi", "2Gi"), "n", time.Hour))
			if scores := s.scores(t, podWith("p", "1", "1", "1Gi", "1Gi")); scores["none"] != 0 || scores["n"] <= 0 {
				t.Errorf("%s: got %v", name, scores)
			}
			// Nor does it matter to the pod in hand.
			if scores := s.scores(t, podWith("p", "", "", "1Gi", "1Gi")); scores["none"] != 0 {
				t.Errorf("%s, a pod that requests no CPU: got %v", name, scores)
			}
		}
	}
}

// Every node of a cycle is judged by one view, with PreScore or, where the configuration
// enables Score alone, without.
func TestOneViewPerCycle(t *testing.T) {
	nodes, usage := []*v1.Node{}, view{}
	for i := range 200 {
		n := node(fmt.Sprint(i), "10", "10Gi")
		nodes, usage[n.Name] = append(nodes, n), used(1, gi)
	}
	for name, args := range everyPlugin("0") {
		var asked atomic.Int64
		s := newScheduler(t, name, args, Options{Usage: func(fwk.CycleState) Usage {
			asked.Add(1)
			time.Sleep(10 * time.Millisecond) // Others are scored meanwhile.
			return usage
		}}, nodes)
		pod := podWith("p", "1", "1", "1Gi", "1Gi")
		with := s.scores(t, pod)
		if got := asked.Swap(0); got != 1 {
			t.Errorf("%s: took %d views in a cycle", name, got)
		}
		list, status := s.RunScorePlugins(t.Context(), framework.NewCycleState(), pod, s.nodes)
		if !status.IsSuccess() {
			t.Fatal(status)
		}
		if got := asked.Load(); got != 1 {
			t.Errorf("%s: took %d views in a cycle without PreScore", name, got)
		}
		for _, n := range list {
			if n.TotalScore != with[n.Name] {
				t.Errorf("%s: %s scores %d, without PreScore %d", name, n.Name, with[n.Name], n.TotalScore)
			}
		}
	}
}

// The plugins listen to no event, so no tombstone reaches them: they are made and work
// without a handle.
func TestNoHandle(t *testing.T) {
	for name, args := range everyPlugin("n") {
		if _, err := Factories(view{}.options())[name](t.Context(), args, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Pods that a plugin cannot tell apart have one signature, others have not; and the
// framework gets one at all, so that batching stays on.
func TestSignPod(t *testing.T) {
	signature := func(s scheduler, p *v1.Pod) string {
		fragments, status := s.plugin.SignPod(t.Context(), p)
		if !status.IsSuccess() || len(fragments) != 1 {
			t.Fatalf("%s: %v, %v", s.plugin.Name(), fragments, status)
		}
		data, err := json.Marshal(fragments[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		return fragments[0].Key + string(data)
	}
	const packing, balancing, commitment, peaks = TargetLoadPackingName, LoadVariationRiskBalancingName, LowRiskOverCommitmentName, PeaksName
	base := podWith("p", "1", "2", "1Gi", "2Gi")
	keys := map[string]bool{}
	for name, args := range everyPlugin("n") {
		s := newScheduler(t, name, args, view{}.options(), []*v1.Node{node("n", "10", "10Gi")})
		if s.Framework.SignPod(t.Context(), base) == nil {
			t.Errorf("%s: the framework signs no pods", name)
		}
		for _, tc := range []struct {
			what    string
			pod     *v1.Pod
			differs map[string]bool
		}{
			{"nothing", podWith("q", "1", "2", "1Gi", "2Gi"), nil},
			{"CPU request", podWith("q", "1500m", "2", "1Gi", "2Gi"), map[string]bool{balancing: true, commitment: true, peaks: true}},
			{"CPU limit", podWith("q", "1", "3", "1Gi", "2Gi"), map[string]bool{packing: true, commitment: true}},
			{"no CPU limit", podWith("q", "2", "", "1Gi", "2Gi"), map[string]bool{packing: true, balancing: true, commitment: true, peaks: true}},
			{"memory limit", podWith("q", "1", "2", "1Gi", "3Gi"), map[string]bool{commitment: true}},
			{"memory request", podWith("q", "1", "2", "2Gi", "2Gi"), map[string]bool{balancing: true, commitment: true, peaks: true}},
		} {
			if got := signature(s, tc.pod) != signature(s, base); got != tc.differs[name] {
				t.Errorf("%s, pods that differ in %s: signatures differ: %v", name, tc.what, got)
			}
		}
		fragments, _ := s.plugin.SignPod(t.Context(), base)
		keys[fragments[0].Key] = true
	}
	if len(keys) != 4 {
		t.Errorf("got keys %v: of two fragments with one key upstream drops one", keys)
	}
}

// crowded is a node with pods of all kinds: old ones, some that started lately, some that
// are assumed, with sidecars and pod-level resources.
func crowded(t testing.TB, name string, pods int) scheduler {
	u := deviating(used(4, 8*gi), 1, gi)
	u.Window = 10 * time.Minute
	residents := []*v1.Pod{}
	for i := range pods {
		p := podWith(fmt.Sprint(i), "100m", "200m", "100Mi", "200Mi")
		switch i % 10 {
		case 0:
			p = assumed(p, "n")
		case 1:
			always := v1.ContainerRestartPolicyAlways
			p.Spec.InitContainers = []v1.Container{{Name: "s", RestartPolicy: &always, Resources: p.Spec.Containers[0].Resources}}
			p = runningSince(p, "n", time.Minute)
		case 2:
			p.Spec.Resources = &v1.ResourceRequirements{Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("250m")}}
			p = runningSince(p, "n", time.Minute)
		default:
			p = runningSince(p, "n", time.Hour)
		}
		residents = append(residents, p)
	}
	return newScheduler(t, name, everyPlugin("n")[name], view{"n": u}.options(), []*v1.Node{node("n", "16", "64Gi")}, residents...)
}

// Score runs for every node of every pod, so it must not allocate.
func TestNoAllocations(t *testing.T) {
	for name := range everyPlugin() {
		s := crowded(t, name, 30)
		pod, state := podWith("p", "1", "2", "1Gi", "2Gi"), framework.NewCycleState()
		if status := s.plugin.PreScore(t.Context(), state, pod, s.nodes); !status.IsSuccess() {
			t.Fatal(status)
		}
		ctx, n := t.Context(), s.nodes[0]
		if allocations := testing.AllocsPerRun(100, func() { s.plugin.Score(ctx, state, pod, n) }); allocations != 0 {
			t.Errorf("%s: Score allocates %.0f times", name, allocations)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	for name := range everyPlugin() {
		for _, pods := range []int{0, 30, 110} {
			b.Run(fmt.Sprintf("%s/pods=%d", name, pods), func(b *testing.B) {
				s := crowded(b, name, pods)
				pod, state := podWith("p", "1", "2", "1Gi", "2Gi"), framework.NewCycleState()
				if status := s.plugin.PreScore(b.Context(), state, pod, s.nodes); !status.IsSuccess() {
					b.Fatal(status)
				}
				ctx := b.Context()
				n := s.nodes[0]
				b.ReportAllocs()
				for b.Loop() {
					s.plugin.Score(ctx, state, pod, n)
				}
			})
		}
	}
}
