// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

// maxTopologies bounds the columns, of 4 bytes a row, and those of one pod.
const maxTopologies = 256

// NoValue in Topology.Values is that of a node without the label.
const NoValue = int32(-1)

// Topology numbers the values that a node label has.
type Topology struct {
	Key string
	// Values by row: a number below Domains, or NoValue.
	Values []int32
	ids    map[string]int32
	apart  int // domains, where every row is one
}

// Domains bounds the numbers in Values.
func (k *Topology) Domains() int { return max(len(k.ids), k.apart) }

// Apart returns the topology in which every node that has the label is a domain of its own,
// whatever value it has.
func (k *Topology) Apart() *Topology {
	own := &Topology{Key: k.Key, Values: make([]int32, len(k.Values)), apart: len(k.Values)}
	for row, value := range k.Values {
		if own.Values[row] = int32(row); value == NoValue {
			own.Values[row] = NoValue
		}
	}
	return own
}

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

// Topology returns the column of a label, or nil where one question has asked for too many: the
// column that was not asked for for the longest time makes room. It is right until the table
// changes. Numbers of values that no node has any more stay taken until more than half of them
// are.
func (t *Table) Topology(label string) *Topology {
	if !t.Labels.Known(label) {
		return &Topology{Key: label, Values: t.nowhere} // takes no place: pods may ask for any number
	}
	key := []byte(label)
	k, ok := t.topologies.get(key)
	if ok && len(k.ids) <= 2*t.Used+16 {
		return k
	}
	if !ok {
		if !t.topologies.hasRoom() {
			return nil
		}
		k = &Topology{Key: label, Values: make([]int32, len(t.Rows))}
		t.topologies.put(key, k)
	}
	k.ids = map[string]int32{}
	for row, node := range t.nodes {
		k.Values[row] = NoValue
		if node != nil {
			value, has := node.Labels[label]
			k.set(int32(row), value, has)
		}
	}
	return k
}

// ID returns the number of a value, and whether any node has it.
func (k *Topology) ID(value string) (int32, bool) {
	id, ok := k.ids[value]
	return id, ok
}
