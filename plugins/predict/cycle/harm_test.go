// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"math"
	"testing"
	"testing/quick"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// uses is a forecast of use, the same of each resource.
func uses(origin forecast.Origin, mean, variance float64) forecast.PodForecast {
	return forecast.PodForecast{Origin: origin, Use: [forecast.NumResources]forecast.Use{{Mean: mean, Variance: variance}, {Mean: mean, Variance: variance}}}
}

var unbounded = Bounds{Share: [forecast.NumResources]float64{1, math.Inf(1)}}

// Whatever the numbers: one more pod never makes a node suffer less, a larger node never more, and garbage never spreads.
func TestScoreOfPods(t *testing.T) {
	v := &View{}
	if err := quick.Check(func(a, b, c, beyond [forecast.NumResources]forecast.Use, size float64) bool {
		for _, u := range []*[forecast.NumResources]forecast.Use{&a, &b, &c, &beyond} {
			for r := range u {
				u[r] = forecast.Use{Mean: math.Mod(math.Abs(u[r].Mean), 10), Variance: math.Mod(math.Abs(u[r].Variance), 10)}
			}
		}
		size = 1 + math.Mod(math.Abs(size), 100)
		var pods forecast.NodeUse
		score := func(pod [forecast.NumResources]forecast.Use, size float64) float64 {
			v.Pod.Use = pod
			return v.ScoreOf(&pods, &forecast.NodeForecast{Beyond: beyond}, &Bounds{Share: forecast.Amounts{1, 1}}, forecast.Amounts{size, size})
		}
		pods.Add(&forecast.PodForecast{Use: a})
		before := score(b, size)
		larger := score(b, 2*size)
		pods.Add(&forecast.PodForecast{Use: c})
		after := score(b, size)
		return 0 <= after && after <= before+1e-9 && before <= larger+1e-9 && larger <= 100
	}, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
	var pods forecast.NodeUse
	pods.Add(&forecast.PodForecast{Use: [forecast.NumResources]forecast.Use{{Mean: math.NaN(), Variance: math.Inf(1)}, {Mean: math.Inf(1), Variance: -1}}})
	if pods != (forecast.NodeUse{}) {
		t.Errorf("garbage adds up to %v", pods)
	}
}

// A resource without a bound is never harmed, a node of a lower bound earlier.
func TestScoreFollowsBounds(t *testing.T) {
	v := &View{Pod: uses(forecast.FromOwner, 4, 1)}
	score := func(cpu, memory float64) float64 {
		return v.ScoreOf(&forecast.NodeUse{}, &forecast.NodeForecast{}, &Bounds{Share: forecast.Amounts{cpu, memory}}, forecast.Amounts{8, 8})
	}
	free, half, full := score(math.Inf(1), math.Inf(1)), score(.5, math.Inf(1)), score(1, math.Inf(1))
	if !(free > full && full > half) || free < 85 {
		t.Errorf("without a bound %v, with all of the node %v, with half of it %v", free, full, half)
	}
}

// BenchmarkScoreOf is what a search over all nodes spends on one.
func BenchmarkScoreOf(b *testing.B) {
	v := &View{Pod: uses(forecast.FromOwner, .5, .1)}
	var pods forecast.NodeUse
	for range 10 {
		f := uses(forecast.FromOwner, .3, .1)
		pods.Add(&f)
	}
	f := &forecast.NodeForecast{}
	b.ReportAllocs()
	sum := 0.0
	for b.Loop() {
		sum += v.ScoreOf(&pods, f, &unbounded, forecast.Amounts{8, 8})
	}
	if sum < 0 {
		b.Fatal(sum)
	}
}
