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
		if row.Interval != nil && row.Interval[0] <= row.True && row.True <= row.Interval[1] {
			row.Within = 1
		}
		if row.True*row.Estimate > 0 || row.True == row.Estimate {
			row.Sign = 1
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// over all seeds: means a world, with Student's interval of the estimates.
func over(rows []looked) looked {
	sum := rows[0]
	sum.Seed, sum.Interval, sum.Worlds, sum.Within, sum.Sign, sum.Decided = nil, nil, len(rows), 0, 0, 0
	columns := [5][]float64{}
	for i := range rows {
		r := &rows[i]
		for j, v := range []float64{r.Stock, r.True, r.Estimate, r.Agrees, r.Differs} {
			columns[j] = append(columns[j], v)
		}
		sum.Within, sum.Sign, sum.Decided = sum.Within+r.Within, sum.Sign+r.Sign, sum.Decided+r.Decided
	}
	for j, to := range []*float64{&sum.Stock, &sum.True, &sum.Estimate, &sum.Agrees, &sum.Differs} {
		*to = stat.Mean(columns[j], nil)
	}
	if n := float64(len(rows)); n > 1 {
		half := distuv.StudentsT{Sigma: 1, Nu: n - 1}.Quantile(.975) * stat.StdDev(columns[2], nil) / math.Sqrt(n)
		sum.Interval = &[2]float64{sum.Estimate - half, sum.Estimate + half}
	}
	return sum
}

func printLooked(out io.Writer, rows []looked) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "TRACE\tDENSITY\tNODES\tCONFIG\tWORLD\tPODS\tAGREES\tDIFFERS\tSTOCK\tTRUE GAIN\tESTIMATE\t95 %\tWITHIN\tSIGN")
	for i := range rows {
		r := &rows[i]
		name, between, within, sign := fmt.Sprintf("all %d", r.Worlds), "-", fmt.Sprintf("%d of %d", r.Within, r.Worlds), fmt.Sprintf("%d of %d", r.Sign, r.Worlds)
		if r.Seed != nil {
			name, within, sign = fmt.Sprint(*r.Seed), map[int]string{0: "no", 1: "yes"}[r.Within], map[int]string{0: "no", 1: "yes"}[r.Sign]
		}
		if r.Interval != nil {
			between = fmt.Sprintf("%.0f to %.0f", r.Interval[0], r.Interval[1])
		}
		fmt.Fprintf(table, "%s\t%g\t%s\t%s\t%s\t%d\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t%s\t%s\t%s\n", r.Trace, r.Density, r.Sizes, r.Config, name, r.Decided, r.Agrees, r.Differs,
			r.Stock, r.True, r.Estimate, between, within, sign)
	}
	return table.Flush()
}
