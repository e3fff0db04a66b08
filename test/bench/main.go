// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures how fast Foresight schedules, against stock kube-scheduler in
// the same process and the same run: the real scheduler on an API server in memory.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

type options struct {
	nodes       []int
	mixes       []string
	variants    []string
	repeats     int
	pods        int
	podsPerNode int
	limit       time.Duration
	output      string
	page        string
	cpuProfile  string
}

// podsOnNode is how many pending pods there are a node at most: with more the few nodes that constrained pods may go to get full.
const podsOnNode = 8

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	// What client-go logs about an API server that serves next to nothing is no news.
	klog.SetLogger(klog.New(nil))
	if err := newCommand().ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure how fast Foresight schedules, against stock kube-scheduler",
		Long: "Measure how fast Foresight schedules, against stock kube-scheduler in the same run.\n" +
			"The variants of a case take turns, so that what else the machine does meets all of them.\n\n" +
			"Variants:\n" + describe(variants, variantHelp) + "\nMixes of pending pods:\n" + describe(synthetic.MixNames(), synthetic.Mixes),
		Example: `  go run ./test/bench --nodes 5000 --mix varied --repeats 3 -o json
  go run ./test/bench --nodes 1000,5000,15000 --mix simple,varied,hard`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			stop, err := o.profile()
			if err != nil {
				return err
			}
			defer stop()
			results, err := o.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			switch o.output {
			case "json":
				return printJSON(cmd.OutOrStdout(), results)
			case "markdown":
				return printMarkdown(cmd.OutOrStdout(), results)
			default:
				return printTable(cmd.OutOrStdout(), results)
			}
		},
	}
	cmd.AddCommand(newGrowthCommand())
	f := cmd.Flags()
	f.IntSliceVar(&o.nodes, "nodes", []int{1000}, "numbers of nodes")
	f.StringSliceVar(&o.mixes, "mix", []string{"varied"}, "mixes of pending pods")
	f.StringSliceVar(&o.variants, "variant", defaultVariants, "variants to run")
	f.IntVar(&o.repeats, "repeats", 3, "how often every variant runs")
	f.IntVar(&o.pods, "pods", 10000, fmt.Sprintf("pending pods of a run, at most %d a node; a run that is out of time places fewer", podsOnNode))
	f.IntVar(&o.podsPerNode, "pods-per-node", 10, "pods that every node has before")
	f.DurationVar(&o.limit, "limit", 8*time.Second, "the most that one run may take, without building its cluster")
	f.StringVar(&o.page, "page", "", "file to write the figures to as well, as a page of the documentation; written anew after every case")
	f.StringVar(&o.cpuProfile, "cpuprofile", "", "file to write a CPU profile of the whole run to, for go tool pprof")
	f.StringVarP(&o.output, "output", "o", "table", "table, json or markdown")
	return cmd
}

func describe(names []string, help map[string]string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "  %-16s %s\n", name, help[name])
	}
	return b.String()
}

func (o *options) validate() error {
	var errs []error
	if len(o.nodes) == 0 || slices.Min(o.nodes) < 1 {
		errs = append(errs, fmt.Errorf("--nodes: %v: want at least one node", o.nodes))
	}
	for _, mix := range o.mixes {
		errs = append(errs, synthetic.CheckMix(mix))
	}
	errs = append(errs, turns.CheckVariants(o.variants, variants))
	if o.repeats < 1 || o.pods < 1 || o.podsPerNode < 0 || o.limit <= 0 {
		errs = append(errs, errors.New("--repeats, --pods and --limit must be positive, --pods-per-node not negative"))
	}
	if !slices.Contains([]string{"table", "json", "markdown"}, o.output) {
		errs = append(errs, fmt.Errorf("--output: %q: want table, json or markdown", o.output))
	}
	return errors.Join(errs...)
}

// profile writes a CPU profile, where one is wanted, until stop.
func (o *options) profile() (stop func(), err error) {
	if o.cpuProfile == "" {
		return func() {}, nil
	}
	file, err := os.Create(o.cpuProfile)
	if err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, fmt.Errorf("--cpuprofile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}

// run measures all cases and tells progress as it goes.
func (o *options) run(ctx context.Context, progress io.Writer) ([]result, error) {
	var results []result
	for _, nodes := range o.nodes {
		for _, mix := range o.mixes {
			fmt.Fprintf(progress, "%d nodes, mix %s: making the cluster\n", nodes, mix)
			c := synthetic.New(nodes, o.podsPerNode, min(o.pods, podsOnNode*nodes), mix)
			told, err := o.told(ctx, c, mix)
			if err != nil {
				return nil, fmt.Errorf("%d nodes, mix %s, %w", nodes, mix, err)
			}
			repeats, err := turns.Take(o.repeats, o.variants, func(turn int, v string) (measurement, error) {
				m, err := runOnce(ctx, c, trial{variant: v, mix: mix, limit: o.limit, told: told})
				if err == nil {
					fmt.Fprintf(progress, "%d nodes, mix %s, repeat %d of %d: %-16s %6.0f pods/s\n", nodes, mix, turn+1, o.repeats, v, m.podsPerSecond)
				}
				return m, err
			})
			if err != nil {
				return nil, fmt.Errorf("%d nodes, mix %s, %w", nodes, mix, err)
			}
			results = append(results, summarize(nodes, mix, o.variants, repeats)...)
			if o.page != "" {
				if err := o.writePage(results); err != nil {
					return nil, fmt.Errorf("--page: %w", err)
				}
			}
		}
	}
	return results, nil
}
