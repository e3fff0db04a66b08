// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// smallWorld is of workloads of which some are busy by day and others by night, on a few nodes.
func smallWorld(t *testing.T, o world.Options) *world.World {
	t.Helper()
	const days = 6
	rng := rand.New(rand.NewPCG(3, 3))
	b := &trace.Bundle{
		Header: trace.Header{Name: "small", IntervalSeconds: 300, StartUnix: 1700006400, Steps: days * 288, Resources: []string{"cpu"}},
		Usage:  map[string][][]float64{},
	}
	for i := range 40 {
		b.Workloads = append(b.Workloads, trace.Workload{Name: string(rune('A' + i)), CPUCores: 4})
		size := math.Exp(rng.NormFloat64()) / 3
		series := make([]float64, b.Steps)
		for k := range series {
			series[k] = size * math.Pow(1.1+math.Sin(2*math.Pi*float64(k+i*37)/288), 3) * math.Exp(.3*rng.NormFloat64())
		}
		b.Usage["cpu"] = append(b.Usage["cpu"], series)
	}
	w, err := world.FromTrace(b, o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func play(t *testing.T, w *world.World, name string, o Options) *Outcome {
	t.Helper()
	c, err := BuiltInConfig(name)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Run(t.Context(), w, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Every configuration places every pod of a world that has room, the same number for all; who knows the future is never
// sorry, and has fewer hot minutes than stock.
func TestRun(t *testing.T) {
	const from = 24 * time.Hour
	w := smallWorld(t, world.Options{Seed: 1, Nodes: 6, Density: .5, From: from, Length: 2 * from})
	names, _ := BuiltIn()
	outcomes := map[string]*Outcome{}
	for _, name := range names {
		out := play(t, w, name, Options{From: from})
		outcomes[name] = out
		if out.Unplaced > 0 || out.Decisions != outcomes[Stock].Decisions || out.Decisions < 50 {
			t.Errorf("%s: %d decisions and %d unplaced; stock has %d", name, out.Decisions, out.Unplaced, outcomes[Stock].Decisions)
		}
		if out.Hot100 > out.Hot90 || out.Hot90 > out.Hot80 || (out.Unmet > 0) != (out.Hot100 > 0) {
			t.Errorf("%s: %+v", name, out.Measures)
		}
	}
	stock, knows := outcomes[Stock], outcomes["oracle"]
	if knows.Regret > 1e-3 || stock.Regret < .01 {
		t.Errorf("regret of the oracle is %v, of stock %v", knows.Regret, stock.Regret)
	}
	if stock.Hot80 < 60 || knows.Hot80 > .9*stock.Hot80 {
		t.Errorf("hot minutes of the oracle are %v, of stock %v", knows.Hot80, stock.Hot80)
	}
	if hours := outcomes["known-hours"]; hours.Hot80 > .9*stock.Hot80 {
		t.Errorf("hot minutes of who knows each hour's mean are %v, of stock %v", hours.Hot80, stock.Hot80)
	}
	if len(stock.Worst) == 0 || stock.Worst[0].Peak <= stock.Worst[0].BestPeak {
		t.Errorf("the worst decisions of stock: %+v", stock.Worst)
	}
}

// Handed over to stock itself the cluster stays as it is: all pods that were there still count.
func TestColdHandsTheClusterOver(t *testing.T) {
	const from = 24 * time.Hour
	w := smallWorld(t, world.Options{Seed: 2, Nodes: 4, Density: .4, From: from, Length: 2 * from})
	warm, cold := play(t, w, Stock, Options{From: from}), play(t, w, Stock, Options{From: from, Cold: true})
	if warm.Decisions != cold.Decisions || cold.Unplaced > 0 {
		t.Errorf("%d decisions before and %d after, %d unplaced", warm.Decisions, cold.Decisions, cold.Unplaced)
	}
	demand := func(o *Outcome) (sum float64) {
		for _, hours := range o.Heat {
			for _, h := range hours {
				sum += float64(h)
			}
		}
		return sum
	}
	if a, b := demand(warm), demand(cold); b < .8*a || b > 1.2*a {
		t.Errorf("nodes are asked for %.1f in all, and for %.1f after the change", a, b)
	}
	if out := play(t, w, "foresight", Options{From: from, Cold: true}); out.Decisions != warm.Decisions {
		t.Errorf("%d decisions of a cold start, want %d", out.Decisions, warm.Decisions)
	}
}

func TestConfigsAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"not a configuration": {"apiVersion: v1\nkind: Pod\n", "Pod"},
		"an unknown arg":      {head + "  pluginConfig:\n  - name: ResourceFit\n    args: {nonsense: 1}\n", "nonsense"},
		"two profiles":        {head + "- schedulerName: other\n", "one profile"},
		"extenders":           {head + "extenders:\n- urlPrefix: http://localhost\n  filterVerb: filter\n", "extenders"},
	} {
		if _, err := ReadConfig("x", []byte(c.data)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
	if _, err := BuiltInConfig("nobody"); err == nil {
		t.Error("a name that nobody has was taken")
	}
}

// Ratios of nothing to nothing are 1, and the interval holds the geometric mean.
func TestSummarise(t *testing.T) {
	var rows []Row
	for _, hot := range [][2]float64{{50, 100}, {30, 100}, {80, 100}} {
		row := Row{Config: "x", Measures: Measures{Hot80: hot[0]}}
		row.RatioToStock = row.Ratios(&Measures{Hot80: hot[1]})
		rows = append(rows, row)
	}
	s := Summarise(rows)
	got, in := s.RatioToStock["hot80_node_minutes"], s.Interval["hot80_node_minutes"]
	if want := math.Cbrt(.5 * .3 * .8); math.Abs(got-want) > .02 || in[0] > got || in[1] < got || in[0] < .1 || in[1] > 2.5 {
		t.Errorf("ratio %v in %v, want about %v", got, in, want)
	}
	if s.RatioToStock["oom_node_minutes"] != 1 {
		t.Errorf("nothing over nothing is %v", s.RatioToStock["oom_node_minutes"])
	}
}

// A run can be repeated: the same seed comes to the same placements, with and without forecasts.
func TestRunsCanBeRepeated(t *testing.T) {
	const from = 30 * time.Hour
	w := smallWorld(t, world.Options{Seed: 3, Nodes: 6, Density: .45, From: from, Length: 2 * from})
	for _, name := range []string{Stock, "foresight"} {
		first, second := play(t, w, name, Options{From: from}), play(t, w, name, Options{From: from})
		if diff := cmp.Diff(first, second); diff != "" {
			t.Errorf("%s: the second run differs (-first +second):\n%.500s", name, diff)
		}
	}
}
