// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replay is foresight replay: decisions of whole scheduler configurations judged on usage that is known afterwards.
package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/foresight/replay/report"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/recording"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// options are the flags.
type options struct {
	traces    []string
	recording string
	configs   []string
	sizes     []string
	densities []float64
	nodes     int
	days      float64
	history   float64
	seeds     int
	firstSeed uint64
	repeats   int
	parallel  int
	cold      bool
	pack      float64
	shadow    bool
	moves     int
	movers    []string
	report    string
	page      string
	format    output.Format
}

// cell is one trace at one density on nodes of one kind, or a recording.
type cell struct {
	name     string
	bundle   *trace.Bundle
	sizes    string
	density  float64
	nodes    int
	recorded *world.World
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
		Use:   "replay --trace DIR | --recording DIR",
		Short: "Judge scheduler configurations by the decisions they make on real usage",
		Long: `Let schedulers place the pods of a world whose usage is known afterwards, and compare what
becomes of the nodes.

The scheduler is the real one: upstream's framework, queue and cache, these plugins, the
engine and the node index, in one process, without an API server and in virtual time. A
world is drawn from a usage trace by a seed: Deployments with roll-outs and daily scale-ups,
Jobs and CronJobs, whose pods use what workloads of the trace used. Or it is a cluster as
foresight record --what placement recorded it. All configurations get the same pods, on the
same nodes, with the same usage. Ratios are to stock with the same
seed; the interval is a paired 95 % one over the seeds. See docs/use/replay.md.

Configurations without a file:
` + builtIn,
		Example: `  foresight replay --trace ./my-trace --density .4 --seeds 10
  foresight replay --trace ./my-trace --config foresight --config mine=config.yaml -o json
  foresight replay --trace ./one@.25,.4 --trace ./other@.65 --node-sizes equal,mixed --report report.html
  foresight replay --trace ./my-trace --pack 5`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.traces, "trace", nil, "folder of a usage trace, as DIR or with densities of its own as DIR@DENSITY,…; may be given several times")
	flags.StringVar(&o.recording, "recording", "", "folder that foresight record --what placement wrote, in place of a trace")
	flags.StringArrayVar(&o.configs, "config", []string{replay.Stock, "foresight"}, "NAME=FILE of a KubeSchedulerConfiguration, or the name of one without a file; may be given several times; stock always runs")
	flags.Float64SliceVar(&o.densities, "density", []float64{.4}, "mean CPU use over what the nodes have; several are tried one after the other")
	flags.IntVar(&o.nodes, "nodes", 12, "nodes")
	flags.StringSliceVar(&o.sizes, "node-sizes", []string{"equal"}, "equal, or mixed: a third each of half, one and one and a half times the size; both are tried one after the other")
	flags.Float64Var(&o.days, "days", 4, "days that are judged")
	flags.Float64Var(&o.history, "history", 3, "days before them, in which the configuration places pods and its engine learns")
	flags.BoolVar(&o.cold, "cold", false, "judge the first 24 h without history: stock places all pods for a day, then the configuration takes over and its engine knows nothing")
	flags.IntVar(&o.seeds, "seeds", 3, "worlds to draw")
	flags.Uint64Var(&o.firstSeed, "first-seed", 1, "seed of the first world; the others follow")
	flags.IntVar(&o.repeats, "repeats", 1, "times to play each world, with other draws among nodes that score the same; measures are averaged")
	flags.IntVar(&o.parallel, "parallel", 1, "worlds to play at a time")
	flags.Float64Var(&o.pack, "pack", 0, "find how few nodes keep the minutes over 90 % CPU, a node and day, within this bound, for the pods of --nodes nodes")
	flags.BoolVar(&o.shadow, "shadow", false, "have the configurations look on while stock places the pods, and hold the gain that they estimate beside the true one")
	flags.IntVar(&o.moves, "moves", 0, "pods that a mover may move an hour: each configuration is played without moves, and with each --mover; 0 is none")
	flags.StringSliceVar(&o.movers, "mover", []string{replay.Rebalance}, fmt.Sprintf("what moves pods: %s", strings.Join(replay.Movers(), ", ")))
	flags.StringVar(&o.report, "report", "", "HTML file to write tables and plots to as well")
	flags.StringVar(&o.page, "page", "", "Markdown file to write the tables to as well")
	o.format.AddFlag(cmd)
	cmd.MarkFlagsOneRequired("trace", "recording")
	cmd.MarkFlagsMutuallyExclusive("trace", "recording")
	for _, other := range []string{"density", "nodes", "node-sizes", "days", "seeds", "first-seed", "cold", "pack"} {
		cmd.MarkFlagsMutuallyExclusive("recording", other)
	}
	_ = cmd.MarkFlagDirname("trace")
	_ = cmd.MarkFlagDirname("recording")
	_ = cmd.MarkFlagFilename("report", "html")
	_ = cmd.MarkFlagFilename("page", "md")
	return cmd
}

func (o *options) validate() error {
	switch {
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
	case !(o.pack >= 0):
		return fmt.Errorf("--pack: %v: want minutes, 0 or more", o.pack)
	case o.shadow && (o.pack > 0 || o.cold || o.repeats > 1 || o.report != "" || o.page != ""):
		return errors.New("--shadow: has no --pack, --cold, --repeats, --report and --page")
	case o.moves < 0 || o.moves > 1000:
		return fmt.Errorf("--moves: %d: want 0 to 1000", o.moves)
	case o.moves > 0 && (o.shadow || o.pack > 0):
		return errors.New("--moves: has no --shadow and no --pack")
	case o.pack > 0 && (o.report != "" || o.page != ""):
		return errors.New("--pack: has no --report and no --page")
	case len(o.densities) == 0:
		return errors.New("--density: want one at least")
	case len(o.sizes) == 0:
		return errors.New("--node-sizes: want one at least")
	}
	for _, m := range o.movers {
		if !slices.Contains(replay.Movers(), m) {
			return fmt.Errorf("--mover: %q: want some of %s", m, strings.Join(replay.Movers(), ", "))
		}
	}
	for _, s := range o.sizes {
		if s != "equal" && s != "mixed" {
			return fmt.Errorf("--node-sizes: %q: want equal or mixed", s)
		}
	}
	return nil
}

// cells reads the traces and returns what is to be tried.
func (o *options) cells() ([]cell, error) {
	if o.recording != "" {
		w, err := recording.World(o.recording)
		if err != nil {
			return nil, fmt.Errorf("--recording: %w", err)
		}
		c := cell{name: w.Name, sizes: "recorded", nodes: len(w.Nodes), recorded: w}
		o.seeds, o.history = 1, min(o.history, float64(w.Steps)/576) // half of it at most
		from := o.world(0, c).From
		c.density, o.days = w.Density(from), (time.Duration(w.Steps)*world.Step-from).Hours()/24
		return []cell{c}, nil
	}
	var cells []cell
	for _, value := range o.traces {
		dir, densities := value, o.densities
		if at := strings.LastIndexByte(value, '@'); at >= 0 {
			own, err := parseDensities(value[at+1:])
			if err == nil {
				dir, densities = value[:at], own
			} else if _, missing := os.Stat(value); missing != nil {
				return nil, fmt.Errorf("--trace %s: %w", value, err)
			}
		}
		b, err := trace.Read(dir)
		if err != nil {
			return nil, fmt.Errorf("--trace %s: %w", value, err)
		}
		for _, sizes := range o.sizes {
			for _, density := range densities {
				c := cell{name: b.Name, bundle: b, sizes: sizes, density: density, nodes: o.nodes}
				w := o.world(0, c)
				if err := w.Validate(); err != nil {
					return nil, err
				}
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}

func parseDensities(s string) (all []float64, err error) {
	for _, part := range strings.Split(s, ",") {
		d, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no density", part)
		}
		all = append(all, d)
	}
	return all, nil
}

// world are the options of a world.
func (o *options) world(seed uint64, c cell) world.Options {
	history, days := o.history, o.days
	if o.cold {
		history, days = 1, 1
	}
	hours := func(days float64) time.Duration {
		return time.Duration(days * 24 * float64(time.Hour)).Truncate(time.Hour)
	}
	return world.Options{
		Seed: seed, Nodes: o.nodes, Mixed: c.sizes == "mixed", Density: c.density,
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
	if o.moves == 0 {
		return configs, nil
	}
	for _, c := range slices.Clone(configs) {
		if c.Mover != "" {
			continue // It says itself how it moves pods.
		}
		for _, mover := range o.movers {
			configs = append(configs, c.With(mover, o.moves))
		}
	}
	return configs, nil
}

func (o *options) run(cmd *cobra.Command) error {
	if err := o.validate(); err != nil {
		return err
	}
	for _, f := range []struct{ flag, file, mark string }{{"--report", o.report, report.Mark}, {"--page", o.page, o.mark()}} {
		if f.file == "" {
			continue
		}
		if err := ownfile.CheckWritable(f.file, f.mark); err != nil {
			return fmt.Errorf("%s: %w", f.flag, err)
		}
	}
	configs, err := o.readConfigs()
	if err != nil {
		return err
	}
	cells, err := o.cells()
	if err != nil {
		return err
	}
	progress := output.Progress(cmd.ErrOrStderr())
	if o.pack > 0 {
		rows, err := o.packAll(cmd.Context(), cells, configs, progress)
		if err != nil {
			return err
		}
		return output.Print(cmd.OutOrStdout(), o.format, rows, printPacked)
	}
	if o.shadow {
		return o.lookOn(cmd, cells, configs, progress)
	}
	var rows []replay.Row
	var over [][]replay.Row // all seeds, by cell
	var drawn []report.Cell
	for i, c := range cells {
		played, err := playCell(cmd.Context(), o, c, configs, o.playSeed, func(done float64, what string) {
			progress((float64(i)+done)/float64(len(cells)), what)
		})
		if err != nil {
			return err
		}
		var all []replay.Row
		for j := range configs {
			var of []replay.Row
			for _, seed := range played {
				of = append(of, seed.rows[j])
			}
			all = append(all, replay.Summarise(of))
		}
		for _, seed := range played {
			rows = append(rows, seed.rows...)
		}
		rows, over = append(rows, all...), append(over, all)
		drawn = append(drawn, report.Cell{Rows: all, Outcomes: played[0].outcomes})
	}
	if err := write("--report", o.report, func(out io.Writer) error { return report.Write(out, drawn) }); err != nil {
		return err
	}
	if err := write("--page", o.page, func(out io.Writer) error { return writePage(out, o.command(), over) }); err != nil {
		return err
	}
	return output.Print(cmd.OutOrStdout(), o.format, rows, printTable)
}

// mark of the page that is to be written.
func (o *options) mark() string {
	if o.moves > 0 {
		return movesMark
	}
	return pageMark
}

// write a file that a flag names, or none.
func write(flag, file string, to func(io.Writer) error) error {
	if file == "" {
		return nil
	}
	var content bytes.Buffer
	err := to(&content)
	if err == nil {
		err = os.WriteFile(file, content.Bytes(), 0o644)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}

// command is what to type for the same again, wherever the traces and files lie.
func (o *options) command() string {
	var b strings.Builder
	b.WriteString("foresight replay")
	for _, t := range o.traces {
		fmt.Fprintf(&b, " --trace %s", filepath.Base(t))
	}
	if o.recording != "" {
		fmt.Fprintf(&b, " --recording %s", filepath.Base(o.recording))
	}
	for _, c := range o.configs {
		name, _, _ := strings.Cut(c, "=")
		fmt.Fprintf(&b, " --config %s", name)
	}
	if o.recording != "" {
		return b.String()
	}
	if o.moves > 0 {
		fmt.Fprintf(&b, " --moves %d --mover %s", o.moves, strings.Join(o.movers, ","))
	}
	fmt.Fprintf(&b, " --nodes %d --node-sizes %s --seeds %d", o.nodes, strings.Join(o.sizes, ","), o.seeds)
	if o.cold {
		b.WriteString(" --cold")
	}
	return b.String()
}

// played is one world with all configurations.
type played struct {
	rows     []replay.Row
	outcomes []*replay.Outcome
}

// playCell has each seed's world of a cell played, some at a time.
func playCell[T any](ctx context.Context, o *options, c cell, configs []*replay.Config,
	play func(context.Context, cell, uint64, []*replay.Config, func(*replay.Config, int)) (T, error), progress func(float64, string),
) ([]T, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	out := make([]T, o.seeds)
	var mu sync.Mutex
	done, plays := 0, o.seeds*len(configs)*o.repeats
	turns := make(chan struct{}, o.parallel)
	var all sync.WaitGroup
	for s := range o.seeds {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if ctx.Err() != nil {
				return
			}
			seed := o.firstSeed + uint64(s)
			var err error
			out[s], err = play(ctx, c, seed, configs, func(config *replay.Config, n int) {
				mu.Lock()
				defer mu.Unlock()
				done += n
				progress(float64(done)/float64(plays), fmt.Sprintf("%s, %s nodes at %v, world %d: %s", c.name, c.sizes, c.density, seed, config.Name))
			})
			if err != nil {
				cancel(fmt.Errorf("world %d: %w", seed, err))
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

func (o *options) playSeed(ctx context.Context, cell cell, seed uint64, configs []*replay.Config, tell func(*replay.Config, int)) (p played, err error) {
	settings := o.world(seed, cell)
	w := cell.recorded
	if w == nil {
		if w, err = world.FromTrace(cell.bundle, settings); err != nil {
			return p, err
		}
	}
	for _, c := range configs {
		var runs []*replay.Outcome
		for draw := range uint64(o.repeats) {
			out, err := replay.Run(ctx, w, c, replay.Options{From: settings.From, Cold: o.cold, Draw: draw, Progress: func(float64) { tell(c, 0) }})
			if err != nil {
				return p, err
			}
			runs = append(runs, out)
			tell(c, 1)
		}
		row := replay.Row{
			Trace: cell.name, Seed: &seed, Density: cell.density, NodeSizes: cell.sizes, Nodes: cell.nodes, Cold: o.cold, Config: c.Name,
			Days: (settings.Length - settings.From).Hours() / 24,
		}
		row.Decisions, row.Unplaced, row.Measures, row.Moved = replay.Average(runs)
		stock := &row
		if len(p.rows) > 0 {
			stock = &p.rows[0]
		}
		row.RatioToStock = row.Ratios(&stock.Measures)
		for i := range p.rows {
			if p.rows[i].Config == c.Base {
				row.RatioToUnmoved = row.Ratios(&p.rows[i].Measures)
			}
		}
		p.rows, p.outcomes = append(p.rows, row), append(p.outcomes, runs[0])
	}
	return p, nil
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
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%.1f\t%s\t%.1f\t%s\t%.2f\t%s\t%.1f\t%s\t%.2f\t%.3f\t%.3f\n", r.Config, r.Decisions, r.Unplaced,
			aDay(r, r.Hot80), ratio(r, "hot80_node_minutes"), aDay(r, r.Hot90), ratio(r, "hot90_node_minutes"),
			aDay(r, r.Unmet), ratio(r, "unmet_cpu_core_minutes"), aDay(r, r.Memory90), ratio(r, "memory90_node_minutes"),
			r.P99, r.Imbalance, r.Regret)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return printMoves(out, rows)
}

// printMoves writes what became of moves: ratios to the same configuration without them.
func printMoves(out io.Writer, rows []replay.Row) error {
	table := printers.GetNewTabWriter(out)
	head := false
	for i := range rows {
		r := &rows[i]
		if r.Seed != nil || r.Moved == nil {
			continue
		}
		if !head {
			head = true
			fmt.Fprintln(table, "\nMoves (ratios to the same configuration without them)")
			fmt.Fprintln(table, "TRACE\tCONFIG\tMOVES A DAY\tA POD AND DAY\tBACK\tWITHIN 6H\tMOST\tHOT80\tHOT90\tUNMET\tMEM90")
		}
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.3f\t%s\t%.1f\t%.0f\t%s\t%s\t%s\t%s\n", r.Trace, r.Config, r.Moves/r.Days, r.APodAndDay, share(r.Back, r.Moves),
			r.Soon, r.Most, unmoved(r, "hot80_node_minutes"), unmoved(r, "hot90_node_minutes"), unmoved(r, "unmet_cpu_core_minutes"), unmoved(r, "memory90_node_minutes"))
	}
	return table.Flush()
}

func share(part, all float64) string {
	if all == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*part/all)
}

// unmoved is a ratio to the configuration without moves, with its interval.
func unmoved(r *replay.Row, name string) string {
	if r.RatioToUnmoved[name] == 0 {
		return "-"
	}
	s := fmt.Sprintf("%.2f", r.RatioToUnmoved[name])
	if in, ok := r.UnmovedIntervals[name]; ok {
		s += fmt.Sprintf(" (%.2f–%.2f)", in[0], in[1])
	}
	return s
}
