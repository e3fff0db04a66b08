// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/foresight/explain"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// print writes a line a pod, or its table where it is to be wide, then the reasons of those that would wait, and what is to be said of all.
func (a *answer) print(out io.Writer, wide bool) error {
	switch {
	case len(a.Pods) == 0 && a.Undecided == 0:
		fmt.Fprintln(out, "no pods to decide on")
	case wide:
		if err := a.tables(out); err != nil {
			return err
		}
	default:
		if err := a.table(out); err != nil {
			return err
		}
	}
	if len(a.Pods) > 0 {
		fmt.Fprintf(out, "\n%s\n", a.summary())
	}
	if !wide {
		a.waiting(out)
	}
	if a.compare {
		if err := a.compared(out); err != nil {
			return err
		}
	}
	for _, line := range a.remarks() {
		fmt.Fprintln(out, line)
	}
	return nil
}

// table has a line a pod.
func (a *answer) table(out io.Writer) error {
	moves := slices.ContainsFunc(a.Pods, func(p decision.TriedPod) bool { return p.Was != "" })
	head := []string{"NAMESPACE", "POD"}
	if moves {
		head = append(head, "FROM")
	}
	// Where nothing is predicted there is nothing to show of it.
	predicts := slices.ContainsFunc(a.Pods, func(p decision.TriedPod) bool {
		return len(chosen(&p)) > 0 || p.Stock != nil && len(p.Stock.Predicted) > 0
	})
	place := func(title string) {
		if head = append(head, title); predicts {
			head = append(head, "EXPECTED CPU", "MEMORY")
		}
	}
	if a.compare {
		place("FORESIGHT")
		place("DEFAULT-SCHEDULER")
	} else {
		place("NODE")
		head = append(head, "WHY")
	}
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for i := range a.Pods {
		p := &a.Pods[i]
		row := []string{p.Pod.Namespace, p.Pod.Name}
		if moves {
			row = append(row, cmp.Or(p.Was, "-"))
		}
		place := func(node string, predicted []decision.Predicted) {
			if row = append(row, cmp.Or(node, "<none>")); predicts {
				row = append(row, expected(predicted, "cpu"), expected(predicted, "memory"))
			}
		}
		place(p.Node, chosen(p))
		if a.compare && p.Stock != nil {
			place(p.Stock.Node, p.Stock.Predicted)
		} else {
			row = append(row, why(p))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// tables have the candidates of each pod.
func (a *answer) tables(out io.Writer) error {
	for i := range a.Pods {
		p := &a.Pods[i]
		if i > 0 {
			fmt.Fprintln(out)
		}
		e := p.Evaluation
		where := fmt.Sprintf("%s/%s would wait", p.Pod.Namespace, p.Pod.Name)
		if p.Node != "" {
			where = fmt.Sprintf("%s/%s → %s (%d of %d)", p.Pod.Namespace, p.Pod.Name, p.Node, totalOf(p), e.MaxTotal)
		}
		if p.Was != "" {
			where += " · from " + p.Was
		}
		fmt.Fprintf(out, "%s · profile %s · %d of %d nodes feasible\n", where, p.Profile, e.Feasible, e.Nodes)
		if err := explain.WriteCandidates(out, e, false); err != nil {
			return err
		}
		fmt.Fprintf(out, "because:          %s\n", e.Because)
		if e.Flip != "" {
			fmt.Fprintf(out, "would change it:  %s\n", e.Flip)
		}
		if p.Stock != nil {
			fmt.Fprintf(out, "kube-scheduler:   %s\n", stockOf(p))
		}
	}
	return nil
}

func stockOf(p *decision.TriedPod) string {
	if p.Stock.Node == "" {
		return "its default profile would find no node"
	}
	text := "its default profile would choose " + p.Stock.Node
	if p.Stock.Alike > 1 {
		text = fmt.Sprintf("its default profile would draw among %d nodes, such as %s", p.Stock.Alike, p.Stock.Node)
	}
	if cpu := expected(p.Stock.Predicted, "cpu"); cpu != "-" {
		text += fmt.Sprintf(" (expected %s of CPU, %s of memory)", cpu, expected(p.Stock.Predicted, "memory"))
	}
	return text
}

func chosen(p *decision.TriedPod) []decision.Predicted {
	for i := range p.Evaluation.Candidates {
		if c := &p.Evaluation.Candidates[i]; c.Chosen {
			return c.Predicted
		}
	}
	return nil
}

func totalOf(p *decision.TriedPod) int64 {
	for i := range p.Evaluation.Candidates {
		if c := &p.Evaluation.Candidates[i]; c.Chosen {
			return c.Total
		}
	}
	return 0
}

func expected(predicted []decision.Predicted, resource string) string {
	for i := range predicted {
		if p := &predicted[i]; p.Resource == resource {
			return decision.Amount(resource, p.Expected) + " of " + decision.Amount(resource, p.Allocatable)
		}
	}
	return "-"
}

func why(p *decision.TriedPod) string {
	if p.Node == "" {
		return "would wait, see below"
	}
	return p.Evaluation.Because
}

func (a *answer) summary() string {
	perNode, waits := map[string]bool{}, 0
	for i := range a.Pods {
		if node := a.Pods[i].Node; node != "" {
			perNode[node] = true
		} else {
			waits++
		}
	}
	text := fmt.Sprintf("%s would be placed on %s", pods(len(a.Pods)-waits), many(len(perNode), "node"))
	if waits > 0 {
		text += fmt.Sprintf(", %d would wait", waits)
	}
	if a.Undecided > 0 {
		text += fmt.Sprintf(", %d are not decided on", a.Undecided)
	}
	return text + "; nothing was created"
}

func pods(n int) string { return many(n, "pod") }

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
