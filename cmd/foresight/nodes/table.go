// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"fmt"
	"io"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

func (o *options) print(out io.Writer, answer *decision.Nodes) error {
	table := printers.GetNewTabWriter(out)
	head := []string{"NODE", "PODS", "CPU REQUESTED", "USED", "PREDICTED, 24 H", "MEMORY REQUESTED", "USED", "PREDICTED, 24 H", "FORECAST", "AGE", "HELD"}
	wide := o.Format == output.Wide
	if wide {
		head = append(head, "CPU EXPECTED", "1 H", "MEMORY EXPECTED", "1 H", "LAST MISS")
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	for i := range answer.Nodes {
		n := &answer.Nodes[i]
		row := append([]string{n.Name, fmt.Sprint(n.Pods)}, cells(&n.CPU, "cpu")...)
		row = append(append(row, cells(&n.Memory, "memory")...), n.Rung, age(n.AgeSeconds), held(n))
		if wide {
			row = append(row, decision.Amount("cpu", n.CPU.Expected), between(n.CPU.Hour, "cpu"), decision.Amount("memory", n.Memory.Expected), between(n.Memory.Hour, "memory"), last(n))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, line := range trust(answer) {
		fmt.Fprintln(out, line)
	}
	if o.detail {
		return misses(out, answer)
	}
	return nil
}

// held is how often the bounds of a node's CPU and memory were, and of how many hours.
func held(n *decision.Node) string {
	cpu, known := n.CPU.Hours.Held()
	memory, both := n.Memory.Hours.Held()
	switch h := n.CPU.Hours; {
	case known && both:
		return fmt.Sprintf("%.0f %%, %.0f %% of %d h", 100*cpu, 100*memory, max(h.Within+h.Above+h.Below, n.Memory.Hours.Within+n.Memory.Hours.Above+n.Memory.Hours.Below))
	case known:
		return fmt.Sprintf("%.0f %%, - of %d h", 100*cpu, h.Within+h.Above+h.Below)
	case both:
		h = n.Memory.Hours
		return fmt.Sprintf("-, %.0f %% of %d h", 100*memory, h.Within+h.Above+h.Below)
	}
	return "-"
}

// last is the newest miss of a node.
func last(n *decision.Node) string {
	if len(n.Misses) == 0 {
		return "-"
	}
	m := &n.Misses[0]
	return fmt.Sprintf("%s: %s %s, predicted %s", hour(m.Begin), m.Resource, decision.Amount(m.Resource, m.Came), between(m.Forecast, m.Resource))
}

func hour(t time.Time) string { return t.Local().Format("Jan 2 15:04") }

// misses are a table of the last misses of the nodes.
func misses(out io.Writer, answer *decision.Nodes) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(out)
	fmt.Fprintln(table, "NODE\tHOUR FROM\tRESOURCE\tPREDICTED PEAK\tCAME TO\tWHICH IS")
	any := false
	for i := range answer.Nodes {
		for _, m := range answer.Nodes[i].Misses {
			any = true
			off := fmt.Sprintf("%s above", decision.AmountOf(m.Resource, m.Came-m.Forecast.Upper))
			if m.Came < m.Forecast.Lower {
				off = fmt.Sprintf("%s below", decision.AmountOf(m.Resource, m.Forecast.Lower-m.Came))
			}
			fmt.Fprintln(table, strings.Join([]string{
				answer.Nodes[i].Name, hour(m.Begin), m.Resource, between(m.Forecast, m.Resource), decision.Amount(m.Resource, m.Came), off,
			}, "\t"))
		}
	}
	if !any {
		_, err := fmt.Fprintln(out, "No hour is remembered that did not come out as forecast.")
		return err
	}
	return table.Flush()
}

func cells(r *decision.Resources, resource string) []string {
	latest := "-"
	if r.Used != nil {
		latest = decision.Amount(resource, *r.Used)
	}
	return []string{decision.Amount(resource, r.Requested) + " of " + decision.Amount(resource, r.Allocatable), latest, between(r.Day, resource)}
}

func between(r decision.Range, resource string) string {
	return decision.Amount(resource, r.Lower) + "–" + decision.Amount(resource, r.Upper)
}

// trust says how often forecasts held.
func trust(answer *decision.Nodes) (said []string) {
	if answer.Blind {
		said = append(said, "Too few nodes have recent samples: forecasts refuse and score nothing until they do, and requests decide.")
	}
	for _, r := range answer.Realised {
		all := r.Within + r.Above + r.Below
		said = append(said, fmt.Sprintf("%s: of %d hours of nodes that are over, %.1f %% stayed below the upper bound (%.0f %% were promised); %d passed it",
			r.Resource, all, 100*float64(r.Within+r.Below)/float64(all), 100*r.Promised, r.Above))
	}
	return said
}

func used(r *decision.Resources) float64 {
	if r.Used == nil {
		return -1
	}
	return *r.Used
}

func share(v, of float64) float64 {
	if of <= 0 {
		return 0
	}
	return v / of
}

func age(seconds float64) string {
	if seconds < 0 {
		return "-"
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}
