// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

const fieldManager = "foresight"

// workload is what the user's manifests hold.
type workload struct{ objects []*resource.Info }

func readWorkload(config *genericclioptions.ConfigFlags, files []string) (*workload, error) {
	namespace, enforce, err := config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	infos, err := resource.NewBuilder(config).
		Unstructured().
		NamespaceParam(namespace).DefaultNamespace().
		FilenameParam(enforce, &resource.FilenameOptions{Filenames: files}).
		Flatten().ContinueOnError().Do().Infos()
	if err != nil {
		return nil, err
	}
	if len(infos) == 0 {
		return nil, fmt.Errorf("no objects in %v", files)
	}
	// What others live in or refer to comes first; else the user's order stands.
	rank := map[string]int{"Namespace": -2, "PriorityClass": -1}
	slices.SortStableFunc(infos, func(a, b *resource.Info) int {
		return cmp.Compare(rank[a.Mapping.GroupVersionKind.Kind], rank[b.Mapping.GroupVersionKind.Kind])
	})
	return &workload{objects: infos}, nil
}

// namespaces of the workload's objects.
func (w *workload) namespaces() sets.Set[string] {
	all := sets.New[string]()
	for _, o := range w.objects {
		if o.Namespaced() {
			all.Insert(o.Namespace)
		}
	}
	return all
}

// controllers are the kinds that make pods.
var controllers = sets.New("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob")

// makesPods says whether the workload has anything that is or makes a pod.
func (w *workload) makesPods() bool {
	return slices.ContainsFunc(w.objects, func(o *resource.Info) bool {
		kind := o.Mapping.GroupVersionKind.Kind
		return kind == "Pod" || controllers.Has(kind)
	})
}

// owns says whether the pod is one of the workload's, or comes from one of its
// controllers. Deployments and CronJobs own their pods through a ReplicaSet or Job whose
// name they give.
func (w *workload) owns(pod *v1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	return slices.ContainsFunc(w.objects, func(o *resource.Info) bool {
		if o.Namespace != pod.Namespace {
			return false
		}
		kind := o.Mapping.GroupVersionKind.Kind
		switch {
		case owner == nil:
			return kind == "Pod" && o.Name == pod.Name
		case kind == "Deployment":
			return owner.Kind == "ReplicaSet" && owner.Name == o.Name+"-"+pod.Labels["pod-template-hash"]
		case kind == "CronJob":
			return owner.Kind == "Job" && strings.HasPrefix(owner.Name, o.Name+"-")
		default:
			return owner.Kind == kind && owner.Name == o.Name
		}
	})
}

// apply creates or updates every object on the server.
func (w *workload) apply(ctx context.Context, progress io.Writer) error {
	for _, o := range w.objects {
		data, err := runtime.Encode(unstructured.UnstructuredJSONScheme, o.Object)
		if err != nil {
			return err
		}
		helper := resource.NewHelper(o.Client, o.Mapping).WithFieldManager(fieldManager)
		obj, err := helper.Patch(o.Namespace, o.Name, types.ApplyPatchType, data, &metav1.PatchOptions{Force: ptr.To(true)})
		if err != nil {
			return fmt.Errorf("applying %s: %w", o.ObjectName(), err)
		}
		if err := o.Refresh(obj, true); err != nil {
			return err
		}
		fmt.Fprintln(progress, "applied", o.ObjectName())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// startCronJobs runs each CronJob once now: its schedule may be far away.
func (w *workload) startCronJobs(ctx context.Context, client kubernetes.Interface) error {
	for _, o := range w.objects {
		if o.Mapping.GroupVersionKind.GroupKind() != batchv1.SchemeGroupVersion.WithKind("CronJob").GroupKind() {
			continue
		}
		cron, err := client.BatchV1().CronJobs(o.Namespace).Get(ctx, o.Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		job := &batchv1.Job{
			ObjectMeta: metav1.ObjectMeta{
				GenerateName:    cron.Name + "-now-",
				Namespace:       cron.Namespace,
				Labels:          cron.Spec.JobTemplate.Labels,
				Annotations:     map[string]string{"cronjob.kubernetes.io/instantiate": "manual"},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cron, batchv1.SchemeGroupVersion.WithKind("CronJob"))},
			},
			Spec: cron.Spec.JobTemplate.Spec,
		}
		for k, v := range cron.Spec.JobTemplate.Annotations {
			job.Annotations[k] = v
		}
		if _, err := client.BatchV1().Jobs(cron.Namespace).Create(ctx, job, metav1.CreateOptions{FieldManager: fieldManager}); err != nil {
			return fmt.Errorf("starting %s: %w", o.ObjectName(), err)
		}
	}
	return nil
}

// unfinished names the first object whose controller has not made all its pods yet,
// or is "" when all have.
func (w *workload) unfinished() (string, error) {
	for _, o := range w.objects {
		if kind := o.Mapping.GroupVersionKind.Kind; kind == "CronJob" || !controllers.Has(kind) {
			continue
		}
		if err := o.Get(); err != nil {
			return "", err
		}
		made, wanted := podsOf(o.Object.(*unstructured.Unstructured))
		if made < wanted {
			return fmt.Sprintf("%s has made %d of %d pods", o.ObjectName(), made, wanted), nil
		}
	}
	return "", nil
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
		// The controller counts only placed pods; the ones that wait are watched anyway.
		return 1, 1
	case "Job":
		made = number(0, "status", "active") + number(0, "status", "succeeded") + number(0, "status", "failed")
		return made, min(number(1, "spec", "parallelism"), number(1, "spec", "completions"))
	default:
		return number(0, "status", "replicas"), number(1, "spec", "replicas")
	}
}
