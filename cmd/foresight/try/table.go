// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"
)

// printTable writes the pods, then a summary, then the reasons of those that wait and of controllers that make no more.
func printTable(out io.Writer, placements []placement) error {
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "NAMESPACE\tPOD\tOWNER\tNODE\tSCHEDULER\tDECIDED IN")
	var took []float64
	perNode := map[string]int{}
	var waiting []placement
	for _, p := range placements {
		if p.Missing > 0 {
			waiting = append(waiting, p)
			continue
		}
		node, decided := p.Node, "before"
		switch {
		case node == "":
			waiting = append(waiting, p)
			node, decided = "<none>", "waits"
		case p.Seconds > 0:
			decided = duration(p.Seconds)
			took = append(took, p.Seconds)
		}
		if p.Node != "" {
			perNode[p.Node]++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", p.Namespace, p.Pod, p.Owner, node, p.Scheduler, decided)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	placed := 0
	for _, n := range perNode {
		placed += n
	}
	fmt.Fprintf(out, "\n%d pods placed on %d nodes", placed, len(perNode))
	if len(took) > 0 {
		slices.Sort(took)
		fmt.Fprintf(out, ", from creation to binding in %s (median) to %s (slowest)", duration(took[len(took)/2]), duration(took[len(took)-1]))
	}
	fmt.Fprintln(out)
	for _, p := range waiting {
		if p.Missing > 0 {
			fmt.Fprintf(out, "\n%s/%s has not made %d of its pods:\n", p.Namespace, p.Owner, p.Missing)
		} else {
			fmt.Fprintf(out, "\n%s/%s waits:\n", p.Namespace, p.Pod)
		}
		reason := p.Reason
		if reason == "" {
			reason = "no decision yet"
		}
		lines := []string{reason}
		if p.Missing == 0 {
			lines = reasonLines(reason)
		}
		for _, line := range lines {
			fmt.Fprintln(out, "  "+line)
		}
	}
	return nil
}

var nextReason = regexp.MustCompile(`, (\d+ )`)

// reasonLines breaks the scheduler's one long line ("0/3 nodes are available: 1 A, 2 B.
// preemption: …") at its parts.
func reasonLines(reason string) []string {
	filter, preemption, hasPreemption := strings.Cut(reason, " preemption: ")
	var lines []string
	if summary, parts, ok := strings.Cut(filter, ": "); ok {
		lines = append(lines, summary+":")
		// A reason may have commas of its own; a new one begins with how many nodes it is for.
		parts = strings.TrimSuffix(strings.TrimSpace(parts), ".")
		for _, part := range strings.Split(nextReason.ReplaceAllString(parts, "\n$1"), "\n") {
			lines = append(lines, "- "+part)
		}
	} else {
		lines = append(lines, filter)
	}
	if hasPreemption {
		lines = append(lines, "preemption: "+preemption)
	}
	return lines
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Millisecond).String()
}
