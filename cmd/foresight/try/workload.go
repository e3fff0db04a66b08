// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
)

// workload is what the user's manifests hold.
type workload struct {
	objects []*object
	// started are the Jobs that were made of CronJobs.
	started []*batchv1.Job
}

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
	w := &workload{}
	for _, info := range infos {
		w.objects = append(w.objects, &object{Info: info})
	}
	return w, nil
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

// makesPods says whether the workload has anything that is or makes a pod.
func (w *workload) makesPods() bool {
	return slices.ContainsFunc(w.objects, func(o *object) bool {
		kind := o.Mapping.GroupVersionKind.Kind
		return kind == "Pod" || controllers.Has(kind)
	})
}

// owns says whether the pod is one of the workload's, or comes from one of its
// controllers. Deployments and CronJobs own their pods through a ReplicaSet or Job whose
// name they give.
func (w *workload) owns(pod *v1.Pod) bool {
	return slices.ContainsFunc(w.objects, func(o *object) bool {
		return o.Namespace == pod.Namespace && ownedBy(pod, o.Mapping.GroupVersionKind.Kind, o.Name)
	})
}

// ownedBy says whether the pod is the object of the kind and name, or comes from it.
func ownedBy(pod *v1.Pod, kind, name string) bool {
	owner := metav1.GetControllerOfNoCopy(pod)
	switch {
	case owner == nil:
		return kind == "Pod" && name == pod.Name
	case kind == "Deployment":
		return owner.Kind == "ReplicaSet" && owner.Name == name+"-"+pod.Labels["pod-template-hash"]
	case kind == "CronJob":
		return owner.Kind == "Job" && strings.HasPrefix(owner.Name, name+"-")
	default:
		return owner.Kind == kind && owner.Name == name
	}
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
		started, err := client.BatchV1().Jobs(cron.Namespace).Create(ctx, job, metav1.CreateOptions{FieldManager: fieldManager})
		if err != nil {
			return fmt.Errorf("starting %s: %w", o.ObjectName(), err)
		}
		w.started = append(w.started, started)
	}
	return nil
}
