// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	policylisters "k8s.io/client-go/listers/policy/v1"
	"k8s.io/client-go/util/retry"
	"k8s.io/klog/v2"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"

	"github.com/foresight-scheduler/foresight/cmd/foresight-scheduler/fence"
	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/plugins/rebalance/packing"
)

// marker is the name by which this scheduler's marks are told from another one's: that of its lease, so that who leads next has the same.
func marker(c *schedulerserverconfig.CompletedConfig) string {
	if l := &c.ComponentConfig.LeaderElection; l.LeaderElect {
		return l.ResourceNamespace + "/" + l.ResourceName
	}
	return c.ComponentConfig.Profiles[0].SchedulerName
}

// packable says which nodes may be emptied.
func packable(a *config.RebalanceArgs, c *schedulerserverconfig.CompletedConfig) (*packing.Nodes, error) {
	selector, err := metav1.LabelSelectorAsSelector(a.Packing.NodeSelector)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", config.ArgsPath(config.RebalanceName).Child("packing", "nodeSelector"), err)
	}
	return &packing.Nodes{Selector: selector, MinAge: a.Packing.MinNodeAge.Duration, By: marker(c)}, nil
}

// marks puts marks on nodes, and takes them off.
type marks struct {
	client kubernetes.Interface
	by     string
}

// Mark reads the node first: what the informer has may lack a taint that somebody has put there since. A node that is gone needs no mark taken off.
func (m *marks) Mark(ctx context.Context, node string, on bool, now time.Time) error {
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		current, err := m.client.CoreV1().Nodes().Get(ctx, node, metav1.GetOptions{})
		if err != nil {
			return err
		}
		patch, err := packing.Mark(current, m.by, on, now)
		if err != nil || patch == nil {
			return err
		}
		_, err = m.client.CoreV1().Nodes().Patch(ctx, node, types.MergePatchType, patch, metav1.PatchOptions{})
		return err
	})
	if !on && apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// packed is the cluster as whoever empties nodes sees it.
type packed struct {
	*world
	marks
	budgets policylisters.PodDisruptionBudgetLister
}

// Protected asks as the Eviction API would: it refuses a pod of several budgets too, and one whose budget was not looked at since it was changed.
func (p *packed) Protected(pod *rebalance.Pod) bool {
	object := p.object(pod)
	if object == nil {
		return false
	}
	budgets, err := p.budgets.GetPodPodDisruptionBudgets(object)
	if err != nil {
		return false // There is none.
	}
	b := budgets[0]
	return len(budgets) > 1 || b.Status.DisruptionsAllowed < 1 || b.Status.ObservedGeneration < b.Generation
}

// waitsForRoom is for how long a pod that fits nowhere counts. One that waits for longer waits for something else than pods to stay where they are.
const waitsForRoom = time.Hour

// Waiting says whether pods wait that fit nowhere.
func (p *packed) Waiting() bool {
	all, err := p.pods.List(labels.Everything())
	if err != nil {
		return true
	}
	for _, pod := range all {
		if pod.Spec.NodeName != "" {
			continue
		}
		for i := range pod.Status.Conditions {
			if c := &pod.Status.Conditions[i]; c.Type == v1.PodScheduled && c.Reason == v1.PodReasonUnschedulable && time.Since(c.LastTransitionTime.Time) < waitsForRoom {
				return true
			}
		}
	}
	return false
}

// TellNode writes an event of the node, unless this scheduler writes nothing.
func (p *packed) TellNode(node, result, note string) {
	if p.recorder == nil {
		return
	}
	reason := map[string]string{
		packing.Suggested: "EmptyingSuggested", packing.Marked: "Emptying", packing.Emptied: "Emptied", packing.GivenUp: "EmptyingGivenUp",
	}[result]
	if reason == "" {
		return // The node is gone.
	}
	p.recorder.Eventf(&v1.ObjectReference{APIVersion: "v1", Kind: "Node", Name: node, UID: types.UID(node)}, nil, v1.EventTypeNormal, reason, "Rebalancing", "%s",
		decision.CutTo(note, maxNote))
}

// sweepEvery is how often marks are looked for that a configuration before this one left behind.
const sweepEvery = 5 * time.Minute

// sweepMarks takes off, in the leader, what marks a scheduler of this name left on nodes when it still emptied them. It is for schedulers that do not.
func sweepMarks(ctx context.Context, c *schedulerserverconfig.CompletedConfig) {
	nodes, f := c.InformerFactory.Core().V1().Nodes().Lister(), fence.Of(c.LeaderElection)
	m := &marks{client: c.Client, by: marker(c)}
	go func() {
		ticker := time.NewTicker(sweepEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			all, err := nodes.List(labels.Everything())
			if err != nil || f != nil && !f.Open() {
				continue
			}
			m.sweep(ctx, all, time.Now())
		}
	}()
}

// sweep takes off the marks that are ours.
func (m *marks) sweep(ctx context.Context, nodes []*v1.Node, now time.Time) {
	for _, node := range nodes {
		if by, _, marked := claims.Emptying(node); !marked || by != m.by {
			continue
		}
		if err := m.Mark(ctx, node.Name, false, now); err != nil {
			klog.FromContext(ctx).Error(err, "Taking off a node the mark of one that is being emptied failed", "node", node.Name)
		}
	}
}
