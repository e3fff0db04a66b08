// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"fmt"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// gaps tells what is not known of a resource from what is not there. A workload that has not come yet, or is gone, uses nothing; one
// that is between its first value and its last and has none was not measured, and so was everything in a step without any value.
type gaps struct {
	usage [][]float64
	// first and last step of each workload with a value; a workload without any has none between them.
	first, last []int
	measured    []bool // whether a step has any value
}

// newGaps fails where there is no value at all: nothing was measured, which must not pass for a cluster that is idle.
func newGaps(b *trace.Bundle, resource string) (*gaps, error) {
	g := &gaps{
		usage: b.Usage[resource], first: make([]int, len(b.Workloads)), last: make([]int, len(b.Workloads)), measured: make([]bool, b.Steps),
	}
	values := 0
	for i, u := range g.usage {
		g.first[i], g.last[i] = b.Steps, -1
		for step, v := range u {
			if math.IsNaN(v) {
				continue
			}
			values++
			g.first[i], g.last[i] = min(g.first[i], step), step
			g.measured[step] = true
		}
	}
	if values == 0 {
		return nil, fmt.Errorf("the trace has no value of %s, only gaps", resource)
	}
	return g, nil
}

// sum of what the members use in a step, NaN and false where that is not known: of a sum with a member missing, nothing is.
func (g *gaps) sum(members []int, step int) (sum float64, known bool) {
	for _, i := range members {
		switch v := g.usage[i][step]; {
		case !math.IsNaN(v):
			sum += v
			known = true
		case !g.measured[step], step > g.first[i] && step < g.last[i]:
			return math.NaN(), false
		}
	}
	if !known {
		return math.NaN(), false
	}
	return sum, true
}
