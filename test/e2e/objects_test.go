// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// newNamespace makes a namespace that goes with the test, and when it does, checks that
// every pod of it was placed by Foresight.
func newNamespace(t *testing.T) string {
	t.Helper()
	needCluster(t)
	ns, err := client.CoreV1().Namespaces().Create(t.Context(), &v1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "e2e-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the default service account of "+ns.Name, func(ctx context.Context) error {
		_, err := client.CoreV1().ServiceAccounts(ns.Name).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	t.Cleanup(func() {
		ctx := context.Background()
		if t.Failed() {
			describe(t, ns.Name)
		}
		checkPlacedByUs(t, ns.Name)
		if err := client.CoreV1().Namespaces().Delete(ctx, ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}

func checkPlacedByUs(t *testing.T, namespace string) {
	t.Helper()
	events, err := client.CoreV1().Events(namespace).List(context.Background(), metav1.ListOptions{FieldSelector: "reason=Scheduled"})
	if err != nil {
		t.Error(err)
		return
	}
	for _, e := range events.Items {
		if e.ReportingController != ours {
			t.Errorf("pod %s was placed by %s", e.InvolvedObject.Name, e.ReportingController)
		}
	}
}

// describe prints what there is in a namespace, for who reads a failure.
func describe(t *testing.T, namespace string) {
	t.Helper()
	for _, what := range [][]string{{"get", "all,pvc", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"}} {
		out, err := shared.command(context.Background(), "kubectl", append([]string{"-n", namespace}, what...)...).CombinedOutput()
		t.Logf("kubectl %s (%v):\n%s", strings.Join(what, " "), err, out)
	}
}

// apply makes the objects of a manifest. What all of our pods have in common need not be
// in it: the scheduler, the image of containers and a short time to end.
func apply(t *testing.T, namespace, manifest string) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		complete(object.Object)
		gvk := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			t.Fatal(err)
		}
		resource := objects.Resource(mapping.Resource).Namespace("")
		if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
			resource = objects.Resource(mapping.Resource).Namespace(namespace)
		} else {
			t.Cleanup(func() {
				_ = objects.Resource(mapping.Resource).Delete(context.Background(), object.GetName(), metav1.DeleteOptions{})
			})
		}
		// Admission reads PriorityClasses from an informer, so it may refuse what names an object made just before.
		eventually(t, "apply of "+gvk.Kind+" "+object.GetName(), func(ctx context.Context) error {
			_, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "e2e", Force: true})
			return err
		})
	}
}

// complete fills in pod specifications, wherever in an object they are.
func complete(value any) {
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	if containers, ok := object["containers"].([]any); ok {
		setDefault(object, "schedulerName", ours)
		setDefault(object, "terminationGracePeriodSeconds", int64(1))
		initContainers, _ := object["initContainers"].([]any)
		for _, c := range append(initContainers, containers...) {
			setDefault(c.(map[string]any), "image", "foresight.local/workload:dev")
			if probe, ok := c.(map[string]any)["readinessProbe"].(map[string]any); ok {
				// A busy machine answers late. That must not look like a server that is broken.
				setDefault(probe, "timeoutSeconds", int64(10))
				setDefault(probe, "failureThreshold", int64(30))
			}
		}
	}
	for _, field := range object {
		complete(field)
	}
}

func setDefault(object map[string]any, field string, value any) {
	if _, ok := object[field]; !ok {
		object[field] = value
	}
}

// eventually tries until there is no error.
func eventually(t *testing.T, what string, try func(context.Context) error) {
	t.Helper()
	within(t, patience, what, try)
}

func within(t *testing.T, patience time.Duration, what string, try func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var last error
	err := wait.PollUntilContextCancel(ctx, 250*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := try(ctx); err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		t.Fatalf("waiting for %s: %v (%v)", what, last, err)
	}
}

func getPod(ctx context.Context, namespace, name string) (*v1.Pod, error) {
	return client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
}

// awaitPod returns a pod when it is as wanted.
func awaitPod(t *testing.T, namespace, name, what string, wanted func(*v1.Pod) bool) *v1.Pod {
	t.Helper()
	var pod *v1.Pod
	eventually(t, "pod "+name+" to be "+what, func(ctx context.Context) (err error) {
		if pod, err = getPod(ctx, namespace, name); err != nil {
			return err
		}
		if !wanted(pod) {
			return fmt.Errorf("it is %s %s: %s", pod.Status.Phase, pod.Status.Reason, conditions(pod))
		}
		return nil
	})
	return pod
}

// awaitGone returns when the pod's object is gone, or another one of the same name stands there.
func awaitGone(t *testing.T, pod *v1.Pod) {
	t.Helper()
	eventually(t, "pod "+pod.Name+" to be gone", func(ctx context.Context) error {
		now, err := getPod(ctx, pod.Namespace, pod.Name)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err == nil && now.UID == pod.UID {
			err = fmt.Errorf("it is %s, and to go since %s", now.Status.Phase, now.DeletionTimestamp)
		}
		return err
	})
}

func conditions(pod *v1.Pod) string {
	var out bytes.Buffer
	for _, c := range pod.Status.Conditions {
		fmt.Fprintf(&out, "%s=%s %s ", c.Type, c.Status, c.Message)
	}
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			fmt.Fprintf(&out, "%s: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)
		}
	}
	return out.String()
}

func ready(pod *v1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == v1.PodReady {
			return c.Status == v1.ConditionTrue
		}
	}
	return false
}

// ended is whether a pod of one container is over in a phase and its status says how the container ended.
func ended(wanted v1.PodPhase) func(*v1.Pod) bool {
	return func(pod *v1.Pod) bool {
		return pod.Status.Phase == wanted && len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].State.Terminated != nil
	}
}

// awaitPods returns the pods with the label app=APP when n of them are ready and there are
// no others, but for those that are about to go.
func awaitPods(t *testing.T, namespace, app string, n int) []v1.Pod {
	t.Helper()
	var pods []v1.Pod
	eventually(t, fmt.Sprintf("%d ready pods of %s", n, app), func(ctx context.Context) (err error) {
		if pods, err = podsOf(ctx, namespace, app); err != nil {
			return err
		}
		var problems []string
		for i := range pods {
			if !ready(&pods[i]) {
				problems = append(problems, pods[i].Name+": "+conditions(&pods[i]))
			}
		}
		if len(pods) != n || len(problems) > 0 {
			return fmt.Errorf("there are %d: %s", len(pods), strings.Join(problems, "; "))
		}
		return nil
	})
	return pods
}

func podsOf(ctx context.Context, namespace, app string) ([]v1.Pod, error) {
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return nil, err
	}
	var staying []v1.Pod
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			staying = append(staying, p)
		}
	}
	return staying, nil
}

// awaitLog waits until all texts are in the log of a pod's container: the runtime writes it after the container did.
func awaitLog(t *testing.T, namespace, pod string, texts ...string) {
	t.Helper()
	eventually(t, "the log of "+pod, func(ctx context.Context) error {
		out, err := client.CoreV1().Pods(namespace).GetLogs(pod, &v1.PodLogOptions{}).DoRaw(ctx)
		if err != nil {
			return err
		}
		for _, text := range texts {
			if !strings.Contains(string(out), text) {
				return fmt.Errorf("%q is not in %q", text, out)
			}
		}
		return nil
	})
}
