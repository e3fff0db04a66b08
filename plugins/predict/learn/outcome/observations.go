// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// observationColumns of a file of outcomes. An empty pressure is not known.
var observationColumns = []string{"bound", "node", "objective", "own_cpu", "node_cpu", "pressure", "risk", "propensity", "violated"}

// Outcomes returns what the ledger holds, the oldest first.
func (l *Ledger) Outcomes() []Outcome {
	return slices.Concat(l.outcomes[l.next:], l.outcomes[:l.next])
}

// WriteObservations writes outcomes as CSV. Of a decision that was judged twice the later outcome counts.
func WriteObservations(w io.Writer, outcomes []Outcome) error {
	type decision struct {
		node  string
		bound time.Time
	}
	last := map[decision]int{}
	for i, o := range outcomes {
		last[decision{o.Node, o.Bound}] = i
	}
	out := csv.NewWriter(w)
	if err := out.Write(observationColumns); err != nil {
		return err
	}
	for i, o := range outcomes {
		if last[decision{o.Node, o.Bound}] != i {
			continue
		}
		number := func(v float64) string {
			if math.IsNaN(v) {
				return ""
			}
			return strconv.FormatFloat(v, 'g', -1, 64)
		}
		if err := out.Write([]string{
			o.Bound.UTC().Format(time.RFC3339Nano), o.Node, o.Objective, number(o.X[quality.OwnCPU]), number(o.X[quality.NodeCPU]), number(o.X[quality.Pressure]),
			number(o.Risk), number(o.Propensity), strconv.FormatBool(o.Violated),
		}); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// mostBytes of a file of observations that are read: those of two million decisions.
const mostBytes = 256 << 20

// mostLine of it is read: names have 253 bytes at most.
const mostLine = 4 << 10

// ReadObservations reads what WriteObservations wrote. The error names the file and the line.
func ReadObservations(path string) ([]Outcome, error) {
	f, _, err := atomicfile.Open(path, mostBytes)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := csv.NewReader(bounded.Lines(f, mostLine))
	header, err := in.Read()
	if err != nil || !slices.Equal(header, observationColumns) {
		return nil, errors.Join(fmt.Errorf("%s: no file of observations: want the columns %v", path, observationColumns), err)
	}
	var outcomes []Outcome
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return outcomes, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		o, err := observation(row)
		if err != nil {
			line, _ := in.FieldPos(0)
			return nil, fmt.Errorf("%s: line %d: %w", path, line, err)
		}
		outcomes = append(outcomes, o)
	}
}

func observation(row []string) (Outcome, error) {
	o := Outcome{Node: row[1], Objective: row[2]}
	var err error
	if o.Bound, err = time.Parse(time.RFC3339Nano, row[0]); err != nil {
		return o, err
	}
	if o.Violated, err = strconv.ParseBool(row[8]); err != nil {
		return o, fmt.Errorf("violated: %w", err)
	}
	o.X[quality.Pressure] = math.NaN()
	for _, c := range []struct {
		column int
		to     *float64
		most   float64
	}{{3, &o.X[quality.OwnCPU], math.MaxFloat64}, {4, &o.X[quality.NodeCPU], math.MaxFloat64}, {5, &o.X[quality.Pressure], 1}, {6, &o.Risk, 1}, {7, &o.Propensity, 1}} {
		if row[c.column] == "" && c.to == &o.X[quality.Pressure] {
			continue
		}
		if *c.to, err = strconv.ParseFloat(row[c.column], 64); err != nil || !(*c.to >= 0 && *c.to <= c.most) {
			return o, fmt.Errorf("%s: %q: want a number from 0 to %g", observationColumns[c.column], row[c.column], c.most)
		}
	}
	return o, nil
}

const (
	// observationGroups of nodes, each of which is left out once, since a model will judge nodes it has not seen.
	observationGroups = 4
	// maxWeight clips the inverse of a propensity: what was chosen by a rare chance must not outweigh all else.
	maxWeight = 10
)

// FromObservations are groups to train on: the outcomes of one objective, by nodes. Each weighs the inverse of the chance with
// which its node was chosen among equals, so that nodes with many equals count like others (Horvitz and Thompson, A generalization of
// sampling without replacement, 1952), at most maxWeight.
func FromObservations(outcomes []Outcome, objective string) []*classify.Data {
	var nodes []string
	for _, o := range outcomes {
		if o.Objective == objective {
			nodes = append(nodes, o.Node)
		}
	}
	slices.Sort(nodes)
	nodes = slices.Compact(nodes)
	groups := make([]*classify.Data, min(len(nodes), observationGroups))
	for i := range groups {
		groups[i] = &classify.Data{}
	}
	for _, o := range outcomes {
		if o.Objective != objective {
			continue
		}
		at, _ := slices.BinarySearch(nodes, o.Node)
		y, w := 0., 1.
		if o.Violated {
			y = 1
		}
		if o.Propensity > 0 {
			w = min(1/o.Propensity, maxWeight)
		}
		groups[at%len(groups)].Add(o.X[:], y, w)
	}
	return groups
}
