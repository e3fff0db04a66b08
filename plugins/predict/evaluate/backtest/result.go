// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/baseline"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
)

// Result is how one method did. Shares and savings are fractions, not percent.
type Result struct {
	Trace        string `json:"trace"`
	Resource     string `json:"resource"`
	HorizonHours int    `json:"horizon_hours"`
	Method       string `json:"method"`
	Decisions    int    `json:"decisions"`

	// Violation is the share of decisions whose peak passed the forecast, Severity by what share of the forecast on
	// average when it did, and Savings 1 − Σforecast/Σlimit; all as the method forecasts by itself.
	Violation float64 `json:"violation"`
	Severity  float64 `json:"severity"`
	Savings   float64 `json:"savings"`
	// Coverage is the share of peaks the method's interval holds. A baseline's begins at zero.
	Coverage float64 `json:"coverage"`
	// LowerHolds is the share of peaks that came to the interval's lower bound at least, promised .9; 1 for a baseline, which has none.
	LowerHolds float64 `json:"lower_holds"`

	// The savings after rescaling by the one multiplier that puts the method at the compared violation rate, found on the
	// training part or, the flattering way, on the judged part; and the violation the former leads to when judged.
	TrainScaled          float64 `json:"savings_at_1pct_train_scaled"`
	TrainScaledViolation float64 `json:"violation_train_scaled"`
	TestScaled           float64 `json:"savings_at_1pct_test_scaled"`

	// 90 % intervals of a bootstrap over blocks of machines and days: decisions of one day or machine are not independent.
	ViolationInterval  [2]float64 `json:"violation_interval"`
	TestScaledInterval [2]float64 `json:"savings_at_1pct_test_scaled_interval"`

	// What a plot shows. Examples are of the same machines for every method.
	Curve    []Point   `json:"-"`
	Examples []Example `json:"-"`
}

// Groups returns the results of each resource and horizon, those that save most at equal violations first.
func Groups(results []Result) [][]Result {
	var groups [][]Result
	for start := 0; start < len(results); {
		end := start
		for end < len(results) && results[end].Resource == results[start].Resource && results[end].HorizonHours == results[start].HorizonHours {
			end++
		}
		group := slices.Clone(results[start:end])
		slices.SortStableFunc(group, func(a, b Result) int { return cmp.Compare(b.TestScaled, a.TestScaled) })
		groups = append(groups, group)
		start = end
	}
	return groups
}

func (h *horizon) results(traceName, resource string, o Options) []Result {
	names := baseline.Names()
	var out []Result
	for k := -1; k < len(names); k++ {
		res := Result{Trace: traceName, Resource: resource, HorizonHours: h.hours, Method: Method, Decisions: len(h.judge)}
		if k >= 0 {
			res.Method = names[k]
		}
		f, p, l := h.judge.of(k)
		ft, pt, _ := h.train.of(k)
		res.Violation, res.Severity, res.Savings = score(f, p, l, 1)
		res.Coverage, res.LowerHolds = 1-res.Violation, 1
		if k < 0 {
			res.Coverage, res.LowerHolds = h.judge.coverage()
		}
		res.TrainScaledViolation, _, res.TrainScaled = score(f, p, l, multiplier(ft, pt, o.Violation))
		m := multiplier(f, p, o.Violation)
		_, _, res.TestScaled = score(f, p, l, m)
		res.ViolationInterval, res.TestScaledInterval = h.judge.bootstrap(f, p, l, o)
		res.Curve = curve(f, p, l)
		res.Examples = h.judge.examples(f, m)
		out = append(out, res)
	}
	return out
}

// score returns violation, severity and savings of forecasts times m. No forecast passes its limit: nothing larger can be reserved.
func score(forecast, peak, limit []float64, m float64) (violation, severity, savings float64) {
	var sum, limits float64
	for i, f := range forecast {
		f = min(f*m, limit[i])
		// The multiplier puts one forecast exactly on its peak; rounding must not make that a violation.
		if peak[i] > f*(1+1e-9) {
			violation++
			if f > 0 {
				severity += peak[i]/f - 1
			}
		}
		sum += f
		limits += limit[i]
	}
	if violation > 0 {
		severity /= violation
	}
	return violation / float64(len(forecast)), severity, 1 - sum/limits
}

// multiplier returns the least factor that leaves a share rate of the forecasts below their peaks.
func multiplier(forecast, peak []float64, rate float64) float64 {
	ratio := make([]float64, len(forecast))
	for i, f := range forecast {
		switch {
		case f > 0:
			ratio[i] = peak[i] / f
		case peak[i] > 0:
			ratio[i] = math.MaxFloat64
		}
	}
	return fit.Quantile(ratio, 1-rate)
}

// rounds of the bootstrap.
const rounds = 100

// bootstrap resamples days and machines with repetition, and returns the 5th and 95th percentiles of the violation
// and of the savings after rescaling on the sample.
func (ds decisions) bootstrap(f, p, l []float64, o Options) (violation, savings [2]float64) {
	type cell struct {
		m   *machine
		day int
	}
	cells := map[cell][]int{}
	var machines []*machine
	seen := map[*machine]bool{}
	first, last := math.MaxInt, 0
	for i, d := range ds {
		c := cell{d.machine, d.hour / 24}
		cells[c] = append(cells[c], i)
		if !seen[d.machine] {
			seen[d.machine] = true
			machines = append(machines, d.machine)
		}
		first, last = min(first, c.day), max(last, c.day)
	}
	rng := rand.New(rand.NewPCG(o.Seed, 4))
	var vs, ss []float64
	for range rounds {
		var fb, pb, lb []float64
		days := make([]int, last-first+1)
		for k := range days {
			days[k] = first + rng.IntN(len(days))
		}
		for range machines {
			m := machines[rng.IntN(len(machines))]
			for _, day := range days {
				for _, i := range cells[cell{m, day}] {
					fb, pb, lb = append(fb, f[i]), append(pb, p[i]), append(lb, l[i])
				}
			}
		}
		if len(fb) == 0 {
			continue
		}
		v, _, _ := score(fb, pb, lb, 1)
		_, _, s := score(fb, pb, lb, multiplier(fb, pb, o.Violation))
		vs, ss = append(vs, v), append(ss, s)
	}
	return [2]float64{fit.Quantile(vs, .05), fit.Quantile(vs, .95)}, [2]float64{fit.Quantile(ss, .05), fit.Quantile(ss, .95)}
}
