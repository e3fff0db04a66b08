// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replay is foresight replay: decisions of whole scheduler configurations judged on usage that is known afterwards.
package replay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// options are the flags.
type options struct {
	traces    []string
	configs   []string
	sizes     string
	densities []float64
	nodes     int
	days      float64
	history   float64
	seeds     int
	firstSeed uint64
	repeats   int
	parallel  int
	cold      bool
	format    output.Format
}

// NewCommand returns foresight replay.
func NewCommand() *cobra.Command {
	var o options
	names, help := replay.BuiltIn()
	builtIn := ""
	for i := range names {
		builtIn += fmt.Sprintf("  %-14s %s\n", names[i], help[i])
	}
	cmd := &cobra.Command{
		Use:   "replay --trace DIR",
		Short: "Judge scheduler configurations by the decisions they make on real usage",
		Long: `Let schedulers place the pods of a world whose usage is known afterwards, and compare what
becomes of the nodes.

The scheduler is the real one: upstream's framework, queue and cache, these plugins, the
engine and the node index, in one process, without an API server and in virtual time. A
world is drawn from a usage trace by a seed: Deployments with roll-outs and daily scale-ups,
Jobs and CronJobs, whose pods use what workloads of the trace used. All configurations get
the same pods, on the same nodes, with the same usage. Ratios are to stock with the same
seed; the interval is a paired 95 % one over the seeds. See docs/replay.md.

Configurations without a file:
` + builtIn,
		Example: `  foresight replay --trace ./my-trace --density .4 --seeds 10
  foresight replay --trace ./my-trace --config stock --config mine=config.yaml -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.traces, "trace", nil, "folder of a usage trace; may be given several times")
	flags.StringArrayVar(&o.configs, "config", []string{replay.Stock, "foresight"}, "NAME=FILE of a KubeSchedulerConfiguration, or the name of one without a file; may be given several times; stock always runs")
	flags.Float64SliceVar(&o.densities, "density", []float64{.4}, "mean CPU use over what the nodes have; several are tried one after the other")
	flags.IntVar(&o.nodes, "nodes", 12, "nodes")
	flags.StringVar(&o.sizes, "node-sizes", "equal", "equal or mixed: a third each of half, one and one and a half times the size")
	flags.Float64Var(&o.days, "days", 4, "days that are judged")
	flags.Float64Var(&o.history, "history", 3, "days before them, in which the configuration places pods and its engine learns")
	flags.BoolVar(&o.cold, "cold", false, "judge the first 24 h without history: stock places all pods for a day, then the configuration takes over and its engine knows nothing")
	flags.IntVar(&o.seeds, "seeds", 3, "worlds to draw")
	flags.Uint64Var(&o.firstSeed, "first-seed", 1, "seed of the first world; the others follow")
	flags.IntVar(&o.repeats, "repeats", 1, "times to play each world; measures are averaged")
	flags.IntVar(&o.parallel, "parallel", 1, "worlds to play at a time")
	o.format.AddFlag(cmd)
	_ = cmd.MarkFlagRequired("trace")
	_ = cmd.MarkFlagDirname("trace")
	return cmd
}

func (o *options) validate() error {
	switch {
	case o.sizes != "equal" && o.sizes != "mixed":
		return fmt.Errorf("--node-sizes: %q: want equal or mixed", o.sizes)
	case !(o.days > 0 && o.days <= 60):
		return fmt.Errorf("--days: %v: want more than 0 and at most 60", o.days)
	case !(o.history >= 0 && o.history <= 60):
		return fmt.Errorf("--history: %v: want 0 to 60", o.history)
	case o.seeds < 1 || o.seeds > 1000:
		return fmt.Errorf("--seeds: %d: want 1 to 1000", o.seeds)
	case o.repeats < 1 || o.repeats > 100:
		return fmt.Errorf("--repeats: %d: want 1 to 100", o.repeats)
	case o.parallel < 1:
		return fmt.Errorf("--parallel: %d: want 1 or more", o.parallel)
	case len(o.densities) == 0:
		return errors.New("--density: want one at least")
	}
	for _, d := range o.densities {
		w := o.world(0, d)
		if err := w.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// world are the options of a world.
func (o *options) world(seed uint64, density float64) world.Options {
	history, days := o.history, o.days
	if o.cold {
		history, days = 1, 1
	}
	hours := func(days float64) time.Duration {
		return time.Duration(days * 24 * float64(time.Hour)).Truncate(time.Hour)
	}
	return world.Options{
		Seed: seed, Nodes: o.nodes, Mixed: o.sizes == "mixed", Density: density,
		From: hours(history), Length: hours(history) + hours(days),
	}
}

// readConfigs returns what --config names, stock first.
func (o *options) readConfigs() ([]*replay.Config, error) {
	stock, err := replay.BuiltInConfig(replay.Stock)
	if err != nil {
		return nil, err
	}
	configs := []*replay.Config{stock}
	for _, value := range o.configs {
		name, file, isFile := strings.Cut(value, "=")
		var c *replay.Config
		if isFile {
			var data []byte
			if data, err = os.ReadFile(file); err == nil {
				c, err = replay.ReadConfig(name, data)
			}
		} else if name == replay.Stock {
			continue
		} else {
			c, err = replay.BuiltInConfig(name)
		}
		if err != nil {
			return nil, fmt.Errorf("--config %s: %w", value, err)
		}
		if name == "" || slices.ContainsFunc(configs, func(other *replay.Config) bool { return other.Name == name }) {
			return nil, fmt.Errorf("--config %s: want a name that no other configuration has", value)
		}
		configs = append(configs, c)
	}
	return configs, nil
}

func (o *options) run(cmd *cobra.Command) error {
	if err := o.validate(); err != nil {
		return err
	}
	configs, err := o.readConfigs()
	if err != nil {
		return err
	}
	var bundles []*trace.Bundle
	for _, dir := range o.traces {
		b, err := trace.Read(dir)
		if err != nil {
			return fmt.Errorf("--trace %s: %w", dir, err)
		}
		bundles = append(bundles, b)
	}
	rows, err := o.play(cmd.Context(), bundles, configs, output.Progress(cmd.ErrOrStderr()))
	if err != nil {
		return err
	}
	return output.Print(cmd.OutOrStdout(), o.format, rows, printTable)
}

// play plays all worlds with all configurations, and returns the rows of each cell: those of each seed, then those over all seeds.
func (o *options) play(ctx context.Context, bundles []*trace.Bundle, configs []*replay.Config, progress func(float64, string)) ([]replay.Row, error) {
	var rows []replay.Row
	cells := len(bundles) * len(o.densities)
	for i, b := range bundles {
		for j, density := range o.densities {
			cell := i*len(o.densities) + j
			r, err := o.playCell(ctx, b, density, configs, func(done float64, what string) {
				progress((float64(cell)+done)/float64(cells), fmt.Sprintf("%s %v: %s", b.Name, density, what))
			})
			if err != nil {
				return nil, err
			}
			rows = append(rows, r...)
		}
	}
	return rows, nil
}

// playCell plays the worlds of one trace and density.
func (o *options) playCell(ctx context.Context, b *trace.Bundle, density float64, configs []*replay.Config, progress func(float64, string)) ([]replay.Row, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	played := make([][]replay.Row, o.seeds)
	var mu sync.Mutex
	done, plays := 0, o.seeds*len(configs)*o.repeats
	turns := make(chan struct{}, o.parallel)
	var all sync.WaitGroup
	for s := range o.seeds {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			seed := o.firstSeed + uint64(s)
			tell := func(c *replay.Config, n int) {
				mu.Lock()
				defer mu.Unlock()
				done += n
				progress(float64(done)/float64(plays), fmt.Sprintf("seed %d, %s", seed, c.Name))
			}
			rows, err := o.playSeed(ctx, b, density, seed, configs, tell)
			if err != nil {
				cancel(err)
				return
			}
			played[s] = rows
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	rows := slices.Concat(played...)
	for c := range configs {
		var of []replay.Row
		for _, seed := range played {
			of = append(of, seed[c])
		}
		rows = append(rows, replay.Summarise(of))
	}
	return rows, nil
}

func (o *options) playSeed(ctx context.Context, b *trace.Bundle, density float64, seed uint64, configs []*replay.Config, tell func(*replay.Config, int)) ([]replay.Row, error) {
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	settings := o.world(seed, density)
	w, err := world.FromTrace(b, settings)
	if err != nil {
		return nil, err
	}
	var rows []replay.Row
	for _, c := range configs {
		var runs []*replay.Outcome
		for range o.repeats {
			out, err := replay.Run(ctx, w, c, replay.Options{From: settings.From, Cold: o.cold, Progress: func(float64) { tell(c, 0) }})
			if err != nil {
				return nil, fmt.Errorf("seed %d: %w", seed, err)
			}
			runs = append(runs, out)
			tell(c, 1)
		}
		row := replay.Row{
			Trace: b.Name, Seed: &seed, Density: density, NodeSizes: o.sizes, Nodes: o.nodes, Cold: o.cold, Config: c.Name,
			Days: (settings.Length - settings.From).Hours() / 24,
		}
		row.Decisions, row.Unplaced, row.Measures = replay.Average(runs)
		stock := &row
		if len(rows) > 0 {
			stock = &rows[0]
		}
		row.RatioToStock = row.Ratios(&stock.Measures)
		rows = append(rows, row)
	}
	return rows, nil
}

// printTable writes what there is over all seeds: counts a node and day, and ratios to stock.
func printTable(out io.Writer, rows []replay.Row) error {
	table := printers.GetNewTabWriter(out)
	title := ""
	for i := range rows {
		r := &rows[i]
		if r.Seed != nil {
			continue
		}
		if t := fmt.Sprintf("%s, %d %s nodes at %.2f, %.4g days, %d worlds", r.Trace, r.Nodes, r.NodeSizes, r.Density, r.Days, r.Seeds); t != title {
			if title != "" {
				fmt.Fprintln(table)
			}
			title = t
			fmt.Fprintln(table, t+" (minutes a node and day; ratios to stock with their 95 % interval)")
			fmt.Fprintln(table, "CONFIG\tPODS\tUNPLACED\tHOT80\tRATIO\tHOT90\tRATIO\tUNMET\tRATIO\tMEM90\tRATIO\tP99\tIMBALANCE\tREGRET")
		}
		a := float64(r.Nodes) * r.Days
		ratio := func(name string) string {
			s := fmt.Sprintf("%.2f", r.RatioToStock[name])
			if in, ok := r.Interval[name]; ok && r.Config != replay.Stock {
				s += fmt.Sprintf(" (%.2f–%.2f)", in[0], in[1])
			}
			return s
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.1f\t%s\t%.1f\t%s\t%.2f\t%s\t%.1f\t%s\t%.2f\t%.3f\t%.3f\n", r.Config, r.Decisions, r.Unplaced,
			r.Hot80/a, ratio("hot80_node_minutes"), r.Hot90/a, ratio("hot90_node_minutes"), r.Unmet/a, ratio("unmet_cpu_core_minutes"),
			r.Memory90/a, ratio("memory90_node_minutes"), r.P99, r.Imbalance, r.Regret)
	}
	return table.Flush()
}
