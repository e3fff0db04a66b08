// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// nextReason begins a reason behind another one, which may have semicolons of its own.
var nextReason = regexp.MustCompile(`; (\d+ of \d+ nodes: )`)

// waiting says why pods would wait, those of one workload with one reason together.
func (a *answer) waiting(out io.Writer) {
	type group struct{ namespace, owner, because string }
	first, more := map[group]string{}, map[group]int{}
	var order []group
	for i := range a.Pods {
		p := &a.Pods[i]
		if p.Node != "" {
			continue
		}
		g := group{p.Pod.Namespace, p.Owner, p.Evaluation.Because}
		if g.owner == "" {
			g.owner = "pod " + p.Pod.Name
		}
		if first[g] == "" {
			first[g] = p.Pod.Name
			order = append(order, g)
		} else {
			more[g]++
		}
	}
	for _, g := range order {
		who := g.namespace + "/" + first[g]
		if n := more[g]; n > 0 {
			who += fmt.Sprintf(" and %d more of %s", n, g.owner)
		}
		fmt.Fprintf(out, "\n%s would wait:\n", who)
		for _, reason := range strings.Split(nextReason.ReplaceAllString(g.because, "\n$1"), "\n") {
			fmt.Fprintln(out, "  - "+reason)
		}
	}
}

// compared says what both schedulers would do to the nodes.
func (a *answer) compared(out io.Writer) error {
	x := a.Excess
	if x == nil || x.Stock == nil {
		_, err := fmt.Fprintln(out, "\nToo little is known of what nodes use: nothing is predicted of the harm.")
		return err
	}
	fmt.Fprintln(out)
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "EXPECTED OVERLOAD\tCPU\tMEMORY")
	for _, row := range []struct {
		name   string
		excess decision.Amounts
	}{{"without these pods", x.Before}, {"as Foresight places them", x.After}, {"as kube-scheduler's default profile does", *x.Stock}} {
		fmt.Fprintf(table, "%s\t%s\t%s\n", row.name, decision.AmountOf("cpu", row.excess.CPU), decision.Amount("memory", row.excess.Memory))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	well := cycle.RunsWell()
	_, err := fmt.Fprintf(out, `Overload is what pods are expected to want beyond what their nodes run well at, at any moment on average, added up over %s:
beyond %.0f %% of a node's CPU they slow each other down, and beyond %.0f %% of its memory some may be killed.
`, many(x.Nodes, "node"), 100*well[forecast.CPU], 100*well[forecast.Memory])
	return err
}

// remarks say what was not considered, in a line each.
func (a *answer) remarks() (said []string) {
	add := func(format string, args ...any) {
		if len(said) == 0 {
			said = append(said, "")
		}
		said = append(said, fmt.Sprintf(format, args...))
	}
	for _, left := range a.Left {
		add("left on the nodes: %s %s", pods(left.Pods), left.Reason)
	}
	if a.Replaced > 0 {
		add("replaced: %s of the same workloads, taken off their nodes first", pods(a.Replaced))
	}
	foreign, lacks, of := map[string]int{}, map[string]int{}, map[string][]string{}
	for i := range a.Pods {
		p := &a.Pods[i]
		if p.Scheduler != p.Profile {
			foreign[fmt.Sprintf("of %s, by the profile %s", p.Scheduler, p.Profile)]++
		}
		for _, lack := range p.Lacks {
			what, names, _ := strings.Cut(lack, ": ")
			lacks[what]++
			if names != "" && !slices.Contains(of[what], names) {
				of[what] = append(of[what], names)
			}
		}
	}
	for _, who := range slices.Sorted(maps.Keys(foreign)) {
		add("decided on: %s %s", pods(foreign[who]), who)
	}
	for _, lack := range slices.Sorted(maps.Keys(lacks)) {
		names := of[lack]
		text := strings.Join(names[:min(3, len(names))], ", ")
		if len(names) > 3 {
			text += ", …"
		}
		if text != "" {
			text = ": " + text
		}
		add("not considered: %s%s (of %s)", lack, text, pods(lacks[lack]))
	}
	for _, lack := range a.Lacks {
		add("not considered: %s", lack)
	}
	for _, note := range a.Notes {
		add("%s", note)
	}
	return said
}
