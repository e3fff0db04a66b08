// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"slices"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/component-helpers/resource"

	"github.com/foresight-scheduler/foresight/config"
)

// Policy says which pods may claim what takes from others. Nil allows nothing that does. It is safe for concurrent use.
type Policy struct {
	// objectives, predictions and overcommit select namespaces.
	objectives, predictions, overcommit labels.Selector
	priorityClasses                     []string
	namespaces                          atomic.Pointer[corelisters.NamespaceLister]
}

// NewPolicy returns the policy of valid args. It allows nothing that takes from others until Watch is
// called.
func NewPolicy(args *config.ClaimsArgs) (*Policy, error) {
	p := &Policy{priorityClasses: slices.Clone(args.Objectives.PriorityClasses)}
	for _, s := range []struct {
		to   *labels.Selector
		from *metav1.LabelSelector
	}{
		{&p.objectives, args.Objectives.NamespaceSelector}, {&p.predictions, args.Predictions.NamespaceSelector}, {&p.overcommit, args.Overcommit.NamespaceSelector},
	} {
		var err error
		if *s.to, err = metav1.LabelSelectorAsSelector(s.from); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Everything allows every claim.
func Everything() *Policy {
	return &Policy{objectives: labels.Everything(), predictions: labels.Everything(), overcommit: labels.Everything()}
}

// Watch reads the labels of namespaces from the informers.
func (p *Policy) Watch(factory informers.SharedInformerFactory) {
	if p != nil && factory != nil && p.namespaces.Load() == nil {
		namespaces := factory.Core().V1().Namespaces().Lister()
		p.namespaces.Store(&namespaces)
	}
}

// MayAim says whether the pod may ask for a better objective than its QoS class gives, and say how long it may take to
// respond.
func (p *Policy) MayAim(pod *v1.Pod) bool {
	return p != nil && (slices.Contains(p.priorityClasses, pod.Spec.PriorityClassName) || p.selects(p.objectives, pod.Namespace))
}

// MayPredict says whether the pod may say that it uses less than is forecast, or more than its limit and request.
func (p *Policy) MayPredict(pod *v1.Pod) bool {
	return p != nil && p.selects(p.predictions, pod.Namespace)
}

// MayOvercommit says whether the pod may opt in to safe overcommit.
func (p *Policy) MayOvercommit(pod *v1.Pod) bool {
	return p == nil || p.selects(p.overcommit, pod.Namespace)
}

func (p *Policy) selects(s labels.Selector, namespace string) bool {
	if s.Empty() {
		return true
	}
	lister := p.namespaces.Load()
	if lister == nil {
		return false
	}
	n, err := (*lister).Get(namespace)
	return err == nil && s.Matches(labels.Set(n.Labels))
}

// Exceeds says whether an objective takes more from others than the pod's own does. Both count in Objectives.
func Exceeds(claimed, own int) bool { return rank[claimed] > rank[own] }

// rank of Objectives, by what others give way to.
var rank = [...]int{2, 3, 1, 0}

// ofClass is the objective of each QoS class, in Objectives.
var ofClass = map[v1.PodQOSClass]int{v1.PodQOSGuaranteed: 0, v1.PodQOSBurstable: 2, v1.PodQOSBestEffort: 3}

// OfClass is the objective that a pod of the QoS class has by itself, in Objectives.
func OfClass(class v1.PodQOSClass) int {
	if o, ok := ofClass[class]; ok {
		return o
	}
	return 2
}

// MostStated is what a pod may state at most that may not state everything, in cores or bytes: the larger of its limit and
// its request. It returns false for one that has neither: that is bounded by its node.
func MostStated(pod *v1.Pod, name v1.ResourceName) (float64, bool) {
	limits, requests := resource.PodLimits(pod, resource.PodResourcesOptions{}), resource.PodRequests(pod, resource.PodResourcesOptions{})
	limit, request := limits[name], requests[name]
	most := max(limit.AsApproximateFloat64(), request.AsApproximateFloat64())
	return most, most > 0
}

// refused returns an error that says which claim of the pod is ignored, in whole or in part.
func (p *Policy) refused(pod *v1.Pod) error {
	if o, stated, err := Objective(pod.Labels); stated && err == nil && pod.Status.QOSClass != "" &&
		Exceeds(o, OfClass(pod.Status.QOSClass)) && !p.MayAim(pod) {
		return notAllowed("label", &QoS, pod, "objectives", "the objective is "+Objectives[OfClass(pod.Status.QOSClass)]+", that of a "+string(pod.Status.QOSClass)+" pod")
	}
	if ResponseTime.In(pod.Annotations) && !p.MayAim(pod) {
		return notAllowed("annotation", &ResponseTime, pod, "objectives", "the profile's objective holds")
	}
	if Overcommit.In(pod.Annotations) && !p.MayOvercommit(pod) {
		return notAllowed("annotation", &Overcommit, pod, "overcommit", "it is placed like others")
	}
	for _, s := range []struct {
		key  *Key
		name v1.ResourceName
	}{{&PredictedCPU, v1.ResourceCPU}, {&PredictedMemory, v1.ResourceMemory}} {
		use, stated, err := Quantity(pod.Annotations, s.key)
		if !stated || err != nil || p.MayPredict(pod) {
			continue
		}
		if most, bounded := MostStated(pod, s.name); bounded && use > most {
			return notAllowed("annotation", s.key, pod, "predictions", "no more counts than the pod's limit or request")
		}
		if use == 0 {
			return notAllowed("annotation", s.key, pod, "predictions", "no less counts than is forecast")
		}
	}
	return nil
}

func notAllowed(kind string, key *Key, pod *v1.Pod, field, instead string) error {
	return fmt.Errorf("%s %s: namespace %s may not claim this (%s.namespaceSelector): %s", kind, key.Name, pod.Namespace,
		config.ArgsPath("Claims").Child(field), instead)
}
