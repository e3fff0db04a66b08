// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"io"
	"math"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// looked is what an onlooker said of a world, beside what came of it. Minutes are of nodes over 80 % CPU.
type looked struct {
	Trace   string  `json:"trace"`
	Seed    *uint64 `json:"seed"` // null is over all of them
	Density float64 `json:"density"`
	Sizes   string  `json:"node_sizes"`
	Config  string  `json:"config"`
	Days    float64 `json:"days"`
	// Decided pods, and shares of them for which the configuration's node was stock's or as good, and another one.
	Decided int     `json:"decided"`
	Agrees  float64 `json:"agrees"`
	Differs float64 `json:"differs"`
	// Stock is how many minutes there were with stock. True is how many fewer there were with the configuration in stock's place.
	Stock float64 `json:"stock_minutes"`
	True  float64 `json:"true_gain_minutes"`
	// Estimate of the gain by the onlooker, with its 95 % interval.
	Estimate float64     `json:"estimated_gain_minutes"`
	Interval *[2]float64 `json:"interval,omitempty"`
	// Together is the gain with all pods where the configuration would have placed them, with its interval.
	Together         float64     `json:"together_gain_minutes"`
	TogetherInterval *[2]float64 `json:"together_interval,omitempty"`
	TogetherWithin   int         `json:"together_within"`
	TogetherSign     int         `json:"together_sign"`
	// Within says that the interval holds the true gain; over all seeds, of how many it does, and for how many the sign is right.
	Within int `json:"within"`
	Sign   int `json:"sign"`
	Worlds int `json:"worlds"`
}

// lookOn has stock place the pods of each world while the other configurations look on, and holds what they say beside runs of their own.
func (o *options) lookOn(cmd *cobra.Command, cells []cell, configs []*replay.Config, progress func(float64, string)) error {
	var rows []looked
	for i, c := range cells {
		played, err := playCell(cmd.Context(), o, c, configs, o.lookAtSeed, func(done float64, what string) {
			progress((float64(i)+done)/float64(len(cells)), what)
		})
		if err != nil {
			return err
		}
		for j := range configs[1:] {
			var of []looked
			for _, seed := range played {
				of = append(of, seed[j])
			}
			rows = append(rows, of...)
			rows = append(rows, over(of))
		}
	}
	return output.Print(cmd.OutOrStdout(), o.format, rows, printLooked)
}

func (o *options) lookAtSeed(ctx context.Context, cell cell, seed uint64, configs []*replay.Config, tell func(*replay.Config, int)) (rows []looked, err error) {
	settings := o.world(seed, cell)
	w := cell.recorded
	if w == nil {
		if w, err = world.FromTrace(cell.bundle, settings); err != nil {
			return nil, err
		}
	}
	tell(configs[0], 1)
	for _, c := range configs[1:] {
		row := looked{Trace: cell.name, Seed: &seed, Density: cell.density, Sizes: cell.sizes, Config: c.Name, Days: (settings.Length - settings.From).Hours() / 24, Worlds: 1}
		progress := func(float64) { tell(c, 0) }
		stock, err := replay.Run(ctx, w, configs[0], replay.Options{From: settings.From, Onlooker: c, Progress: progress})
		if err != nil {
			return nil, err
		}
		own, err := replay.Run(ctx, w, c, replay.Options{From: settings.From, Progress: progress})
		if err != nil {
			return nil, err
		}
		tell(c, 1)
		said := stock.Shadow
		row.Decided = int(said.Counts.Decided)
		row.Agrees = float64(said.Results[shadow.Same]+said.Results[shadow.AsGood]+said.Results[shadow.Only]) / float64(max(1, row.Decided))
		row.Differs = float64(said.Results[shadow.Differs]) / float64(max(1, row.Decided))
		gain := &said.Horizons[0].HotMinutes
		row.Stock, row.True, row.Estimate, row.Interval = stock.Hot80, stock.Hot80-own.Hot80, gain.Sum, gain.SumInterval
		row.Within, row.Sign = within(row.True, row.Interval), sameSign(row.True, row.Estimate)
		all := &said.Together.HotMinutes
		row.Together, row.TogetherInterval = all.Sum, all.SumInterval
		row.TogetherWithin, row.TogetherSign = within(row.True, all.SumInterval), sameSign(row.True, all.Sum)
		rows = append(rows, row)
	}
	return rows, nil
}

// within is 1 where the interval holds the value.
func within(v float64, i *[2]float64) int {
	if i != nil && i[0] <= v && v <= i[1] {
		return 1
	}
	return 0
}

// sameSign is 1 where both are gains, both losses, or both nothing.
func sameSign(a, b float64) int {
	if a*b > 0 || a == b {
		return 1
	}
	return 0
}

// over all seeds: means a world, with Student's interval of the estimates.
func over(rows []looked) looked {
	sum := rows[0]
	sum.Seed, sum.Interval, sum.TogetherInterval, sum.Worlds, sum.Decided = nil, nil, nil, len(rows), 0
	sum.Within, sum.Sign, sum.TogetherWithin, sum.TogetherSign = 0, 0, 0, 0
	columns := [6][]float64{}
	for i := range rows {
		r := &rows[i]
		for j, v := range []float64{r.Stock, r.True, r.Estimate, r.Agrees, r.Differs, r.Together} {
			columns[j] = append(columns[j], v)
		}
		sum.Within, sum.Sign, sum.Decided = sum.Within+r.Within, sum.Sign+r.Sign, sum.Decided+r.Decided
		sum.TogetherWithin, sum.TogetherSign = sum.TogetherWithin+r.TogetherWithin, sum.TogetherSign+r.TogetherSign
	}
	for j, to := range []*float64{&sum.Stock, &sum.True, &sum.Estimate, &sum.Agrees, &sum.Differs, &sum.Together} {
		*to = stat.Mean(columns[j], nil)
	}
	sum.Interval, sum.TogetherInterval = student(columns[2]), student(columns[5])
	return sum
}

// student is the 95 % interval of a mean.
func student(values []float64) *[2]float64 {
	n := float64(len(values))
	if n < 2 {
		return nil
	}
	mean, half := stat.Mean(values, nil), distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(.975)*stat.StdDev(values, nil)/math.Sqrt(n)
	return &[2]float64{mean - half, mean + half}
}

func printLooked(out io.Writer, rows []looked) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "TRACE\tDENSITY\tNODES\tCONFIG\tWORLD\tPODS\tAGREES\tDIFFERS\tSTOCK\tTRUE GAIN\tTOGETHER\t95 %\tHOLDS\tSIGN\tONE BY ONE\t95 %\tHOLDS\tSIGN")
	for i := range rows {
		r := &rows[i]
		world := fmt.Sprint("all ", r.Worlds)
		if r.Seed != nil {
			world = fmt.Sprint(*r.Seed)
		}
		fmt.Fprintf(table, "%s\t%g\t%s\t%s\t%s\t%d\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%s\t%s\t%s\t%.0f\t%s\t%s\t%s\n", r.Trace, r.Density, r.Sizes, r.Config, world, r.Decided, r.Agrees, r.Differs, r.Stock, r.True,
			r.Together, between(r.TogetherInterval), r.of(r.TogetherWithin), r.of(r.TogetherSign), r.Estimate, between(r.Interval), r.of(r.Within), r.of(r.Sign))
	}
	return table.Flush()
}

func between(i *[2]float64) string {
	if i == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f to %.0f", i[0], i[1])
}

// of says in how many worlds something is so.
func (r *looked) of(n int) string {
	if r.Seed == nil {
		return fmt.Sprintf("%d of %d", n, r.Worlds)
	}
	return map[int]string{0: "no", 1: "yes"}[n]
}
