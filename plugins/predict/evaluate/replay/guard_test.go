// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// What the shipped profile reaches on the worlds of TestGuard, over stock: geometric means over them. Raise a bound only with a
// reason in the commit; lower it when the profile gets better.
var guard = map[string]float64{
	"hot80_node_minutes":     1.3,
	"unmet_cpu_core_minutes": 1.3,
}

// The decisions of the shipped profile do not get worse than they were (make replay).
func TestGuard(t *testing.T) {
	if testing.Short() {
		t.Skip("plays worlds for a minute")
	}
	const from = 36 * time.Hour
	var rows []Row
	for seed := range uint64(4) {
		w := smallWorld(t, world.Options{Seed: 100 + seed, Nodes: 8, Mixed: seed%2 == 1, Density: .45, From: from, Length: 2 * from})
		stock, shipped := play(t, w, Stock, Options{From: from}), play(t, w, "foresight", Options{From: from})
		row := Row{Config: "foresight", Measures: shipped.Measures}
		row.RatioToStock = row.Ratios(&stock.Measures)
		t.Logf("world %d: %d pods; hot80 %.0f minutes, stock %.0f; unmet %.1f, stock %.1f; regret %.3f, stock %.3f", 100+seed, stock.Decisions,
			shipped.Hot80, stock.Hot80, shipped.Unmet, stock.Unmet, shipped.Regret, stock.Regret)
		rows = append(rows, row)
	}
	sum := Summarise(rows)
	for name, bound := range guard {
		if got := sum.RatioToStock[name]; got > bound {
			t.Errorf("%s is %.2f times stock's, at most %.2f before", name, got, bound)
		} else {
			t.Logf("%s is %.2f times stock's; the bound is %.2f", name, got, bound)
		}
	}
}
