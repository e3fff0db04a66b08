// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// Options of a world that is made from a trace.
type Options struct {
	Seed uint64
	// Nodes there are; of Mixed ones a third each has a half, one and one and a half times the standard size.
	Nodes int
	Mixed bool
	// Density is the mean CPU use of all pods over what the nodes have, 0–1, from From on.
	Density float64
	// From is where the time begins that counts, and Length when the world ends.
	From, Length time.Duration
}

// Validate returns what is wrong with the options, by the name of the flag that sets them.
func (o *Options) Validate() error {
	switch {
	case o.Nodes < 2 || o.Nodes > 2000:
		return fmt.Errorf("--nodes: %d: want 2 to 2000", o.Nodes)
	case !(o.Density >= .01 && o.Density <= .9):
		return fmt.Errorf("--density: %v: want .01 to .9", o.Density)
	case o.Length-o.From < time.Hour || o.Length > 60*24*time.Hour:
		return errors.New("--days: want what is judged to be at least an hour, and all of it at most 60 days")
	}
	return nil
}

// source is a trace by workload, in the steps of a world, from a midnight on and for whole days: the world may take any of its
// days, and begins anew when they are over.
type source struct {
	cpu    [][]float32
	memory [][]float32 // nil where the trace has none
	steps  int
	begin  time.Time
}

const (
	day      = 24 * time.Hour
	daySteps = int(day / Step)
)

// newSource reads a bundle. It returns an error where nothing can be made from it.
func newSource(b *trace.Bundle) (*source, error) {
	cpu := b.Usage["cpu"]
	if cpu == nil {
		return nil, fmt.Errorf("trace %s: it holds no cpu, so nothing can be placed by it", b.Name)
	}
	interval := time.Duration(b.IntervalSeconds) * time.Second
	first := time.Unix(b.StartUnix, 0).UTC().Truncate(interval)
	begin := first.Truncate(day)
	if begin.Before(first) {
		begin = begin.Add(day)
	}
	last := first.Add(time.Duration(b.Steps) * interval)
	days := int(last.Sub(begin) / day)
	if days < 1 {
		// Without a whole day the hours of the day cannot be kept.
		if begin, days = first, int(last.Sub(first)/day); days < 1 {
			return nil, fmt.Errorf("trace %s: it is %v long; want a day at least", b.Name, last.Sub(first))
		}
	}
	s := &source{steps: days * daySteps, begin: begin}
	resample := func(values []float64) ([]float32, bool) {
		out := make([]float32, s.steps)
		held, known, sum := float32(0), false, 0.0
		for i := range out {
			at := begin.Sub(first) + time.Duration(i)*Step
			// The mean of what was measured within the step; else what was measured last.
			n, mean := 0, 0.0
			for k := int(at / interval); k < len(values) && time.Duration(k)*interval < at+Step; k++ {
				if v := values[k]; k >= 0 && !math.IsNaN(v) {
					n, mean = n+1, mean+v
				}
			}
			if n > 0 {
				held, known = float32(mean/float64(n)), true
			}
			out[i] = held
			sum += float64(held)
		}
		return out, known && sum > 0
	}
	memory := b.Usage["memory"]
	for i := range b.Workloads {
		c, ok := resample(cpu[i])
		if !ok {
			continue // It never used anything.
		}
		if memory != nil {
			m, ok := resample(memory[i])
			if !ok {
				continue
			}
			s.memory = append(s.memory, m)
		}
		s.cpu = append(s.cpu, c)
	}
	if len(s.cpu) == 0 {
		return nil, fmt.Errorf("trace %s: no workload of it ever used CPU", b.Name)
	}
	return s, nil
}

// take returns so many steps of workload i from a step on, in a ring.
func (s *source) take(series []float32, from, steps int) []float32 {
	out := make([]float32, steps)
	from = ((from % s.steps) + s.steps) % s.steps
	for k := range out {
		out[k] = series[from]
		if from++; from == s.steps {
			from = 0
		}
	}
	return out
}

// replica is what one of a workload's replicas uses: the workload's series, a little later or sooner, on a level of its own and
// with noise of its own that lasts for half an hour or so.
func replica(rng *rand.Rand, series []float32, level, noise float64) []float32 {
	out := make([]float32, len(series))
	lag := rng.IntN(5) - 2
	own := math.Exp(level * rng.NormFloat64())
	const keeps = .85 // of the noise, from a step to the next
	n := rng.NormFloat64()
	for k := range out {
		from := min(max(0, k+lag), len(series)-1)
		out[k] = float32(float64(series[from]) * own * math.Exp(noise*n-noise*noise/2))
		n = keeps*n + math.Sqrt(1-keeps*keeps)*rng.NormFloat64()
	}
	return out
}

func mean(series []float32) float64 {
	sum := 0.0
	for _, v := range series {
		sum += float64(v)
	}
	return sum / float64(max(1, len(series)))
}

// busiest returns the hour of the day around which a series is highest.
func busiest(series []float32) int {
	var hours [24]float64
	for k, v := range series {
		hours[k/12%24] += float64(v)
	}
	best, most := 0, -1.0
	for h := range hours {
		sum := 0.0
		for d := -4; d <= 4; d++ {
			sum += hours[(h+d+24)%24]
		}
		if sum > most {
			best, most = h, sum
		}
	}
	return best
}
