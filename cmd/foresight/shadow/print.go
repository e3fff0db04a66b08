// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/printers"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
)

// write is the report for people.
func write(out io.Writer, r *shadow.Report) error {
	c, decided := &r.Counts, 0
	for _, n := range r.Results {
		decided += n
	}
	fmt.Fprintf(out, "%s, as the profile %s sees it, for %s\n", strings.Join(r.Schedulers, ", "), r.Profile, age(r.Time.Sub(r.Since)))
	fmt.Fprintf(out, "placed:    %d pods; %d decided, %d passed over for lack of time, %d failed, %d unseen\n", c.Placed+c.Unseen, c.Decided, c.Passed, c.Failed, c.Unseen)
	if decided == 0 {
		fmt.Fprintln(out, "Nothing to report yet: no pod was placed since the onlooker began.")
		return costs(out, r)
	}
	choice := decided - r.Results[shadow.Only]
	fmt.Fprintf(out, "agrees:    %s of %d pods with a choice: the same node for %d, one of several that score the same for %d\n",
		percent(r.Results[shadow.Same]+r.Results[shadow.AsGood], choice), choice, r.Results[shadow.Same], r.Results[shadow.AsGood])
	fmt.Fprintf(out, "differs:   %s, %d pods; %d more would wait\n", percent(r.Results[shadow.Differs], choice), r.Results[shadow.Differs], r.Results[shadow.Nowhere])
	fmt.Fprintf(out, "no choice: %d pods with one node only\n", r.Results[shadow.Only])
	if foresaw := int(c.Foresaw); foresaw < decided {
		fmt.Fprintf(out, "forecasts: %s of the decisions had any; the others went by requests\n", percent(foresaw, decided))
	}
	if err := outcomes(out, r); err != nil {
		return err
	}
	for _, line := range trust(r.Realised) {
		fmt.Fprintln(out, line)
	}
	return costs(out, r)
}

// outcomes are what became of all nodes, and of the pods whose nodes differ.
func outcomes(out io.Writer, r *shadow.Report) error {
	if r.Results[shadow.Differs] == 0 {
		return nil
	}
	t := &r.Together
	fmt.Fprintf(out, "\nAll nodes, over %s: as measured, and had it placed all of these pods since it began\n", age(time.Duration(t.Minutes*float64(time.Minute))))
	table := printers.GetNewTabWriter(out)
	fmt.Fprintln(table, "\tMEASURED\tOURS\tGAIN\t95 %")
	fmt.Fprintf(table, "node-minutes over 80 %% CPU\t%s\t%s\t%s\t%s\n", number(t.Theirs.HotMinutes), number(t.Ours.HotMinutes), number(t.HotMinutes.Sum), interval(t.Enough, t.HotMinutes.SumInterval))
	fmt.Fprintf(table, "core-minutes beyond 80 %%\t%s\t%s\t%s\t%s\n", number(t.Theirs.OverCoreMinutes), number(t.Ours.OverCoreMinutes), number(t.OverCoreMinutes.Sum), interval(t.Enough, t.OverCoreMinutes.SumInterval))
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out, verdict(t))

	table = printers.GetNewTabWriter(out) // One remembers its widths.
	fmt.Fprintln(out, "\nEach pod whose node differs by itself, all others where they are: minutes over 80 % CPU. These do not add up.")
	fmt.Fprintln(table, "WITHIN\tPODS\tWORKLOADS\tTHEIR NODES\tWITHOUT IT\tOURS\tWITH IT\tGAIN\t95 %\tA POD\tCORE-MINUTES GAINED\t95 %")
	for i := range r.Horizons {
		h := &r.Horizons[i]
		fmt.Fprintf(table, "%g h\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Hours, h.Pods, h.Workloads, number(h.Theirs.HotMinutes), number(h.TheirsWithout.HotMinutes),
			number(h.Ours.HotMinutes), number(h.OursWith.HotMinutes), number(h.HotMinutes.Sum), interval(h.Enough, h.HotMinutes.SumInterval), number(h.HotMinutes.Mean),
			number(h.OverCoreMinutes.Sum), interval(h.Enough, h.OverCoreMinutes.SumInterval))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if last := &r.Horizons[len(r.Horizons)-1]; last.Ongoing > 0 {
		fmt.Fprintf(out, "Followed still: %d.\n", last.Ongoing)
	}
	if len(r.Workloads) == 0 {
		return nil
	}
	table = printers.GetNewTabWriter(out)
	fmt.Fprintf(out, "\nBy workload, within %g h:\n", r.Horizons[len(r.Horizons)-1].Hours)
	fmt.Fprintln(table, "NAMESPACE\tWORKLOAD\tDECIDED\tDIFFER\tTHEIR NODES\tWITHOUT IT\tOURS\tWITH IT\tGAIN\tCORE-MINUTES GAINED")
	for i := range r.Workloads {
		w := &r.Workloads[i]
		fmt.Fprintf(table, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", w.Namespace, strings.TrimPrefix(w.Kind+"/"+w.Name, "/"), w.Decided, w.Differ, number(w.Theirs.HotMinutes),
			number(w.TheirsWithout.HotMinutes), number(w.Ours.HotMinutes), number(w.OursWith.HotMinutes), number(w.Gain.HotMinutes), number(w.Gain.OverCoreMinutes))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if r.MoreWorkloads > 0 {
		fmt.Fprintf(out, "and %d more workloads (--workloads)\n", r.MoreWorkloads)
	}
	return nil
}

// interval is told only where enough has been seen for it to mean something.
func interval(enough bool, i *[2]float64) string {
	if !enough || i == nil {
		return "-"
	}
	return number(i[0]) + " to " + number(i[1])
}

// verdict says in words what is shown.
func verdict(t *shadow.Together) string {
	i := t.HotMinutes.SumInterval
	switch {
	case !t.Enough || i == nil:
		return fmt.Sprintf("Too early to tell: it takes a day and %d pods that would be elsewhere; there were %.1f h and %d.", shadow.EnoughPods, t.Minutes/60, t.Moved)
	case i[0] > 0:
		return "Ours would have been better."
	case i[1] < 0:
		return "Ours would have been worse."
	}
	return "No difference is shown: the interval holds 0."
}

// trust says how often forecasts held.
func trust(all []decision.Realised) (said []string) {
	for i, r := range all {
		hours := r.Within + r.Above + r.Below
		said = append(said, fmt.Sprintf("%-10s of %d hours of nodes %.1f %% stayed below the upper bound of %s; %.0f %% were promised",
			[]string{"trust:", ""}[min(i, 1)], hours, 100*float64(r.Within+r.Below)/float64(hours), r.Resource, 100*r.Promised))
	}
	if len(said) > 0 {
		said[0] = "\n" + said[0]
	}
	return said
}

// costs says what the onlooker took.
func costs(out io.Writer, r *shadow.Report) error {
	took := r.Time.Sub(r.Since).Seconds()
	requests, told := 0., []string{}
	for _, method := range slices.Sorted(maps.Keys(r.Cost.Requests)) {
		requests += r.Cost.Requests[method]
		told = append(told, fmt.Sprintf("%.0f %s", r.Cost.Requests[method], method))
	}
	_, err := fmt.Fprintf(out, "cost:      %.1f s of CPU (%.1f %% of a core), %s of memory, %.2g requests a second to the API server (%s)\n", r.Cost.CPUSeconds,
		100*r.Cost.CPUSeconds/max(1, took), decision.Amount("memory", r.Cost.Bytes), requests/max(1, took), strings.Join(told, ", "))
	return err
}

func percent(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(of))
}

// number has two significant figures below 10 and no decimals above.
func number(v float64) string {
	if a := math.Abs(v); a >= 10 || a == 0 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
