// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package verdict

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// A pod whose volumes are on one node may go nowhere else; claims that are not bound, or that nobody knows, tie it to none.
func TestAllowedByVolumes(t *testing.T) {
	claim := func(name, volume string) *v1.PersistentVolumeClaim {
		return &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: v1.PersistentVolumeClaimSpec{VolumeName: volume}}
	}
	volume := func(name, zone string) *v1.PersistentVolume {
		p := &v1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if zone != "" {
			p.Spec.NodeAffinity = &v1.VolumeNodeAffinity{Required: &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
				MatchExpressions: []v1.NodeSelectorRequirement{{Key: "zone", Operator: v1.NodeSelectorOpIn, Values: []string{zone}}},
			}}}}
		}
		return p
	}
	indexer := func(objects ...any) cache.Indexer {
		i := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
		for _, o := range objects {
			_ = i.Add(o)
		}
		return i
	}
	volumes := Volumes{
		corelisters.NewPersistentVolumeClaimLister(indexer(claim("a", "in-a"), claim("b", "in-b"), claim("anywhere", "anywhere"), claim("unbound", ""), claim("gone", "gone"), claim("p-scratch", "in-b"))),
		corelisters.NewPersistentVolumeLister(indexer(volume("in-a", "a"), volume("in-b", "b"), volume("anywhere", ""))),
	}
	for name, tc := range map[string]struct {
		claims []string
		zones  string // that the pod may go to, of a and b
	}{
		"none":           {nil, "ab"},
		"in one zone":    {[]string{"a"}, "a"},
		"in both zones":  {[]string{"a", "b"}, ""},
		"reached by all": {[]string{"anywhere"}, "ab"},
		"not bound":      {[]string{"unbound"}, "ab"},
		"of no volume":   {[]string{"gone", "unknown"}, "ab"},
		"one of its own": {[]string{"scratch"}, "b"},
		"one of each":    {[]string{"anywhere", "unbound", "b"}, "b"},
	} {
		p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p"}}
		for _, c := range tc.claims {
			v := v1.Volume{Name: c, VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: c}}}
			if c == "scratch" {
				v.VolumeSource = v1.VolumeSource{Ephemeral: &v1.EphemeralVolumeSource{}}
			}
			p.Spec.Volumes = append(p.Spec.Volumes, v)
		}
		allowed, got := AllowedFor(p, volumes), ""
		for _, zone := range []string{"a", "b"} {
			if allowed.On(&v1.Node{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"zone": zone}}}) {
				got += zone
			}
		}
		if got != tc.zones {
			t.Errorf("%s: the pod may go to %q, want %q", name, got, tc.zones)
		}
	}
}

// A pod may go where its selector, its affinity and its tolerations let it.
func TestAllowed(t *testing.T) {
	node := func(change func(*v1.Node)) *v1.Node {
		n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{"pool": "a"}}}
		change(n)
		return n
	}
	plain := node(func(*v1.Node) {})
	tainted := node(func(n *v1.Node) { n.Spec.Taints = []v1.Taint{{Key: "k", Effect: v1.TaintEffectNoSchedule}} })
	softly := node(func(n *v1.Node) { n.Spec.Taints = []v1.Taint{{Key: "k", Effect: v1.TaintEffectPreferNoSchedule}} })
	cordoned := node(func(n *v1.Node) { n.Spec.Unschedulable = true })
	other := node(func(n *v1.Node) { n.Labels["pool"] = "b" })
	for name, tc := range map[string]struct {
		spec v1.PodSpec
		on   []*v1.Node
		off  []*v1.Node
	}{
		"no constraint": {v1.PodSpec{}, []*v1.Node{plain, softly, other}, []*v1.Node{tainted, cordoned}},
		"a selector":    {v1.PodSpec{NodeSelector: map[string]string{"pool": "a"}}, []*v1.Node{plain}, []*v1.Node{other, tainted}},
		"tolerations":   {v1.PodSpec{Tolerations: []v1.Toleration{{Operator: v1.TolerationOpExists}}}, []*v1.Node{plain, tainted, cordoned}, nil},
		"a node's name": {v1.PodSpec{Affinity: &v1.Affinity{NodeAffinity: &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{
			NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchFields: []v1.NodeSelectorRequirement{{Key: "metadata.name", Operator: v1.NodeSelectorOpIn, Values: []string{"m"}}}}},
		}}}}, nil, []*v1.Node{plain}},
	} {
		allowed := AllowedFor(&v1.Pod{Spec: tc.spec}, Volumes{})
		for _, n := range tc.on {
			if !allowed.On(n) {
				t.Errorf("%s: not on %+v", name, n)
			}
		}
		for _, n := range tc.off {
			if allowed.On(n) {
				t.Errorf("%s: on %+v", name, n)
			}
		}
	}
}
