// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import fwk "k8s.io/kube-scheduler/framework"

const maxImages = 64

// Image says which nodes have an image.
type Image struct {
	// ID is no other column's, of this image before it was forgotten neither.
	ID     int64
	name   string
	states []fwk.ImageStateSummary
	// Nodes that have it.
	Nodes int
}

// Image returns the column of an image's normalized name.
func (t *Table) Image(name string) *Image {
	key := []byte(name)
	if i, ok := t.images.get(key); ok {
		return i
	}
	t.imageIDs++
	i := &Image{ID: t.imageIDs, name: name, states: make([]fwk.ImageStateSummary, len(t.Rows))}
	for row, info := range t.Infos {
		if info != nil {
			i.set(int32(row), info)
		}
	}
	t.images.put(key, i)
	return i
}

// On returns the image's size in bytes on the node of a row and the number of nodes that
// have it, both 0 where the node does not.
func (i *Image) On(row int32) (size int64, nodes int) {
	s := &i.states[row]
	return s.Size, s.NumNodes
}

func (i *Image) set(row int32, info fwk.NodeInfo) {
	if i.states[row].NumNodes > 0 {
		i.Nodes--
	}
	i.states[row] = fwk.ImageStateSummary{}
	if info == nil {
		return
	}
	if s, ok := info.GetImageStates()[i.name]; ok && s.NumNodes > 0 {
		i.states[row] = fwk.ImageStateSummary{Size: s.Size, NumNodes: s.NumNodes}
		i.Nodes++
	}
}
