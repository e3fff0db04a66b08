// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"strings"

	v1 "k8s.io/api/core/v1"
)

// TaintClass is what all nodes with the same taints have in common. A class without nodes
// is free and used again.
type TaintClass struct {
	Taints        []v1.Taint
	Unschedulable bool
	Nodes         int
	key           string
}

func (t *Table) setTaints(row int32, had bool) {
	if had {
		t.releaseTaints(t.Classes[row])
	}
	node := t.nodes[row]
	key := taintKey(node)
	id, ok := t.taintIDs[key]
	if !ok {
		id = int32(len(t.Taints))
		for i := range t.Taints {
			if t.Taints[i].Nodes == 0 {
				id = int32(i)
				break
			}
		}
		class := TaintClass{Taints: node.Spec.Taints, Unschedulable: node.Spec.Unschedulable, key: key}
		if int(id) == len(t.Taints) {
			t.Taints = append(t.Taints, class)
		} else {
			t.Taints[id] = class
		}
		t.taintIDs[key] = id
	}
	t.Taints[id].Nodes++
	t.Classes[row] = id
	t.Classified++
}

func (t *Table) releaseTaints(id int32) {
	class := &t.Taints[id]
	if class.Nodes--; class.Nodes == 0 {
		delete(t.taintIDs, class.key)
	}
}

// taintKey keeps the order: it is the order in which taints are judged.
func taintKey(node *v1.Node) string {
	var b strings.Builder
	if node.Spec.Unschedulable {
		b.WriteByte('!')
	}
	for _, taint := range node.Spec.Taints {
		b.WriteString(taint.Key)
		b.WriteByte('=')
		b.WriteString(taint.Value)
		b.WriteByte(':')
		b.WriteString(string(taint.Effect))
		b.WriteByte(0)
	}
	return b.String()
}
