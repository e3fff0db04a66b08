// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), u); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHeldBy(t *testing.T) {
	for object, want := range map[string]string{
		"{kind: Job, spec: {suspend: true}}":        "suspended",
		"{kind: Job, spec: {suspend: false}}":       "",
		"{kind: Job, spec: {suspend: perhaps}}":     "",
		"{kind: Deployment, spec: {paused: true}}":  "paused",
		"{kind: StatefulSet, spec: {paused: true}}": "",
		"{kind: Deployment, status: {conditions: [{type: Available, status: 'False'}, {type: ReplicaFailure, status: 'True', message: exceeded quota}]}}": "exceeded quota",
		"{kind: ReplicaSet, status: {conditions: [{type: ReplicaFailure, status: 'False', message: exceeded quota}]}}":                                    "",
		"{kind: ReplicaSet, status: {conditions: garbage}}":                                                                                               "",
	} {
		if got := heldBy(parse(t, object)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", object, got, want)
		}
	}
}

// A StatefulSet waits for the pod before; another controller's pod does not matter.
func TestHeldByPod(t *testing.T) {
	pod := func(owner, name string, status v1.PodStatus, node string) *sighting {
		return &sighting{pod: &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: owner, Controller: ptr.To(true)}}},
			Spec:       v1.PodSpec{NodeName: node}, Status: status,
		}}
	}
	refused := v1.PodStatus{Conditions: []v1.PodCondition{{Type: v1.PodScheduled, Status: v1.ConditionFalse, Message: "0/1 nodes are available"}}}
	pulls := v1.PodStatus{ContainerStatuses: []v1.ContainerStatus{{State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "ImagePullBackOff"}}}}}
	starts := v1.PodStatus{ContainerStatuses: []v1.ContainerStatus{{State: v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: "ContainerCreating"}}}}}
	w := &podWatch{pods: map[types.UID]*sighting{
		"1": pod("refused", "refused-0", refused, ""), "2": pod("pulls", "pulls-0", pulls, "n"),
		"3": pod("starts", "starts-0", starts, "n"), "4": pod("new", "new-0", v1.PodStatus{}, ""),
	}}
	for name, want := range map[string]string{"refused": "refused-0 is ready, and that one cannot be placed", "pulls": "ImagePullBackOff", "starts": "", "new": "", "none": ""} {
		u := parse(t, "{kind: StatefulSet, metadata: {namespace: ns, name: "+name+"}}")
		if got := w.heldByPod(u); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestHeldByAdmission(t *testing.T) {
	event := func(name string, seconds int64, message string) *v1.Event {
		return &v1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name}, Reason: "FailedCreate", Message: message, LastTimestamp: metav1.Unix(seconds, 0)}
	}
	u := parse(t, "{kind: StatefulSet, metadata: {namespace: ns, name: db, uid: u}}")
	client := fake.NewClientset(event("b", 2, "exceeded quota: two\n"), event("a", 1, "exceeded quota: one"))
	if got, err := heldByAdmission(t.Context(), client, u); err != nil || got != "exceeded quota: two" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := heldByAdmission(t.Context(), fake.NewClientset(), u); err != nil || got != "" {
		t.Errorf("without events: %q, %v", got, err)
	}
}

// The diff is of what users write, and keeps secrets.
func TestForDiff(t *testing.T) {
	before, after := forDiff(
		parse(t, "{kind: Secret, metadata: {name: s, resourceVersion: '1', generation: 1, managedFields: []}, data: {same: YQ==, key: b2xk, gone: eA==}, status: {a: 1}}"),
		parse(t, "{kind: Secret, metadata: {name: s, resourceVersion: '2', generation: 2}, data: {same: YQ==, key: bmV3, more: eQ==}}"))
	want := [2]string{
		`{"data":{"gone":"*** (before)","key":"*** (before)","same":"***"},"kind":"Secret","metadata":{"name":"s"}}`,
		`{"data":{"key":"*** (after)","more":"*** (after)","same":"***"},"kind":"Secret","metadata":{"name":"s"}}`,
	}
	for i, u := range []*unstructured.Unstructured{before, after} {
		got, err := u.MarshalJSON()
		if err != nil || strings.TrimSpace(string(got)) != want[i] {
			t.Errorf("%s, %v, want %s", got, err, want[i])
		}
	}
}

// A Job's pods may be gone before anybody looks; what was decided about them is shown all the same. Other pods that are
// gone are not.
func TestPodsOfAJobThatIsGoneAreShown(t *testing.T) {
	w := &podWatch{workload: &workload{}, pods: map[types.UID]*sighting{}}
	for uid, kind := range map[types.UID]string{"1": "Job", "2": "ReplicaSet"} {
		pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: "ns", Name: string(uid), UID: uid, OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: "x", Controller: ptr.To(true)}},
		}, Spec: v1.PodSpec{NodeName: "n"}}
		w.pods[uid] = &sighting{pod: pod}
		w.forget(pod)
	}
	if all := w.placements(""); len(all) != 1 || all[0].Owner != "Job/x" || all[0].Node != "n" {
		t.Errorf("%+v", all)
	}
}

func TestGatesAreAReason(t *testing.T) {
	pod := &v1.Pod{Spec: v1.PodSpec{SchedulingGates: []v1.PodSchedulingGate{{Name: "example.com/a"}, {Name: "example.com/b"}}}}
	if got := unschedulable(pod); got != "held back by scheduling gates: example.com/a, example.com/b" {
		t.Errorf("%q", got)
	}
}
