// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package roster

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

var now = time.Unix(1_700_006_400, 0)

func node(name, ip, provider string) *v1.Node {
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelHostname: "host-of-" + name}},
		Spec:       v1.NodeSpec{ProviderID: provider},
		Status:     v1.NodeStatus{Addresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: ip}}},
	}
}

// Nodes are known by their name, or by what belongs to one of them only. All else is dropped and counted, however much it is.
func TestNamesOfNodes(t *testing.T) {
	nodes := []*v1.Node{node("a", "10.0.0.1", "aws:///eu-west-1a/i-0a"), node("b", "10.0.0.2", ""), node("c", "10.0.0.2", "")}
	for _, c := range []struct{ told, is string }{
		{"a", "a"}, {"10.0.0.1", "a"}, {"10.0.0.1:9100", "a"}, {"a:9100", "a"}, {"aws:///eu-west-1a/i-0a", "a"}, {"i-0a", "a"},
		{"host-of-b", "b"}, {"[fd00::1]:9100", ""}, {"10.0.0.3:9100", ""}, {"10.0.0.2", ""}, {"A", ""}, {":", ""},
	} {
		var r usage.Reading
		r.Nodes = []usage.NodeSample{{Node: c.told}}
		names := New(nodes, nil).Resolve(&r)
		switch {
		case c.is == "" && (len(r.Nodes) != 0 || names.Unknown != 1 || names.Odd != c.told || r.Dropped[usage.UnknownNode] != 1):
			t.Errorf("%s passes for %v; %+v", c.told, r.Nodes, names)
		case c.is != "" && (len(r.Nodes) != 1 || r.Nodes[0].Node != c.is || r.Dropped.Total() != 0 || (names.Mapped == 1) != (c.told != c.is)):
			t.Errorf("%s passes for %v, want %s; %+v", c.told, r.Nodes, c.is, names)
		}
	}
	r := usage.Reading{Nodes: []usage.NodeSample{{Node: "any"}}}
	if New([]*v1.Node{}, nil).Resolve(&r); len(r.Nodes) != 0 {
		t.Error("a cluster without nodes has one")
	}
	r = usage.Reading{Nodes: []usage.NodeSample{{Node: "any"}}}
	if New(nil, nil).Resolve(&r); len(r.Nodes) != 1 {
		t.Error("where it is not known which nodes there are, none is believed")
	}
}

// A sample counts for the pod that it is of: of that UID, by whatever name the kubelet knows it, on that node, and of no pod
// that had the name before.
func TestPodsOfSamples(t *testing.T) {
	yes := true
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "p", UID: "api", OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: "p", Controller: &yes}}},
		Spec:       v1.PodSpec{NodeName: "a"},
		Status:     v1.PodStatus{StartTime: &metav1.Time{Time: now.Add(-time.Minute)}},
	}
	mirror := pod.DeepCopy()
	mirror.Annotations = map[string]string{"kubernetes.io/config.hash": "file", "kubernetes.io/config.mirror": "file"}
	drawn := pod.DeepCopy()
	drawn.GenerateName, drawn.OwnerReferences[0].Kind = "p-", "DaemonSet"
	for _, c := range []struct {
		what      string
		pod       *v1.Pod
		uid, node string
		window    time.Duration
		drop      usage.Reason
	}{
		{"of its UID", pod, "api", "a", time.Hour, 0},
		{"of another UID", pod, "other", "a", 0, usage.UnknownPod},
		{"of no pod", nil, "api", "a", 0, usage.UnknownPod},
		{"of a static pod", mirror, "file", "a", 0, 0},
		{"of a static pod's mirror", mirror, "api", "a", 0, 0},
		{"of a static pod before it", mirror, "older", "a", 0, usage.UnknownPod},
		{"told by another kubelet", pod, "api", "b", 0, usage.OtherNode},
		{"told by an address of its node", pod, "api", "10.0.0.1:10250", 0, 0},
		{"told under a name of no node", pod, "api", "nobody", 0, 0},
		{"without UID, begun after it started", pod, "", "", 30 * time.Second, 0},
		{"without UID, begun before it started", pod, "", "", 2 * time.Minute, usage.UnknownPod},
		{"without UID, of a name that was drawn", drawn, "", "", 2 * time.Minute, 0},
	} {
		r := usage.Reading{Pods: []usage.PodSample{{Namespace: "n", Name: "p", UID: c.uid, Node: c.node, Sample: usage.Sample{Time: now, Window: c.window}}}}
		New([]*v1.Node{node("a", "10.0.0.1", ""), node("b", "10.0.0.2", "")}, func(string, string) *v1.Pod { return c.pod }).Resolve(&r)
		if c.drop != 0 {
			if len(r.Pods) != 0 || r.Dropped[c.drop] != 1 {
				t.Errorf("%s: %+v, dropped %v", c.what, r.Pods, r.Dropped)
			}
		} else if len(r.Pods) != 1 || types.UID(r.Pods[0].UID) != "api" || r.Pods[0].Node != "a" || r.Dropped.Total() != 0 {
			t.Errorf("%s: %+v, dropped %v", c.what, r.Pods, r.Dropped)
		}
	}
}

// Whatever an answer holds, what is left is of nodes and pods that there are, and the rest is counted.
func FuzzResolve(f *testing.F) {
	f.Add("a", "10.0.0.1:9100", "p", "api", int64(30))
	f.Add("", "[::1", "q", "", int64(-5))
	f.Fuzz(func(t *testing.T, first, second, name, uid string, window int64) {
		pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "p", UID: "api"}, Spec: v1.PodSpec{NodeName: "a"}}
		r := usage.Reading{
			Nodes: []usage.NodeSample{{Node: first}, {Node: second}},
			Pods: []usage.PodSample{
				{Namespace: "n", Name: name, UID: uid, Node: first, Sample: usage.Sample{Time: now, Window: time.Duration(window)}},
				{Namespace: "n", Name: "p", Node: second},
			},
		}
		New([]*v1.Node{node("a", "10.0.0.1", "x://a"), node("b", "10.0.0.2", "x://b")}, func(_, name string) *v1.Pod {
			if name == "p" {
				return pod
			}
			return nil
		}).Resolve(&r)
		if got := uint64(len(r.Nodes)+len(r.Pods)) + r.Dropped.Total(); got != 4 {
			t.Errorf("%d of 4 samples are kept or counted", got)
		}
		for _, n := range r.Nodes {
			if n.Node != "a" && n.Node != "b" && n.Node != "" {
				t.Errorf("a node %q", n.Node)
			}
		}
		for _, p := range r.Pods {
			if p.Name != "" && (p.Name != "p" || p.UID != "api" || p.Node != "a") {
				t.Errorf("a pod %+v", p)
			}
		}
	})
}
