// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package workloads is foresight workloads: what is forecast of the pods of each workload, and where that comes from.
package workloads

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

var orderNames = []string{"name", "cpu", "memory", "pods"}

type options struct {
	leader.Flags
	sort string
	all  bool
}

// NewCommand returns foresight workloads.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "workloads",
		Short: "Show what is forecast of the pods of each workload",
		Long: `Show of each workload with running pods what one pod of it requests, what it is expected to use
at any moment, and up to what within a day. LEARNED FROM says whose history that is: the
owner's (the workload itself), its class (the same namespace, image and size), the cluster's
(as a multiple of requests), or nobody's: then the request stands in.`,
		Example: `  foresight workloads -n shop
  foresight workloads --all-namespaces --sort cpu`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	o.Format.AddFlag(cmd)
	cmd.Flags().BoolVarP(&o.all, "all-namespaces", "A", false, "show those of all namespaces")
	cmd.Flags().StringVar(&o.sort, "sort", "name", "name, or the largest first by: cpu, memory (upper bounds) or pods")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(orderNames, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	if !slices.Contains(orderNames, o.sort) {
		return fmt.Errorf("--sort %q: must be %s", o.sort, strings.Join(orderNames, ", "))
	}
	namespace, _, err := o.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return err
	}
	answer := &decision.Workloads{}
	if err := o.Leader.Get(ctx, "workloads", nil, answer); err != nil {
		return err
	}
	rows := answer.Workloads
	if !o.all {
		rows = slices.DeleteFunc(rows, func(w decision.Workload) bool { return w.Namespace != namespace })
	}
	if len(rows) == 0 && o.all {
		return errors.New("no workload has running pods")
	}
	if len(rows) == 0 {
		return fmt.Errorf("no workload has running pods in namespace %s: name another one with -n, or all with -A", namespace)
	}
	slices.SortStableFunc(rows, func(a, b decision.Workload) int {
		switch o.sort {
		case "cpu":
			return cmp.Compare(b.CPU.Upper, a.CPU.Upper)
		case "memory":
			return cmp.Compare(b.Memory.Upper, a.Memory.Upper)
		case "pods":
			return cmp.Compare(b.Pods, a.Pods)
		}
		return 0
	})
	return output.Print(out, o.Format, rows, printTable)
}

func printTable(out io.Writer, rows []decision.Workload) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "NAMESPACE\tWORKLOAD\tPODS\tMEASURED\tCPU REQUESTED\tEXPECTED\tUP TO, 24 H\tMEMORY REQUESTED\tEXPECTED\tUP TO, 24 H\tLEARNED FROM\tRUNS FOR")
	for i := range rows {
		w := &rows[i]
		life := "-"
		if w.LifeSeconds > 0 {
			life = time.Duration(w.LifeSeconds * float64(time.Second)).Round(time.Second).String()
		}
		from := w.Rung
		if from == "request" {
			from = "request only"
		}
		fmt.Fprintf(table, "%s\t%s %s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", w.Namespace, w.Kind, w.Name, w.Pods, w.Measured,
			decision.Amount("cpu", w.RequestedCPU), decision.Amount("cpu", w.MeanCPU), decision.Amount("cpu", w.CPU.Upper),
			decision.Amount("memory", w.RequestedMemory), decision.Amount("memory", w.MeanMemory), decision.Amount("memory", w.Memory.Upper), from, life)
	}
	return table.Flush()
}
