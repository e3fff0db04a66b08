// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

var v1Pods = schema.GroupResource{Resource: "pods"}

const us = "foresight-system/foresight-scheduler"

func object(change func(*v1.Node)) *v1.Node {
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: "a", ResourceVersion: "7", Labels: map[string]string{"pool": "spare"}, CreationTimestamp: metav1.NewTime(noon.Add(-48 * time.Hour))}}
	n.Status.Conditions = []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}
	if change != nil {
		change(n)
	}
	return n
}

// Which nodes may be emptied, and why others may not.
func TestNodes(t *testing.T) {
	annotated := func(key, value string) func(*v1.Node) {
		return func(n *v1.Node) { n.Annotations = map[string]string{key: value} }
	}
	tainted := func(key string) func(*v1.Node) {
		return func(n *v1.Node) { n.Spec.Taints = []v1.Taint{{Key: key, Effect: v1.TaintEffectNoSchedule}} }
	}
	for name, tc := range map[string]struct {
		change func(*v1.Node)
		kept   rebalance.Reason
		packed bool
	}{
		"any":                          {nil, "", true},
		"control plane":                {func(n *v1.Node) { n.Labels["node-role.kubernetes.io/control-plane"] = "" }, ControlPlane, false},
		"scale-down disabled":          {annotated("cluster-autoscaler.kubernetes.io/scale-down-disabled", "true"), KeptByOwner, true},
		"scale-down not disabled":      {annotated("cluster-autoscaler.kubernetes.io/scale-down-disabled", "false"), "", true},
		"not to be disrupted":          {annotated("karpenter.sh/do-not-disrupt", "true"), KeptByOwner, true},
		"not to be disrupted for long": {annotated("karpenter.sh/do-not-disrupt", "4h"), KeptByOwner, true},
		"to be disrupted":              {annotated("karpenter.sh/do-not-disrupt", "false"), "", true},
		"being removed":                {tainted("ToBeDeletedByClusterAutoscaler"), Removing, false},
		"being disrupted":              {tainted("karpenter.sh/disrupted"), Removing, false},
		"a candidate of theirs":        {tainted("DeletionCandidateOfClusterAutoscaler"), "", true},
		"other labels":                 {func(n *v1.Node) { n.Labels = nil }, NotSelected, false},
		"cordoned":                     {func(n *v1.Node) { n.Spec.Unschedulable = true }, NotReady, false},
		"not ready":                    {func(n *v1.Node) { n.Status.Conditions = nil }, NotReady, false},
		"young":                        {func(n *v1.Node) { n.CreationTimestamp = metav1.NewTime(noon.Add(-time.Minute)) }, Young, true},
		"marked by a stranger":         {tainted(claims.EmptyingTaint), MarkedByElse, true},
	} {
		s := &Nodes{Selector: labels.SelectorFromSet(labels.Set{"pool": "spare"}), MinAge: time.Hour, By: us}
		packed, kept, marked := s.Of(object(tc.change), noon)
		if packed != tc.packed || kept != tc.kept || !marked.IsZero() {
			t.Errorf("%s: packed %v, kept %q, marked %v", name, packed, kept, marked)
		}
	}
}

// A mark is a soft taint with its time and ours by an annotation. Taking it off leaves the node as it was; another one's is not touched.
func TestMark(t *testing.T) {
	before := object(func(n *v1.Node) {
		n.Annotations = map[string]string{"theirs": "x"}
		n.Spec.Taints = []v1.Taint{{Key: "gpu", Effect: v1.TaintEffectNoSchedule}}
	})
	apply := func(n *v1.Node, on bool, at time.Time) *v1.Node {
		t.Helper()
		patch, err := Mark(n, us, on, at)
		if err != nil {
			t.Fatal(err)
		}
		if patch == nil {
			return n
		}
		if !strings.Contains(string(patch), `"resourceVersion":"7"`) {
			t.Errorf("it does not hold the node to what was read: %s", patch)
		}
		out, err := fake.NewClientset(n).CoreV1().Nodes().Patch(t.Context(), n.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	s := &Nodes{Selector: labels.Everything(), By: us}
	on := apply(before, true, noon)
	if packed, kept, marked := s.Of(on, noon); !packed || kept != "" || !marked.Equal(noon) {
		t.Errorf("packed %v, kept %q, marked %v: %+v", packed, kept, marked, on)
	}
	if i := slices.IndexFunc(on.Spec.Taints, func(t v1.Taint) bool { return t.Key == claims.EmptyingTaint }); i != 1 || on.Spec.Taints[i].Effect != v1.TaintEffectPreferNoSchedule {
		t.Errorf("taints %+v", on.Spec.Taints)
	}
	// A second one does not begin the time anew.
	if _, _, marked := s.Of(apply(on, true, noon.Add(time.Hour)), noon); !marked.Equal(noon) {
		t.Error(marked)
	}
	off := apply(on, false, noon)
	if _, _, marked := s.Of(off, noon); !marked.IsZero() || len(off.Spec.Taints) != 1 || off.Spec.Taints[0].Key != "gpu" || len(off.Annotations) != 1 {
		t.Errorf("%v %+v", off.Annotations, off.Spec.Taints)
	}
	// Another one's stays as it is, and so does one of nobody.
	for _, by := range []string{"other/scheduler", "", strings.Repeat("x", 600)} {
		theirs := object(func(n *v1.Node) {
			n.Annotations = map[string]string{claims.EmptyingBy: by}
			n.Spec.Taints = []v1.Taint{{Key: claims.EmptyingTaint, Value: "1", Effect: v1.TaintEffectPreferNoSchedule}}
		})
		for _, on := range []bool{true, false} {
			if patch, err := Mark(theirs, us, on, noon); patch != nil || err != nil {
				t.Errorf("by %q: %s, %v", by, patch, err)
			}
		}
	}
	// A time that nobody can read is long over.
	on.Spec.Taints[1].Value = "soon"
	if _, _, marked := s.Of(on, noon); marked.IsZero() || marked.Year() > 1970 {
		t.Error(marked)
	}
}
