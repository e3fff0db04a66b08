// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
)

// The label counts first, then the PriorityClass, then the QoS class; what is no objective is passed over.
func TestObjective(t *testing.T) {
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	classes := factory.Scheduling().V1().PriorityClasses()
	for name, value := range map[string]string{"fast": "realtime", "odd": "nonsense"} {
		if err := classes.Informer().GetStore().Add(&schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{Key: value}}}); err != nil {
			t.Fatal(err)
		}
	}
	of := func(label, class string, qos v1.PodQOSClass) *v1.Pod {
		p := &v1.Pod{Spec: v1.PodSpec{PriorityClassName: class}, Status: v1.PodStatus{QOSClass: qos}}
		if label != "" {
			p.Labels = map[string]string{Key: label}
		}
		return p
	}
	for _, tc := range []struct {
		pod  *v1.Pod
		want Objective
	}{
		{of("batch", "fast", v1.PodQOSGuaranteed), Batch},
		{of("", "fast", v1.PodQOSBestEffort), Realtime},
		{of("nonsense", "fast", v1.PodQOSBestEffort), Realtime},
		{of("", "odd", v1.PodQOSGuaranteed), Latency},
		{of("", "absent", v1.PodQOSBurstable), Availability},
		{of("", "", v1.PodQOSBestEffort), Batch},
		{of("", "", ""), Batch}, // no requests
	} {
		if got := Of(tc.pod, classes.Lister()); got != tc.want {
			t.Errorf("%v %s %s: %v, want %v", tc.pod.Labels, tc.pod.Spec.PriorityClassName, tc.pod.Status.QOSClass, got, tc.want)
		}
	}
}
