// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

const maxTopologies = 64

// NoValue in Topology.Values is that of a node without the label.
const NoValue = int32(-1)

// Topology numbers the values that a node label has.
type Topology struct {
	Key string
	// Values by row: a number below Domains, or NoValue.
	Values []int32
	ids    map[string]int32
}

// Domains bounds the numbers in Values.
func (k *Topology) Domains() int { return len(k.ids) }

func (k *Topology) set(row int32, value string, has bool) {
	if !has {
		k.Values[row] = NoValue
		return
	}
	id, ok := k.ids[value]
	if !ok {
		id = int32(len(k.ids))
		k.ids[value] = id
	}
	k.Values[row] = id
}

// Topology returns the column of a label, or nil where there are too many labels already.
// Columns are never forgotten while in use; numbers of values that no node has any more
// stay taken until more than half of them are.
func (t *Table) Topology(key string) *Topology {
	k, ok := t.topologies[key]
	if ok && len(k.ids) <= 2*t.Used+16 {
		return k
	}
	if !ok && len(t.topologies) >= maxTopologies {
		return nil
	}
	k = &Topology{Key: key, Values: make([]int32, len(t.Rows)), ids: map[string]int32{}}
	for row, node := range t.nodes {
		k.Values[row] = NoValue
		if node != nil {
			value, has := node.Labels[key]
			k.set(int32(row), value, has)
		}
	}
	t.topologies[key] = k
	return k
}

// ID returns the number of a value, and whether any node has it.
func (k *Topology) ID(value string) (int32, bool) {
	id, ok := k.ids[value]
	return id, ok
}
