// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package draw is what random tests draw with. What each draws, the labels, taints and sizes that nodes and pods may have, stays with
// the test: the index needs pods that meet in topologies, the plugins beside upstream need resizes and comparing tolerations, and one
// vocabulary for both would make each rare.
package draw

import (
	"fmt"
	"math/rand/v2"
)

// Dice fall the same way for the same seed and stream.
type Dice struct {
	*rand.Rand
	serial int
}

// New returns dice of a test, which has a stream of its own.
func New(seed, stream uint64) *Dice { return &Dice{Rand: rand.New(rand.NewPCG(seed, stream))} }

// Chance is true in so many of 100 draws.
func (d *Dice) Chance(percent int) bool { return d.IntN(100) < percent }

// Name is the prefix with the next number, from 1 on.
func (d *Dice) Name(prefix string) string {
	d.serial++
	return fmt.Sprint(prefix, "-", d.serial)
}

// Of is one of some values, each as often.
func Of[T any](d *Dice, from ...T) T { return from[d.IntN(len(from))] }
