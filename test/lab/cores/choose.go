// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/stat"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// candidate is a node with its hogs that the service may be placed on, what is known of it before, and what came of it.
type candidate struct {
	hogs      []hog
	before    use
	risk      float64 // that the model gives, 0–1
	harm      float64 // by which PredictedQoS ranks: -ln(1 - risk), which goes on where risks no longer differ
	p50, p99  float64 // of the service when it ran there, in ms
	late      float64 // share of the requests that took longer than the objective
	nobodyP99 float64 // of the service on the same node a moment before, without hogs, in ms
	chosenBy  []string
}

func (c *candidate) requested() float64 {
	sum := 0.
	for _, h := range c.hogs {
		sum += h.Requested
	}
	return sum
}

// What is assumed of requests: pods use 18 % of them (clusters are known for 15–20 %), by a factor that differs from pod to
// pod as e to a normal deviate does, so that two of three lie within 7 and 49 %.
const usedOfRequested = .18

// draw returns what is on a node: one to three hogs that want 15–60 % of its CPU together, as the nodes of most clusters are
// used, and on one node of ten 60–100 %. An empty node would be chosen by everybody.
func draw(random *rand.Rand, kinds []string) []hog {
	hogs, parts, sum := make([]hog, 1+random.IntN(3)), [3]float64{}, 0.
	wanted := .15 + .45*random.Float64()
	if random.IntN(10) == 0 {
		wanted = .6 + .4*random.Float64()
	}
	for i := range hogs {
		parts[i] = .2 + random.Float64()
		sum += parts[i]
	}
	for i := range hogs {
		hogs[i] = wanting(kinds[random.IntN(len(kinds))], wanted*parts[i]/sum)
		hogs[i].Requested = hogs[i].cores() / (usedOfRequested * math.Exp(random.NormFloat64()))
	}
	return hogs
}

// chooser picks a candidate.
type chooser struct {
	name string
	pick func([]candidate) int
}

var choosers = []chooser{
	// What NodeResourcesFit's LeastAllocated comes to between nodes of equal size.
	{"default (requests)", byRequests},
	{"least CPU", func(all []candidate) int { return least(all, func(c *candidate) float64 { return c.before.Peak }) }},
	{"foresight (model)", func(all []candidate) int {
		// As PredictedQoS scores, of a pod with no residents to harm.
		best := all[least(all, func(c *candidate) float64 { return c.harm })].harm
		return least(all, func(c *candidate) float64 {
			if c.harm > best+quality.NearTie {
				return math.Inf(1)
			}
			return c.requested()
		})
	}},
	takenBy("profile: stock"),
	takenBy("profile: trimaran-lvrb"),
	takenBy("profile: foresight"),
	{"best, in hindsight", byP99},
	{"worst, in hindsight", func(all []candidate) int { return least(all, func(c *candidate) float64 { return -c.p99 }) }},
}

// takenBy is what a scheduler chose.
func takenBy(profile string) chooser {
	return chooser{profile, func(all []candidate) int {
		return max(0, slices.IndexFunc(all, func(c candidate) bool { return slices.Contains(c.chosenBy, profile) }))
	}}
}

func byRequests(all []candidate) int { return least(all, (*candidate).requested) }

func byP99(all []candidate) int { return least(all, func(c *candidate) float64 { return c.p99 }) }

// least is the index of the first candidate with the least value.
func least(all []candidate, value func(*candidate) float64) int {
	best := 0
	for i := range all {
		if value(&all[i]) < value(&all[best]) {
			best = i
		}
	}
	return best
}

// alone lets the service run on all nodes with nobody there: what it uses of a CPU, and its p99 on each in ms.
func (l lab) alone(ctx context.Context, ask load) (own float64, p99 []float64, err error) {
	runs, err := l.serve(ctx, ask, len(l.nodes))
	for _, r := range runs {
		if err == nil {
			own += r.Windows[0].Own / float64(len(runs))
			p99 = append(p99, fit.Quantile(r.Latencies, .99))
		}
	}
	return own, p99, err
}

// serve lets the service run on the first nodes at once.
func (l lab) serve(ctx context.Context, ask load, nodes int) ([]run, error) {
	runs := make([]run, nodes)
	var group errgroup.Group
	for i := range runs {
		group.Go(func() (err error) {
			runs[i], err = l.nodes[i].serve(ctx, ask)
			return err
		})
	}
	return runs, group.Wait()
}

// choose lets the service, which uses own of a CPU, run on every candidate that the seed draws, as many at once as there are nodes.
func (l lab) choose(ctx context.Context, seed uint64, model *quality.Table, file string, own float64, nobody []float64) ([]candidate, error) {
	random := rand.New(rand.NewPCG(seed, 3))
	var slab quality.Slab
	model.For(own, &slab)
	all := make([]candidate, l.candidates)
	for first := 0; first < len(all); first += len(l.nodes) {
		now := all[first:min(first+len(l.nodes), len(all))]
		for i := range now {
			now[i].hogs, now[i].nobodyP99 = draw(random, l.kinds), nobody[i]
		}
		if err := l.tryOut(ctx, now, l.ask(seed), seed*1000+uint64(first)); err != nil {
			return nil, err
		}
		for i := range now {
			c := &now[i]
			cpu, pressure := float32(c.before.Peak+own), float32(c.before.worst())
			c.risk, c.harm = float64(quality.Probability(slab.LogOdds(cpu, pressure))), float64(quality.Harm(slab.In(quality.At(cpu, pressure))))
		}
	}
	return all, l.decide(ctx, all, own, file)
}

func (l lab) ask(seed uint64) load {
	return load{Rate: l.rate, Length: l.chosenRun, Window: l.chosenRun, Rounds: l.rounds, Seed: seed}
}

// tryOut lets the service run on the nodes of some candidates at once.
func (l lab) tryOut(ctx context.Context, now []candidate, ask load, seed uint64) error {
	var group errgroup.Group
	ends := make([]func(), len(now))
	for i := range now {
		group.Go(func() (err error) {
			now[i].before, ends[i], err = l.background(ctx, l.nodes[i], now[i].hogs, seed+uint64(i))
			return err
		})
	}
	err := group.Wait()
	for _, end := range ends {
		defer end()
	}
	if err != nil {
		return err
	}
	runs, err := l.serve(ctx, ask, len(now))
	if err != nil {
		return err
	}
	for i, r := range runs {
		now[i].p50, now[i].p99 = fit.Quantile(r.Latencies, .5), fit.Quantile(r.Latencies, .99)
		for _, ms := range r.Latencies {
			if ms > l.objective {
				now[i].late += 1 / float64(len(r.Latencies))
			}
		}
	}
	return nil
}

// writeChoices writes one row per seed and candidate.
func writeChoices(path string, seeds []uint64, all [][]candidate) error {
	records := [][]string{{"seed", "candidate", "hogs", "requested_cpus", "before_cpu_peak", "before_psi", "risk", "harm", "p50_ms", "p99_ms", "late", "nobody_p99_ms", "chosen_by"}}
	for s, candidates := range all {
		for i := range candidates {
			c := &candidates[i]
			var hogs, by []string
			for _, h := range c.hogs {
				hogs = append(hogs, fmt.Sprintf("%s %.2f", h.Kind, h.Intensity))
			}
			for _, chooser := range choosers {
				if chooser.pick(candidates) == i {
					by = append(by, chooser.name)
				}
			}
			record := append([]string{strconv.FormatUint(seeds[s], 10), strconv.Itoa(i), strings.Join(hogs, "; ")},
				numbers(c.requested(), c.before.Peak, c.before.worst(), c.risk, c.harm, c.p50, c.p99, c.late, c.nobodyP99)...)
			records = append(records, append(record, strings.Join(by, "; ")))
		}
	}
	return writeCSV(path, records)
}

// printChoices prints what each chooser's service had, over the seeds.
func printChoices(out io.Writer, all [][]candidate) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CHOSEN BY\tP50\tP99: MEDIAN\tQUARTILES\tLEAST–MOST\tGEOMETRIC MEAN\tLATE\tTOOK THE BEST NODE")
	row := func(name string, p50, p99, late []float64, more string) {
		at := func(q float64) string { return fmt.Sprintf("%.1f", fit.Quantile(p99, q)) }
		share := func(v []float64, format string, scale float64) string {
			if v == nil {
				return ""
			}
			return fmt.Sprintf(format, scale*mean(v))
		}
		fmt.Fprintf(table, "%s\t%s\t%s ms\t%s–%s\t%s–%s\t%.1f ms\t%s\t%s\n", name, share(p50, "%.1f ms", 1), at(.5), at(.25), at(.75), at(0), at(1),
			stat.GeometricMean(p99, nil), share(late, "%.2f %%", 100), more)
	}
	for _, chooser := range choosers {
		best := 0
		for _, candidates := range all {
			if chooser.pick(candidates) == byP99(candidates) {
				best++
			}
		}
		of := func(value func(*candidate) float64) []float64 { return chosen(all, chooser.pick, value) }
		row(chooser.name, of((*candidate).ofP50), of((*candidate).ofP99), of((*candidate).ofLate), fmt.Sprintf("%d of %d", best, len(all)))
	}
	var nobody, requested, peaks []float64
	for _, candidates := range all {
		for i := range candidates {
			c := &candidates[i]
			nobody, requested, peaks = append(nobody, c.nobodyP99), append(requested, c.requested()), append(peaks, c.before.Peak)
		}
	}
	row("nobody there (noise)", nil, nobody, nil, "")
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCPU of the %d candidates before: median peak %.2f, nine in ten below %.2f; rank correlation of requests and peak %.2f\n\n",
		len(peaks), fit.Quantile(peaks, .5), fit.Quantile(peaks, .9), rankCorrelation(requested, peaks))
	return printPaired(out, all)
}

func (c *candidate) ofP50() float64  { return c.p50 }
func (c *candidate) ofP99() float64  { return c.p99 }
func (c *candidate) ofLate() float64 { return c.late }

// chosen is the value of what was picked, by seed.
func chosen(all [][]candidate, pick func([]candidate) int, value func(*candidate) float64) []float64 {
	values := make([]float64, len(all))
	for s, candidates := range all {
		values[s] = value(&candidates[pick(candidates)])
	}
	return values
}

// pairs that are compared. The test that counts is the first one's Wilcoxon.
var pairs = [][2]string{
	{"profile: foresight", "profile: stock"}, {"profile: foresight", "least CPU"}, {"profile: foresight", "profile: trimaran-lvrb"},
	{"profile: trimaran-lvrb", "profile: stock"}, {"best, in hindsight", "profile: stock"}, {"best, in hindsight", "least CPU"},
	{"foresight (model)", "default (requests)"}, {"foresight (model)", "least CPU"}, {"least CPU", "default (requests)"},
}

func named(name string) *chooser {
	return &choosers[slices.IndexFunc(choosers, func(c chooser) bool { return c.name == name })]
}

// printPaired compares choosers on the same seeds.
func printPaired(out io.Writer, all [][]candidate) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "PAIRED BY SEED\tBETTER\tWORSE\tSAME\tMEDIAN DIFFERENCE\tRATIO OF P99\tSIGN TEST\tWILCOXON")
	for _, pair := range pairs {
		mine, theirs := chosen(all, named(pair[0]).pick, (*candidate).ofP99), chosen(all, named(pair[1]).pick, (*candidate).ofP99)
		differences, ratios := make([]float64, len(all)), make([]float64, len(all))
		better, worse := 0, 0
		for s := range all {
			differences[s], ratios[s] = mine[s]-theirs[s], math.Log(mine[s]/theirs[s])
			switch {
			case mine[s] < theirs[s]:
				better++
			case mine[s] > theirs[s]:
				worse++
			}
		}
		low, high := bootstrap(differences, median)
		less, more := bootstrap(ratios, mean)
		fmt.Fprintf(table, "%s, %s\t%d\t%d\t%d\t%.1f ms (%.1f–%.1f)\t%.2f (%.2f–%.2f)\tp = %.4f\tp = %.4f\n",
			pair[0], pair[1], better, worse, len(all)-better-worse,
			median(differences), low, high, math.Exp(mean(ratios)), math.Exp(less), math.Exp(more), signTest(better, worse), signedRank(ratios))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "\nIn brackets: bootstrapped 95 % intervals. The ratio is the geometric mean; the signed ranks are of its logarithms. Both tests are two-sided.")
	return err
}

// comparison runs the seeds and writes choices.csv, after each seed, and what is printed. A seed that fails is told and left out.
func (l lab) comparison(ctx context.Context, seeds int, model *quality.Table, file string) error {
	var all [][]candidate
	var drawn []uint64
	var failed error
	own, nobody := 0., []float64(nil)
	for seed := uint64(1); seed <= uint64(seeds) && ctx.Err() == nil; seed++ {
		fmt.Fprintf(os.Stderr, "\rchoices: seed %d of %d, %.0f s", seed, seeds, time.Since(l.begin).Seconds())
		err := error(nil)
		if nobody == nil || seed%4 == 1 {
			own, nobody, err = l.alone(ctx, l.ask(seed))
		}
		var candidates []candidate
		if err == nil {
			candidates, err = l.choose(ctx, seed, model, file, own, nobody)
		}
		if err != nil {
			failed = fmt.Errorf("seed %d: %w", seed, err)
			fmt.Fprintln(os.Stderr, "\nleft out:", failed)
			continue
		}
		all, drawn = append(all, candidates), append(drawn, seed)
		if err := writeChoices(filepath.Join(l.out, "choices.csv"), drawn, all); err != nil {
			return err
		}
	}
	fmt.Fprintln(os.Stderr)
	if len(all) == 0 {
		return errors.Join(failed, ctx.Err())
	}
	return errors.Join(printChoices(os.Stdout, all), ctx.Err())
}
