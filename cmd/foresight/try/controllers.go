// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/kubernetes"
)

// controllers are the kinds that make pods.
var controllers = sets.New("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet", "Job", "CronJob")

// shortfall is a controller that has not made all of its pods.
type shortfall struct {
	namespace, owner string
	missing          int64
	// reason why no more come for now; "" where they may come at any moment.
	reason string
}

// shortfalls returns the controllers that have not made all of their pods yet, each with the reason if it says one.
func (w *podWatch) shortfalls(ctx context.Context, client kubernetes.Interface) ([]shortfall, error) {
	var short []shortfall
	look := func(u *unstructured.Unstructured) error {
		made, wanted := podsOf(u)
		if made >= wanted {
			return nil
		}
		s := shortfall{namespace: u.GetNamespace(), owner: u.GetKind() + "/" + u.GetName(), missing: wanted - made, reason: heldBy(u)}
		if s.reason == "" {
			s.reason = w.heldByPod(u)
		}
		if s.reason == "" {
			var err error
			if s.reason, err = heldByAdmission(ctx, client, u); err != nil {
				return err
			}
		}
		short = append(short, s)
		return nil
	}
	for _, o := range w.workload.objects {
		if kind := o.Mapping.GroupVersionKind.Kind; kind == "CronJob" || !controllers.Has(kind) {
			continue
		}
		u, err := o.get()
		if apierrors.IsNotFound(err) {
			continue // A Job may be gone as soon as it has ended (ttlSecondsAfterFinished), and no more pods come of it.
		}
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", o.ObjectName(), err)
		}
		if err := look(u); err != nil {
			return nil, err
		}
	}
	for _, started := range w.workload.started {
		job, err := client.BatchV1().Jobs(started.Namespace).Get(ctx, started.Name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(job)
		if err != nil {
			return nil, err
		}
		u := &unstructured.Unstructured{Object: content}
		u.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("Job"))
		if err := look(u); err != nil {
			return nil, err
		}
	}
	return short, nil
}

// podsOf returns how many pods a controller has made and how many it is to make.
func podsOf(u *unstructured.Unstructured) (made, wanted int64) {
	number := func(fallback int64, fields ...string) int64 {
		n, found, err := unstructured.NestedInt64(u.Object, fields...)
		if !found || err != nil {
			return fallback
		}
		return n
	}
	if number(0, "status", "observedGeneration") < u.GetGeneration() && u.GetKind() != "Job" {
		return 0, 1
	}
	switch u.GetKind() {
	case "DaemonSet":
		// Also pods that wait are counted, by the node that each is for.
		return number(0, "status", "currentNumberScheduled"), number(0, "status", "desiredNumberScheduled")
	case "Deployment":
		// The pods of the newest template; others are there before an update and during one.
		return number(0, "status", "updatedReplicas"), number(1, "spec", "replicas")
	case "Job":
		if condition(u, "Complete") != nil || condition(u, "Failed") != nil {
			return 0, 0
		}
		made = number(0, "status", "active") + number(0, "status", "succeeded") + number(0, "status", "failed")
		parallelism := number(1, "spec", "parallelism")
		return made, min(parallelism, number(parallelism, "spec", "completions"))
	default:
		return number(0, "status", "replicas"), number(1, "spec", "replicas")
	}
}

// condition returns the message of a condition that is true, or nil.
func condition(u *unstructured.Unstructured, kind string) *string {
	conditions, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
	for _, c := range conditions {
		if c, ok := c.(map[string]any); ok && c["type"] == kind && c["status"] == string(metav1.ConditionTrue) {
			message, _ := c["message"].(string)
			return &message
		}
	}
	return nil
}

// heldBy is the reason in the controller's own object why it makes no more pods.
func heldBy(u *unstructured.Unstructured) string {
	flag := func(field string) bool {
		on, _, _ := unstructured.NestedBool(u.Object, "spec", field)
		return on
	}
	switch {
	case u.GetKind() == "Job" && flag("suspend"):
		return "it is suspended (spec.suspend)"
	case u.GetKind() == "Deployment" && flag("paused"):
		return "it is paused (spec.paused)"
	}
	if message := condition(u, "ReplicaFailure"); message != nil {
		return *message
	}
	return ""
}

// waiting are the states of a container that do not end by themselves within a moment.
var waiting = sets.New("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CrashLoopBackOff",
	"CreateContainerConfigError", "CreateContainerError", "RunContainerError")

// heldByPod is the reason in a pod of the controller: a StatefulSet makes the next pod when the one before is ready, and an
// update goes on when new pods are.
func (w *podWatch) heldByPod(u *unstructured.Unstructured) string {
	if u.GetKind() != "StatefulSet" && u.GetKind() != "Deployment" {
		return ""
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	held := ""
	for _, s := range w.pods {
		if s.pod.Namespace != u.GetNamespace() || !ownedBy(s.pod, u.GetKind(), u.GetName()) {
			continue
		}
		if s.pod.Spec.NodeName == "" && unschedulable(s.pod) != "" {
			return fmt.Sprintf("the next is made when pod %s is ready, and that one cannot be placed", s.pod.Name)
		}
		for _, c := range s.pod.Status.ContainerStatuses {
			if c.State.Waiting != nil && waiting.Has(c.State.Waiting.Reason) {
				held = fmt.Sprintf("the next is made when pod %s is ready: %s", s.pod.Name, c.State.Waiting.Reason)
			}
		}
	}
	return held
}

// heldByAdmission is the reason in an event of the controller, or of its ReplicaSet: most controllers tell nowhere else that
// the API server refuses their pods, such as for a quota.
func heldByAdmission(ctx context.Context, client kubernetes.Interface, u *unstructured.Unstructured) (string, error) {
	events, err := client.CoreV1().Events(u.GetNamespace()).List(ctx, metav1.ListOptions{
		FieldSelector: fields.Set{"involvedObject.uid": string(u.GetUID()), "reason": "FailedCreate"}.String(),
	})
	if apierrors.IsForbidden(err) {
		return "", nil // Whoever may not read events waits longer.
	}
	if err != nil {
		return "", fmt.Errorf("reading events: %w", err)
	}
	var last *v1.Event
	for i := range events.Items {
		if e := &events.Items[i]; last == nil || last.LastTimestamp.Before(&e.LastTimestamp) {
			last = e
		}
	}
	if last == nil {
		return "", nil
	}
	return cmp.Or(strings.TrimSpace(last.Message), last.Reason), nil
}
