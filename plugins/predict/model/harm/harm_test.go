// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package harm

import (
	"math"
	"math/rand/v2"
	"testing"
	"testing/quick"
)

// The examples of the package's documentation.
func TestExamples(t *testing.T) {
	for use, want := range map[Use][2]float64{{4, 4}: {.0150, 73}, {6, 4}: {.0782, 54}} {
		risk := Risk(use, 6.4, 8)
		if math.Abs(risk-want[0]) > 1e-4 || math.Floor(Score(risk)) != want[1] {
			t.Errorf("%+v: risk %v, score %v, want %v", use, risk, Score(risk), want)
		}
	}
}

// The risk is what a node suffers on average that uses at random what it is expected to.
func TestRiskIsTheMeanExcess(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, use := range []Use{{.3, .01}, {.5, .09}, {.8, .04}, {1.2, .04}, {.5, 0}, {.9, 0}} {
		const draws = 200_000
		over := 0.0
		for range draws {
			over += max(0, use.Mean+math.Sqrt(use.Variance)*rng.NormFloat64()-.8) / draws
		}
		if risk := Risk(use, .8, 1) - busy*use.Mean; math.Abs(risk-over) > .002 {
			t.Errorf("%+v: %v, drawn %v", use, risk, over)
		}
	}
}

// The excess is the example's: ψ(1.2) of two cores of deviation, on eight. Without a bound, or far from it, there is none.
func TestExcess(t *testing.T) {
	for _, tc := range []struct {
		use               Use
		bound, size, want float64
	}{{Use{4, 4}, 6.4, 8, 2 * .0561 / 8}, {Use{4, 4}, math.Inf(1), 8, 0}, {Use{1, .01}, 6.4, 8, 0}, {Use{8, 0}, 6.4, 8, .2}, {Use{4, 4}, 6.4, 0, 0}, {Use{math.NaN(), 0}, 6.4, 8, 0}} {
		if got := Excess(tc.use, tc.bound, tc.size); !(math.Abs(got-tc.want) < 1e-4) {
			t.Errorf("%+v beyond %v of %v: %v, want %v", tc.use, tc.bound, tc.size, got, tc.want)
		}
	}
}

// What is kept of ψ is as good as ψ.
func TestLossIsExact(t *testing.T) {
	for z := -8.0; z < 8; z += .0137 {
		if got, want := over(z, 1), exact(z); math.Abs(got-want) > 2e-4 {
			t.Errorf("ψ(%v): %v, want %v", z, got, want)
		}
	}
}

// More use, or less sure use, is never better; the same share of a larger node is the same; and no step is a cliff.
func TestRiskIsMonotoneContinuousAndScales(t *testing.T) {
	within := func(v float64) float64 { return math.Mod(math.Abs(v), 3) }
	if err := quick.Check(func(mean, deviation, bound, more float64) bool {
		mean, deviation, bound, more = within(mean), within(deviation), within(bound), within(more)
		at := func(m, d, by float64) float64 { return Risk(Use{by * m, by * d * by * d}, by*bound, by) }
		risk := at(mean, deviation, 1)
		step := at(mean+1e-6, deviation, 1) - risk
		for _, by := range []float64{1e-3, 64, 1e12} {
			if math.Abs(at(mean, deviation, by)-risk) > 1e-9 {
				t.Logf("a node %v times the size: %v, want %v", by, at(mean, deviation, by), risk)
				return false
			}
		}
		return at(mean+more, deviation, 1) >= risk-1e-9 && at(mean, deviation+more, 1) >= risk-1e-9 && step >= 0 && step < 1.1e-6
	}, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
}

// Of crowded nodes the more crowded one scores less, however crowded both are.
func TestNoPlateau(t *testing.T) {
	for _, deviation := range []float64{0, .1, .5} {
		last := math.Inf(1)
		for mean := .1; mean < 3; mean += .1 {
			score := Score(Risk(Use{mean, deviation * deviation}, .8, 1))
			if score > last-.05 || score <= 0 || score > 100 {
				t.Errorf("±%v at %.1f: score %v after %v", deviation, mean, score, last)
			}
			last = score
		}
	}
}

func TestGarbage(t *testing.T) {
	values := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, math.SmallestNonzeroFloat64, 1, math.MaxFloat64}
	for _, mean := range values {
		for _, variance := range values {
			for _, bound := range values {
				for _, size := range values {
					risk := Risk(Use{mean, variance}, bound, size)
					score := Score(risk)
					if !(risk >= 0) || math.IsInf(risk, 0) || !(score >= 0 && score <= 100) {
						t.Errorf("mean %v, variance %v, bound %v, size %v: risk %v, score %v", mean, variance, bound, size, risk, score)
					}
				}
			}
		}
	}
}

func BenchmarkScoreOfTwoResources(b *testing.B) {
	b.ReportAllocs()
	sum := 0.0
	for i := 0; b.Loop(); i++ {
		mean := float64(i&7) / 8
		sum += Score(Risk(Use{mean, .04}, .8, 1) + Risk(Use{mean / 2, .01}, .9, 1))
	}
	if sum < 0 {
		b.Fatal(sum)
	}
}
