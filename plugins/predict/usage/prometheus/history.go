// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// maxPoints are how many values of a query are held at a time, unless they are of a single step: some 400 MB of samples.
const maxPoints = 1_000_000

// History asks the server for the past, in chunks of steps, and delivers a reading per
// step. A chunk whose answer is too large is asked for again in halves, down to single
// steps. The step is at least a millisecond, and whole milliseconds, as times in
// Prometheus are.
func (s *Source) History(ctx context.Context, from, to time.Time, step time.Duration, deliver func(usage.Reading) error) error {
	if step < time.Millisecond || step%time.Millisecond != 0 {
		return fmt.Errorf("history with the step %v: must be whole milliseconds", step)
	}
	from = from.Truncate(time.Millisecond)
	steps := s.chunkSteps
	for first := from; !first.After(to); {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := first.Add(time.Duration(steps-1) * step)
		if last.After(to) {
			last = first.Add(to.Sub(first) / step * step)
		}
		readings, err := s.chunk(ctx, span{from: first, to: last, step: step})
		if errors.Is(err, ErrTooLarge) && last.After(first) {
			// The size is the cluster's and not the chunk's, so the next ones stay small.
			steps = max(1, (int(last.Sub(first)/step)+1)/2)
			continue
		}
		if err != nil {
			return fmt.Errorf("history from %v to %v: %w", first.UTC(), last.UTC(), err)
		}
		for _, r := range readings {
			if err := deliver(r); err != nil {
				return err
			}
		}
		first = last.Add(step)
	}
	return nil
}

// chunk answers the readings of some steps, in order, without those that are empty.
func (s *Source) chunk(ctx context.Context, asked span) ([]usage.Reading, error) {
	builders := make([]*builder, int(asked.to.Sub(asked.from)/asked.step)+1)
	for i := range builders {
		builders[i] = newBuilder(s.labels, s.window)
	}
	err := s.each(func(kind kind, query string, put put) error {
		points := 0
		warnings, err := s.client.over(ctx, query, asked, func(series *series) error {
			if series == nil {
				return nil
			}
			builders[0].drops[usage.NotANumber] += uint64(len(series.Histograms))
			// A point is a score of bytes in the answer and some hundred in a sample.
			if points += len(series.Values); points > maxPoints && len(builders) > 1 {
				return fmt.Errorf("%w: more than %d values", ErrTooLarge, maxPoints)
			}
			for _, point := range series.Values {
				i := point.at.Sub(asked.from)
				if i < 0 || i%asked.step != 0 || i/asked.step >= time.Duration(len(builders)) {
					return fmt.Errorf("the answer has a value at %v, which is no step", point.at.UTC())
				}
				builders[i/asked.step].add(kind, series.Metric, point.at, point.value, put)
			}
			return nil
		})
		builders[0].warn(warnings)
		return err
	})
	if err != nil {
		return nil, err
	}
	var readings []usage.Reading
	for i, b := range builders {
		at := asked.from.Add(time.Duration(i) * asked.step)
		reading := b.reading(at, s.nodes.Time != "", s.pods.Time != "")
		if len(reading.Nodes)+len(reading.Pods) > 0 || reading.Dropped.Total() > 0 || len(reading.Warnings) > 0 {
			readings = append(readings, reading)
		}
	}
	return readings, nil
}
