// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat/distuv"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// The plain twins: each plugin's formula over plain numbers, one node, no shortcuts. All
// pods have one container with requests and limits, and were there long before the sample.

type situation struct {
	capacity, mean, deviation forecast.Amounts // of the node
	requests, limits          forecast.Amounts // of the node's pods
	podRequest, podLimit      forecast.Amounts
}

func plainPacking(s situation, x float64) float64 {
	u := 100 * (s.mean[forecast.CPU] + s.podLimit[forecast.CPU]) / s.capacity[forecast.CPU]
	if u > 100 {
		return 0
	}
	if u > x {
		return x * (100 - u) / (100 - x)
	}
	return (100-x)*u/x + x
}

func plainBalancing(s situation, margin, sensitivity float64) float64 {
	score := 100.0
	for r := range s.capacity {
		mu := min(1, (s.mean[r]+s.podRequest[r])/s.capacity[r])
		sigma := min(1, margin*math.Pow(min(1, s.deviation[r]/s.capacity[r]), 1/sensitivity))
		score = min(score, 100*(1-(mu+sigma)/2))
	}
	return score
}

func plainCommitment(s situation, window float64, weights forecast.Amounts) float64 {
	score := 100.0
	for r, c := range s.capacity {
		limitRisk := 0.0
		if l := s.limits[r] + s.podLimit[r]; l > c {
			excess := l - min(c, s.requests[r]+s.podRequest[r])
			allowed := c - min(c, s.requests[r]+s.podRequest[r])
			limitRisk = 1 - allowed/excess
		}
		mu := min(1, s.mean[r]/c)
		variance := min(window*s.deviation[r]*s.deviation[r]/c/c, 0.99*mu*(1-mu))
		atMost := func(x float64) float64 {
			switch {
			case x >= 1:
				return 1
			case variance < 1e-12 && mu <= x:
				return 1
			case variance < 1e-12:
				return 0
			}
			n := mu*(1-mu)/variance - 1
			return distuv.Beta{Alpha: mu * n, Beta: (1 - mu) * n}.CDF(x)
		}
		below := atMost(s.requests[r] / c)
		if s.limits[r] < c && s.limits[r] > 0 && atMost(s.limits[r]/c) > 0 {
			below = min(1, below/atMost(s.limits[r]/c))
		}
		if s.limits[r] == 0 {
			below = 1
		}
		score = min(score, 100*(1-weights[r]*limitRisk-(1-weights[r])*(1-below)))
	}
	return score
}

// milli is a quantity of thousandths, so that specs and numbers say the same.
func milli(v uint32) (string, float64) {
	return fmt.Sprintf("%dm", v), float64(v) / 1000
}

// FuzzScores runs all plugins in any situation: scores are within 0–100 and the plain
// twins', whatever the usage says.
func FuzzScores(f *testing.F) {
	f.Add(uint64(1), 1.0, 0.5, 1e9, 1e8, uint32(4000), uint32(8), int64(40))
	f.Add(uint64(2), math.NaN(), -1.0, math.Inf(1), math.Inf(-1), uint32(0), uint32(0), int64(100))
	f.Add(uint64(3), -5.0, math.NaN(), 1e300, 1e300, uint32(1), uint32(1), int64(1))
	f.Add(uint64(4), 1e308, 1e308, 5e-324, 5e-324, uint32(math.MaxUint32), uint32(math.MaxUint32), int64(99))
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		f.Add(seed, 8*r.Float64(), 3*r.Float64(), 8e9*r.Float64(), 3e9*r.Float64(), r.Uint32N(16000), r.Uint32N(16), 1+r.Int64N(100))
	}
	f.Fuzz(func(t *testing.T, seed uint64, cores, coresDeviation, bytes, bytesDeviation float64, millicores, gigabytes uint32, target int64) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := situation{mean: forecast.Amounts{cores, bytes}, deviation: forecast.Amounts{coresDeviation, bytesDeviation}}
		var cpuCapacity string
		cpuCapacity, s.capacity[forecast.CPU] = milli(millicores)
		memoryCapacity := fmt.Sprintf("%dG", gigabytes)
		s.capacity[forecast.Memory] = 1e9 * float64(gigabytes)
		random := func(name string, requests, limits *forecast.Amounts) *v1.Pod {
			cpuRequest := r.Uint32N(2000)
			cpuLimit := 1 + cpuRequest + r.Uint32N(3000)
			memoryRequest := r.Uint32N(2000)
			memoryLimit := 1 + memoryRequest + r.Uint32N(3000)
			p := podWith(name, fmt.Sprintf("%dm", cpuRequest), fmt.Sprintf("%dm", cpuLimit), fmt.Sprintf("%dM", memoryRequest), fmt.Sprintf("%dM", memoryLimit))
			for i, v := range []uint32{cpuRequest, memoryRequest} {
				requests[i] += float64(v) * [2]float64{1e-3, 1e6}[i]
			}
			for i, v := range []uint32{cpuLimit, memoryLimit} {
				limits[i] += float64(v) * [2]float64{1e-3, 1e6}[i]
			}
			return p
		}
		residents := []*v1.Pod{}
		for i := range r.IntN(6) {
			residents = append(residents, runningSince(random(fmt.Sprint(i), &s.requests, &s.limits), "n", time.Hour))
		}
		pod := random("p", &s.podRequest, &s.podLimit)
		u := forecast.NodeUsage{CPU: forecast.Stats{Mean: cores, StdDev: coresDeviation, Latest: math.NaN()}, Memory: forecast.Stats{Mean: bytes, StdDev: bytesDeviation, Latest: math.NaN()}, Newest: time.Now()}
		packing, balancing, commitment := packingArgs(), balancingArgs(), overCommitmentArgs()
		packing.TargetUtilization = 1 + max(0, target)%100
		balancing.SafeVarianceMargin, balancing.SafeVarianceSensitivity = 3*r.Float64(), 3*r.Float64()
		weights := forecast.Amounts{r.Float64(), r.Float64()}
		commitment.SmoothingWindowSize = 1 + r.Int64N(9)
		commitment.RiskLimitWeights = map[v1.ResourceName]float64{v1.ResourceCPU: weights[forecast.CPU], v1.ResourceMemory: weights[forecast.Memory]}
		models := map[string]schedulerplugins.PowerModel{}
		for _, n := range []string{"n", "m"} {
			models[n] = schedulerplugins.PowerModel{K0: r.Float64(), K1: 1000 * r.NormFloat64(), K2: r.NormFloat64()}
		}
		known := s.capacity[forecast.CPU] > 0 && s.capacity[forecast.Memory] > 0
		for i := range s.mean {
			known = known && forecast.Sane(s.mean[i]) && forecast.Sane(s.deviation[i])
		}
		for name, tc := range map[string]struct {
			args runtime.Object
			want func() float64
		}{
			TargetLoadPackingName: {packing, func() float64 { return plainPacking(s, float64(packing.TargetUtilization)) }},
			LoadVariationRiskBalancingName: {balancing, func() float64 {
				return plainBalancing(s, balancing.SafeVarianceMargin, balancing.SafeVarianceSensitivity)
			}},
			LowRiskOverCommitmentName: {commitment, func() float64 { return plainCommitment(s, float64(commitment.SmoothingWindowSize), weights) }},
			PeaksName:                 {&schedulerplugins.PeaksArgs{NodePowerModel: models}, nil},
		} {
			sched := newScheduler(t, name, tc.args, view{"n": u, "m": used(1, 1e9)}.options(),
				[]*v1.Node{node("n", cpuCapacity, memoryCapacity), node("m", "4", "8G")}, residents...)
			scores := sched.scores(t, pod)
			for n, got := range scores {
				if got < 0 || got > 100 {
					t.Errorf("%s: %s scores %d", name, n, got)
				}
			}
			if !known || tc.want == nil {
				continue
			}
			// A rounding error may turn one half the other way.
			if want := tc.want(); math.Abs(float64(scores["n"])-want) > 0.5001 {
				t.Errorf("%s: got %d, want %g in %+v", name, scores["n"], want, s)
			}
		}
	})
}

// Where a formula is monotonic, so is the plugin: more load, more deviation, more requests
// and more limits never score higher, and a larger jump never does.
func TestMonotonic(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		mean, deviation := 10*r.Float64(), 3*r.Float64()
		usages := []forecast.NodeUsage{deviating(used(mean, gi), deviation, gi), deviating(used(mean+r.Float64(), gi), deviation, gi), deviating(used(mean, gi), deviation+r.Float64(), gi)}
		request := uint32(1000 * r.Float64())
		small, _ := milli(request)
		large, _ := milli(request + r.Uint32N(1000))
		pod, larger := podWith("p", small, large, "", ""), podWith("p", large, large, "", "")
		score := func(name string, u forecast.NodeUsage, p *v1.Pod, residents ...*v1.Pod) int64 {
			return newScheduler(t, name, everyPlugin()[name], view{"n": u}.options(), []*v1.Node{node("n", "10", "10Gi")}, residents...).scores(t, p)["n"]
		}
		base := score(LoadVariationRiskBalancingName, usages[0], pod)
		if more := score(LoadVariationRiskBalancingName, usages[1], pod); more > base {
			t.Errorf("balancing: more load scores %d, less %d", more, base)
		}
		if more := score(LoadVariationRiskBalancingName, usages[2], pod); more > base {
			t.Errorf("balancing: more deviation scores %d, less %d", more, base)
		}
		if more := score(LoadVariationRiskBalancingName, usages[0], larger); more > base {
			t.Errorf("balancing: a larger request scores %d, a smaller %d", more, base)
		}
		// Limits of the node's pods: they allow more load and raise the limit risk.
		limit := 1000 + r.Uint32N(12000)
		resident := func(limit uint32) *v1.Pod {
			text, _ := milli(limit)
			return runningSince(podWith("r", "1", text, "", ""), "n", time.Hour)
		}
		less, more := score(LowRiskOverCommitmentName, usages[0], pod, resident(limit)), score(LowRiskOverCommitmentName, usages[0], pod, resident(limit+r.Uint32N(3000)))
		if more > less {
			t.Errorf("overcommitment: more limits score %d, less %d", more, less)
		}
	}
	for target := 1.0; target <= 100; target++ {
		for u := 0.0; u < 110; u += 0.25 {
			before, after := packed(u, target), packed(u+0.25, target)
			if u+0.25 <= target && after < before || u > target && after > before {
				t.Errorf("packing, target %g: %g %% scores %d, and more %d", target, u, before, after)
			}
		}
	}
	for range 1000 {
		raw := []int64{r.Int64N(1e12) - 5e11, r.Int64N(1e12) - 5e11, r.Int64N(1e12) - 5e11}
		list := nodeScores(raw)
		(&Peaks{}).NormalizeScore(t.Context(), nil, nil, list)
		for i := range raw {
			for j := range raw {
				if raw[i] < raw[j] && list[i].Score < list[j].Score {
					t.Errorf("peaks: jumps %v score %v", raw, list)
				}
			}
		}
	}
}
