// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"slices"
	"testing"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"
)

// A pod belongs to the scheduler it names, and to no other.
func TestEachPodByItsOwnScheduler(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "own", 1, nil)
	byDefault := newPod("by-default", pool, "100m")
	byDefault.Spec.SchedulerName = ""
	byNobody := newPod("by-nobody", pool, "100m")
	byNobody.Spec.SchedulerName = "nobody"
	create(t, ns, byNobody, byDefault, newPod("by-us", pool, "100m"))

	for pod, scheduler := range map[string]string{"by-us": ours, "by-default": "default-scheduler"} {
		placed(t, ns, pod)
		eventually(t, "Scheduled event of "+pod, func(ctx context.Context) (bool, string) {
			events, err := client.EventsV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("regarding.name", pod).String()})
			if err != nil {
				return false, err.Error()
			}
			for _, e := range events.Items {
				if e.Reason == "Scheduled" {
					return e.ReportingController == scheduler, e.ReportingController
				}
			}
			return false, fmt.Sprint(len(events.Items), " events")
		})
	}
	p, err := client.CoreV1().Pods(ns).Get(t.Context(), "by-nobody", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Spec.NodeName != "" || len(p.Status.Conditions) > 0 {
		t.Errorf("a pod of another scheduler was touched: %v", p.Status.Conditions)
	}
}

func TestNodeAffinityAndSelector(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "affinity", 3, func(i int, n *v1.Node) { n.Labels["disk"] = []string{"hdd", "ssd", "nvme"}[i] })

	selector := newPod("selector", pool, "100m")
	selector.Spec.NodeSelector = map[string]string{nodePool: "affinity", "disk": "ssd"}
	required := newPod("required", pool, "100m")
	required.Spec.Affinity = nodeAffinity(&v1.NodeSelectorRequirement{Key: "disk", Operator: v1.NodeSelectorOpNotIn, Values: []string{"ssd", "hdd"}}, nil)
	preferred := newPod("preferred", pool, "100m")
	preferred.Spec.Affinity = nodeAffinity(nil, &v1.NodeSelectorRequirement{Key: "disk", Operator: v1.NodeSelectorOpIn, Values: []string{"hdd"}})
	create(t, ns, selector, required, preferred)
	for pod, want := range map[string]string{"selector": "affinity-1", "required": "affinity-2", "preferred": "affinity-0"} {
		if got := placed(t, ns, pod); got != want {
			t.Errorf("%s is on %s, want %s", pod, got, want)
		}
	}

	// A pod that no node matches says why, and goes where a label appears.
	nowhere := newPod("nowhere", pool, "100m")
	nowhere.Spec.NodeSelector = map[string]string{nodePool: "affinity", "disk": "tape"}
	create(t, ns, nowhere)
	refused(t, ns, "nowhere", "didn't match Pod's node affinity/selector")
	patchNode(t, "affinity-0", `{"metadata":{"labels":{"disk":"tape"}}}`)
	if got := placed(t, ns, "nowhere"); got != "affinity-0" {
		t.Errorf("nowhere is on %s, want affinity-0", got)
	}
}

func nodeAffinity(required, preferred *v1.NodeSelectorRequirement) *v1.Affinity {
	a := &v1.NodeAffinity{}
	if required != nil {
		a.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{MatchExpressions: []v1.NodeSelectorRequirement{*required}}}}
	}
	if preferred != nil {
		a.PreferredDuringSchedulingIgnoredDuringExecution = []v1.PreferredSchedulingTerm{{Weight: 100, Preference: v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{*preferred}}}}
	}
	return &v1.Affinity{NodeAffinity: a}
}

func patchNode(t *testing.T, node, patch string) {
	t.Helper()
	if _, err := client.CoreV1().Nodes().Patch(t.Context(), node, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestTaints(t *testing.T) {
	ns := newNamespace(t)
	gpu := v1.Taint{Key: "gpu", Value: "a100", Effect: v1.TaintEffectNoSchedule}
	pool := newNodes(t, "taints", 2, func(i int, n *v1.Node) {
		if i == 0 {
			n.Spec.Taints = append(n.Spec.Taints, gpu)
		} else {
			n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: "slow", Effect: v1.TaintEffectPreferNoSchedule})
		}
	})
	tolerant := newPod("tolerant", pool, "100m")
	tolerant.Spec.Tolerations = append(tolerant.Spec.Tolerations, v1.Toleration{Key: "gpu", Operator: v1.TolerationOpExists})
	create(t, ns, tolerant, newPod("plain", pool, "100m"))
	// The one that may goes to the node that nobody asked it to avoid.
	if got := placed(t, ns, "tolerant"); got != "taints-0" {
		t.Errorf("tolerant is on %s, want taints-0", got)
	}
	if got := placed(t, ns, "plain"); got != "taints-1" {
		t.Errorf("plain is on %s, want taints-1", got)
	}

	// A pod kept out by a taint goes in when the taint goes.
	only := newPod("only-there", pool, "100m")
	only.Spec.NodeSelector = map[string]string{nodePool: "taints", v1.LabelHostname: "taints-0"}
	create(t, ns, only)
	refused(t, ns, "only-there", "untolerated taint")
	removeTaint(t, "taints-0", "gpu")
	placed(t, ns, "only-there")
}

func removeTaint(t *testing.T, node, key string) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := client.CoreV1().Nodes().Get(t.Context(), node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(taint v1.Taint) bool { return taint.Key == key })
		_, err = client.CoreV1().Nodes().Update(t.Context(), n, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A pod that fits nowhere says what is short, and goes where a node appears.
func TestUnschedulableUntilANodeAppears(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "grow", 1, nil)
	create(t, ns, newPod("big", pool, "6"))
	refused(t, ns, "big", "Insufficient cpu")
	createNode(t, &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "grow-new", Labels: map[string]string{nodePool: "grow"}},
		Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: nodePool, Value: "grow", Effect: v1.TaintEffectNoSchedule}}},
		Status:     v1.NodeStatus{Capacity: capacity("8", "8Gi", "110"), Allocatable: capacity("8", "8Gi", "110")},
	})
	if got := placed(t, ns, "big"); got != "grow-new" {
		t.Errorf("big is on %s, want grow-new", got)
	}
}

// A pod of a higher PriorityClass takes the place of a lower one's.
func TestPreemption(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "preempt", 1, nil)
	class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: ns + "-high"}, Value: 1000}
	newPriorityClass(t, ns, class)
	create(t, ns, newPod("low-1", pool, "2"), newPod("low-2", pool, "2"))
	placed(t, ns, "low-1")
	placed(t, ns, "low-2")
	high := newPod("high", pool, "2")
	high.Spec.PriorityClassName = class.Name
	create(t, ns, high)
	placed(t, ns, "high")
	victims := 0
	for _, name := range []string{"low-1", "low-2"} {
		if _, err := client.CoreV1().Pods(ns).Get(t.Context(), name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			victims++
		}
	}
	if victims != 1 {
		t.Errorf("%d victims, want the one that is enough", victims)
	}
}

// Service affinity and anti-affinity by annotation, and an annotation that does not parse.
func TestServiceAffinity(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "service", 4, func(i int, n *v1.Node) {
		n.Labels["rack"] = []string{"r1", "r1", "r2", "r2"}[i]
	})
	for _, app := range []string{"near", "far"} {
		service := &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: app}, Spec: v1.ServiceSpec{
			Selector: map[string]string{"app": app}, Ports: []v1.ServicePort{{Port: 80, TargetPort: intstr.FromInt32(80)}},
		}}
		if _, err := client.CoreV1().Services(ns).Create(t.Context(), service, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	rackOf := func(pod string) string {
		n, err := client.CoreV1().Nodes().Get(t.Context(), placed(t, ns, pod), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n.Labels["rack"]
	}
	member := func(app string, i int, annotation string) *v1.Pod {
		p := newPod(fmt.Sprintf("%s-%d", app, i), pool, "1")
		p.Labels = map[string]string{"app": app}
		p.Annotations = map[string]string{annotation: "rack"}
		return p
	}
	racks := map[string]int{}
	for i := range 4 {
		p := member("far", i, "foresight-scheduler.dev/service-anti-affinity")
		p.Spec.Containers[0].Resources.Requests[v1.ResourceCPU] = resource.MustParse("1m")
		create(t, ns, p)
		racks[rackOf(p.Name)]++
	}
	if racks["r1"] != 2 || racks["r2"] != 2 {
		t.Errorf("service anti-affinity: pods on racks %v, want two on each", racks)
	}

	racks = map[string]int{}
	for i := range 6 {
		create(t, ns, member("near", i, "foresight-scheduler.dev/service-affinity"))
		racks[rackOf(fmt.Sprintf("near-%d", i))]++
	}
	if len(racks) != 1 {
		t.Errorf("service affinity: pods on racks %v, want one", racks)
	}
	// The anchor's rack has room for two more of these; the ninth has to wait for it.
	for i := 6; i < 9; i++ {
		create(t, ns, member("near", i, "foresight-scheduler.dev/service-affinity"))
	}
	refused(t, ns, "near-8", "didn't match the labels of the node that the pod's Service runs on")

	broken := member("broken", 0, "foresight-scheduler.dev/service-affinity")
	broken.Annotations["foresight-scheduler.dev/service-affinity"] = "not a label"
	create(t, ns, broken)
	refused(t, ns, "broken-0", "metadata.annotations[foresight-scheduler.dev/service-affinity]")
	fix := `{"metadata":{"annotations":{"foresight-scheduler.dev/service-affinity":"rack"}}}`
	if _, err := client.CoreV1().Pods(ns).Patch(t.Context(), "broken-0", types.MergePatchType, []byte(fix), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	placed(t, ns, "broken-0")
}
