// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"errors"
	"fmt"
	"math/rand/v2"
)

// Options of a backtest. The zero value is the protocol with seed 0.
type Options struct {
	Seed        uint64  // of the machine draws, and of the split when Random is set
	Machines    int     // machines to judge; 200 when 0
	Group       int     // workloads per machine; 25 when 0
	Random      bool    // halve the workloads at random instead of by turns
	Swap        bool    // train on the second half and judge on the first
	Horizons    []int   // hours; 1 and 24 when empty
	Violation   float64 // rate at which methods are compared; .01 when 0
	TrainGroups int     // random groups of the training half to learn from; 400 when 0
}

func (o *Options) defaults() error {
	if o.Machines == 0 {
		o.Machines = 200
	}
	if o.Group == 0 {
		o.Group = 25
	}
	if o.Horizons == nil {
		o.Horizons = []int{1, 24}
	}
	if o.Violation == 0 {
		o.Violation = .01
	}
	if o.TrainGroups == 0 {
		o.TrainGroups = 400
	}
	if o.Machines < 1 || o.Group < 1 || o.TrainGroups < 1 {
		return errors.New("machines, group and training groups must be positive")
	}
	if !(o.Violation > 0 && o.Violation < 1) {
		return fmt.Errorf("violation %v: want a rate between 0 and 1", o.Violation)
	}
	for _, h := range o.Horizons {
		if h < 1 {
			return fmt.Errorf("horizon %d: want at least 1 hour", h)
		}
	}
	return nil
}

// period says which hours of a trace warm up, train and judge.
type period struct{ train, judge, end int }

// periodOf cuts a trace of the given number of hours as the protocol cuts 30 days: a week to warm up, then training until
// day 17 of 30. Of a trace shorter than two weeks the first half trains, after a quarter of the trace to warm up.
func periodOf(hours int) period {
	if hours < 14*24 {
		return period{train: hours / 4, judge: hours / 2, end: hours}
	}
	days := hours / 24
	judge := 24 * (days * 17 / 30)
	return period{train: min(7*24, judge/2), judge: judge, end: hours}
}

// fits reports whether there are decisions of the horizon to train on and to judge, over at least two horizons each.
func (p period) fits(horizon int) bool {
	return p.judge-p.train >= 2*horizon && p.end-p.judge >= 2*horizon
}

// halves splits workloads 0..n-1 into those to train on and those to judge.
func halves(n int, o Options) (train, judge []int) {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	if o.Random {
		rand.New(rand.NewPCG(o.Seed, 3)).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for k, i := range order {
		if (k%2 == 0) != o.Swap {
			train = append(train, i)
		} else {
			judge = append(judge, i)
		}
	}
	return train, judge
}

// draw returns n groups of size members of ids, each without repetition.
func draw(ids []int, n, size int, rng *rand.Rand) [][]int {
	groups := make([][]int, n)
	for g := range groups {
		order := rng.Perm(len(ids))
		for _, i := range order[:size] {
			groups[g] = append(groups[g], ids[i])
		}
	}
	return groups
}
