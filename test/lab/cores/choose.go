// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/foresight-scheduler/foresight/plugins/predict/peak/fit"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality"
)

// candidate is a node with its hogs that the service may be placed on, what is known of it before, and what came of it.
type candidate struct {
	hogs      []hog
	before    use
	risk      float64 // that the model gives, 0–1
	p50, p99  float64 // of the service when it ran there, in ms
	nobodyP99 float64 // of the service on the same node a moment before, without hogs, in ms
}

func (c *candidate) requested() float64 {
	sum := 0.
	for _, h := range c.hogs {
		sum += h.Requested
	}
	return sum
}

// draw returns what is on a node: one to three hogs. What a pod requests is what it uses times a factor between a
// quarter and four, its logarithm drawn evenly: some state too little and some too much.
func draw(random *rand.Rand, kinds []string) []hog {
	hogs := make([]hog, 1+random.IntN(3))
	for i := range hogs {
		h := hog{Kind: kinds[random.IntN(len(kinds))], Intensity: .1 + .9*random.Float64()}
		h.Requested = h.cores() * math.Pow(4, 2*random.Float64()-1)
		hogs[i] = h
	}
	return hogs
}

// chooser picks a candidate.
type chooser struct {
	name string
	pick func([]candidate) int
}

// nearTie is the risk by which PredictedQoS holds two nodes for equal.
const nearTie = .01

var choosers = []chooser{
	// What NodeResourcesFit's LeastAllocated comes to between nodes of equal size.
	{"default (requests)", byRequests},
	{"least CPU", func(all []candidate) int { return least(all, func(c *candidate) float64 { return c.before.Peak }) }},
	{"foresight (model)", func(all []candidate) int {
		best := all[least(all, func(c *candidate) float64 { return c.risk })].risk
		return least(all, func(c *candidate) float64 {
			if c.risk > best+nearTie {
				return math.Inf(1)
			}
			return c.requested()
		})
	}},
	{"best, in hindsight", func(all []candidate) int { return least(all, func(c *candidate) float64 { return c.p99 }) }},
	{"worst, in hindsight", func(all []candidate) int { return least(all, func(c *candidate) float64 { return -c.p99 }) }},
}

func byRequests(all []candidate) int { return least(all, (*candidate).requested) }

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

// choose lets the service run on every candidate that the seed draws, as many on each node.
func (l lab) choose(ctx context.Context, seed uint64, model *quality.Table) ([]candidate, error) {
	random := rand.New(rand.NewPCG(seed, 3))
	ask := load{Rate: l.rate, Length: l.chosenRun, Window: l.chosenRun, Rounds: l.rounds, Seed: seed}
	alone := make([]run, len(l.nodes))
	var group errgroup.Group
	for i, n := range l.nodes {
		group.Go(func() (err error) {
			alone[i], err = n.serve(ctx, ask)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	own := 0. // What the workload uses is known from the runs it had.
	for _, r := range alone {
		own += r.Windows[0].Own / float64(len(l.nodes))
	}
	var slab quality.Slab
	model.For(own, &slab)
	all := make([]candidate, l.candidates)
	for first := 0; first < len(all); first += len(l.nodes) {
		now := all[first:min(first+len(l.nodes), len(all))]
		for i := range now {
			now[i].hogs = draw(random, judgedKinds)
			now[i].nobodyP99 = fit.Quantile(alone[i].Latencies, .99)
		}
		if err := l.tryOut(ctx, now, ask, seed*1000+uint64(first), random.Perm(len(now))); err != nil {
			return nil, err
		}
		for i := range now {
			c := &now[i]
			c.risk = float64(quality.Probability(slab.LogOdds(float32(c.before.Peak+own), float32(c.before.worst()))))
		}
	}
	return all, nil
}

// tryOut lets the service run on the nodes of some candidates at a time, one after the other.
func (l lab) tryOut(ctx context.Context, now []candidate, ask load, seed uint64, order []int) error {
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
	for _, i := range order {
		r, err := l.nodes[i].serve(ctx, ask)
		if err != nil {
			return err
		}
		now[i].p50, now[i].p99 = fit.Quantile(r.Latencies, .5), fit.Quantile(r.Latencies, .99)
	}
	return nil
}

// writeChoices writes one row per seed and candidate.
func writeChoices(path string, seeds []uint64, all [][]candidate) error {
	records := [][]string{{"seed", "candidate", "hogs", "requested_cpus", "before_cpu_peak", "before_psi", "risk", "p50_ms", "p99_ms", "nobody_p99_ms", "chosen_by"}}
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
				numbers(c.requested(), c.before.Peak, c.before.worst(), c.risk, c.p50, c.p99, c.nobodyP99)...)
			records = append(records, append(record, strings.Join(by, "; ")))
		}
	}
	return writeCSV(path, records)
}

// printChoices prints what each chooser's service had, over the seeds.
func printChoices(out io.Writer, all [][]candidate) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CHOSEN BY\tP99: MEDIAN\tQUARTILES\tLEAST–MOST\tBETTER THAN DEFAULT\tWORSE\tTHE SAME NODE")
	row := func(name string, p99 []float64, more string) {
		at := func(q float64) string { return fmt.Sprintf("%.1f", fit.Quantile(p99, q)) }
		fmt.Fprintf(table, "%s\t%s ms\t%s–%s\t%s–%s\t%s\n", name, at(.5), at(.25), at(.75), at(0), at(1), more)
	}
	for _, chooser := range choosers {
		var p99 []float64
		better, worse := 0, 0
		for _, candidates := range all {
			mine, theirs := &candidates[chooser.pick(candidates)], &candidates[byRequests(candidates)]
			p99 = append(p99, mine.p99)
			switch {
			case mine.p99 < theirs.p99:
				better++
			case mine.p99 > theirs.p99:
				worse++
			}
		}
		row(chooser.name, p99, fmt.Sprintf("%d\t%d\t%d", better, worse, len(all)-better-worse))
	}
	var nobody []float64
	for _, candidates := range all {
		for i := range candidates {
			nobody = append(nobody, candidates[i].nobodyP99)
		}
	}
	row("nobody there (noise)", nobody, "\t\t")
	return table.Flush()
}

// comparison runs the seeds and writes choices.csv and what is printed.
func (l lab) comparison(ctx context.Context, seeds int, model *quality.Table) error {
	var all [][]candidate
	var drawn []uint64
	for seed := uint64(1); seed <= uint64(seeds); seed++ {
		fmt.Fprintf(os.Stderr, "\rchoices: seed %d of %d", seed, seeds)
		candidates, err := l.choose(ctx, seed, model)
		if err != nil {
			return err
		}
		all, drawn = append(all, candidates), append(drawn, seed)
	}
	fmt.Fprintln(os.Stderr)
	if err := writeChoices(filepath.Join(l.out, "choices.csv"), drawn, all); err != nil {
		return err
	}
	return printChoices(os.Stdout, all)
}
