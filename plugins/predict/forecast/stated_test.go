// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/utils/ptr"
)

// statedPod asks for 10m, may use 2 where limit is so, and says that it will use so much.
func statedPod(cpu, limit, deployment string) *v1.Pod {
	r := v1.ResourceRequirements{Requests: v1.ResourceList{"cpu": resource.MustParse("10m")}}
	switch limit {
	case "":
	case "none":
		r.Requests = nil
	default:
		r.Limits = v1.ResourceList{"cpu": resource.MustParse(limit)}
	}
	p := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "p", UID: "p", Annotations: map[string]string{StatedAnnotations[CPU]: cpu}},
		Spec:       v1.PodSpec{Containers: []v1.Container{{Name: "c", Image: "x", Resources: r}}},
	}
	if deployment != "" {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: deployment, Controller: ptr.To(true)}}
	}
	return p
}

// What a pod states counts within bounds: what was measured of its workload outweighs it; who may not say everything may only
// raise what nobody measured, up to its limit or request, and without either up to its node.
func TestStatementsAreBounded(t *testing.T) {
	measured := &PodForecast{Origin: FromOwner}
	for h := range measured.Peaks {
		measured.Peaks[h][CPU] = Peak{Mean: .5, Lower: .4, Upper: .8}
	}
	contents := Contents{Epoch: 1, Workloads: map[Workload]*PodForecast{{"ns", "StatefulSet", "hog"}: measured}}
	bound := NewSnapshot(contents)
	contents.MayPredict = func(*v1.Pod) bool { return true }
	free := NewSnapshot(contents)
	for name, tc := range map[string]struct {
		pod         *v1.Pod
		bound, free float64 // upper bounds on a node of 8 cores
	}{
		"a hundred thousand cores, of a request of 10m": {statedPod("100000", "", ""), .01, 8},
		"up to the limit":                     {statedPod("1500m", "2", ""), 1.5, 1.5},
		"over the limit":                      {statedPod("4", "2", ""), 2, 4},
		"neither limit nor request":           {statedPod("100000", "none", ""), 8, 8},
		"nothing, unmeasured":                 {statedPod("0", "2", ""), .01, 0},
		"nothing, measured":                   {statedPod("0", "2", "hog"), .8, .4},
		"much, measured":                      {statedPod("2", "2", "hog"), .8, .8},
		"within what was measured":            {statedPod("600m", "2", "hog"), .8, .6},
		"no quantity":                         {statedPod("lots", "2", ""), .01, .01},
		"a quantity that takes long to parse": {statedPod("1e-9999999", "2", ""), .01, .01},
		"250 KB of digits":                    {statedPod(strings.Repeat("9", 250<<10), "2", ""), .01, .01},
	} {
		info, err := framework.NewPodInfo(tc.pod)
		if err != nil {
			t.Fatal(err)
		}
		for s, want := range map[*Snapshot]float64{bound: tc.bound, free: tc.free} {
			begun := time.Now()
			f := s.Resident(info, Amounts{CPU: 8, Memory: 1 << 30})
			for h := range f.Peaks {
				if p := f.Peaks[h][CPU]; math.Abs(p.Upper-want) > 1e-9 || p.Lower > p.Upper || p.Mean > p.Upper {
					t.Errorf("%s, allowed %v: %+v, want at most %v", name, s == free, p, want)
				}
			}
			if d := time.Since(begun); d > time.Second {
				t.Errorf("%s takes %s", name, d)
			}
		}
	}
}

// What the API server does not bound is not read for each pod of each node.
func TestWorkloadsAndClassesAreBounded(t *testing.T) {
	p := statedPod("1", "", strings.Repeat("x", 100<<10))
	if w, ok := WorkloadOf(p); ok {
		t.Errorf("a name of %d bytes is a workload's", len(w.Name))
	}
	p.OwnerReferences = nil
	for range 10_000 {
		p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{Kind: "StatefulSet", Name: "x"})
	}
	p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "x", Controller: ptr.To(true)})
	if _, ok := WorkloadOf(p); ok || IsDaemon(p) {
		t.Error("10,000 owners are looked through")
	}
	p.Spec.Containers[0].Image = strings.Repeat("y", 100<<10) + ":1"
	if c := ClassOf(p, Amounts{}); len(c.Image) > maxImage {
		t.Errorf("an image of %d bytes is a class's", len(c.Image))
	}
}
