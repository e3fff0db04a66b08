// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// packs is a configuration that moves pods, and empties nodes too where it is told to.
func packs(t *testing.T, base, mode string) *Config {
	t.Helper()
	args := "  - name: Rebalance\n    args:\n      mode: Evict\n      packing: {mode: " + mode + ", holdFor: 48h, giveUpAfter: 12h, maxPods: 60, perHour: 60}\n      maxMoves: {perHour: 4, perWorkload: 100, perNamespace: 1000}\n"
	data := string(manifests.SchedulerConfig) + args
	if base == Stock {
		data = head + "  pluginConfig:\n" + args
	}
	c, err := ReadConfig(base+" packing "+mode, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.packs(), strings.Contains(mode, "Evict"); got != want {
		t.Fatalf("%s packs: %v", c.Name, got)
	}
	return c
}

// On worlds with more nodes than they need, packing has an eighth of them removed or so, every pod is placed, and no others run hot for it.
func TestPacksNodes(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("worlds take a while")
	}
	const from, length = 12 * time.Hour, 48 * time.Hour
	for _, base := range []string{Stock, "foresight"} {
		var inUse, hot, emptied [2]float64
		for seed := range uint64(2) {
			w := smallWorld(t, world.Options{Seed: 500 + seed, Nodes: 8, Density: .2, From: from, Length: length})
			for i, mode := range []string{`"Off"`, "Evict"} {
				out, err := Run(t.Context(), w, packs(t, base, mode), Options{From: from})
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("world %d, %s: %.0f node-hours in use, hot80 %.0f, hot90 %.0f, unplaced %d, %+v", 500+seed, out.Config, out.InUse, out.Hot80, out.Hot90, out.Unplaced, *out.Moved)
				inUse[i], hot[i], emptied[i] = inUse[i]+out.InUse, hot[i]+out.Hot90, emptied[i]+out.Moved.Emptied
				if out.Unplaced > 0 || i == 0 && (out.Moved.Packed > 0 || out.Moved.Emptied > 0) {
					t.Errorf("%d pods were not placed, %+v", out.Unplaced, *out.Moved)
				}
			}
		}
		t.Logf("%s: node-hours in use %.0f, with packing %.0f; hot90 %.0f, with packing %.0f; nodes emptied %.0f", base, inUse[0], inUse[1], hot[0], hot[1], emptied[1])
		if inUse[1] > .95*inUse[0] || hot[1] > hot[0]+60 {
			t.Errorf("%s: node-hours in use %v, minutes over 90 %%: %v", base, inUse, hot)
		}
	}
}
