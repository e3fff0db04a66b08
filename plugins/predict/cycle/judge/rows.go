// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package judge

import fwk "k8s.io/kube-scheduler/framework"

// Rows keep what a plugin reads of nodes, by the rows that Look names them by: pods of many shapes are judged by the same nodes, most
// of which have not changed since the last one. The goroutine that calls Look owns it. The zero value is ready.
type Rows[T any] struct {
	world any
	kept  []kept[T]
}

type kept[T any] struct {
	generation int64 // of the NodeInfo; no two have the same one, and 0 is none
	value      T
}

// In forgets what was read in another world, which is comparable.
func (r *Rows[T]) In(world any) {
	if r.world != world {
		clear(r.kept)
		r.world = world
	}
}

// Of returns what read returns of the node, or what it returned for this generation of it in this world. It is valid until the next
// call.
func (r *Rows[T]) Of(row *Row, read func(fwk.NodeInfo, *T)) *T {
	if int(row.At) >= len(r.kept) {
		r.grow(int(row.At))
	}
	k := &r.kept[row.At]
	if k.generation != row.Generation || row.Generation == 0 {
		*k = kept[T]{generation: row.Generation}
		read(row.NodeInfo, &k.value)
	}
	return &k.value
}

func (r *Rows[T]) grow(most int) {
	r.kept = append(make([]kept[T], 0, most+most/4+64), r.kept...)
	r.kept = r.kept[:cap(r.kept)]
}
