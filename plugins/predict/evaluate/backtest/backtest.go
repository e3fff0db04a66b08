// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package backtest replays a trace through the forecaster that runs in production and through the baselines, and
// compares them at the same violation rate.
//
// A machine is a random group of workloads; its limit and usage are the sums of theirs. Each hour every method forecasts
// the machine's peak over the next hours from the past only. The models learn from groups of one half of the
// workloads and of one part of the time, and are judged on the other half in the time after it.
package backtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/baseline"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// Method is the name of our forecast in results.
const Method = "foresight"

// stride returns the hours between the training decisions of one group. Neighbouring hours say nearly the same, so a long
// trace needs no more than every sixth.
func (p period) stride() int { return min(6, max(1, (p.judge-p.train)/40)) }

// Run backtests every resource of the bundle. progress, which may be nil, is told the share that is done, from 0 to 1, and
// what is being done. The result depends only on the bundle and the options. A resource or horizon for which the trace
// is too short has no rows.
func Run(ctx context.Context, b *trace.Bundle, o Options, progress func(done float64, what string)) ([]Result, error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	if len(b.Workloads) < 2*o.Group {
		return nil, &TooFewError{Workloads: len(b.Workloads), Group: o.Group}
	}
	if progress == nil {
		progress = func(float64, string) {}
	}
	var results []Result
	for k, resource := range b.Resources {
		r, err := newReplay(b, resource, o)
		if err != nil {
			return nil, err
		}
		part := func(done float64, what string) {
			progress((float64(k)+done)/float64(len(b.Resources)), resource+": "+what)
		}
		if err := r.run(ctx, part); err != nil {
			return nil, err
		}
		for _, h := range r.horizons {
			if len(h.judge) > 0 { // Else there are gaps wherever something was to be judged.
				results = append(results, h.results(b.Name, resource, o)...)
			}
		}
	}
	progress(1, "done")
	return results, nil
}

type replay struct {
	bundle   *trace.Bundle
	resource string
	o        Options
	period   period
	perHour  int
	grid     history.Grid
	series   []*history.Series
	pasts    []*baseline.Past
	gaps     *gaps
	machines []*machine
	horizons []*horizon
}

// horizon is the state of one horizon: decisions in order of time.
type horizon struct {
	hours   int
	trainer *peak.Trainer
	model   *peak.Model
	tracker *peak.Tracker
	floor   *peak.Floor
	train   decisions // of machines of the training half, to rescale on
	judge   decisions
}

func newReplay(b *trace.Bundle, resource string, o Options) (*replay, error) {
	interval := time.Duration(b.IntervalSeconds) * time.Second
	r := &replay{
		bundle: b, resource: resource, o: o, perHour: 3600 / b.IntervalSeconds,
		grid: history.Grid{Origin: b.StartUnix, Interval: interval},
	}
	var err error
	if r.gaps, err = newGaps(b, resource); err != nil {
		return nil, err
	}
	r.period = periodOf(b.Steps / r.perHour)
	for i := range b.Workloads {
		r.series = append(r.series, history.NewSeries(r.grid, b.Limit(resource, i)))
		r.pasts = append(r.pasts, baseline.NewPast(resource, interval))
	}
	trainHalf, judgeHalf := halves(len(b.Workloads), o)
	rng := rand.New(rand.NewPCG(o.Seed, 2))
	for _, g := range draw(judgeHalf, o.Machines, o.Group, rng) {
		r.add(g, &machine{judged: true, past: baseline.NewPast(resource, interval)})
	}
	// The machines to rescale on are drawn like the judged ones.
	for _, g := range draw(trainHalf, o.Machines, o.Group, rng) {
		r.add(g, &machine{past: baseline.NewPast(resource, interval)})
	}
	for _, g := range draw(trainHalf, max(0, o.TrainGroups-o.Machines), o.Group, rng) {
		r.add(g, &machine{})
	}
	for _, h := range o.Horizons {
		if !r.period.fits(h) {
			continue
		}
		t, err := peak.NewTrainer(peak.TrainerOptions{
			Horizon: h, Taus: []float64{1 - o.Violation}, Capacity: 40000, Seed: o.Seed,
		})
		if err != nil {
			return nil, err
		}
		r.horizons = append(r.horizons, &horizon{hours: h, trainer: t, tracker: peak.NewTracker(o.Violation, h), floor: peak.NewFloor(peak.LowerAt, h)})
	}
	return r, nil
}

func (r *replay) add(members []int, m *machine) {
	m.members = members
	for _, i := range members {
		m.limit += r.bundle.Limit(r.resource, i)
	}
	m.series = history.NewSeries(r.grid, m.limit)
	r.machines = append(r.machines, m)
}

// run goes through the trace hour by hour. At each hour:
//
//  1. decide: every method forecasts from the state, which has seen the past only;
//  2. observe the samples of the hour;
//  3. complete the decisions whose horizon ends with it.
//
// Training ends, and the model is fitted, before the first judged hour.
func (r *replay) run(ctx context.Context, progress func(float64, string)) error {
	p := r.period
	if len(r.horizons) == 0 {
		return nil
	}
	for now := 0; now < p.end; now++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		progress(float64(now)/float64(p.end), "replay")
		if now == p.judge {
			for _, h := range r.horizons {
				progress(float64(now)/float64(p.end), fmt.Sprintf("fit %d h", h.hours))
				if err := r.fit(ctx, h); err != nil {
					return fmt.Errorf("%s, %d h: %w", r.resource, h.hours, err)
				}
			}
		}
		if now >= p.train {
			if err := r.decide(now); err != nil {
				return err
			}
		}
		r.observe(now)
		r.complete(now)
	}
	for _, h := range r.horizons {
		h.judge = r.judgeable(h, h.judge)
	}
	return nil
}

func (r *replay) observe(now int) {
	usage := r.bundle.Usage[r.resource]
	for step := now * r.perHour; step < (now+1)*r.perHour; step++ {
		unix := r.bundle.StartUnix + int64(step*r.bundle.IntervalSeconds)
		for i, s := range r.series {
			s.Observe(unix, usage[i][step])
			r.pasts[i].Observe(usage[i][step])
		}
		for _, m := range r.machines {
			if step%r.perHour == 0 {
				m.peaks, m.known = append(m.peaks, 0), append(m.known, 0)
			}
			sum, known := r.gaps.sum(m.members, step)
			if known {
				m.seen = true
				m.known[now]++
				m.peaks[now] = max(m.peaks[now], sum)
				m.series.Observe(unix, sum)
			}
			if m.past != nil && m.seen {
				m.past.Observe(sum) // Of a gap it repeats what it saw last.
			}
		}
	}
}

// decide makes the decisions of hour now.
func (r *replay) decide(now int) error {
	stats := make([]baseline.Stats, len(r.pasts))
	for i, p := range r.pasts {
		stats[i] = p.Stats()
	}
	kinds := history.KindsOf(slices.Values(r.series), int64(now))
	summaries := make([]history.Summary, len(r.series))
	var members []history.Summary
	var tasks []baseline.Stats
	for _, h := range r.horizons {
		if now+h.hours > r.period.end || now < r.period.judge && now+h.hours > r.period.judge {
			continue
		}
		for i, s := range r.series {
			summaries[i] = s.Summary(int64(now), h.hours)
			kinds.Tell(&summaries[i])
		}
		for k, m := range r.machines {
			if !m.seen || m.judged != (now >= r.period.judge) || m.past == nil && (now+k)%r.period.stride() != 0 {
				continue
			}
			members = members[:0]
			tasks = tasks[:0]
			for _, i := range m.members {
				members = append(members, summaries[i])
				tasks = append(tasks, stats[i])
			}
			in := peak.Input{
				Features: history.Features(m.series.Summary(int64(now), h.hours), members, m.limit),
				Limit:    m.limit,
			}
			d := decision{machine: m, hour: now}
			if m.past != nil {
				d.forecasts = baseline.Forecasts(m.past.Stats(), tasks, m.limit)
			}
			to := &h.train
			if m.judged {
				to = &h.judge
				f, err := h.model.Forecast(in, 1-r.o.Violation)
				if err != nil {
					return err
				}
				d.interval = f
				d.level, d.lowerLevel = h.tracker.Level(), h.floor.Level()
			} else {
				d.input = in
				d.learn = (now+k)%r.period.stride() == 0
			}
			*to = append(*to, d)
		}
	}
	return nil
}

// complete closes hour now: it tells the tracker which decisions have just turned out violated.
func (r *replay) complete(now int) {
	for _, h := range r.horizons {
		if now < r.period.judge {
			continue
		}
		violated, known, below, over := 0, 0, 0, 0
		for _, m := range r.machines {
			if m.judged && m.known[now] > 0 {
				known++
			}
		}
		for i := len(h.judge) - 1; i >= 0 && h.judge[i].hour > now-h.hours; i-- {
			d := &h.judge[i]
			d.peak = max(d.peak, d.machine.peaks[now])
			if !d.violated && d.peak > d.interval.Upper*d.level {
				d.violated = true
				violated++
			}
			if d.hour == now-h.hours+1 {
				over++
				if d.peak < d.lower() {
					below++
				}
			}
		}
		if known > 0 {
			h.tracker.Round(float64(violated) / float64(known))
		}
		if over > 0 {
			h.floor.Round(float64(below) / float64(over))
		}
	}
}
