// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// A plugin that is asked judges by less of a pod than all keepers together. For example,
// TargetLoadPacking judges by its CPU, while a shape of the index also has its memory. So a
// plugin's verdicts are kept by the plugin's own shape, and a changed row is shown to the plugin
// once for each of these. The same holds for predicted pressure, which is equal for nearly all
// pods.

const (
	// maxSaidBytes is the limit of what is kept of one plugin.
	maxSaidBytes = 16 << 20
	// saidBits is the size of what is kept for each row: a raw score, and whether it is unknown.
	saidBits = 64 + 1
	// refusedRow replaces the raw score of a refused row.
	refusedRow = math.MinInt64
)

// said are one plugin's verdicts on all rows for pods of one of its shapes.
type said struct {
	clock int // of the table
	// raw are the raw scores by row, or refusedRow.
	raw []int64
	// stale holds a bit for each row that was never shown to the plugin or has changed since.
	stale table.Bits
	// until is the time up to which all of it holds. The zero time means for good.
	until time.Time
}

// keptSaid are one plugin's verdicts in one world, by its shape of the pod.
type keptSaid struct {
	world any
	of    map[any]*said
	spare []*said
}

// by returns what is kept for the shape, with changed rows marked stale. now is called only if the
// verdicts do not hold for good.
func (k *keptSaid) by(world, shape any, now func() time.Time, t *table.Table) *said {
	if world != k.world || k.of == nil {
		k.world = world
		for shape := range k.of {
			k.letGo(shape)
		}
		if k.of == nil {
			k.of = map[any]*said{}
		}
	}
	rows := len(t.Rows)
	s, ok := k.of[shape]
	if !ok {
		s = k.room(rows, t.Most())
		k.of[shape] = s
	}
	changed, known := t.ChangedSince(s.clock)
	if !known || !s.until.IsZero() && now().After(s.until) {
		s.forget()
	}
	s.grow(rows)
	for _, row := range changed {
		s.stale.Set(row)
	}
	s.clock = t.Clock()
	return s
}

// room makes room for one more shape and returns its empty verdicts.
func (k *keptSaid) room(rows, most int) *said {
	if most == 0 {
		most = max(16, maxSaidBytes*8/(saidBits*max(rows, 1)))
	}
	for len(k.of) >= most {
		// Drop any one: if shapes take turns, the oldest one is needed next.
		for shape := range k.of {
			k.letGo(shape)
			break
		}
	}
	n := len(k.spare)
	if n == 0 {
		return &said{clock: -1}
	}
	s := k.spare[n-1]
	k.spare = k.spare[:min(n-1, most)]
	return s
}

func (k *keptSaid) letGo(shape any) {
	s := k.of[shape]
	s.forget()
	k.spare = append(k.spare, s)
	delete(k.of, shape)
}

// forget drops all verdicts, so that every row is shown to the plugin anew.
func (s *said) forget() { s.clock, s.raw, s.stale, s.until = -1, s.raw[:0], s.stale[:0], time.Time{} }

// grow makes room for that many rows, with the new ones stale.
func (s *said) grow(rows int) {
	known := len(s.raw)
	if known >= rows {
		return
	}
	if cap(s.raw) < rows {
		s.raw = append(make([]int64, 0, rows+rows/16), s.raw...)
	}
	s.raw = s.raw[:rows]
	s.stale = s.stale.Grow(rows)
	s.stale.SetRange(known, rows)
}

// set stores the verdict on the row.
func (s *said) set(row int32, raw int64) {
	s.raw[row] = raw
	s.stale.Clear(row)
}

// look shows the plugin those of the rows that are stale.
func (t *asked) look(q *Query, j *saying, rows []int32) {
	s := j.said
	looked := t.looked[:0]
	for _, row := range rows {
		if s.stale.Has(row) {
			looked = append(looked, q.table.Judged(row))
		}
	}
	t.looked = looked
	if len(looked) == 0 {
		return
	}
	verdicts := resize(&t.verdicts, len(looked))
	if until := j.Look(looked, verdicts); !until.IsZero() && (s.until.IsZero() || until.Before(s.until)) {
		s.until = until
	}
	for i := range looked {
		raw := verdicts[i].Raw
		if verdicts[i].Refused && j.filters {
			raw = refusedRow
		}
		s.set(looked[i].At, raw)
	}
	clear(looked)
}
