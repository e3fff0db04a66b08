// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// WriteCandidates writes a row a node. Plugins that say the same of all nodes are left out, unless all are wanted.
func WriteCandidates(out io.Writer, e *decision.Evaluation, all bool) error {
	if len(e.Candidates) == 0 {
		return nil
	}
	plugins := columns(e, all)
	table := printers.GetNewTabWriter(out)
	head := append([]string{"NODE", "TOTAL"}, plugins...)
	predicted := len(e.Candidates[0].Predicted) > 0
	if predicted {
		p := &e.Candidates[0].Predicted[0]
		head = append(head, fmt.Sprintf("PREDICTED CPU, %d H", p.Hours), "MEMORY")
	}
	fmt.Fprintln(table, strings.ToUpper(strings.Join(append(head, "REMARK"), "\t")))
	for i := range e.Candidates {
		c := &e.Candidates[i]
		row := []string{c.Node, "-"}
		if c.Refused == "" {
			row[1] = fmt.Sprint(c.Total)
		}
		for _, name := range plugins {
			row = append(row, part(c, name))
		}
		if predicted {
			row = append(row, rangeOf(c, "cpu"), rangeOf(c, "memory"))
		}
		fmt.Fprintln(table, strings.Join(append(row, remark(c)), "\t"))
	}
	return table.Flush()
}

// columns are the plugins that tell the candidates apart.
func columns(e *decision.Evaluation, all bool) (names []string) {
	for _, w := range e.Weights {
		values := map[string]bool{}
		for i := range e.Candidates {
			if c := &e.Candidates[i]; c.Refused == "" {
				values[part(c, w.Plugin)] = true
			}
		}
		if all || len(values) > 1 {
			names = append(names, w.Plugin)
		}
	}
	return names
}

func part(c *decision.Candidate, plugin string) string {
	for _, p := range c.Parts {
		if p.Plugin == plugin {
			return fmt.Sprint(p.Score)
		}
	}
	return "-"
}

func rangeOf(c *decision.Candidate, resource string) string {
	for i := range c.Predicted {
		p := &c.Predicted[i]
		if p.Resource != resource {
			continue
		}
		if resource == "memory" {
			return fmt.Sprintf("%s–%s of %s", decision.Amount(resource, p.Lower), decision.Amount(resource, p.Upper), decision.AmountOf(resource, p.Allocatable))
		}
		return fmt.Sprintf("%s–%s of %s", decision.Amount(resource, p.Lower), decision.Amount(resource, p.Upper), decision.Amount(resource, p.Allocatable))
	}
	return "-"
}

func remark(c *decision.Candidate) string {
	var said []string
	if c.Chosen {
		said = append(said, "chosen")
	}
	if c.Refused != "" {
		said = append(said, "refused by "+c.Plugin+": "+c.Refused)
	}
	if c.Note != "" {
		said = append(said, c.Note)
	}
	return strings.Join(said, "; ")
}
