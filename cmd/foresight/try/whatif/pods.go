// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// set is pods that differ in nothing but their names.
type set struct {
	template v1.PodTemplateSpec
	names    []string
	owner    []metav1.OwnerReference
	isPod    bool // the object is the pod
	// each makes one of the pods its own; nil leaves them alike.
	each func(i int, pod *v1.Pod)
}

// makers take from an object, by its kind, the pods that it would have, and say why there are none.
var makers = map[string]func(*unstructured.Unstructured) (sets []set, why string, err error){
	"Pod": func(u *unstructured.Unstructured) ([]set, string, error) {
		pod := &v1.Pod{}
		err := as(u, pod)
		pod.Spec.NodeName = "" // where one is there already
		return []set{{template: v1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}, names: []string{pod.Name}, owner: pod.OwnerReferences, isPod: true}}, "", err
	},
	"Deployment.apps": func(u *unstructured.Unstructured) ([]set, string, error) {
		d := &appsv1.Deployment{}
		err := as(u, d)
		return ofDeployment(&d.ObjectMeta, d.Spec.Template, d.Spec.Replicas), none(d.Spec.Replicas), err
	},
	"ReplicaSet.apps": func(u *unstructured.Unstructured) ([]set, string, error) {
		r := &appsv1.ReplicaSet{}
		err := as(u, r)
		return alike(r.Spec.Template, r.Name, r.Spec.Replicas, controller("apps/v1", "ReplicaSet", r.Name)), none(r.Spec.Replicas), err
	},
	"ReplicationController": func(u *unstructured.Unstructured) ([]set, string, error) {
		r := &v1.ReplicationController{}
		err := as(u, r)
		return alike(ptr.Deref(r.Spec.Template, v1.PodTemplateSpec{}), r.Name, r.Spec.Replicas, controller("v1", "ReplicationController", r.Name)), none(r.Spec.Replicas), err
	},
	"StatefulSet.apps": func(u *unstructured.Unstructured) ([]set, string, error) {
		s := &appsv1.StatefulSet{}
		err := as(u, s)
		return ofStatefulSet(s), none(s.Spec.Replicas), err
	},
	"Job.batch": func(u *unstructured.Unstructured) ([]set, string, error) {
		j := &batchv1.Job{}
		err := as(u, j)
		if ptr.Deref(j.Spec.Suspend, false) {
			return nil, "it is suspended and makes no pods.", err
		}
		return ofJob(&j.Spec, j.Name, j.Name), "", err
	},
	"CronJob.batch": func(u *unstructured.Unstructured) ([]set, string, error) {
		c := &batchv1.CronJob{}
		err := as(u, c)
		// A Job that its controller makes is named after the minute.
		return ofJob(&c.Spec.JobTemplate.Spec, c.Name, c.Name+"-10000000"), "the pods of one run are shown.", err
	},
}

func as(u *unstructured.Unstructured, into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}

func none(replicas *int32) string {
	if ptr.Deref(replicas, 1) == 0 {
		return "it is to have no pods."
	}
	return ""
}

func controller(version, kind, name string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: name, UID: "foresight-trial", Controller: ptr.To(true)}}
}

// alike are replicas of a template, numbered from 1.
func alike(template v1.PodTemplateSpec, name string, replicas *int32, owner []metav1.OwnerReference) []set {
	s := set{template: template, owner: owner}
	// One more than a trial takes is enough to be refused.
	for i := range min(ptr.Deref(replicas, 1), decision.MaxTrialPods+1) {
		s.names = append(s.names, fmt.Sprintf("%s-%d", name, i+1))
	}
	return []set{s}
}

// ofDeployment are the pods of a ReplicaSet of it.
func ofDeployment(meta *metav1.ObjectMeta, template v1.PodTemplateSpec, replicas *int32) []set {
	const hash = "trial"
	template.Labels = maps.Clone(template.Labels)
	if template.Labels == nil {
		template.Labels = map[string]string{}
	}
	template.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = hash
	return alike(template, meta.Name, replicas, controller("apps/v1", "ReplicaSet", meta.Name+"-"+hash))
}

// ofStatefulSet are its pods, each with claims and labels of its own.
func ofStatefulSet(s *appsv1.StatefulSet) []set {
	start := int32(0)
	if s.Spec.Ordinals != nil {
		start = s.Spec.Ordinals.Start
	}
	sets := alike(s.Spec.Template, s.Name, s.Spec.Replicas, controller("apps/v1", "StatefulSet", s.Name))
	for i := range sets[0].names {
		sets[0].names[i] = fmt.Sprintf("%s-%d", s.Name, int(start)+i)
	}
	sets[0].each = func(i int, pod *v1.Pod) {
		if pod.Labels == nil {
			pod.Labels = map[string]string{}
		}
		pod.Labels[appsv1.StatefulSetPodNameLabel] = pod.Name
		pod.Labels[appsv1.PodIndexLabel] = fmt.Sprint(int(start) + i)
		for j := range s.Spec.VolumeClaimTemplates {
			claim := s.Spec.VolumeClaimTemplates[j].Name
			pod.Spec.Volumes = append(pod.Spec.Volumes, v1.Volume{Name: claim, VolumeSource: v1.VolumeSource{
				PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: claim + "-" + pod.Name},
			}})
		}
	}
	return sets
}

// ofJob are the pods that it runs at a time.
func ofJob(spec *batchv1.JobSpec, name, owner string) []set {
	parallelism := ptr.Deref(spec.Parallelism, 1)
	count := min(parallelism, ptr.Deref(spec.Completions, parallelism))
	template := *spec.Template.DeepCopy()
	template.Spec.RestartPolicy = cmp.Or(template.Spec.RestartPolicy, v1.RestartPolicyNever)
	return alike(template, name, &count, controller("batch/v1", "Job", owner))
}

// bare takes from a pod what no scheduler looks at, secrets in environments among it: what is not sent cannot be seen.
func bare(pod *v1.Pod) {
	maps.DeleteFunc(pod.Annotations, func(key, _ string) bool { return !strings.HasPrefix(key, "foresight-scheduler.dev/") })
	pod.Status, pod.ManagedFields, pod.Finalizers = v1.PodStatus{}, nil, nil
	pod.UID, pod.ResourceVersion, pod.CreationTimestamp = "", "", metav1.Time{}
	for _, containers := range [][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			c := &containers[i]
			containers[i] = v1.Container{
				Name: c.Name, Image: c.Image, Ports: c.Ports, Resources: c.Resources, RestartPolicy: c.RestartPolicy,
				ImagePullPolicy: c.ImagePullPolicy, TerminationMessagePolicy: c.TerminationMessagePolicy,
			}
		}
	}
	var volumes []v1.Volume
	for _, v := range pod.Spec.Volumes {
		if v.ConfigMap == nil && v.Secret == nil && v.Projected == nil && v.DownwardAPI == nil && v.EmptyDir == nil && v.HostPath == nil {
			volumes = append(volumes, v)
		}
	}
	pod.Spec.Volumes, pod.Spec.EphemeralContainers = volumes, nil
	pod.Spec.SecurityContext, pod.Spec.ImagePullSecrets, pod.Spec.HostAliases, pod.Spec.DNSConfig = nil, nil, nil, nil
}
