// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// service shows which service pods would get on nodes, all or those that are named.
func (o *options) service(ctx context.Context, out io.Writer, names []string) error {
	answer := &decision.QoS{}
	if err := o.Leader.Get(ctx, "qos", nil, answer); err != nil {
		return err
	}
	for i := range answer.Profiles {
		p := &answer.Profiles[i]
		if len(names) == 0 || p.Time == nil {
			continue
		}
		for _, name := range names {
			if !slices.ContainsFunc(p.Nodes, func(n decision.QoSNode) bool { return n.Name == name }) {
				return fmt.Errorf("profile %s: no node %q was judged", p.Profile, name)
			}
		}
		p.Nodes = slices.DeleteFunc(p.Nodes, func(n decision.QoSNode) bool { return !slices.Contains(names, n.Name) })
	}
	return output.Print(out, o.Format, answer, printQoS)
}

func printQoS(out io.Writer, answer *decision.QoS) error {
	if len(answer.Profiles) == 0 {
		_, err := fmt.Fprintln(out, "No profile of the scheduler has the plugin PredictedQoS: nothing is predicted of the service that pods get.")
		return err
	}
	for i := range answer.Profiles {
		p := &answer.Profiles[i]
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "profile %s, judged by %s", p.Profile, map[string]string{"model": "its model", "utilisation": "utilisation, since no model counts"}[p.Rung])
		if !p.Scores {
			fmt.Fprint(out, ", and no node is scored or refused by it")
		}
		if p.Time == nil {
			fmt.Fprintln(out, "\nNodes are judged when pods are placed: none was yet.")
		} else {
			fmt.Fprintf(out, ", as of %s\n", p.Time.Local().Format("15:04:05"))
			if err := printServices(out, p); err != nil {
				return err
			}
		}
		if err := printPromises(out, p); err != nil {
			return err
		}
		if err := printNamed(out, p); err != nil {
			return err
		}
	}
	return nil
}

// printServices is the table of nodes: the class of service that a typical pod would get, its risk and the 80 % interval of that.
func printServices(out io.Writer, p *decision.QoSProfile) error {
	table := printers.GetNewTabWriter(out)
	head := []string{"NODE"}
	for i := range p.Objectives {
		head = append(head, strings.ToUpper(p.Objectives[i].Objective))
	}
	fmt.Fprintln(table, strings.Join(head, "\t"))
	slices.SortFunc(p.Nodes, func(a, b decision.QoSNode) int { return strings.Compare(a.Name, b.Name) })
	for i := range p.Nodes {
		row := []string{p.Nodes[i].Name}
		for j := range p.Objectives {
			s := p.Nodes[i].Service[p.Objectives[j].Objective]
			row = append(row, fmt.Sprintf("%s (%.1f %%, %.1f–%.1f)", s.Class, 100*s.Risk, 100*s.Low, 100*s.High))
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// printPromises is the table of what was predicted for pods that were placed, and what came.
func printPromises(out io.Writer, p *decision.QoSProfile) error {
	fmt.Fprintln(out)
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "OBJECTIVE\tPLACED\tJUDGED\tPREDICTED TO LOSE SERVICE\tLOST IT\tBY THEIR OWN DOING")
	for i := range p.Objectives {
		o := &p.Objectives[i]
		fmt.Fprintf(table, "%s\t%s\n", o.Objective, outcomes(&o.QoSOutcomes))
	}
	return table.Flush()
}

// outcomes are the columns from PLACED to BY THEIR OWN DOING.
func outcomes(o *decision.QoSOutcomes) string {
	predicted, lost := "-", "-"
	if o.Judged > 0 {
		predicted = fmt.Sprintf("%.1f (%.1f %%)", o.Predicted, 100*o.Predicted/float64(o.Judged))
		lost = fmt.Sprintf("%d (%.1f %%)", o.Violated, 100*float64(o.Violated)/float64(o.Judged))
	}
	return fmt.Sprintf("%d\t%d\t%s\t%s\t%d", o.Placed, o.Judged, predicted, lost, o.Own)
}

// printNamed is the same table of the objectives that the operator named, with what their queries may say.
func printNamed(out io.Writer, p *decision.QoSProfile) error {
	if len(p.Named) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "NAME\tAT MOST\tPLACED\tJUDGED\tPREDICTED TO LOSE SERVICE\tLOST IT\tBY THEIR OWN DOING\tVALUES")
	for i := range p.Named {
		n := &p.Named[i]
		most, values := "-", "-"
		if n.AtMost > 0 {
			most, values = amount(n.AtMost, n.Unit), fmt.Sprint(n.Values)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", n.Name, most, outcomes(&n.QoSOutcomes), values)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range p.Named {
		if n := &p.Named[i]; n.Failing != "" {
			fmt.Fprintf(out, "The query of %s fails, and its pods are judged without it: %q\n", n.Name, n.Failing)
		}
	}
	return nil
}

// amount in a unit: seconds, share, or a bare number.
func amount(v float64, unit string) string {
	switch {
	case unit == "share":
		return fmt.Sprintf("%.4g %%", 100*v)
	case unit == "seconds" && v < 1:
		return fmt.Sprintf("%.4g ms", 1000*v)
	case unit == "seconds":
		return fmt.Sprintf("%.4g s", v)
	}
	return fmt.Sprintf("%.4g", v)
}
