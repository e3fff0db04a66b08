// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/helper"
)

// Owners looks up what a pod belongs to, and the labels of namespaces.
type Owners struct {
	services     corelisters.ServiceLister
	controllers  corelisters.ReplicationControllerLister
	replicaSets  appslisters.ReplicaSetLister
	statefulSets appslisters.StatefulSetLister
	namespaces   corelisters.NamespaceLister
}

// NewOwners returns owners that read the informers of the factory.
func NewOwners(f informers.SharedInformerFactory) Owners {
	return Owners{
		services:     f.Core().V1().Services().Lister(),
		controllers:  f.Core().V1().ReplicationControllers().Lister(),
		replicaSets:  f.Apps().V1().ReplicaSets().Lister(),
		statefulSets: f.Apps().V1().StatefulSets().Lister(),
		namespaces:   f.Core().V1().Namespaces().Lister(),
	}
}

// selector returns the selector of the pods that are spread together with this one by default.
func (o *Owners) selector(pod *v1.Pod) labels.Selector {
	return helper.DefaultSelector(pod, o.services, o.controllers, o.replicaSets, o.statefulSets)
}

// labels returns the labels of a namespace, or none if it is not known.
func (o *Owners) labels(namespace string) labels.Set {
	if ns, err := o.namespaces.Get(namespace); err == nil {
		return ns.Labels
	}
	return nil
}
