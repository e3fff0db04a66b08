// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"os"
	"regexp"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// What may not move, whatever is predicted.
func TestFixedBy(t *testing.T) {
	m := Movable{
		MaxPriority: 100, Namespace: func(name string) bool { return name == "shop" }, Scheduler: func(name string) bool { return name == "ours" },
	}
	volume := func(s v1.VolumeSource) func(*v1.Pod) {
		return func(p *v1.Pod) { p.Spec.Volumes = []v1.Volume{{VolumeSource: s}} }
	}
	owner := func(kind string) func(*v1.Pod) {
		return func(p *v1.Pod) { p.OwnerReferences[0].APIVersion, p.OwnerReferences[0].Kind = "apps/v1", kind }
	}
	for name, test := range map[string]struct {
		change func(*v1.Pod)
		want   Reason
	}{
		"a pod of a ReplicaSet":  {func(*v1.Pod) {}, ""},
		"of a StatefulSet":       {owner("StatefulSet"), ""},
		"of a DaemonSet":         {owner("DaemonSet"), OfDaemonSet},
		"of a Job":               {owner("Job"), OfJob},
		"that ends by itself":    {func(p *v1.Pod) { p.Spec.RestartPolicy = v1.RestartPolicyOnFailure }, OfJob},
		"of a node":              {owner("Node"), Static},
		"mirror":                 {func(p *v1.Pod) { p.Annotations = map[string]string{v1.MirrorPodAnnotationKey: "x"} }, Static},
		"bare":                   {func(p *v1.Pod) { p.OwnerReferences = nil }, Bare},
		"being deleted":          {func(p *v1.Pod) { p.DeletionTimestamp = &metav1.Time{} }, Deleting},
		"pending":                {func(p *v1.Pod) { p.Status.Phase = v1.PodPending }, NotRunning},
		"of another scheduler":   {func(p *v1.Pod) { p.Spec.SchedulerName = "default-scheduler" }, OtherPlacer},
		"of another namespace":   {func(p *v1.Pod) { p.Namespace = "bank" }, OtherTenant},
		"as important as may be": {func(p *v1.Pod) { p.Spec.Priority = ptr.To[int32](100) }, ""},
		"more important":         {func(p *v1.Pod) { p.Spec.Priority = ptr.To[int32](101) }, Important},
		"that the autoscaler leaves": {func(p *v1.Pod) {
			p.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
		}, Unsafe},
		"that Karpenter leaves":   {func(p *v1.Pod) { p.Annotations = map[string]string{"karpenter.sh/do-not-disrupt": "true"} }, Unsafe},
		"that Karpenter may take": {func(p *v1.Pod) { p.Annotations = map[string]string{"karpenter.sh/do-not-disrupt": "false"} }, ""},
		"that the autoscaler may take": {func(p *v1.Pod) {
			p.Annotations = map[string]string{"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}
		}, ""},
		"that wants others asked first":   {func(p *v1.Pod) { p.Spec.EvictionResponders = []v1.EvictionResponder{{Name: "example.com/drain"}} }, Responds},
		"with an emptyDir":                {volume(v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{}}), LocalData},
		"with an emptyDir in memory":      {volume(v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{Medium: v1.StorageMediumMemory}}), ""},
		"with a hostPath":                 {volume(v1.VolumeSource{HostPath: &v1.HostPathVolumeSource{}}), LocalData},
		"with a volume that goes with it": {volume(v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{}}), ""},
	} {
		pod := &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-1", OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web", Controller: ptr.To(true)}}},
			Spec:       v1.PodSpec{SchedulerName: "ours", RestartPolicy: v1.RestartPolicyAlways},
			Status:     v1.PodStatus{Phase: v1.PodRunning},
		}
		test.change(pod)
		if got := m.FixedBy(pod); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Every reason is explained to users: in the reference, and those of pods on the page.
func TestReasonsAreExplained(t *testing.T) {
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	reference, page := read("../../docs/reference/plugins/rebalance.md"), read("../../cmd/internal/page/files/page.js")
	constants := regexp.MustCompile(`Reason = "([a-z-]+)"`)
	for file, ofPods := range map[string]bool{"rebalance.go": true, "pack.go": false} {
		found := constants.FindAllStringSubmatch(read(file), -1)
		if len(found) < 3 {
			t.Errorf("%s has %d reasons", file, len(found))
		}
		for _, reason := range found {
			if !strings.Contains(reference, "`"+reason[1]+"`") {
				t.Errorf("the reference does not explain %s", reason[1])
			}
			if ofPods && !regexp.MustCompile(`[ {]'?`+reason[1]+`'?: '`).MatchString(page) {
				t.Errorf("the page does not explain %s", reason[1])
			}
		}
	}
}
