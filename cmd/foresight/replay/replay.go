// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replay is foresight replay: decisions of whole scheduler configurations judged on usage that is known afterwards.
package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/foresight/replay/report"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay"
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
