// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// moved plays a world with a mover.
func moved(t *testing.T, w *world.World, name, mover string, anHour int, o Options) *Outcome {
	t.Helper()
	c, err := BuiltInConfig(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Run(t.Context(), w, c.With(mover, anHour), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Over a few worlds the rebalancer leaves fewer hot minutes and less unmet demand than there were without it, on stock's placement and on
// the shipped profile's; who knows the future leaves still less. No pod is moved twice within six hours, and none goes back. What there is
// to place is the same for all.
func TestMoves(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("worlds take a while")
	}
	const from, length = 36 * time.Hour, 72 * time.Hour
	for _, name := range []string{Stock, "foresight"} {
		sums := map[string]float64{}
		for seed := range uint64(3) {
			w := smallWorld(t, world.Options{Seed: 300 + seed, Nodes: 8, Density: .5, From: from, Length: length})
			without := play(t, w, name, Options{From: from})
			sums[""] += without.Hot80
			for _, mover := range Movers() {
				out := moved(t, w, name, mover, 4, Options{From: from})
				sums[mover] += out.Hot80
				m := out.Moved
				t.Logf("world %d, %s + %s: hot80 %.0f of %.0f, unmet %.1f of %.1f, %+v", 300+seed, name, mover, out.Hot80, without.Hot80, out.Unmet, without.Unmet, *m)
				switch {
				case out.Decisions != without.Decisions || out.Unplaced > 0:
					t.Errorf("%d pods placed and %d not, without moves %d", out.Decisions, out.Unplaced, without.Decisions)
				case m.Moves > 4*(length-from).Hours() || mover == Rebalance && m.Moves == 0:
					t.Errorf("%v moves", m.Moves)
				case mover != Descheduler && (m.Soon > 0 || m.Back > 0):
					t.Errorf("%v moves within 6 h of the pod's last, %v back", m.Soon, m.Back)
				}
			}
		}
		t.Logf("%s: %v hot minutes", name, sums)
		if sums[Rebalance] > .9*sums[""] || sums[RebalanceOracle] > .8*sums[""] || sums[Rebalance] > sums[Descheduler] {
			t.Errorf("%s: hot minutes %v", name, sums)
		}
	}
}

// A run with moves can be repeated. A configuration says by args of its own that it moves pods, and how many.
func TestMovesRepeat(t *testing.T) {
	const from = 24 * time.Hour
	w := smallWorld(t, world.Options{Seed: 3, Nodes: 4, Density: .55, From: from, Length: 2 * from})
	c, err := ReadConfig("mine", []byte(strings.Replace(head, "- schedulerName: replay", `- schedulerName: replay
  pluginConfig:
  - name: Rebalance
    args:
      mode: Evict
      maxMoves: {perHour: 2}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if c.Mover != Rebalance || c.Moves != 2 {
		t.Errorf("%s moves %d pods an hour", c.Mover, c.Moves)
	}
	var outs []*Outcome
	for range 2 {
		out, err := Run(t.Context(), w, c, Options{From: from})
		if err != nil {
			t.Fatal(err)
		}
		outs = append(outs, out)
	}
	if diff := cmp.Diff(outs[0], outs[1]); diff != "" {
		t.Error(diff)
	}
	if m := outs[0].Moved; m.Moves == 0 || m.Moves > 48 {
		t.Errorf("%+v", m)
	}
	if _, err := Run(t.Context(), w, c.With("teleport", 4), Options{From: from}); err == nil || !strings.Contains(err.Error(), "teleport") {
		t.Error(err)
	}
	if _, err := ReadConfig("wrong", []byte(strings.Replace(head, "- schedulerName: replay", "- schedulerName: replay\n  pluginConfig: [{name: Rebalance, args: {mode: Sometimes}}]", 1))); err == nil || !strings.Contains(err.Error(), "mode") {
		t.Error(err)
	}
}
