// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command apiserver measures how fast Foresight and stock kube-scheduler place pods with
// upstream's own API server and etcd on the same machine, and whose CPU time it takes.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

type options struct {
	nodes       int
	mix         string
	variants    []string
	pods        int
	podsPerNode int
	repeats     int
	limit       time.Duration
	bin         string
	dir         string
	page        string
	output      string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	o := options{}
	cmd := &cobra.Command{
		Use:   "apiserver",
		Short: "Measure Foresight against stock kube-scheduler with a real API server and etcd",
		Long: "Starts upstream's etcd and kube-apiserver as bin/localcluster does (`make build` makes it), fills them with\n" +
			"nodes and placed pods, and lets each variant's own process place the same pending pods, in turns. Pods are created\n" +
			"while they are scheduled. The time is from the first creation to the last binding that a watch has seen.\n\n" +
			"CPU time is of the whole processes meanwhile; `load` is what creates and watches the pods.",
		Example:      `  go run ./test/bench/apiserver --nodes 5000 --repeats 3`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			results, err := o.run(cmd.Context(), cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if o.page != "" {
				if err := o.writePage(results); err != nil {
					return fmt.Errorf("--page: %w", err)
				}
			}
			if o.output == "json" {
				e := json.NewEncoder(cmd.OutOrStdout())
				e.SetIndent("", "  ")
				return e.Encode(results)
			}
			return printMarkdown(cmd.OutOrStdout(), results)
		},
	}
	cmd.AddCommand(newBinderCommand())
	f := cmd.Flags()
	f.IntVar(&o.nodes, "nodes", 5000, "number of nodes")
	f.StringVar(&o.mix, "mix", "varied", "mix of pending pods: one of "+strings.Join(synthetic.MixNames(), ", "))
	f.StringSliceVar(&o.variants, "variant", variants, "variants to run")
	f.IntVar(&o.pods, "pods", 3000, "pending pods of a run")
	f.IntVar(&o.podsPerNode, "pods-per-node", 2, "pods that every node has before")
	f.IntVar(&o.repeats, "repeats", 3, "how often every variant runs")
	f.DurationVar(&o.limit, "limit", 3*time.Minute, "the most that one run may take")
	f.StringVar(&o.bin, "bin", "bin", "folder of the built programs")
	f.StringVar(&o.dir, "dir", ".localcluster-bench", "folder of the control plane; removed at the end")
	f.StringVar(&o.page, "page", "", "file to write the figures to as well, as a page of the documentation")
	f.StringVarP(&o.output, "output", "o", "table", "table or json")
	return cmd
}

func (o *options) validate() error {
	var errs []error
	errs = append(errs, synthetic.CheckMix(o.mix), turns.CheckVariants(o.variants, variants))
	if o.nodes < 1 || o.pods < 1 || o.podsPerNode < 0 || o.repeats < 1 || o.limit <= 0 {
		errs = append(errs, errors.New("--nodes, --pods, --repeats and --limit must be positive, --pods-per-node not negative"))
	}
	if !slices.Contains([]string{"table", "json"}, o.output) {
		errs = append(errs, fmt.Errorf("--output: %q: want table or json", o.output))
	}
	return errors.Join(errs...)
}

// run measures all variants in turns and tells progress as it goes.
func (o *options) run(ctx context.Context, progress io.Writer) (_ []result, err error) {
	fmt.Fprintf(progress, "starting etcd and kube-apiserver in %s\n", o.dir)
	plane, err := startControlPlane(ctx, o.bin, o.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, plane.stop()) }()
	c := synthetic.New(o.nodes, o.podsPerNode, o.pods, o.mix)
	fmt.Fprintf(progress, "creating %d nodes and %d placed pods\n", len(c.Nodes.Items), len(c.Pods.Items)-len(c.Pending))
	if err := plane.fill(ctx, c); err != nil {
		return nil, err
	}
	repeats, err := turns.Take(o.repeats, o.variants, func(turn int, v string) (measurement, error) {
		m, err := o.measure(ctx, plane, c, v)
		if err == nil {
			fmt.Fprintf(progress, "repeat %d of %d: %-16s %5.0f pods/s\n", turn+1, o.repeats, v, m.podsPerSecond)
		}
		return m, err
	})
	if err != nil {
		return nil, err
	}
	return o.summarize(repeats), nil
}
