// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Pods of which no source tells the node are believed up to the largest node there is, of each resource.
func TestMachinesFrom(t *testing.T) {
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	machines := MachinesFrom(corelisters.NewNodeLister(indexer))
	if m, ok := machines(""); ok {
		t.Errorf("of no node the largest is %+v", m)
	}
	for name, capacity := range map[string][2]string{"fast": {"64", "16Gi"}, "wide": {"8", "512Gi"}} {
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: v1.NodeStatus{Capacity: v1.ResourceList{
			v1.ResourceCPU: resource.MustParse(capacity[0]), v1.ResourceMemory: resource.MustParse(capacity[1])}}}
		if err := indexer.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	if m, ok := machines("wide"); !ok || m != (Machine{Cores: 8, Bytes: 512 << 30}) {
		t.Errorf("wide: %+v, %v", m, ok)
	}
	if _, ok := machines("unknown"); ok {
		t.Error("a node that is not there has a size")
	}
	sample := func(cores float64) PodSample {
		s := PodSample{Namespace: "ns", Name: "p"}
		s.Time = noon
		s.Values.Set(CPU, cores)
		return s
	}
	for cores, dropped := range map[float64]uint64{90: 0, 100: 1} { // of 1.5 × 64
		r := NewCleaner(DefaultBounds(), machines).Clean(noon, Reading{Pods: []PodSample{sample(cores)}})
		if r.Dropped[Absurd] != dropped {
			t.Errorf("%v cores: dropped %v", cores, r.Dropped)
		}
	}
}
