// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package table

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	internalcache "k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
)

// Pods of many images in turn find the column of each as it was left, up to date; and an image that no node has has none.
func TestManyImages(t *testing.T) {
	metrics.Register() // The cache counts its nodes each second.
	logger := klog.Background()
	c := internalcache.New(t.Context(), nil, false, false)
	node := func(name string, images ...int) *v1.Node {
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		for _, i := range images {
			n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: []string{fmt.Sprint("image-", i)}, SizeBytes: int64(i)})
		}
		return n
	}
	all := make([]int, 300)
	for i := range all {
		all[i] = i
	}
	before := node("a", all...)
	c.AddNode(logger, before)
	c.AddNode(logger, node("b"))
	snapshot, table := internalcache.NewEmptySnapshot(), New()
	update := func() {
		if err := c.UpdateSnapshot(logger, snapshot); err != nil {
			t.Fatal(err)
		}
		table.Update(snapshot, map[string]struct{}{"a": {}, "b": {}})
	}
	update()
	ids := map[int]int64{}
	for round := range 3 {
		for i := range all {
			image := table.Image(fmt.Sprint("image-", i))
			if round > 0 && image.ID != ids[i] {
				t.Fatalf("image %d was forgotten", i)
			}
			ids[i] = image.ID
			row, _ := table.Row("a")
			if size, nodes := image.On(row); size != int64(i) || nodes != 1 {
				t.Fatalf("image %d: %d bytes on %d nodes", i, size, nodes)
			}
		}
	}
	if table.Image("image-300") != nil {
		t.Error("a column of an image that no node has")
	}
	after := node("a", 7)
	c.UpdateNode(logger, before, after)
	update()
	if table.Image("image-8") != nil || table.Image("image-7") == nil {
		t.Error("the image that is gone has a column, or that which stayed has none")
	}
	if row, _ := table.Row("b"); true {
		if _, nodes := table.Image("image-7").On(row); nodes != 0 {
			t.Error("an image is where it is not")
		}
	}
}
