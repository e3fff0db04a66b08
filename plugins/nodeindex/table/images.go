// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
)

// maxImageBytes bounds what columns of images take, imageBytes a row.
const (
	maxImageBytes = 64 << 20
	imageBytes    = 16
)

// Image says which nodes have an image.
type Image struct {
	// ID is no other column's, of this image before it was forgotten neither.
	ID     int64
	name   string
	states []fwk.ImageStateSummary
	clock  int // of the table
}

// Image returns the column of an image's normalized name, or nil where no node has it: new
// versions of images are asked for all the time. It is right until the table changes.
func (t *Table) Image(name string) *Image {
	if t.imageNodes[name] == 0 {
		return nil
	}
	t.images.limit = max(64, maxImageBytes/(imageBytes*max(len(t.Rows), 1)))
	if t.most > 0 {
		t.images.limit = t.most
	}
	key := []byte(name)
	i, ok := t.images.get(key)
	if !ok {
		t.imageIDs++
		i = &Image{ID: t.imageIDs, name: name, clock: -1}
		t.images.put(key, i)
	}
	// The number of nodes that have an image moves without the node, and with it only NodeInfos that
	// changed for another reason, too.
	changed, known := t.ChangedSince(i.clock)
	if !known || len(i.states) != len(t.Rows) {
		i.states = resize(i.states, len(t.Rows))
		for row, info := range t.Infos {
			i.set(int32(row), info)
		}
	} else {
		for _, row := range changed {
			i.set(row, t.Infos[row])
		}
	}
	i.clock = t.Clock()
	return i
}

func resize(s []fwk.ImageStateSummary, n int) []fwk.ImageStateSummary {
	if cap(s) < n {
		return make([]fwk.ImageStateSummary, n)
	}
	return s[:n]
}

// On returns the image's size in bytes on the node of a row and the number of nodes that
// have it, both 0 where the node does not.
func (i *Image) On(row int32) (size int64, nodes int) {
	s := &i.states[row]
	return s.Size, s.NumNodes
}

func (i *Image) set(row int32, info fwk.NodeInfo) {
	i.states[row] = fwk.ImageStateSummary{}
	if info == nil {
		return
	}
	if s, ok := info.GetImageStates()[i.name]; ok && s.NumNodes > 0 {
		i.states[row] = fwk.ImageStateSummary{Size: s.Size, NumNodes: s.NumNodes}
	}
}

// countImages notes which images a node has, in place of those that it had; nil is no node.
func (t *Table) countImages(old, node *v1.Node) {
	if old != nil && node != nil && slices.EqualFunc(old.Status.Images, node.Status.Images, func(a, b v1.ContainerImage) bool { return slices.Equal(a.Names, b.Names) }) {
		return
	}
	t.addImages(node, 1)
	t.addImages(old, -1)
}

func (t *Table) addImages(node *v1.Node, delta int) {
	if node == nil {
		return
	}
	for i := range node.Status.Images {
		for _, name := range node.Status.Images[i].Names {
			if t.imageNodes[name] += delta; t.imageNodes[name] == 0 {
				delete(t.imageNodes, name)
			}
		}
	}
}
