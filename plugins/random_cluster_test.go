// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugins_test

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
)

// generator makes random nodes and pods whose labels, taints and sizes are drawn from
// small sets, so that they meet often enough to matter.
type generator struct {
	*draw.Dice
	// comparison adds the toleration operators Gt and Lt, which need their gate.
	comparison bool
}

func newGenerator(seed uint64, comparison bool) *generator {
	return &generator{Dice: draw.New(seed, 1), comparison: comparison}
}

var (
	labelKeys   = []string{"zone", "disk", "cores"}
	labelValues = map[string][]string{"zone": {"a", "b", "c"}, "disk": {"ssd", "hdd"}, "cores": {"2", "8", "64"}}
	taintKeys   = []string{"team", "gpu", "temperature"}
	taintValues = []string{"", "blue", "3", "50"}
	effects     = []v1.TaintEffect{v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute}
	device      = v1.ResourceName("example.com/device")
	otherDevice = v1.ResourceName("example.org/other")
)

func (g *generator) node() *v1.Node {
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: g.Name("node"), Labels: map[string]string{}}}
	for _, key := range labelKeys {
		if g.Chance(70) {
			n.Labels[key] = draw.Of(g.Dice, labelValues[key]...)
		}
	}
	for range g.IntN(4) {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: draw.Of(g.Dice, taintKeys...), Value: draw.Of(g.Dice, taintValues...), Effect: draw.Of(g.Dice, effects...)})
	}
	n.Status.Allocatable = v1.ResourceList{
		v1.ResourceCPU:    *resource.NewMilliQuantity(int64(g.IntN(17))*500, resource.DecimalSI),
		v1.ResourceMemory: *resource.NewQuantity(int64(g.IntN(17))<<30, resource.BinarySI),
		v1.ResourcePods:   *resource.NewQuantity(int64(g.IntN(8)), resource.DecimalSI),
	}
	if g.Chance(50) {
		n.Status.Allocatable[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(10))<<30, resource.BinarySI)
	}
	if g.Chance(50) {
		n.Status.Allocatable[device] = *resource.NewQuantity(int64(g.IntN(4)), resource.DecimalSI)
	}
	return n
}

// pod returns a pod that waits for a node.
func (g *generator) pod() *v1.Pod {
	name := g.Name("pod")
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID(name)}}
	for i := range 1 + g.IntN(3) {
		p.Spec.Containers = append(p.Spec.Containers, v1.Container{Name: fmt.Sprint("c", i), Resources: g.resources()})
	}
	for i := range g.IntN(3) {
		c := v1.Container{Name: fmt.Sprint("i", i), Resources: g.resources()}
		if g.Chance(40) {
			c.RestartPolicy = ptr.To(v1.ContainerRestartPolicyAlways)
		}
		p.Spec.InitContainers = append(p.Spec.InitContainers, c)
	}
	if g.Chance(20) {
		p.Spec.Overhead = g.list(20)
	}
	if g.Chance(20) {
		r := g.resources()
		delete(r.Requests, device)
		p.Spec.Resources = &r
	}
	if g.Chance(30) {
		key := draw.Of(g.Dice, labelKeys...)
		p.Spec.NodeSelector = map[string]string{key: draw.Of(g.Dice, labelValues[key]...)}
	}
	if g.Chance(50) {
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: g.nodeAffinity()}
	}
	for range g.IntN(4) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, g.toleration())
	}
	return p
}

// placed returns a pod on the node, perhaps in the midst of a resize.
func (g *generator) placed(node string) *v1.Pod {
	p := g.pod()
	p.Spec.NodeName = node
	if g.Chance(30) {
		for _, c := range p.Spec.Containers {
			r := g.resources()
			p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, v1.ContainerStatus{
				Name: c.Name, AllocatedResources: r.Requests, Resources: &r,
			})
		}
	}
	return p
}

func (g *generator) resources() v1.ResourceRequirements {
	if g.Chance(15) {
		return v1.ResourceRequirements{}
	}
	return v1.ResourceRequirements{Requests: g.list(70), Limits: g.list(50)}
}

func (g *generator) list(percent int) v1.ResourceList {
	l := v1.ResourceList{}
	if g.Chance(percent) {
		l[v1.ResourceCPU] = *resource.NewMilliQuantity(int64(g.IntN(8))*250, resource.DecimalSI)
	}
	if g.Chance(percent) {
		l[v1.ResourceMemory] = *resource.NewQuantity(int64(g.IntN(8))<<29, resource.BinarySI)
	}
	if g.Chance(percent / 4) {
		l[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(4))<<30, resource.BinarySI)
	}
	if g.Chance(percent / 4) {
		l[device] = *resource.NewQuantity(int64(g.IntN(3)), resource.DecimalSI)
	}
	if g.Chance(percent / 8) {
		l[otherDevice] = *resource.NewQuantity(1, resource.DecimalSI)
	}
	return l
}

func (g *generator) toleration() v1.Toleration {
	t := v1.Toleration{Key: draw.Of(g.Dice, taintKeys...), Operator: v1.TolerationOpExists}
	if g.Chance(10) {
		t.Key = ""
	}
	if g.Chance(60) {
		t.Effect = draw.Of(g.Dice, effects...)
	}
	if t.Key != "" && g.Chance(60) {
		t.Operator, t.Value = v1.TolerationOpEqual, draw.Of(g.Dice, taintValues...)
		if g.comparison && g.Chance(50) {
			t.Operator = draw.Of(g.Dice, []v1.TolerationOperator{v1.TolerationOpGt, v1.TolerationOpLt}...)
		}
	}
	return t
}

func (g *generator) nodeAffinity() *v1.NodeAffinity {
	a := &v1.NodeAffinity{}
	if g.Chance(60) {
		a.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{}
		for range 1 + g.IntN(2) {
			r := a.RequiredDuringSchedulingIgnoredDuringExecution
			r.NodeSelectorTerms = append(r.NodeSelectorTerms, g.term())
		}
	}
	for range g.IntN(3) {
		a.PreferredDuringSchedulingIgnoredDuringExecution = append(a.PreferredDuringSchedulingIgnoredDuringExecution,
			v1.PreferredSchedulingTerm{Weight: int32(1 + g.IntN(100)), Preference: g.term()})
	}
	return a
}

func (g *generator) term() v1.NodeSelectorTerm {
	t := v1.NodeSelectorTerm{}
	if g.Chance(15) {
		t.MatchFields = []v1.NodeSelectorRequirement{{
			Key: metav1.ObjectNameField, Operator: v1.NodeSelectorOpIn, Values: []string{fmt.Sprintf("node-%d", 1+g.IntN(8))},
		}}
	}
	for range 1 + g.IntN(2) {
		key := draw.Of(g.Dice, labelKeys...)
		r := v1.NodeSelectorRequirement{Key: key}
		switch g.IntN(5) {
		case 0:
			r.Operator, r.Values = v1.NodeSelectorOpIn, []string{draw.Of(g.Dice, labelValues[key]...)}
		case 1:
			r.Operator, r.Values = v1.NodeSelectorOpNotIn, []string{draw.Of(g.Dice, labelValues[key]...)}
		case 2:
			r.Operator = v1.NodeSelectorOpExists
		case 3:
			r.Operator = v1.NodeSelectorOpDoesNotExist
		default:
			r.Key, r.Operator, r.Values = "cores", draw.Of(g.Dice, []v1.NodeSelectorOperator{v1.NodeSelectorOpGt, v1.NodeSelectorOpLt}...), []string{"4"}
		}
		t.MatchExpressions = append(t.MatchExpressions, r)
	}
	return t
}

var strategyCPUAndMemory = []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}

// strategy returns one scoring strategy in our args' form and in upstream's.
func (g *generator) strategy() (kubeschedulerv1.ScoringStrategy, *kubeschedulerconfig.ScoringStrategy) {
	s := kubeschedulerv1.ScoringStrategy{
		Type:      draw.Of(g.Dice, []kubeschedulerv1.ScoringStrategyType{kubeschedulerv1.LeastAllocated, kubeschedulerv1.MostAllocated, kubeschedulerv1.RequestedToCapacityRatio}...),
		Resources: []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: int64(1 + g.IntN(5))}, {Name: "memory", Weight: int64(1 + g.IntN(5))}},
	}
	if g.Chance(30) {
		s.Resources = append(s.Resources, kubeschedulerv1.ResourceSpec{Name: string(device), Weight: 3})
	}
	u := &kubeschedulerconfig.ScoringStrategy{Type: kubeschedulerconfig.ScoringStrategyType(s.Type)}
	for _, r := range s.Resources {
		u.Resources = append(u.Resources, kubeschedulerconfig.ResourceSpec{Name: r.Name, Weight: r.Weight})
	}
	if s.Type == kubeschedulerv1.RequestedToCapacityRatio {
		s.RequestedToCapacityRatio = &kubeschedulerv1.RequestedToCapacityRatioParam{}
		u.RequestedToCapacityRatio = &kubeschedulerconfig.RequestedToCapacityRatioParam{}
		for _, utilization := range []int32{0, 30, 80, 100} {
			score := int32(g.IntN(11))
			s.RequestedToCapacityRatio.Shape = append(s.RequestedToCapacityRatio.Shape, kubeschedulerv1.UtilizationShapePoint{Utilization: utilization, Score: score})
			u.RequestedToCapacityRatio.Shape = append(u.RequestedToCapacityRatio.Shape, kubeschedulerconfig.UtilizationShapePoint{Utilization: utilization, Score: score})
		}
	}
	return s, u
}
