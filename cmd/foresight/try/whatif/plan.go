// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

const fieldManager = "foresight"

// plan is what is asked of the scheduler, and what is to be said beside its answer.
type plan struct {
	client  kubernetes.Interface
	standIn string // namespace to check objects in whose own is in the files and not there yet

	there map[string]bool // what the files hold, as Kind/namespace/name
	// absent are namespaces that are in the files and not on the server; priorities are those of PriorityClasses there.
	absent     map[string]bool
	priorities map[string]int32

	pods  []decision.TrialPods
	count int
	anew  []decision.TrialWorkload
	notes []string
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// add checks an object by the API server's dry-run, and takes the pods that it would have. It changes nothing.
func (p *plan) add(ctx context.Context, info *resource.Info) error {
	given, err := runtime.DefaultUnstructuredConverter.ToUnstructured(info.Object)
	if err != nil {
		return err
	}
	kind := info.Mapping.GroupVersionKind.Kind
	restore := func(*v1.PodSpec) {}
	if kind == "Pod" {
		if given, restore, err = p.lendPod(given); err != nil {
			return fmt.Errorf("%s: %w", named(info), err)
		}
	}
	checked, exists, err := p.check(info, &unstructured.Unstructured{Object: given})
	if err != nil {
		return fmt.Errorf("%s would not be accepted: %w", named(info), err)
	}
	w := makers[info.Mapping.GroupVersionKind.GroupKind().String()]
	switch {
	case kind == "DaemonSet" && w == nil:
		p.note("%s: the pods of a DaemonSet are not shown; each is for one node.", named(info))
		return nil
	case kind == "Namespace" && !exists:
		p.absent[info.Name] = true
		p.note("namespace %s is not there yet: what is in it was checked as in namespace %s, without quotas, limits and policies of its own.", info.Name, p.standIn)
		return nil
	case kind == "PriorityClass":
		value, _, _ := unstructured.NestedInt64(checked.Object, "value")
		p.priorities[info.Name] = int32(value)
		return nil
	case w == nil:
		return nil
	}
	sets, why, err := w(checked)
	if err != nil {
		return fmt.Errorf("%s: %w", named(info), err)
	}
	if why != "" {
		p.note("%s: %s", named(info), why)
	}
	if exists && kind != "CronJob" {
		p.anew = append(p.anew, decision.TrialWorkload{Namespace: info.Namespace, Kind: kind, Name: info.Name})
	}
	for i := range sets {
		restore(&sets[i].template.Spec)
		if err := p.take(ctx, info, &sets[i]); err != nil {
			return err
		}
	}
	return nil
}

// check returns the object as the server would have it, and whether there is one already.
func (p *plan) check(info *resource.Info, given *unstructured.Unstructured) (checked *unstructured.Unstructured, exists bool, err error) {
	helper := resource.NewHelper(info.Client, info.Mapping).WithFieldManager(fieldManager).DryRun(true)
	namespace, name := info.Namespace, info.Name
	var result runtime.Object
	if instead := info.Namespaced() && p.absent[namespace]; instead || name == "" {
		object := given.DeepCopy()
		if instead {
			// Another name, since there may be one of this name in the other namespace.
			object.SetNamespace(p.standIn)
			object.SetName("")
			object.SetGenerateName("foresight-trial-")
			result, err = helper.Create(p.standIn, false, object)
		} else {
			result, err = helper.Create(namespace, false, object)
		}
	} else {
		if _, err = helper.Get(namespace, name); err == nil {
			exists = true
		} else if !apierrors.IsNotFound(err) {
			return nil, false, err
		}
		data, failed := runtime.Encode(unstructured.UnstructuredJSONScheme, given)
		if failed != nil {
			return nil, false, failed
		}
		result, err = helper.Patch(namespace, name, types.ApplyPatchType, data, &metav1.PatchOptions{Force: ptr.To(true)})
	}
	if err != nil {
		return nil, false, err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(result)
	if err != nil {
		return nil, false, err
	}
	checked = &unstructured.Unstructured{Object: content}
	checked.SetNamespace(namespace)
	checked.SetName(given.GetName())
	if name == "" {
		checked.SetName(given.GetGenerateName() + "1")
	}
	return checked, exists, nil
}

// take has the pods of a set decided on, as admission would change them.
func (p *plan) take(ctx context.Context, info *resource.Info, s *set) error {
	if p.count += len(s.names); p.count > decision.MaxTrialPods {
		return fmt.Errorf("the files make more than %d pods, and a trial takes no more", decision.MaxTrialPods)
	}
	if len(s.names) == 0 {
		return nil
	}
	pod := &v1.Pod{ObjectMeta: *s.template.ObjectMeta.DeepCopy(), Spec: *s.template.Spec.DeepCopy()}
	pod.Namespace, pod.OwnerReferences = info.Namespace, nil
	if !s.isPod { // Else it has been through admission.
		if admitted, err := p.admit(ctx, pod); err == nil {
			pod = admitted
		} else {
			p.note("%s: the API server would refuse its pods as things are, so they are decided on as the template has them: %v", named(info), err)
		}
	}
	bare(pod)
	pod.Namespace, pod.Name, pod.GenerateName = info.Namespace, s.names[0], ""
	pod.OwnerReferences = s.owner
	if s.each == nil {
		return p.ask(info, pod, s.names)
	}
	for i, name := range s.names {
		one := pod.DeepCopy()
		one.Name = name
		s.each(i, one)
		if err := p.ask(info, one, []string{name}); err != nil {
			return err
		}
	}
	return nil
}

// ask has pods decided on that differ in nothing but their names.
func (p *plan) ask(info *resource.Info, pod *v1.Pod, names []string) error {
	data, err := json.Marshal(pod)
	if err != nil {
		return err
	}
	if len(data) > decision.MaxTrialPodBytes {
		return fmt.Errorf("%s: a pod of it takes %d bytes, and a trial %d at most", named(info), len(data), decision.MaxTrialPodBytes)
	}
	p.pods = append(p.pods, decision.TrialPods{Pod: data, Names: names})
	return nil
}

// admit has the API server default and check the pod, and change it as when it is made.
func (p *plan) admit(ctx context.Context, pod *v1.Pod) (*v1.Pod, error) {
	namespace, asked := pod.Namespace, pod.DeepCopy()
	if p.absent[namespace] {
		namespace = p.standIn
	}
	asked.Namespace, asked.Name, asked.GenerateName = namespace, "", "foresight-trial-"
	restore := p.lend(pod.Namespace, &asked.Spec)
	admitted, err := p.client.CoreV1().Pods(namespace).Create(ctx, asked, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldManager: fieldManager})
	if err != nil {
		return nil, err
	}
	restore(&admitted.Spec)
	return admitted, nil
}

// lend takes from a pod what admission would look for and is in the files too, so that it is taken to be there. What it returns gives the
// pod its priority.
func (p *plan) lend(namespace string, spec *v1.PodSpec) (restore func(*v1.PodSpec)) {
	if p.there[key("ServiceAccount", namespace, spec.ServiceAccountName)] {
		spec.ServiceAccountName, spec.DeprecatedServiceAccount = "", ""
	}
	class := spec.PriorityClassName
	priority, ours := p.priorities[class]
	if !ours {
		return func(*v1.PodSpec) {}
	}
	spec.PriorityClassName = ""
	return func(spec *v1.PodSpec) { spec.PriorityClassName, spec.Priority = class, &priority }
}

// lendPod is lend for a Pod of the files. Fields that this command does not know stay as they are.
func (p *plan) lendPod(given map[string]any) (map[string]any, func(*v1.PodSpec), error) {
	u := &unstructured.Unstructured{Object: given}
	pod := &v1.Pod{}
	if err := as(u, pod); err != nil {
		return nil, nil, err
	}
	account, class := pod.Spec.ServiceAccountName, pod.Spec.PriorityClassName
	restore := p.lend(pod.Namespace, &pod.Spec)
	u = u.DeepCopy()
	if pod.Spec.ServiceAccountName != account {
		unstructured.RemoveNestedField(u.Object, "spec", "serviceAccountName")
		unstructured.RemoveNestedField(u.Object, "spec", "serviceAccount")
	}
	if pod.Spec.PriorityClassName != class {
		unstructured.RemoveNestedField(u.Object, "spec", "priorityClassName")
	}
	return u.Object, restore, nil
}

// named is an object's name, or what the server would begin it with.
func named(info *resource.Info) string {
	if info.Name != "" {
		return info.ObjectName()
	}
	prefix := ""
	if object, err := meta.Accessor(info.Object); err == nil {
		prefix = object.GetGenerateName()
	}
	return info.ObjectName() + prefix + "…"
}

func key(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }
