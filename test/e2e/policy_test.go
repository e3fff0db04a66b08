// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

func TestNamespaceQuotaAndLimits(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: ResourceQuota
metadata: {name: quota}
spec: {hard: {pods: "1"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec:
  limits:
  - {type: Container, defaultRequest: {cpu: 11m}, default: {cpu: 22m}, max: {cpu: 100m}}
`)
	pod := func(name string, limits v1.ResourceList) error {
		seconds := int64(1)
		_, err := client.CoreV1().Pods(ns).Create(t.Context(), &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: v1.PodSpec{
				SchedulerName: ours, TerminationGracePeriodSeconds: &seconds,
				Containers: []v1.Container{{Name: "c", Image: "foresight.local/workload:dev", Resources: v1.ResourceRequirements{Limits: limits}}},
			},
		}, metav1.CreateOptions{})
		return err
	}
	eventually(t, "the quota to count", func(ctx context.Context) error {
		q, err := client.CoreV1().ResourceQuotas(ns).Get(ctx, "quota", metav1.GetOptions{})
		if err == nil && q.Status.Hard == nil {
			err = fmt.Errorf("no status yet")
		}
		return err
	})
	if err := pod("large", v1.ResourceList{v1.ResourceCPU: resource.MustParse("1")}); err == nil || !strings.Contains(err.Error(), "maximum cpu usage") {
		t.Errorf("a container above the limit: %v", err)
	}
	// Admission reads quotas from an informer, and refuses pods until it has seen the status.
	eventually(t, "a pod within the quota", func(context.Context) error { return pod("first", nil) })
	first := awaitPod(t, ns, "first", "ready", ready)
	if r := first.Spec.Containers[0].Resources; r.Requests.Cpu().MilliValue() != 11 || r.Limits.Cpu().MilliValue() != 22 {
		t.Errorf("the defaults were not given to it: %+v", r)
	}
	if err := pod("second", nil); err == nil || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("a pod above the quota: %v", err)
	}
}

// A pod of a higher priority takes the place of one of a lower. The place is a resource
// that only this test knows, so that no other test is disturbed.
func TestPriorityPreemption(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	const slot = "e2e.example/slot"
	patch := []byte(`{"status":{"capacity":{"` + slot + `":"1"}}}`)
	if _, err := client.CoreV1().Nodes().Patch(t.Context(), "node-0", types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}
	manifest := func(name string, priority string) string {
		return `
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: ` + ns + `-` + name + `}
value: ` + priority + `
---
apiVersion: v1
kind: Pod
metadata: {name: ` + name + `}
spec:
  priorityClassName: ` + ns + `-` + name + `
  containers:
  - {name: c, args: [pause], resources: {limits: {` + slot + `: 1}}}
`
	}
	apply(t, ns, manifest("low", "10"))
	low := awaitPod(t, ns, "low", "ready", ready)
	apply(t, ns, manifest("high", "1000"))
	awaitPod(t, ns, "high", "ready", ready)
	eventually(t, "the event of the preemption", func(ctx context.Context) error {
		events, err := client.CoreV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "reason=Preempted"})
		if err != nil {
			return err
		}
		for _, e := range events.Items {
			if e.InvolvedObject.Name == "low" && e.ReportingController == ours {
				return nil
			}
		}
		return fmt.Errorf("%d events", len(events.Items))
	})
	// Its containers have ended by now. The kubelet removes the object when it has cleaned up after them.
	awaitGone(t, low)
}
