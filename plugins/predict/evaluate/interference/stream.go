// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"cmp"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// prepared is a kind with its features and labels.
type prepared struct {
	kind *Kind
	x    [][]float64
	y    []float64 // NaN where there is no label
}

func prepare(k *Kind) prepared { return prepared{k, features(k.Rows), labels(k.Rows)} }

// labelled rows.
func (p *prepared) labelled() *classify.Data {
	d := &classify.Data{X: make([][]float64, featureCount)}
	for i, y := range p.y {
		p.add(d, i, y)
	}
	return d
}

// add adds a row to d where it has a label.
func (p *prepared) add(d *classify.Data, row int, label float64) {
	if math.IsNaN(label) {
		return
	}
	var x [featureCount]float64
	for j := range x {
		x[j] = p.x[j][row]
	}
	d.Add(x[:], label, 1)
}

// stream is the rows of one kind or of several, in time order.
type stream struct {
	kinds  []prepared
	places []place
}

// place of a row: the index of its kind, and the row's index within that kind.
type place struct{ kind, row int }

func streamOf(kinds []prepared) stream {
	s := stream{kinds: kinds}
	for k := range kinds {
		for i := range kinds[k].y {
			s.places = append(s.places, place{k, i})
		}
	}
	slices.SortStableFunc(s.places, func(a, b place) int {
		return cmp.Compare(kinds[a.kind].kind.Rows[a.row].Time, kinds[b.kind].kind.Rows[b.row].Time)
	})
	return s
}

// split the stream after cut rows. What was seen is labelled from what was seen: the service alone, later, is not known yet.
func (s *stream) split(cut int) (seen, test *classify.Data) {
	seen, test = &classify.Data{X: make([][]float64, featureCount)}, &classify.Data{X: make([][]float64, featureCount)}
	early := make([][]float64, len(s.kinds))
	for k := range s.kinds {
		n := 0
		for _, p := range s.places[:cut] {
			if p.kind == k {
				n++
			}
		}
		early[k] = labels(s.kinds[k].kind.Rows[:n])
	}
	for i, p := range s.places {
		if i < cut {
			s.kinds[p.kind].add(seen, p.row, early[p.kind][p.row])
		} else {
			s.kinds[p.kind].add(test, p.row, s.kinds[p.kind].y[p.row])
		}
	}
	return seen, test
}

// after how many rows there are so many with a label; -1 where that takes more than half of them.
func (s *stream) after(labelled int) int {
	n := 0
	for i, p := range s.places[:len(s.places)/2] {
		if !math.IsNaN(s.kinds[p.kind].y[p.row]) {
			if n++; n == labelled {
				return i + 1
			}
		}
	}
	return -1
}

// has says whether each kind's file has the column.
func (s *stream) has(column string) bool {
	return !slices.ContainsFunc(s.kinds, func(p prepared) bool { return !p.kind.Columns[column] })
}
