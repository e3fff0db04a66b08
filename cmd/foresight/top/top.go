// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package top is foresight top: which nodes are good for which pods.
package top

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// objectives are the columns of foresight top, as plugins/qos names objectives.
var objectives = []string{"latency", "realtime", "availability", "batch"}

// maxPage is how many bytes of metrics are read. A scheduler of 5,000 nodes tells 4 MB.
const maxPage = 256 << 20

type options struct {
	leader.Flags
	sort string
}

// NewCommand returns foresight top.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show which nodes are good for which pods",
		Long: `Show the nodes with the risk that a typical pod's service is lost there, and its class, for
each objective, as PredictedQoS judges now: good below 10 %, fair below 30 %, poor.

It reads the /metrics of the scheduler that leads, which it finds by its Lease, with the
credentials of the kubeconfig. The ClusterRole foresight-reader says what a user needs.

With --scheduler-address it asks there instead. The certificate must then be signed by the
cluster's authority or that of --scheduler-ca.

In a cluster of more nodes than nodeMetricsLimit of PredictedQoSArgs, 5000 by default, the
scheduler counts the nodes of each class and names none.`,
		Example: `  foresight top
  foresight top --sort latency -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.OutOrStdout()) },
	}
	o.Add(cmd)
	flags := cmd.Flags()
	o.Format.AddFlag(cmd)
	flags.StringVar(&o.sort, "sort", "node", "node, or an objective: latency, realtime, availability or batch, the best node first")
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(append([]string{"node"}, objectives...), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// nodeClasses is a row of foresight top.
type nodeClasses struct {
	Node       string               `json:"node"`
	Profile    string               `json:"profile"`
	Objectives map[string]nodeClass `json:"objectives"`
}

type nodeClass struct {
	Risk  float64 `json:"risk"` // 0–1
	Class string  `json:"class"`
}

func (o *options) run(ctx context.Context, out io.Writer) error {
	if o.sort != "node" && !slices.Contains(objectives, o.sort) {
		return fmt.Errorf("--sort %q: must be node, latency, realtime, availability or batch", o.sort)
	}
	page, err := o.Leader.Open(ctx, "/metrics")
	if err != nil {
		return err
	}
	defer page.Close()
	nodes, counted, err := classesIn(bounded.Reader(page, maxPage))
	if err != nil {
		return fmt.Errorf("the scheduler's metrics: %w", err)
	}
	if len(nodes) == 0 && counted != "" {
		return fmt.Errorf("the scheduler names no nodes, since there are more than nodeMetricsLimit of PredictedQoSArgs; by profile, objective and class it counts %s", counted)
	}
	if len(nodes) == 0 {
		return errors.New("the scheduler has judged no node: PredictedQoS is not enabled there, or it is not the leader, or it has placed no pod since it started")
	}
	slices.SortFunc(nodes, func(a, b nodeClasses) int {
		return cmp.Or(cmp.Compare(a.Objectives[o.sort].Risk, b.Objectives[o.sort].Risk), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Profile, b.Profile))
	})
	return output.Print(out, o.Format, nodes, printTable)
}

// classesIn reads foresight_qos_node_risk out of a page of metrics, and what foresight_qos_nodes counts in words; "" is nothing.
func classesIn(page io.Reader) (nodes []nodeClasses, counted string, err error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(page)
	if err != nil {
		return nil, "", err
	}
	var counts []string
	for _, m := range families["foresight_qos_nodes"].GetMetric() {
		labels := labelsOf(m)
		counts = append(counts, fmt.Sprintf("%s %s %s: %.0f", labels["profile"], labels["objective"], labels["class"], m.GetGauge().GetValue()))
	}
	type key struct{ node, profile string }
	at := map[key]int{}
	for _, m := range families["foresight_qos_node_risk"].GetMetric() {
		labels := labelsOf(m)
		k := key{labels["node"], labels["profile"]}
		i, ok := at[k]
		if !ok {
			i = len(nodes)
			at[k], nodes = i, append(nodes, nodeClasses{Node: k.node, Profile: k.profile, Objectives: map[string]nodeClass{}})
		}
		risk := m.GetGauge().GetValue()
		nodes[i].Objectives[labels["objective"]] = nodeClass{risk, quality.Class(risk)}
	}
	return nodes, strings.Join(counts, ", "), nil
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := map[string]string{}
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

func printTable(out io.Writer, nodes []nodeClasses) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "NODE\tPROFILE\tLATENCY\tREALTIME\tAVAILABILITY\tBATCH")
	for _, n := range nodes {
		fmt.Fprintf(table, "%s\t%s", n.Node, n.Profile)
		for _, name := range objectives {
			cell := "-"
			if c, ok := n.Objectives[name]; ok {
				cell = fmt.Sprintf("%s (%.0f%%)", c.Class, 100*c.Risk)
			}
			fmt.Fprintf(table, "\t%s", cell)
		}
		fmt.Fprintln(table)
	}
	return table.Flush()
}
