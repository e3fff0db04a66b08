// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package predict

import (
	"math"
	"testing"
	"testing/quick"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// uses is a forecast of use, the same of each resource.
func uses(rung Rung, mean, variance float64) PodForecast {
	return PodForecast{Rung: rung, Use: [NumResources]Use{{mean, variance}, {mean, variance}}}
}

var unbounded = Bounds{Share: [NumResources]float64{1, math.Inf(1)}}

// Measurement outweighs hearsay: what looks like a hot pod and was seen to idle is idle, at once where strangers look alike, and
// with time where its own controller's other pods say otherwise.
func TestMeasuredResidents(t *testing.T) {
	idle := Measured{Use: [NumResources]Use{{.005, 0}, {1 << 20, 0}}}
	for _, tc := range []struct {
		rung        Rung
		after       time.Duration
		least, most float64
	}{
		{FromClass, 0, 4, 4}, {FromClass, time.Hour, 0, .6}, {FromCluster, time.Hour, 0, .6}, {FromRequest, time.Hour, 0, .6},
		{FromOwner, time.Hour, 2.9, 3.1}, {FromOwner, 24 * time.Hour, 0, .5},
	} {
		f := uses(tc.rung, 4, 9)
		idle.For = tc.after
		f.correct(&idle)
		if got := f.Use[CPU].Mean; got < tc.least || got > tc.most {
			t.Errorf("%v, measured for %v: %v cores, want %v to %v", tc.rung, tc.after, got, tc.least, tc.most)
		}
	}
	pod := owned("StatefulSet", "web")
	pod.UID = "web-0"
	idle.For = 48 * time.Hour
	s := NewSnapshot(Contents{Measured: map[types.UID]Measured{"web-0": idle}, Workloads: map[Workload]*PodForecast{{"shop", "StatefulSet", "web"}: forecast(4, 4, 4)}})
	s.c.Workloads[Workload{"shop", "StatefulSet", "web"}].Use = uses(FromOwner, 4, 9).Use
	if f := s.Resident(resident{pod: pod}, Amounts{CPU: 8, Memory: 1 << 35}); f.Use[CPU].Mean > .5 || f.Peaks[Day][CPU].Mean != 4 {
		t.Errorf("a resident that idles: %+v", f)
	}
	if f := s.Pod(pod); f.Use[CPU].Mean != 4 {
		t.Errorf("one that comes: %+v", f)
	}
}

// Whatever the numbers: one more pod never makes a node suffer less, a larger node never more, and garbage never spreads.
func TestScoreOfPods(t *testing.T) {
	v := &View{}
	if err := quick.Check(func(a, b, c, beyond [NumResources]Use, size float64) bool {
		for _, u := range []*[NumResources]Use{&a, &b, &c, &beyond} {
			for r := range u {
				u[r] = Use{math.Mod(math.Abs(u[r].Mean), 10), math.Mod(math.Abs(u[r].Variance), 10)}
			}
		}
		size = 1 + math.Mod(math.Abs(size), 100)
		var pods NodeUse
		score := func(pod [NumResources]Use, size float64) float64 {
			v.Pod.Use = pod
			return v.ScoreOf(&pods, &NodeForecast{Beyond: beyond}, &Bounds{Share: Amounts{1, 1}}, Amounts{size, size})
		}
		pods.Add(&PodForecast{Use: a})
		before := score(b, size)
		larger := score(b, 2*size)
		pods.Add(&PodForecast{Use: c})
		after := score(b, size)
		return 0 <= after && after <= before+1e-9 && before <= larger+1e-9 && larger <= 100
	}, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
	var pods NodeUse
	pods.Add(&PodForecast{Use: [NumResources]Use{{math.NaN(), math.Inf(1)}, {math.Inf(1), -1}}})
	if pods != (NodeUse{}) {
		t.Errorf("garbage adds up to %v", pods)
	}
}

// A resource without a bound is never harmed, a node of a lower bound earlier.
func TestScoreFollowsBounds(t *testing.T) {
	v := &View{Pod: uses(FromOwner, 4, 1)}
	score := func(cpu, memory float64) float64 {
		return v.ScoreOf(&NodeUse{}, &NodeForecast{}, &Bounds{Share: Amounts{cpu, memory}}, Amounts{8, 8})
	}
	free, half, full := score(math.Inf(1), math.Inf(1)), score(.5, math.Inf(1)), score(1, math.Inf(1))
	if !(free > full && full > half) || free < 85 {
		t.Errorf("without a bound %v, with all of the node %v, with half of it %v", free, full, half)
	}
}

// BenchmarkScoreOf is what a search over all nodes spends on one.
func BenchmarkScoreOf(b *testing.B) {
	v := &View{Pod: uses(FromOwner, .5, .1)}
	var pods NodeUse
	for range 10 {
		f := uses(FromOwner, .3, .1)
		pods.Add(&f)
	}
	f := &NodeForecast{}
	b.ReportAllocs()
	sum := 0.0
	for b.Loop() {
		sum += v.ScoreOf(&pods, f, &unbounded, Amounts{8, 8})
	}
	if sum < 0 {
		b.Fatal(sum)
	}
}
