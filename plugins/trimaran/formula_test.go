// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"fmt"
	"maps"
	"math"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// The example of KEP 61, "TargetLoadPacking Plugin": four cores each, a target of 50 %, and
// a pod of 0 cores.
func TestTargetLoadPackingExample(t *testing.T) {
	args := packingArgs()
	args.TargetUtilization, args.DefaultRequests = 50, nil
	s := newScheduler(t, TargetLoadPackingName, args, view{"x": used(1, 0), "y": used(2, 0), "z": used(3, 0)}.options(),
		[]*v1.Node{node("x", "4", "8Gi"), node("y", "4", "8Gi"), node("z", "4", "8Gi")})
	want := map[string]int64{
		"x": 75,  // (100−50)·25/50 + 50
		"y": 100, // (100−50)·50/50 + 50
		"z": 25,  // 50·(100−75)/(100−50)
	}
	if got := s.scores(t, podWith("p", "", "", "", "")); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTargetLoadPacking(t *testing.T) {
	for _, tc := range []struct {
		target int64
		cores  float64 // of 10 that are used
		pod    string  // its CPU limit
		want   int64
	}{
		{40, 0, "1m", 40},  // (100−40)·0.01/40 + 40 = 40.015
		{40, 1, "1", 70},   // (100−40)·20/40 + 40
		{40, 3, "1", 100},  // (100−40)·40/40 + 40
		{40, 3.1, "1", 39}, // 40·(100−41)/(100−40) = 39.3
		{40, 6, "1", 20},   // 40·(100−70)/(100−40)
		{40, 9, "1", 0},    // 40·(100−100)/(100−40)
		{40, 9.5, "1", 0},  // 105 %
		{40, 900, "1", 0},  // nonsense, and still no more than 100 and no less than 0
		{100, 4, "1", 100}, // (100−100)·50/100 + 100: all is below such a target
		{100, 9, "1", 100}, // 100 %: there is nothing to divide by 100−100
		{100, 9, "1001m", 0},
		{1, 0, "50m", 51}, // (100−1)·0.5/1 + 1 = 50.5
		{1, 0, "1", 1},    // 1·(100−10)/(100−1) = 0.91
	} {
		args := packingArgs()
		args.TargetUtilization = tc.target
		s := newScheduler(t, TargetLoadPackingName, args, view{"n": used(tc.cores, 0)}.options(), []*v1.Node{node("n", "10", "8Gi")})
		if got := s.scores(t, podWith("p", "", tc.pod, "", ""))["n"]; got != tc.want {
			t.Errorf("target %d, %g cores used, pod of %s: got %d, want %d", tc.target, tc.cores, tc.pod, got, tc.want)
		}
	}
}

// What a pod is expected to use: limit, else request · 1.5, else 1 core, for each container
// that keeps running, and the overhead.
func TestPredict(t *testing.T) {
	s := newScheduler(t, TargetLoadPackingName, packingArgs(), view{}.options(), nil)
	always := v1.ContainerRestartPolicyAlways
	container := podWith("p", "2", "", "", "").Spec.Containers[0]
	for name, tc := range map[string]struct {
		edit func(*v1.PodSpec)
		want float64
	}{
		"limit":                 {func(p *v1.PodSpec) { p.Containers = podWith("p", "2", "4", "", "").Spec.Containers }, 4},
		"request":               {func(*v1.PodSpec) {}, 3},
		"neither":               {func(p *v1.PodSpec) { p.Containers = podWith("p", "", "", "1Gi", "").Spec.Containers }, 1},
		"request of 0":          {func(p *v1.PodSpec) { p.Containers = podWith("p", "0", "", "", "").Spec.Containers }, 1},
		"two containers":        {func(p *v1.PodSpec) { p.Containers = append(p.Containers, v1.Container{}) }, 3 + 1},
		"init container":        {func(p *v1.PodSpec) { p.InitContainers = []v1.Container{container} }, 3},
		"sidecar":               {func(p *v1.PodSpec) { c := container; c.RestartPolicy = &always; p.InitContainers = []v1.Container{c} }, 6},
		"overhead":              {func(p *v1.PodSpec) { p.Overhead = v1.ResourceList{v1.ResourceCPU: resource.MustParse("250m")} }, 3.25},
		"the pod's own limit":   {func(p *v1.PodSpec) { p.Resources = &podWith("p", "", "5", "", "").Spec.Containers[0].Resources }, 5},
		"the pod's own request": {func(p *v1.PodSpec) { p.Resources = &podWith("p", "4", "", "", "").Spec.Containers[0].Resources }, 6},
		"the pod's own memory":  {func(p *v1.PodSpec) { p.Resources = &podWith("p", "", "", "1Gi", "").Spec.Containers[0].Resources }, 3},
	} {
		p := podWith("p", "2", "", "", "")
		tc.edit(&p.Spec)
		if got := s.plugin.(*TargetLoadPacking).predict(p); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("%s: got %g cores, want %g", name, got, tc.want)
		}
	}
}

func TestLoadVariationRiskBalancing(t *testing.T) {
	for _, tc := range []struct {
		margin, sensitivity float64
		usage               forecast.NodeUsage // of 10 cores and 100 GiB
		pod                 *v1.Pod
		want                int64
	}{
		// The pod's request is part of μ: μ = (4+1)/10, σ = 2/10, risk = (0.5+0.2)/2.
		{1, 1, deviating(used(4, 0), 2, 0), podWith("p", "1", "2", "", ""), 65},
		// risk = (0.5 + √0.04)/2.
		{1, 2, deviating(used(4, 0), 0.4, 0), podWith("p", "1", "", "", ""), 65},
		// risk = (0.5 + 3·0.2)/2.
		{3, 1, deviating(used(4, 0), 2, 0), podWith("p", "1", "", "", ""), 45},
		// Each term within 0–1: 3·√0.5 counts as 1, risk = (0.5+1)/2.
		{3, 2, deviating(used(4, 0), 5, 0), podWith("p", "1", "", "", ""), 25},
		// μ = 12/10 counts as 1: risk = (1+0.2)/2.
		{1, 1, deviating(used(11, 0), 2, 0), podWith("p", "1", "", "", ""), 40},
		// The worst resource counts: CPU (0.5+0.2)/2 = 0.35, memory (0.8+0.1)/2 = 0.45.
		{1, 1, deviating(used(4, 75*gi), 2, 10*gi), podWith("p", "1", "", "5Gi", ""), 55},
		// No margin leaves the mean: risk = 0.5/2.
		{0, 1, deviating(used(4, 0), 2, 0), podWith("p", "1", "", "", ""), 75},
		// The 0th root of anything below 1 is 0: risk = 0.5/2.
		{1, 0, deviating(used(4, 0), 2, 0), podWith("p", "1", "", "", ""), 75},
		// Nothing is used, nothing requested.
		{1, 1, used(0, 0), podWith("p", "", "", "", ""), 100},
		// Full, and varying as much as can be.
		{1, 1, deviating(used(10, 0), 10, 0), podWith("p", "1", "", "", ""), 0},
	} {
		args := &schedulerplugins.LoadVariationRiskBalancingArgs{SafeVarianceMargin: tc.margin, SafeVarianceSensitivity: tc.sensitivity}
		s := newScheduler(t, LoadVariationRiskBalancingName, args, view{"n": tc.usage}.options(), []*v1.Node{node("n", "10", "100Gi")})
		if got := s.scores(t, tc.pod)["n"]; got != tc.want {
			t.Errorf("margin %g, sensitivity %g, %+v: got %d, want %d", tc.margin, tc.sensitivity, tc.usage, got, tc.want)
		}
	}
}

// Example 2 of KEP 357: three nodes of 3,910 millicores and a pod that requests 100 without a
// limit. Its table has, for example, for node-21
//
//	limit risk = (5816−3910)/(5816−2617)        = 0.596
//	μ = 2452.89/3910 = 0.63, σ = √5·467.45/3910 = 0.27, so a = 1.42 and b = 0.85
//	threshold = (2617−100)/3910                 = 0.644, load risk = 1 − 0.471
//	score = 100·(1 − (0.596+0.529)/2)           = 44
func TestLowRiskOverCommitmentExample2(t *testing.T) {
	usage, nodes, pods := view{}, []*v1.Node{}, []*v1.Pod{}
	want := map[string]int64{}
	for _, tc := range []struct {
		name             string
		requests, limits int // millicores, with the pod
		mean, deviation  float64
		want             int64
	}{
		{"node-21", 2617, 5816, 2452.89, 467.45, 44},
		{"node-24", 2544, 4620, 1901.78, 606.49, 63},
		{"node-28", 3568, 4380, 1326.75, 421.59, 70},
	} {
		nodes = append(nodes, node(tc.name, "3910m", "8Gi"))
		pods = append(pods, runningSince(podWith(tc.name, fmt.Sprintf("%dm", tc.requests-100), fmt.Sprintf("%dm", tc.limits-100), "", ""), tc.name, time.Hour))
		usage[tc.name] = deviating(used(tc.mean/1000, 0), tc.deviation/1000, 0)
		want[tc.name] = tc.want
	}
	s := newScheduler(t, LowRiskOverCommitmentName, overCommitmentArgs(), usage.options(), nodes, pods...)
	if got := s.scores(t, podWith("p", "100m", "", "", "")); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Example 1 of KEP 357: two nodes of 4 cores, of which 3.6 are used with the largest
// deviation. Pods A, B, C and X, which is to be placed, request 1 core and have a limit of 3;
// D and E request 0.9 and 0.1 and have none.
//
//	node I:  limit risk = (9−4)/(9−3) = 0.833, load risk = 0.901, score = 100·(1−0.867) = 13
//	node II: limit risk = (7−4)/(7−3) = 0.75,  load risk = 0.901, score = 100·(1−0.825) = 17
//
// The KEP leaves D and E out of the limits, as if they could use less than they request, and
// has 6 instead of 7 and a score of 22. That any load is possible beside D and E, so that
// the 3 cores of C are no bound, is as the KEP has it.
func TestLowRiskOverCommitmentExample1(t *testing.T) {
	burstable := func(name, node string) *v1.Pod {
		return runningSince(podWith(name, "1", "3", "", ""), node, time.Hour)
	}
	usage := deviating(used(3.6, 0), 1.2, 0)
	s := newScheduler(t, LowRiskOverCommitmentName, overCommitmentArgs(), view{"I": usage, "II": usage}.options(),
		[]*v1.Node{node("I", "4", "8Gi"), node("II", "4", "8Gi")},
		burstable("a", "I"), burstable("b", "I"), burstable("c", "II"),
		runningSince(podWith("d", "900m", "", "", ""), "II", time.Hour), runningSince(podWith("e", "100m", "", "", ""), "II", time.Hour))
	if got, want := s.scores(t, podWith("x", "1", "3", "", "")), (map[string]int64{"I": 13, "II": 17}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLowRiskOverCommitment(t *testing.T) {
	resident := func(cpuRequest, cpuLimit, memoryRequest, memoryLimit string) *v1.Pod {
		return runningSince(podWith("resident", cpuRequest, cpuLimit, memoryRequest, memoryLimit), "n", time.Hour)
	}
	// σ = √(1/12) with μ = ½ is the beta distribution with a = b = 1, which is uniform.
	uniform := deviating(used(5, 50*gi), 10*math.Sqrt(1./12), 100*gi*math.Sqrt(1./12))
	for _, tc := range []struct {
		name     string
		weight   float64
		usage    forecast.NodeUsage // of 10 cores and 100 GiB
		resident *v1.Pod
		pod      *v1.Pod
		want     int64
	}{
		// r = 0.25 of the node, any load possible: P(load > 0.25) = 0.75; memory 0.25: risk ½·0.75.
		{"load", 0.5, uniform, resident("2500m", "", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 63},
		// No more than 5 cores are possible: P(load > 0.25 | load ≤ 0.5) = 0.5.
		{"bounded load", 0.5, uniform, resident("2500m", "5", "75Gi", "75Gi"), podWith("p", "1", "1", "1Gi", "1Gi"), 75},
		// (2.5+10+1−10)/(13.5−3.5) = 0.35, and r = 0.25: ½·0.35 + ½·0.75 = 0.55.
		{"limits", 0.5, uniform, resident("2500m", "12500m", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 45},
		{"limits only", 1, uniform, resident("2500m", "12500m", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 65},
		{"load only", 0, uniform, resident("2500m", "12500m", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 25},
		// Memory is the worst: r = 0.1, so ½·0.9.
		{"memory", 0.5, uniform, resident("2500m", "", "10Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 55},
		// A constant load below r is no risk, above it is certain.
		{"constant, below", 0.5, used(2, gi), resident("2500m", "", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 100},
		{"constant, above", 0.5, used(3, gi), resident("2500m", "", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 50},
		// All is requested: no load passes that, and no limit is allowed, (11−10)/(11−10).
		{"full", 0.5, uniform, resident("10", "10", "75Gi", ""), podWith("p", "1", "1", "1Gi", "1Gi"), 50},
		// A pod without requests and limits is none of the plugin's business.
		{"best effort", 0.5, uniform, resident("2500m", "", "75Gi", ""), podWith("p", "", "", "", ""), 0},
	} {
		args := overCommitmentArgs()
		args.RiskLimitWeights = map[v1.ResourceName]float64{v1.ResourceCPU: tc.weight, v1.ResourceMemory: tc.weight}
		args.SmoothingWindowSize = 1
		s := newScheduler(t, LowRiskOverCommitmentName, args, view{"n": tc.usage}.options(), []*v1.Node{node("n", "10", "100Gi")}, tc.resident)
		if got := s.scores(t, tc.pod)["n"]; got != tc.want {
			t.Errorf("%s: got %d, want %d", tc.name, got, tc.want)
		}
	}
}

// The sums of limits are kept for a generation of a node: what changes the node counts at
// once.
func TestLimitsFollowTheNode(t *testing.T) {
	s := newScheduler(t, LowRiskOverCommitmentName, overCommitmentArgs(), view{"n": used(0, 0)}.options(), []*v1.Node{node("n", "4", "8Gi")})
	pod := podWith("p", "1", "2", "1Gi", "1Gi")
	if got := s.scores(t, pod)["n"]; got != 100 {
		t.Errorf("an empty node: got %d", got)
	}
	s.place(t, runningSince(podWith("a", "1", "4", "", ""), "n", time.Hour), "n")
	// (6−4)/(6−2) = 0.5, and nothing is used: ½·0.5.
	if got := s.scores(t, pod)["n"]; got != 75 {
		t.Errorf("after a pod came: got %d", got)
	}
}

// While a group of pods is placed together, upstream puts its pods on the snapshot's nodes,
// and takes them back, without a new generation: they count in the group's cycles and
// leave nothing behind.
func TestLimitsOfPodGroups(t *testing.T) {
	s := newScheduler(t, LowRiskOverCommitmentName, overCommitmentArgs(), view{"n": used(0, 0)}.options(), []*v1.Node{node("n", "4", "8Gi")})
	score := func(state *framework.CycleState) int64 {
		got, status := s.plugin.Score(t.Context(), state, podWith("p", "1", "2", "1Gi", "1Gi"), s.nodes[0])
		if !status.IsSuccess() {
			t.Fatal(status)
		}
		return got
	}
	inGroup := func() *framework.CycleState {
		state := framework.NewCycleState()
		state.SetPodGroupSchedulingCycle(framework.NewCycleState())
		return state
	}
	before := score(framework.NewCycleState())
	first := runningSince(podWith("first", "1", "4", "", ""), "n", time.Hour)
	info, err := framework.NewPodInfo(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.snapshot.AssumePod(info); err != nil {
		t.Fatal(err)
	}
	if got := score(inGroup()); before != 100 || got != 75 { // as in TestLimitsFollowTheNode
		t.Errorf("got %d, and after a pod of the group came %d", before, got)
	}
	if err := s.snapshot.ForgetPod(klog.FromContext(t.Context()), first); err != nil {
		t.Fatal(err)
	}
	if got := score(framework.NewCycleState()); got != 100 {
		t.Errorf("after the group was taken back: got %d", got)
	}
}

// The beta distribution against ones whose probabilities are polynomials, and against its
// definition.
func TestBeta(t *testing.T) {
	deviation := func(a, b float64) float64 { return math.Sqrt(a * b / ((a + b) * (a + b) * (a + b + 1))) }
	for _, x := range []float64{0, 0.1, 0.25, 0.5, 0.9, 1} {
		for _, tc := range []struct{ a, b, want float64 }{
			{1, 1, x},
			{2, 1, x * x},
			{1, 3, 1 - (1-x)*(1-x)*(1-x)},
			{2, 2, 3*x*x - 2*x*x*x},
			{8, 5, integrated(8, 5, x)},
			{30, 2.5, integrated(30, 2.5, x)},
		} {
			if got := fitBeta(tc.a/(tc.a+tc.b), deviation(tc.a, tc.b)).atMost(x); math.Abs(got-tc.want) > 1e-6 {
				t.Errorf("a = %g, b = %g: P(load ≤ %g) = %g, want %g", tc.a, tc.b, x, got, tc.want)
			}
		}
	}
	// The largest deviation is all at 0 or 1, with the mean as the share of 1.
	if got := fitBeta(0.9, 5).atMost(0.5); math.Abs(got-0.1) > 0.01 {
		t.Errorf("got %g, want about 1 − 0.9", got)
	}
}

// integrated is the beta distribution by its definition, with Simpson's rule.
func integrated(a, b, x float64) float64 {
	density := func(u float64) float64 { return math.Pow(u, a-1) * math.Pow(1-u, b-1) }
	simpson := func(to float64) float64 {
		const n = 20_000
		sum, h := density(0)+density(to), to/n
		for i := 1; i < n; i++ {
			sum += float64(2+2*(i%2)) * density(h*float64(i))
		}
		return sum * h / 3
	}
	return simpson(x) / simpson(1)
}

// Power doubles every 10 %, from 1 W. The pod takes 1 core of 10.
func TestPeaks(t *testing.T) {
	usage := view{"idle": used(0, 0), "20": used(2, 0), "30": used(3, 0), "full": used(9.5, 0), "no model": used(0, 0)}
	nodes := []*v1.Node{}
	for _, name := range []string{"idle", "20", "30", "full", "no model", "unknown"} {
		nodes = append(nodes, node(name, "10", "8Gi"))
	}
	s := newScheduler(t, PeaksName, peaksArgs("idle", "20", "30", "full", "unknown"), usage.options(), nodes)
	want := map[string]int64{
		"idle": 100, // 2−1 = 1 W, the least
		"20":   57,  // 8−4 = 4 W: 100·(8−4)/(8−1) = 57.1
		"30":   0,   // 16−8 = 8 W, the largest
		// These would have no jump at all and come first, were they not left out.
		"full": 0, "no model": 0, "unknown": 0,
	}
	if got := s.scores(t, podWith("p", "1", "", "", "")); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// The pod in between: unseen pods raise both ends of the jump.
	s.place(t, assumed(podWith("a", "2", "", "", ""), "idle"), "idle")
	if got := s.scores(t, podWith("p", "1", "", "", "")); got["idle"] != got["20"] {
		t.Errorf("2 cores used and 2 assumed are not the same: %v", got)
	}
}

// A jump that no integer holds is a large one still.
func TestPeaksLargeJump(t *testing.T) {
	args := peaksArgs("small", "large", "falls")
	args.NodePowerModel["large"] = schedulerplugins.PowerModel{K1: 1e290, K2: 0.1}
	args.NodePowerModel["falls"] = schedulerplugins.PowerModel{K1: -1e290, K2: 0.1}
	s := newScheduler(t, PeaksName, args, view{"small": used(1, 0), "large": used(1, 0), "falls": used(1, 0)}.options(),
		[]*v1.Node{node("small", "10", "8Gi"), node("large", "10", "8Gi"), node("falls", "10", "8Gi")})
	if got, want := s.scores(t, podWith("p", "1", "", "", "")), (map[string]int64{"falls": 100, "small": 50, "large": 0}); !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Jumps that are all equal score 100, jumps however large do not overflow, and a model
// whose power falls is as good as another.
func TestPeaksNormalize(t *testing.T) {
	p := &Peaks{}
	for _, tc := range []struct{ raw, want []int64 }{
		{[]int64{7, 7}, []int64{100, 100}},
		{[]int64{0, 0}, []int64{100, 100}},
		{[]int64{7, noJump}, []int64{100, 0}},
		{[]int64{noJump, noJump}, []int64{0, 0}},
		{[]int64{-largestJump, 0, largestJump}, []int64{100, 50, 0}},
		{[]int64{-30, -10}, []int64{100, 0}},
		{nil, nil},
	} {
		list := nodeScores(tc.raw)
		if status := p.NormalizeScore(t.Context(), nil, nil, list); !status.IsSuccess() {
			t.Fatal(status)
		}
		for i, want := range tc.want {
			if list[i].Score != want {
				t.Errorf("%v: got %v, want %v", tc.raw, list, tc.want)
			}
		}
	}
}

func nodeScores(raw []int64) fwk.NodeScoreList {
	var list fwk.NodeScoreList
	for _, r := range raw {
		list = append(list, fwk.NodeScore{Score: r})
	}
	return list
}
