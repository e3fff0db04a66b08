// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// What an onlooker says of all pods together, while stock places them, is what comes of it when the shipped profile places them: its interval
// holds that in most worlds, and the sum over them has the sign. Looking on changes nothing of what stock does.
func TestOnlookerForetellsTheGain(t *testing.T) {
	if testing.Short() || underRace {
		t.Skip("make test and make replay play these worlds without the race detector")
	}
	const from = 36 * time.Hour
	shipped, err := BuiltInConfig("foresight")
	if err != nil {
		t.Fatal(err)
	}
	truth, told, held := 0., 0., 0
	for seed := range uint64(6) {
		w := smallWorld(t, world.Options{Seed: 200 + seed, Nodes: 8, Mixed: seed%2 == 1, Density: .45, From: from, Length: 2 * from})
		own, stock := play(t, w, "foresight", Options{From: from}), play(t, w, Stock, Options{From: from, Onlooker: shipped})
		if seed == 0 {
			if alone := play(t, w, Stock, Options{From: from}); stock.Measures != alone.Measures {
				t.Errorf("with an onlooker stock comes to %+v, alone to %+v", stock.Measures, alone.Measures)
			}
		}
		said := stock.Shadow
		if d := said.Counts.Decided; d < uint64(stock.Decisions) || said.Counts.Failed > 0 || said.Results[shadow.Differs] == 0 {
			t.Errorf("world %d: %+v, %v", seed, said.Counts, said.Results)
		}
		all := said.Together
		t.Logf("world %d: stock %.0f, of which measured %.0f; true gain %.0f; together %.0f %v; one by one %.0f", seed, stock.Hot80, all.Theirs.HotMinutes,
			stock.Hot80-own.Hot80, all.HotMinutes.Sum, *all.HotMinutes.SumInterval, said.Horizons[0].HotMinutes.Sum)
		gain := stock.Hot80 - own.Hot80
		truth, told = truth+gain, told+all.HotMinutes.Sum
		if i := all.HotMinutes.SumInterval; i[0] <= gain && gain <= i[1] {
			held++
		}
	}
	t.Logf("true %.0f, told %.0f; %d intervals hold", truth, told, held)
	if truth*told <= 0 || held < 4 {
		t.Errorf("the true gain is %.0f minutes, the onlooker says %.0f; %d of 6 intervals hold", truth, told, held)
	}
}
