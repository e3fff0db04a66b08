// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugintest

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	st "k8s.io/kubernetes/pkg/scheduler/testing"
)

// Amounts are quantities as they are written, by resource.
type Amounts = map[v1.ResourceName]string

// Container has requests and limits; of upstream's wrappers each sets only one of them.
func Container(name string, requests, limits Amounts) v1.Container {
	return v1.Container{Name: name, Resources: v1.ResourceRequirements{Requests: Quantities(requests), Limits: Quantities(limits)}}
}

// Quantities parses amounts; one that does not parse is a panic.
func Quantities(a Amounts) v1.ResourceList {
	list := v1.ResourceList{}
	for name, value := range a {
		list[name] = resource.MustParse(value)
	}
	return list
}

// Pod has one container; an empty node name is a pod in hand.
func Pod(name, node string, requests, limits Amounts) *v1.Pod {
	return st.MakePod().Namespace("shop").Name(name).UID(name).Node(node).Containers([]v1.Container{Container("c", requests, limits)}).Obj()
}
