// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package judge

import fwk "k8s.io/kube-scheduler/framework"

// Rows are a cache of what a plugin reads of nodes, by the rows that Look names. Pods of many
// shapes are judged by the same nodes, most of which have not changed since the last pod. The
// goroutine that calls Look owns the cache. The zero value is ready.
type Rows[T any] struct {
	world any
	kept  []kept[T]
}

type kept[T any] struct {
	generation int64 // of the NodeInfo; no two have the same one, and 0 is none
	value      T
}

// In empties the cache if world, a comparable value, differs from that of the last call.
func (r *Rows[T]) In(world any) {
	if r.world != world {
		clear(r.kept)
		r.world = world
	}
}

// Of returns the value that read fills in for the node. It is read once for each generation of the
// node in this world. The result is valid until the next call.
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
