// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package peak

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// inputs are random feature vectors whose peak is a noisy multiple of one of them.
func inputs(seed uint64, n int) (in []Input, peaks []float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for range n {
		x := make([]float64, history.FeatureLen)
		level := .05 + .5*rng.Float64()
		for j := range x {
			x[j] = level * (.8 + .4*rng.Float64())
		}
		in = append(in, Input{Features: x, Limit: 1 + 9*rng.Float64()})
		peaks = append(peaks, in[len(in)-1].Limit*level*(.8+.5*rng.Float64()))
	}
	return in, peaks
}

var taus = []float64{.99, .9, .95}

// trained fits one model for all tests; models are immutable, so they may share it.
var trained = sync.OnceValue(func() *Model {
	m, err := train(1)
	if err != nil {
		panic(err)
	}
	return m
})

func train(seed uint64) (*Model, error) {
	t, err := NewTrainer(TrainerOptions{Horizon: 1, Taus: taus, Capacity: 1500, Seed: seed})
	if err != nil {
		return nil, err
	}
	in, peaks := inputs(7, 2000)
	for i := range in {
		t.Complete(in[i], peaks[i])
	}
	return t.Fit(context.Background())
}

// On data it has not seen, each bound is kept about as often as it says.
func TestForecastHoldsItsQuantile(t *testing.T) {
	in, peaks := inputs(8, 5000)
	for _, tau := range trained().Taus() {
		over := 0
		for i := range in {
			f, err := trained().Forecast(in[i], tau)
			if err != nil {
				t.Fatal(err)
			}
			if peaks[i] > f.Upper {
				over++
			}
		}
		if rate := float64(over) / float64(len(in)); math.Abs(rate-(1-tau)) > .5*(1-tau)+.005 {
			t.Errorf("τ=%v: violated %v", tau, rate)
		}
	}
}

// So is the lower bound, on data that differs from what it learned from in nothing but chance.
func TestLowerBoundHolds(t *testing.T) {
	for _, seed := range []uint64{8, 9, 10} {
		below := 0
		in, peaks := inputs(seed, 5000)
		for i := range in {
			f, err := trained().Forecast(in[i], .95)
			if err != nil {
				t.Fatal(err)
			}
			if peaks[i] < f.Lower {
				below++
			}
		}
		if rate := float64(below) / float64(len(in)); math.Abs(rate-LowerAt) > .02 {
			t.Errorf("seed %d: %v of the peaks stay below the lower bound, want about %v", seed, rate, LowerAt)
		}
	}
}

// A floor that is wrong by a factor, or becomes so, comes to hold its rate, whether what came is known at once or a day later.
func TestFloorReachesItsTarget(t *testing.T) {
	for _, horizon := range []int{1, 24} {
		for _, wrong := range []float64{.5, 2} {
			rng := rand.New(rand.NewPCG(1, 1))
			f := NewFloor(LowerAt, horizon)
			var shares []float64 // of rounds that are not over yet
			below, rounds := 0.0, 0.0
			for round := range 3000 {
				drift := 1.0
				if round > 1000 {
					drift = wrong
				}
				const machines = 50
				under := 0
				for range machines {
					// The bound that would hold is the 10th percentile of the peaks.
					if peak := math.Exp(.4 * rng.NormFloat64()); peak < f.Level()*drift*wrong*math.Exp(-.4*1.2816) {
						under++
					}
				}
				shares = append(shares, float64(under)/machines)
				if len(shares) >= horizon {
					f.Round(shares[0])
					shares = shares[1:]
				}
				if round >= 2000 {
					below, rounds = below+float64(under)/machines, rounds+1
				}
			}
			if rate := below / rounds; math.Abs(rate-LowerAt) > .02 {
				t.Errorf("horizon %d, off by %v: %v stay below in the end, want %v", horizon, wrong, rate, LowerAt)
			}
		}
	}
	f := NewFloor(LowerAt, 1)
	for _, no := range []float64{math.NaN(), -1, 2, math.Inf(1)} {
		f.Round(no)
	}
	if f.Level() != 1 {
		t.Errorf("what is no share moved the level to %v", f.Level())
	}
	for range 10_000 {
		f.Round(1)
	}
	if f.Level() < 1./maxLevel-1e-9 {
		t.Errorf("the level fell to %v", f.Level())
	}
}

func fitted(t *testing.T, horizon int, tau float64, in []Input, peaks []float64) *Model {
	t.Helper()
	tr, err := NewTrainer(TrainerOptions{Horizon: horizon, Taus: []float64{tau}, Capacity: len(in)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range in {
		tr.Complete(in[i], peaks[i])
	}
	m, err := tr.Fit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Over a long horizon a bound holds at least its share of what it was learned from.
func TestLongHorizonIsCareful(t *testing.T) {
	const tau = .95
	in, peaks := inputs(7, 1500)
	m := fitted(t, 24, tau, in, peaks)
	over := 0
	for i := range in {
		if f, _ := m.Forecast(in[i], tau); peaks[i] > f.Upper*(1+1e-9) {
			over++
		}
	}
	if rate := float64(over) / float64(len(in)); rate > 1-tau {
		t.Errorf("violated %v of what it learned from, want at most %v", rate, 1-tau)
	}
}

// Soon, the bound is the geometric mean of three parts, of which two are themselves the mean of two; far, of six alike.
func TestBoundIsTheMeanOfItsParts(t *testing.T) {
	for _, horizon := range []int{1, 24} {
		in, peaks := inputs(7, 1500)
		m := fitted(t, horizon, .95, in, peaks)
		b := &m.bounds[0]
		if soon := horizon == 1; soon != (b.product != nil) {
			t.Fatalf("%d h: a product: %v", horizon, b.product != nil)
		}
		for _, one := range in[:100] {
			z := newDesign(one.Features)
			typical := math.Exp(z.typical)
			sum, trees := b.sum.At(z.ratios), typical*math.Exp(b.trees.Predict(z.relative))
			var want float64
			if horizon == 1 {
				plain := history.Soon()
				want = math.Cbrt(math.Sqrt(sum*trees) * typical * math.Exp(b.product.At(z.relative)) *
					math.Sqrt(z.ratios[plain[0]]*z.ratios[plain[1]]))
			} else {
				plain := history.Far()
				want = math.Pow(sum*trees*z.ratios[plain[0]]*z.ratios[plain[1]]*z.ratios[plain[2]]*z.ratios[plain[3]], 1./6)
			}
			want *= one.Limit * math.Exp(b.level)
			if f, _ := m.Forecast(one, .95); math.Abs(f.Upper-want) > 1e-9*want && f.Upper != f.Point {
				t.Fatalf("%d h: upper %v, want %v", horizon, f.Upper, want)
			}
		}
	}
}

// Bounds do not cross, and twice the node has twice the peak.
func TestForecastIsOrderedAndScales(t *testing.T) {
	in, _ := inputs(9, 300)
	for _, one := range in {
		previous := Interval{}
		for _, tau := range trained().Taus() {
			f, _ := trained().Forecast(one, tau)
			if !(0 <= f.Lower && f.Lower <= f.Point && f.Point <= f.Upper && previous.Upper <= f.Upper) {
				t.Fatalf("τ=%v: %+v after %+v", tau, f, previous)
			}
			twice := one
			twice.Limit *= 2
			g, _ := trained().Forecast(twice, tau)
			if math.Abs(g.Upper-2*f.Upper) > 1e-9*g.Upper {
				t.Fatalf("upper %v at limit %v, %v at twice", f.Upper, one.Limit, g.Upper)
			}
			previous = f
		}
	}
}

func TestForecastErrors(t *testing.T) {
	in, _ := inputs(10, 1)
	if _, err := trained().Forecast(in[0], .5); !errors.Is(err, ErrTau) {
		t.Errorf("unknown τ: %v", err)
	}
	for _, limit := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := trained().Forecast(Input{Features: in[0].Features, Limit: limit}, .99); err == nil {
			t.Errorf("limit %v was taken", limit)
		}
	}
	if _, err := trained().Forecast(Input{Limit: 1}, .99); err == nil {
		t.Error("an empty feature vector was taken")
	}
}

func TestTrainerRefuses(t *testing.T) {
	for _, o := range []TrainerOptions{
		{}, {Horizon: 1, Capacity: 10, Taus: taus}, {Horizon: 1, Capacity: 5000}, {Horizon: 1, Capacity: 5000, Taus: []float64{1}},
	} {
		if _, err := NewTrainer(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	tr, _ := NewTrainer(TrainerOptions{Horizon: 1, Capacity: 5000, Taus: taus})
	in, peaks := inputs(11, 5)
	if !tr.Complete(in[0], peaks[0]) || tr.Complete(in[1], math.NaN()) || tr.Complete(in[2], -1) || tr.Complete(Input{}, 1) {
		t.Error("took what it should refuse, or the other way round")
	}
	if _, err := tr.Fit(context.Background()); !errors.Is(err, ErrFewDecisions) || tr.Len() != 1 {
		t.Errorf("fit of %d decisions: %v", tr.Len(), err)
	}
}

// The same decisions and seed give the same model to the last bit; the reservoir keeps its size.
func TestTrainingIsDeterministic(t *testing.T) {
	a, err := train(1)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, trained()) {
		t.Error("two models of the same data differ")
	}
}

func TestFitEndsWithItsContext(t *testing.T) {
	tr, _ := NewTrainer(TrainerOptions{Horizon: 1, Taus: taus, Capacity: 1500})
	in, peaks := inputs(7, 1500)
	for i := range in {
		tr.Complete(in[i], peaks[i])
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tr.Fit(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

// The tracker brings the violation rate of a forecaster that is off to the target, and forgets garbage.
func TestTrackerReachesItsTarget(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 1))
	tr := NewTracker(.01, 1)
	const rounds, nodes, settled = 4000, 100, 2000
	total := 0.0
	for round := range rounds {
		over := 0
		for range nodes {
			if rng.ExpFloat64() > 3*tr.Level() { // 5 % at level 1
				over++
			}
		}
		tr.Round(float64(over) / nodes)
		tr.Round(math.NaN())
		tr.Round(-1)
		if round >= settled {
			total += float64(over) / nodes / (rounds - settled)
		}
	}
	if math.Abs(total-.01) > .003 {
		t.Errorf("violation %v, want .01", total)
	}
	for _, share := range []float64{1, 0} {
		for range 30000 {
			tr.Round(share)
		}
		if l := tr.Level(); !(l <= maxLevel*1.0001 && l >= 1/(maxLevel*1.0001)) {
			t.Errorf("level %v", l)
		}
	}
}

// Nothing but violations raises the level, and nothing but their absence lowers it.
func TestTrackerDirection(t *testing.T) {
	up, down := NewTracker(.01, 1), NewTracker(.01, 1)
	if up.Level() != 1 {
		t.Errorf("it begins at %v", up.Level())
	}
	for range 200 {
		a, b := up.Level(), down.Level()
		up.Round(.05)
		down.Round(0)
		if up.Level() < a || down.Level() > b {
			t.Fatalf("levels %v after %v, %v after %v", up.Level(), a, down.Level(), b)
		}
	}
}

// Whatever the features, a forecast is finite and ordered.
func FuzzForecast(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0xf0, 0x7f}, 1.0)
	f.Fuzz(func(t *testing.T, b []byte, limit float64) {
		x := make([]float64, history.FeatureLen)
		for j := range x {
			if len(b) >= 8 {
				x[j] = math.Float64frombits(binary.LittleEndian.Uint64(b))
				b = b[8:]
			}
		}
		previous := 0.0
		for _, tau := range trained().Taus() {
			v, err := trained().Forecast(Input{Features: x, Limit: limit}, tau)
			if err != nil {
				return
			}
			r := v.Upper / limit
			if !(0 <= v.Lower && v.Lower <= v.Point && v.Point <= v.Upper) || math.IsNaN(r) || math.IsInf(r, 0) || v.Upper < previous {
				t.Fatalf("%+v at τ=%v, limit %v", v, tau, limit)
			}
			previous = v.Upper
		}
	})
}

func BenchmarkForecast(b *testing.B) {
	in, _ := inputs(12, 1)
	m := trained()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Forecast(in[0], .99); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFit(b *testing.B) {
	for b.Loop() {
		if _, err := train(1); err != nil {
			b.Fatal(err)
		}
	}
}
