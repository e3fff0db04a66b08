// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/baseline"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// synthetic is a small trace of workloads with daily patterns, noise and rare spikes.
func synthetic(workloads, days int) *trace.Bundle {
	rng := rand.New(rand.NewPCG(1, 1))
	b := &trace.Bundle{
		Header: trace.Header{Name: "synthetic", IntervalSeconds: 900, Steps: days * 96, Resources: []string{"cpu"}},
		Usage:  map[string][][]float64{},
	}
	for range workloads {
		limit := float64(int(1) << rng.IntN(4))
		b.Workloads = append(b.Workloads, trace.Workload{CPUCores: limit})
		at, level := rng.IntN(24), .1+.2*rng.Float64()
		var u []float64
		for step := range b.Steps {
			v := level * (.8 + .4*rng.Float64())
			if step/4%24 == at {
				v += .3
			}
			if rng.IntN(300) == 0 {
				v += .4 * rng.Float64()
			}
			u = append(u, v*limit)
		}
		b.Usage["cpu"] = append(b.Usage["cpu"], u)
	}
	return b
}

var small = Options{Machines: 8, Group: 6, TrainGroups: 60, Horizons: []int{1}}

// Every method has a row with sane numbers; ours keeps near its violation rate; two runs agree; progress ends at 1.
func TestRun(t *testing.T) {
	b := synthetic(40, 12)
	var shares []float64
	got, err := Run(context.Background(), b, small, func(done float64, _ string) { shares = append(shares, done) })
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1+len(baseline.Names()) || got[0].Method != Method {
		t.Fatalf("%d rows, the first of %q", len(got), got[0].Method)
	}
	for _, r := range got {
		for _, v := range []float64{r.Violation, r.Severity, r.Coverage, r.Savings, r.TrainScaled, r.TestScaled} {
			if math.IsNaN(v) || v < -1e-9 || v > 10 {
				t.Errorf("%+v", r)
				break
			}
		}
		if i := r.ViolationInterval; i[0] > r.Violation || i[1] < r.Violation {
			t.Errorf("%s: violation %v outside %v", r.Method, r.Violation, i)
		}
		for i, p := range r.Curve {
			if i > 0 && (p.Multiplier > r.Curve[i-1].Multiplier || p.Violation < r.Curve[i-1].Violation || p.Savings < r.Curve[i-1].Savings) {
				t.Errorf("%s: the curve goes back at %+v", r.Method, p)
			}
		}
		if len(r.Examples) != 3 {
			t.Fatalf("%s: %d examples", r.Method, len(r.Examples))
		}
		for i, e := range r.Examples {
			if len(e.Forecasts) != r.Decisions/small.Machines || !reflect.DeepEqual(e.Peaks, got[0].Examples[i].Peaks) {
				t.Errorf("%s: example %d has %d forecasts or another machine's peaks", r.Method, i, len(e.Forecasts))
			}
		}
	}
	if got[0].Violation > .04 {
		t.Errorf("our violation is %v", got[0].Violation)
	}
	if holds := got[0].LowerHolds; holds < .85 || holds > .95 || got[1].LowerHolds != 1 {
		t.Errorf("our lower bound holds %v, a baseline's %v", holds, got[1].LowerHolds)
	}
	for i := 1; i < len(shares); i++ {
		if shares[i] < shares[i-1] {
			t.Fatal("progress went back")
		}
	}
	if shares[len(shares)-1] != 1 {
		t.Errorf("progress ends at %v", shares[len(shares)-1])
	}
	again, err := Run(context.Background(), b, small, nil)
	if err != nil || !reflect.DeepEqual(got, again) {
		t.Errorf("two runs differ, error %v", err)
	}
}

// What happens after an hour has no influence on the forecasts made at it.
func TestForecastsSeeThePastOnly(t *testing.T) {
	run := func(b *trace.Bundle) decisions {
		o := small
		if err := o.defaults(); err != nil {
			t.Fatal(err)
		}
		r, err := newReplay(b, "cpu", o)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.run(context.Background(), func(float64, string) {}); err != nil {
			t.Fatal(err)
		}
		return r.horizons[0].judge
	}
	b := synthetic(40, 12)
	before := run(b)
	const cut = 9 * 24 // hours
	for _, u := range b.Usage["cpu"] {
		for step := cut * 4; step < len(u); step++ {
			u[step] *= 3
		}
	}
	for i, d := range run(b) {
		if d.hour <= cut && (d.interval != before[i].interval || d.level != before[i].level || !reflect.DeepEqual(d.forecasts, before[i].forecasts)) {
			t.Fatalf("a decision of hour %d changed with the usage after hour %d", d.hour, cut)
		}
	}
}

// gap empties a workload's steps of [from, to).
func gap(b *trace.Bundle, workload, from, to int) {
	for step := from; step < to; step++ {
		b.Usage["cpu"][workload][step] = math.NaN()
	}
}

// tiny is small, with less to learn from.
var tiny = Options{Machines: 8, Group: 6, TrainGroups: 40, Horizons: []int{1}}

func byMethod(t *testing.T, b *trace.Bundle) map[string]Result {
	t.Helper()
	results, err := Run(context.Background(), b, tiny, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Result{}
	for _, r := range results {
		all[r.Method] = r
	}
	return all
}

// What was not measured is not zero: outages, of everything or of one workload, leave every method where it was. As zeros they took
// n-sigma from 50 % of savings to none, and made a trace of gaps save all.
func TestGaps(t *testing.T) {
	clean := byMethod(t, synthetic(24, 8))
	for name, empty := range map[string]func(*trace.Bundle){
		"outages of everything": func(b *trace.Bundle) {
			for w := range b.Workloads {
				for day := range 8 {
					gap(b, w, day*96+10, day*96+22)
				}
			}
		},
		"a member here and there": func(b *trace.Bundle) {
			for w := range b.Workloads {
				for step := 7 * w; step < b.Steps; step += 397 {
					gap(b, w, step, min(step+2, b.Steps))
				}
			}
		},
	} {
		b := synthetic(24, 8)
		empty(b)
		for method, r := range byMethod(t, b) {
			if d := r.Savings - clean[method].Savings; math.Abs(d) > .05 || r.Violation > clean[method].Violation+.03 {
				t.Errorf("%s, %s: saves %.3f with %.3f violations, %.3f with %.3f without gaps", name, method, r.Savings, r.Violation, clean[method].Savings, clean[method].Violation)
			}
		}
	}

	// A workload that comes late or goes early used nothing before or after.
	b := synthetic(24, 8)
	gap(b, 0, 0, b.Steps/2)
	gap(b, 1, b.Steps*3/4, b.Steps)
	if r := byMethod(t, b)[Method]; r.Decisions != clean[Method].Decisions {
		t.Errorf("%d decisions, %d of a trace whose workloads are always there", r.Decisions, clean[Method].Decisions)
	}

	b = synthetic(24, 8)
	for w := range b.Workloads {
		gap(b, w, 0, b.Steps)
	}
	if _, err := Run(context.Background(), b, tiny, nil); err == nil || !strings.Contains(err.Error(), "no value of cpu") {
		t.Errorf("a trace of gaps: error %v", err)
	}
	// Where everything that was to be judged is a gap there is nothing to tell.
	b = synthetic(24, 8)
	for w := range b.Workloads {
		gap(b, w, 4*96, b.Steps)
	}
	if results, err := Run(context.Background(), b, tiny, nil); err != nil || len(results) != 0 {
		t.Errorf("half a trace of gaps: %d results, error %v", len(results), err)
	}
}

// Rescaled on themselves, forecasts violate exactly as often as asked, and reserving the limit never does.
func TestScore(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	var f, p, l []float64
	for range 1000 {
		f, p, l = append(f, .1+rng.Float64()), append(p, 2*rng.Float64()), append(l, 100)
	}
	if v, _, _ := score(f, p, l, multiplier(f, p, .01)); v != .01 {
		t.Errorf("violation %v after rescaling, want .01", v)
	}
	v, severity, savings := score([]float64{1, 2}, []float64{1.5, 2}, []float64{4, 4}, 1)
	if v != .5 || severity != .5 || savings != 1-3./8 {
		t.Errorf("violation %v, severity %v, savings %v", v, severity, savings)
	}
	if _, _, savings := score([]float64{50}, []float64{1}, []float64{4}, 1); savings != 0 {
		t.Errorf("savings %v of a forecast over the limit, want 0", savings)
	}
}

func TestPeriods(t *testing.T) {
	if got, want := periodOf(30*24), (period{7 * 24, 17 * 24, 30 * 24}); got != want {
		t.Errorf("30 days: %v, want %v", got, want)
	}
	two := periodOf(48)
	if want := (period{12, 24, 48}); two != want {
		t.Errorf("2 days: %v, want %v", two, want)
	}
	if !two.fits(1) || two.fits(24) {
		t.Error("2 days are enough for 1 h and too few for 24 h")
	}
}

// The halves share no workload and leave none out, whichever way they are cut.
func TestHalves(t *testing.T) {
	for _, o := range []Options{{}, {Swap: true}, {Random: true, Seed: 5}} {
		a, b := halves(9, o)
		seen := map[int]bool{}
		for _, i := range append(a, b...) {
			seen[i] = true
		}
		if len(seen) != 9 || len(a)+len(b) != 9 {
			t.Errorf("%+v: %v and %v", o, a, b)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	if _, err := Run(context.Background(), synthetic(10, 4), Options{}, nil); err == nil {
		t.Error("took a trace of too few workloads")
	}
	if _, err := Run(context.Background(), synthetic(40, 4), Options{Violation: 2}, nil); err == nil {
		t.Error("took a violation rate of 2")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Run(ctx, synthetic(40, 4), small, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}
