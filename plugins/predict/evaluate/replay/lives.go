// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"fmt"
	"slices"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// created returns the object of a pod that has no node yet.
func (r *run) created(i int) *v1.Pod {
	object := *r.world.Pods[i].Object
	object.Spec.SchedulerName = r.driver.name
	return &object
}

func (r *run) comes(i int) error {
	p := &r.pods[i]
	p.object, p.node = r.created(i), -1
	r.byKey[key(p.object.Namespace, p.object.Name)] = i
	if on := r.world.Pods[i].Pinned; on != "" {
		n, there := r.index[on]
		if !there {
			return r.ends(i) // Its node is none of the world's.
		}
		r.place(i, n)
		return r.driver.pods.add(p.object)
	}
	if err := r.driver.pods.add(p.object); err != nil {
		return err
	}
	return r.driver.schedule(r.bound)
}

// bound is told what the scheduler placed.
func (r *run) bound(b *v1.Binding) error {
	i, known := r.byKey[key(b.Namespace, b.Name)]
	n, there := r.index[b.Target.Name]
	if !known || !there {
		return fmt.Errorf("pod %s/%s was bound to %s, and one of them is not there", b.Namespace, b.Name, b.Target.Name)
	}
	if r.now >= r.options.From && (r.moves == nil || r.moves.moving != i) {
		r.measure.decided(r, i, n)
	}
	old := r.pods[i].object
	if r.looks != nil {
		if err := r.looks.placed(r.driver.ctx, old, b.Target.Name); err != nil {
			return err
		}
	}
	r.place(i, n)
	return r.driver.pods.update(old, r.pods[i].object)
}

// place puts a pod on a node.
func (r *run) place(i, n int) {
	p := &r.pods[i]
	placed := *p.object
	placed.Spec.NodeName = r.world.Nodes[n].Name
	placed.Status.Phase = v1.PodRunning
	started := metav1.NewTime(r.driver.clock.now)
	placed.Status.StartTime = &started
	placed.ResourceVersion = "2"
	p.object, p.node = &placed, n
	to := &r.nodes[n]
	to.pods = append(to.pods, i)
	asked := forecast.Asked(&placed)
	to.requested[forecast.CPU] += asked[forecast.CPU]
	to.requested[forecast.Memory] += asked[forecast.Memory]
	to.unseen += asked[forecast.CPU]
	r.foresee(to, i)
}

// foresee adds what the pod will use from now on to its node's future.
func (r *run) foresee(n *node, i int) {
	w := &r.world.Pods[i]
	for k := world.Index(r.now + world.Step - 1); k < min(r.world.Steps, world.Index(w.End+world.Step-1)); k++ {
		n.future[k] += w.CPU[k]
	}
	r.repeat(n, i, 1)
}

// repeat adds or takes away what the pod would use from now on if it did what it did a day before.
func (r *run) repeat(n *node, i int, sign float32) {
	w := &r.world.Pods[i]
	for k := world.Index(r.now + world.Step - 1); k < r.world.Steps; k++ {
		n.repeated[k] += sign * w.CPU[max(0, k-daySteps)]
	}
}

func (r *run) ends(i int) error {
	p := &r.pods[i]
	object := p.object
	if object == nil {
		return nil
	}
	if p.node >= 0 {
		n := &r.nodes[p.node]
		n.pods = slices.DeleteFunc(n.pods, func(other int) bool { return other == i })
		asked := forecast.Asked(object)
		n.requested[forecast.CPU] -= asked[forecast.CPU]
		n.requested[forecast.Memory] -= asked[forecast.Memory]
		r.repeat(n, i, -1)
	} else if r.now >= r.options.From && r.world.Pods[i].Pinned == "" {
		r.measure.Unplaced++
	}
	p.object = nil
	if r.byKey[key(object.Namespace, object.Name)] == i {
		delete(r.byKey, key(object.Namespace, object.Name))
	}
	if p.node < 0 && r.world.Pods[i].Pinned != "" {
		return nil
	}
	if err := r.driver.pods.remove(object); err != nil {
		return err
	}
	if r.driver.engine != nil {
		r.driver.engine.PodEnded(object, r.driver.engine.Now())
	}
	if r.looks != nil {
		r.looks.engine.PodEnded(object, r.looks.engine.Now())
	}
	return r.driver.schedule(r.bound)
}
