// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"sync/atomic"

	schedulingv1alpha3 "k8s.io/api/scheduling/v1alpha3"
	schedulingv1beta1 "k8s.io/api/scheduling/v1beta1"
	"k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	fwk "k8s.io/kube-scheduler/framework"
)

// nodes are what one evaluation sees. They do not change.
type nodes struct {
	all                         []fwk.NodeInfo
	byName                      map[string]fwk.NodeInfo
	affinity, anti, nonHostAnti []fwk.NodeInfo
}

func newNodes(all []fwk.NodeInfo) *nodes {
	n := &nodes{all: all, byName: make(map[string]fwk.NodeInfo, len(all))}
	for _, info := range all {
		n.byName[info.Node().Name] = info
		if len(info.GetPodsWithAffinity()) > 0 {
			n.affinity = append(n.affinity, info)
		}
		if len(info.GetPodsWithRequiredAntiAffinity()) > 0 {
			n.anti = append(n.anti, info)
		}
		if len(info.GetPodsWithRequiredNonHostScopedAntiAffinity()) > 0 {
			n.nonHostAnti = append(n.nonHostAnti, info)
		}
	}
	return n
}

// lister is the snapshot that the evaluating plugins read: plugins keep what it returns, so it stays and the nodes change.
type lister struct{ current atomic.Pointer[nodes] }

var (
	_ fwk.SharedLister      = &lister{}
	_ fwk.NodeInfoLister    = &lister{}
	_ fwk.StorageInfoLister = &lister{}
)

func (l *lister) NodeInfos() fwk.NodeInfoLister       { return l }
func (l *lister) StorageInfos() fwk.StorageInfoLister { return l }

func (l *lister) List() ([]fwk.NodeInfo, error) { return l.current.Load().all, nil }
func (l *lister) HavePodsWithAffinityList() ([]fwk.NodeInfo, error) {
	return l.current.Load().affinity, nil
}
func (l *lister) HavePodsWithRequiredAntiAffinityList() ([]fwk.NodeInfo, error) {
	return l.current.Load().anti, nil
}
func (l *lister) HavePodsWithRequiredNonHostScopedAntiAffinityList() ([]fwk.NodeInfo, error) {
	return l.current.Load().nonHostAnti, nil
}

func (l *lister) Get(name string) (fwk.NodeInfo, error) {
	if info, ok := l.current.Load().byName[name]; ok {
		return info, nil
	}
	return nil, fmt.Errorf("nodeinfo not found for node name %q", name)
}

// IsPVCUsedByPods looks at every node: few pods ask.
func (l *lister) IsPVCUsedByPods(key string) bool {
	for _, info := range l.current.Load().all {
		if info.GetPVCRefCounts()[key] > 0 {
			return true
		}
	}
	return false
}

// Pods of groups are not evaluated; there are no groups here.

func (l *lister) PodGroupStates() fwk.PodGroupStateLister { return noStates{} }
func (l *lister) PodGroups() fwk.PodGroupLister           { return noGroups{} }
func (l *lister) CompositePodGroupStates() fwk.CompositePodGroupStateLister {
	return noCompositeStates{}
}
func (l *lister) CompositePodGroups() fwk.CompositePodGroupLister { return noCompositeGroups{} }

type (
	noStates          struct{}
	noGroups          struct{}
	noCompositeStates struct{}
	noCompositeGroups struct{}
)

func noGroup(name string) error {
	return errors.NewNotFound(schema.GroupResource{Group: "scheduling.k8s.io", Resource: "podgroups"}, name)
}

func (noStates) Get(_, name string) (fwk.PodGroupState, error)           { return nil, noGroup(name) }
func (noGroups) Get(_, name string) (*schedulingv1beta1.PodGroup, error) { return nil, noGroup(name) }
func (noCompositeStates) Get(_, name string) (fwk.CompositePodGroupState, error) {
	return nil, noGroup(name)
}
func (noCompositeGroups) Get(_, name string) (*schedulingv1alpha3.CompositePodGroup, error) {
	return nil, noGroup(name)
}
