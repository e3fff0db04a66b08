// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explain

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// print writes the headline, the table of candidates and the sentences.
func (o *options) print(out io.Writer, x *explained) error {
	fmt.Fprintln(out, headline(x, o.clock()))
	if e := x.Evaluation; e != nil {
		if when := evaluated(x); when != "" {
			fmt.Fprintln(out, when)
		}
		if err := WriteCandidates(out, e, o.wide); err != nil {
			return err
		}
		for _, line := range sentences(x) {
			fmt.Fprintln(out, line)
		}
	}
	for _, line := range moves(x) {
		fmt.Fprintln(out, line)
	}
	return nil
}

// moves are what the rebalancer did with the pod, or would do.
func moves(x *explained) (said []string) {
	for i := range x.Moves {
		m := &x.Moves[i]
		label := m.Result + ":"
		switch m.Result {
		case rebalance.Made, rebalance.Packed:
			// The pods of a StatefulSet have one name.
			if label = "moved away:"; m.Pod != x.Pod || m.Successor == x.Pod && !x.Gone {
				label = "came for " + m.Pod + ":"
			}
		case string(rebalance.Disrupts), string(rebalance.Failed):
			label = "move refused:"
		}
		text := m.Time.Format(time.DateTime) + " " + m.Why
		if m.Successor != "" && m.Successor != x.Pod {
			text += fmt.Sprintf("; %s came in its place, on %s", m.Successor, m.On)
		}
		if m.Realised != nil {
			text += fmt.Sprintf("; realised so far: %.0f core-minutes in %s", *m.Realised, time.Duration(m.RealisedMinutes*float64(time.Minute)).Round(time.Minute))
		}
		said = append(said, fmt.Sprintf("%-18s%s", label, text))
	}
	if s := x.Stays; s != nil {
		text := fmt.Sprintf("without it its node would use %.0f core-minutes less beyond what it runs well at, and it is not moved: %s", s.Cures, s.Reason)
		if s.To != "" {
			text += fmt.Sprintf(" (to %s, a gain of %.0f)", s.To, s.Gain)
		}
		said = append(said, fmt.Sprintf("%-18s%s", "stays:", text))
	}
	return said
}

// headline says what was decided, how, and when.
func headline(x *explained, now time.Time) string {
	if x.Gone {
		return x.Pod + " is gone"
	}
	var said []string
	e := x.Evaluation
	where := x.Pod + " waits"
	switch {
	case x.Node != "":
		where = x.Pod + " → " + x.Node
	case x.Record != nil && x.Record.Node != "":
		where = x.Pod + " → " + x.Record.Node + " (not bound yet)"
	}
	if e != nil && x.Node != "" {
		for i := range e.Candidates {
			if c := &e.Candidates[i]; c.Chosen && c.Refused == "" {
				where += fmt.Sprintf(" (%d of %d)", c.Total, e.MaxTotal)
			}
		}
	}
	r := x.Record
	if r == nil {
		why := "not recorded: "
		if x.Scheduler == x.Profile {
			why += "older than what is kept"
		} else {
			why += "a pod of " + x.Scheduler
		}
		return strings.Join(append([]string{where}, why, "as profile "+x.Profile+" sees it"), " · ")
	}
	said = append(said, where, "profile "+r.Profile)
	switch {
	case r.Path == decision.ByIndex:
		said = append(said, "by the index")
	case r.Why != "":
		said = append(said, "by upstream's search ("+r.Why+")")
	default:
		said = append(said, "by upstream's search")
	}
	said = append(said, fmt.Sprintf("%d of %d nodes feasible", r.Feasible, r.Nodes), ago(now.Sub(r.Time)))
	return strings.Join(said, " · ")
}

// evaluated says when the table was made, where that is not obvious.
func evaluated(x *explained) string {
	e := x.Evaluation
	switch {
	case e.Now:
		return "evaluated now, as if the pod had no node yet"
	case e.Changed > 0:
		return fmt.Sprintf("evaluated %s after the decision; %d other nodes had changed by then", e.Time.Sub(x.Record.Time).Round(time.Millisecond), e.Changed)
	}
	return ""
}

func ago(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h ago", int(d.Hours()))
}

// sentences are what there is to say beside the table.
func sentences(x *explained) (said []string) {
	e := x.Evaluation
	line := func(label, text string) {
		if text != "" {
			said = append(said, fmt.Sprintf("%-18s%s", label, text))
		}
	}
	line("because:", e.Because)
	line("would change it:", e.Flip)
	if f := e.Forecast; f != nil {
		text := fmt.Sprintf("up to %s and %s within %d h", decision.AmountOf("cpu", f.CPU), decision.Amount("memory", f.Memory), f.Hours)
		if f.Of == "" {
			text += ", as it requests: nothing is learned of it yet"
		} else {
			text += ", by " + f.Of
		}
		line("forecast:", text)
	}
	line("since then:", since(x))
	line("kube-scheduler:", stock(e, x.Node))
	for _, lack := range e.Lacks {
		line("not shown:", lack)
	}
	return said
}

// since says what the node and the pod came to, and whether that was within the forecast.
func since(x *explained) string {
	if x.Record == nil || x.Record.Since == nil {
		return ""
	}
	s := x.Record.Since
	text := fmt.Sprintf("%s came to %s and %s", x.Record.Node, decision.AmountOf("cpu", s.NodeCPU), decision.Amount("memory", s.NodeMemory))
	for i := range x.Evaluation.Candidates {
		c := &x.Evaluation.Candidates[i]
		if !c.Chosen || len(c.Predicted) == 0 {
			continue
		}
		text += ", within the forecast"
		for j := range c.Predicted {
			p := &c.Predicted[j]
			if came := map[string]float64{"cpu": s.NodeCPU, "memory": s.NodeMemory}[p.Resource]; came > p.Upper {
				text = strings.TrimSuffix(text, ", within the forecast") + fmt.Sprintf(", above the forecast of %s", decision.AmountOf(p.Resource, p.Upper))
			}
		}
	}
	if s.PodCPU > 0 || s.PodMemory > 0 {
		text += fmt.Sprintf("; the pod to %s and %s", decision.Amount("cpu", s.PodCPU), decision.Amount("memory", s.PodMemory))
	}
	return text
}

func stock(e *decision.Evaluation, node string) string {
	switch {
	case e.Stock == nil:
		return ""
	case e.Stock.Node == "":
		return "its default profile would find no node either"
	case e.Feasible == 0:
		return "its default profile would choose " + e.Stock.Node
	case e.Stock.Node == node && e.Stock.Alike > 1:
		return fmt.Sprintf("to its default profile %d nodes are as good, this one among them", e.Stock.Alike)
	case e.Stock.Node == node:
		return "its default profile would choose the same node"
	case e.Stock.Alike > 1:
		return fmt.Sprintf("its default profile would draw among %d nodes, such as %s", e.Stock.Alike, e.Stock.Node)
	}
	return "its default profile would choose " + e.Stock.Node
}
