// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"cmp"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// smallTrace has workloads that are busy at different hours, by the day, with noise.
func smallTrace(days int, resources ...string) *trace.Bundle {
	rng := rand.New(rand.NewPCG(3, 3))
	b := &trace.Bundle{
		Header: trace.Header{Name: "small", IntervalSeconds: 300, StartUnix: 1700000000, Steps: days * daySteps, Resources: resources},
		Usage:  map[string][][]float64{},
	}
	for i := range 30 {
		b.Workloads = append(b.Workloads, trace.Workload{Name: string(rune('a' + i)), CPUCores: 4, MemoryBytes: 8 << 30})
		for _, r := range resources {
			size := math.Exp(rng.NormFloat64()) * b.Limit(r, i) / 10
			series := make([]float64, b.Steps)
			for k := range series {
				series[k] = size * (1.2 + math.Sin(2*math.Pi*float64(k+i*9)/float64(daySteps))) * math.Exp(.3*rng.NormFloat64())
			}
			b.Usage[r] = append(b.Usage[r], series)
		}
	}
	return b
}

var usual = Options{Seed: 1, Nodes: 6, Density: .4, From: day, Length: 3 * day}

// The world has the density that was asked for, requests that say as little as documented, and room for all of them.
func TestWorldIsAsDocumented(t *testing.T) {
	for _, o := range []Options{usual, {Seed: 2, Nodes: 6, Mixed: true, Density: .6, From: day, Length: 3 * day}} {
		w, err := FromTrace(smallTrace(7, "cpu", "memory"), o)
		if err != nil {
			t.Fatal(err)
		}
		cores, bytes := w.Total()
		var cpu, memory float64
		for k := Index(o.From); k < w.Steps; k++ {
			at, c := time.Duration(k)*Step, 0.0
			for i := range w.Pods {
				if p := &w.Pods[i]; p.Start <= at && at < p.End {
					c, memory = c+float64(p.CPU[k]), memory+float64(p.Memory[k])
				}
			}
			cpu += c
		}
		steps := float64(w.Steps - Index(o.From))
		if got := cpu / steps / cores; math.Abs(got-o.Density) > .01 {
			t.Errorf("CPU density is %.3f, want %.2f", got, o.Density)
		}
		if got := memory / steps / bytes; math.Abs(got-o.Density) > .01 {
			t.Errorf("memory density is %.3f, want %.2f", got, o.Density)
		}

		// One pod of each workload.
		var asked, used []float64
		seen := map[string]bool{}
		for i := range w.Pods {
			if p := &w.Pods[i]; !seen[p.Object.Labels["app"]] {
				seen[p.Object.Labels["app"]] = true
				asked = append(asked, p.Object.Spec.Containers[0].Resources.Requests.Cpu().AsApproximateFloat64())
				used = append(used, mean(p.CPU))
			}
		}
		if r := rankCorrelation(asked, used); r < .3 || r > .7 {
			t.Errorf("ranks of requests and use correlate by %.2f, want about .5", r)
		}
		for at := time.Hour; at < o.Length; at += time.Hour {
			sum := 0.0
			for i := range w.Pods {
				if p := &w.Pods[i]; p.Start <= at && at < p.End {
					sum += p.Object.Spec.Containers[0].Resources.Requests.Cpu().AsApproximateFloat64()
				}
			}
			if sum > .8*cores {
				t.Errorf("after %v pods request %.2f of the nodes' CPU", at, sum/cores)
			}
		}
	}
}

func rankCorrelation(a, b []float64) float64 {
	ranks := func(v []float64) []int {
		order := make([]int, len(v))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return cmp.Compare(v[i], v[j]) })
		rank := make([]int, len(v))
		for r, i := range order {
			rank[i] = r
		}
		return rank
	}
	ra, rb, sum := ranks(a), ranks(b), 0.0
	for i := range ra {
		sum += float64((ra[i] - rb[i]) * (ra[i] - rb[i]))
	}
	n := float64(len(a))
	return 1 - 6*sum/(n*(n*n-1))
}

// A seed makes one world, and another seed another one; every pod comes before it goes, under a name of its own.
func TestSeedMakesTheWorld(t *testing.T) {
	b := smallTrace(7, "cpu")
	first, err := FromTrace(b, usual)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := FromTrace(b, usual)
	if !reflect.DeepEqual(first, again) {
		t.Error("the same seed made two worlds")
	}
	o := usual
	o.Seed++
	if other, _ := FromTrace(b, o); reflect.DeepEqual(first.Pods, other.Pods) {
		t.Error("two seeds made one world")
	}
	names, last := map[string]bool{}, time.Duration(0)
	for i := range first.Pods {
		p := &first.Pods[i]
		if name := p.Object.Namespace + "/" + p.Object.Name; names[name] {
			t.Errorf("%s comes twice", name)
		} else {
			names[name] = true
		}
		if p.Start >= p.End || p.Start < last {
			t.Errorf("%s comes at %v after %v and goes at %v", p.Object.Name, p.Start, last, p.End)
		}
		last = p.Start
	}
}

// What a world cannot be made of is refused by name.
func TestRefused(t *testing.T) {
	short := smallTrace(1, "cpu")
	short.Steps = 20
	for name, c := range map[string]struct {
		bundle *trace.Bundle
		change func(*Options)
		want   string
	}{
		"too few nodes":  {smallTrace(3, "cpu"), func(o *Options) { o.Nodes = 1 }, "--nodes"},
		"no density":     {smallTrace(3, "cpu"), func(o *Options) { o.Density = math.NaN() }, "--density"},
		"nothing judged": {smallTrace(3, "cpu"), func(o *Options) { o.Length = o.From }, "--days"},
		"no cpu":         {smallTrace(3, "memory"), func(*Options) {}, "no cpu"},
		"no day":         {short, func(*Options) {}, "want a day"},
		"idle": {&trace.Bundle{
			Header: trace.Header{Name: "idle", IntervalSeconds: 300, Steps: 3 * daySteps}, Workloads: []trace.Workload{{Name: "a", CPUCores: 1}},
			Usage: map[string][][]float64{"cpu": {make([]float64, 3*daySteps)}},
		}, func(*Options) {}, "ever used CPU"},
	} {
		o := usual
		c.change(&o)
		if _, err := FromTrace(c.bundle, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

// Intervals other than the step are averaged or held, and gaps keep what was measured last.
func TestResample(t *testing.T) {
	b := &trace.Bundle{
		Header: trace.Header{Name: "x", IntervalSeconds: 60, StartUnix: 86400 * 100, Steps: 1440}, Workloads: []trace.Workload{{Name: "a", CPUCores: 1}},
		Usage: map[string][][]float64{"cpu": {make([]float64, 1440)}},
	}
	for k := range 1440 {
		b.Usage["cpu"][0][k] = float64(k)
	}
	for k := 10; k < 15; k++ {
		b.Usage["cpu"][0][k] = math.NaN()
	}
	s, err := newSource(b)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.cpu[0][:4]; !slices.Equal(got, []float32{2, 7, 7, 17}) {
		t.Errorf("got %v", got)
	}
	b.IntervalSeconds, b.Steps = 600, 144
	b.Usage["cpu"][0] = b.Usage["cpu"][0][:144]
	if s, err = newSource(b); err != nil {
		t.Fatal(err)
	}
	if got := s.cpu[0][:4]; !slices.Equal(got, []float32{0, 0, 1, 1}) {
		t.Errorf("held: got %v", got)
	}
}
