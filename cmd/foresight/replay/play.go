// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"sync"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// played is one world with all configurations.
type played struct {
	rows     []replay.Row
	outcomes []*replay.Outcome
}

// mark of the page that is to be written.
func (o *options) mark() string {
	if o.moves > 0 {
		return movesMark
	}
	return pageMark
}

// playCell has each seed's world of a cell played, some at a time.
func playCell[T any](ctx context.Context, o *options, c cell, configs []*replay.Config,
	play func(context.Context, cell, uint64, []*replay.Config, func(*replay.Config, int)) (T, error), progress func(float64, string),
) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]T, o.seeds)
	var mu sync.Mutex
	done, plays := 0, o.seeds*len(configs)*o.repeats
	turns := make(chan struct{}, o.parallel)
	var all sync.WaitGroup
	for s := range o.seeds {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if ctx.Err() != nil {
				return
			}
			seed := o.firstSeed + uint64(s)
			var err error
			out[s], err = play(ctx, c, seed, configs, func(config *replay.Config, n int) {
				mu.Lock()
				defer mu.Unlock()
				done += n
				progress(float64(done)/float64(plays), fmt.Sprintf("%s, %s nodes at %v, world %d: %s", c.name, c.sizes, c.density, seed, config.Name))
			})
			if err != nil {
				cancel(fmt.Errorf("world %d: %w", seed, err))
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

func (o *options) playSeed(ctx context.Context, cell cell, seed uint64, configs []*replay.Config, tell func(*replay.Config, int)) (p played, err error) {
	settings := o.world(seed, cell)
	w := cell.recorded
	if w == nil {
		if w, err = world.FromTrace(cell.bundle, settings); err != nil {
			return p, err
		}
	}
	for _, c := range configs {
		var runs []*replay.Outcome
		for draw := range uint64(o.repeats) {
			out, err := replay.Run(ctx, w, c, replay.Options{From: settings.From, Cold: o.cold, Draw: draw, Progress: func(float64) { tell(c, 0) }})
			if err != nil {
				return p, err
			}
			runs = append(runs, out)
			tell(c, 1)
		}
		row := replay.Row{
			Trace: cell.name, Seed: &seed, Density: cell.density, NodeSizes: cell.sizes, Nodes: cell.nodes, Cold: o.cold, Config: c.Name,
			Days: (settings.Length - settings.From).Hours() / 24,
		}
		row.Decisions, row.Unplaced, row.Measures, row.Moved = replay.Average(runs)
		stock := &row
		if len(p.rows) > 0 {
			stock = &p.rows[0]
		}
		row.RatioToStock = row.Ratios(&stock.Measures)
		for i := range p.rows {
			if p.rows[i].Config == c.Base {
				row.RatioToUnmoved = row.Ratios(&p.rows[i].Measures)
			}
		}
		p.rows, p.outcomes = append(p.rows, row), append(p.outcomes, runs[0])
	}
	return p, nil
}
