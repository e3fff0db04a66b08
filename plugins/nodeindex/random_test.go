// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
)

// generator draws nodes and pods whose labels, taints, sizes and terms meet often enough
// to matter.
type generator struct {
	*draw.Dice
	// odd has nodes and pods be what few think of, too (oddities_test.go).
	odd bool
}

func newGenerator(seed uint64) *generator { return &generator{Dice: draw.New(seed, 7)} }

var (
	apps       = []string{"web", "db", "batch", "cache"}
	namespaces = []string{"blue", "green", "red"}
	imageNames = []string{"registry.example/a:1", "registry.example/b:2", "c"}
	device     = v1.ResourceName("example.com/device")
)

// surroundings are the namespaces, Services and ReplicaSets that pods may belong to.
func surroundings() []runtime.Object {
	var out []runtime.Object
	for i, ns := range namespaces {
		out = append(out, &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns, Labels: map[string]string{"tier": fmt.Sprint(i % 2)}}},
			&v1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: ns}, Spec: v1.ServiceSpec{Selector: map[string]string{"app": "web"}}})
	}
	return append(out, &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "blue"},
		Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "db"}}},
	})
}

func (g *generator) node(name string) *v1.Node {
	n := &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelHostname: name}}}
	switch {
	case g.Chance(5):
		delete(n.Labels, v1.LabelHostname)
	case g.Chance(10):
		n.Labels[v1.LabelHostname] = draw.Of(g.Dice, "shared-1", "shared-2")
	}
	if g.Chance(90) {
		n.Labels[v1.LabelTopologyZone] = draw.Of(g.Dice, "a", "b", "c")
	}
	if g.Chance(70) {
		n.Labels["rack"] = draw.Of(g.Dice, "1", "2", "3", "4", "")
	}
	n.Labels["disk"] = draw.Of(g.Dice, "ssd", "hdd")
	for range g.IntN(3) {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: draw.Of(g.Dice, "team", "gpu"), Value: draw.Of(g.Dice, "", "blue"),
			Effect: draw.Of(g.Dice, v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute)})
	}
	if g.Chance(10) {
		n.Annotations = map[string]string{"foresight-scheduler.dev/max-predicted-peak": draw.Of(g.Dice, "none", "cpu=50", "cpu=30,memory=400", "broken")}
	}
	n.Spec.Unschedulable = g.Chance(5)
	n.Status.Allocatable = v1.ResourceList{
		v1.ResourceCPU:    *resource.NewMilliQuantity(int64(g.IntN(9))*2000, resource.DecimalSI),
		v1.ResourceMemory: *resource.NewQuantity(int64(g.IntN(9))<<32+int64(g.IntN(1000)), resource.BinarySI),
		v1.ResourcePods:   *resource.NewQuantity(int64(g.IntN(30)), resource.DecimalSI),
	}
	if g.Chance(50) {
		n.Status.Allocatable[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(40))<<30, resource.BinarySI)
		n.Status.Allocatable[device] = *resource.NewQuantity(int64(g.IntN(8)), resource.DecimalSI)
	}
	for _, image := range imageNames {
		if g.Chance(40) {
			n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: []string{image + draw.Of(g.Dice, "", ":latest")}, SizeBytes: int64(g.IntN(2000)) << 20})
		}
	}
	if g.odd && g.Chance(30) {
		draw.Of(g.Dice, nodeOddities...)(g, n)
	}
	return n
}

// pod that waits for a node.
func (g *generator) pod() *v1.Pod {
	name := g.Name("pod")
	app := draw.Of(g.Dice, apps...)
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: draw.Of(g.Dice, namespaces...), UID: types.UID(name),
		Labels: map[string]string{"app": app, "version": draw.Of(g.Dice, "1", "2")},
	}}
	p.Spec.SchedulerName = profileName
	if app == "db" && p.Namespace == "blue" && g.Chance(50) {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "db", Controller: ptr.To(true)}}
	}
	for i := range 1 + g.IntN(2) {
		p.Spec.Containers = append(p.Spec.Containers, g.container(fmt.Sprint("c", i)))
	}
	if g.Chance(20) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, g.container("init"))
	}
	if g.Chance(10) {
		p.Annotations = map[string]string{"foresight-scheduler.dev/overcommit": "true"}
	}
	if g.Chance(10) {
		p.Annotations = map[string]string{
			draw.Of(g.Dice, claims.ServiceAffinity.Name, claims.ServiceAntiAffinity.Name): draw.Of(g.Dice, "", "rack", "disk, topology.kubernetes.io/zone", "absent"),
		}
	}
	if g.Chance(20) {
		p.Labels["foresight-scheduler.dev/qos"] = draw.Of(g.Dice, "latency", "realtime", "availability", "batch")
	}
	if g.Chance(10) {
		p.Spec.Overhead = v1.ResourceList{v1.ResourceCPU: resource.MustParse("20m")}
	}
	if g.Chance(10) {
		p.Spec.Resources = &v1.ResourceRequirements{Requests: v1.ResourceList{
			v1.ResourceCPU: *resource.NewMilliQuantity(int64(9+g.IntN(5))*230, resource.DecimalSI),
		}}
		if g.Chance(50) {
			p.Spec.Resources.Requests[v1.ResourceMemory] = *resource.NewQuantity(int64(6+g.IntN(9)*999)<<20, resource.BinarySI)
		}
	}
	if g.Chance(25) {
		p.Spec.NodeSelector = map[string]string{"disk": draw.Of(g.Dice, "ssd", "hdd")}
	}
	for range g.IntN(3) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, g.toleration())
	}
	if g.Chance(30) {
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: g.nodeAffinity()}
	}
	for g.Chance(25) && len(p.Spec.TopologySpreadConstraints) < 3 {
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, g.spread())
	}
	if g.Chance(25) {
		if p.Spec.Affinity == nil {
			p.Spec.Affinity = &v1.Affinity{}
		}
		g.podAffinity(p.Spec.Affinity)
	}
	if g.odd && g.Chance(40) {
		draw.Of(g.Dice, podOddities...)(g, p)
	}
	return p
}

// replica of a pod, at times one that tolerates something else.
func (g *generator) replica(of *v1.Pod) *v1.Pod {
	p := of.DeepCopy()
	p.Name = g.Name("pod")
	p.UID = types.UID(p.Name)
	if g.Chance(10) {
		p.Spec.Tolerations = []v1.Toleration{g.toleration()}
	}
	return p
}

func (g *generator) container(name string) v1.Container {
	c := v1.Container{Name: name, Image: draw.Of(g.Dice, imageNames...)}
	requests := v1.ResourceList{}
	if g.Chance(80) {
		requests[v1.ResourceCPU] = *resource.NewMilliQuantity(int64(g.IntN(5))*230, resource.DecimalSI)
	}
	if g.Chance(80) {
		requests[v1.ResourceMemory] = *resource.NewQuantity(int64(g.IntN(5)*999)<<20, resource.BinarySI)
	}
	if g.Chance(10) {
		requests[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(4))<<30, resource.BinarySI)
	}
	if g.Chance(10) {
		requests[device] = *resource.NewQuantity(int64(1+g.IntN(2)), resource.DecimalSI)
	}
	if len(requests) > 0 {
		c.Resources.Requests = requests
	}
	if g.Chance(30) {
		c.Resources.Limits = v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(5+g.IntN(5))*230, resource.DecimalSI)}
	}
	if g.Chance(10) {
		c.Ports = []v1.ContainerPort{{HostPort: int32(8000 + g.IntN(2)), ContainerPort: 80, Protocol: v1.ProtocolTCP}}
	}
	return c
}

func (g *generator) toleration() v1.Toleration {
	t := v1.Toleration{Key: draw.Of(g.Dice, "team", "gpu", v1.TaintNodeUnschedulable), Operator: v1.TolerationOpExists}
	if g.Chance(30) {
		t.Operator, t.Value = v1.TolerationOpEqual, draw.Of(g.Dice, "", "blue")
	}
	if g.Chance(50) {
		t.Effect = draw.Of(g.Dice, v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute)
	}
	return t
}

func (g *generator) nodeAffinity() *v1.NodeAffinity {
	term := func() (t v1.NodeSelectorTerm) {
		for range 1 + g.IntN(2) {
			r := v1.NodeSelectorRequirement{
				Key:      draw.Of(g.Dice, v1.LabelTopologyZone, "rack", "disk"),
				Operator: draw.Of(g.Dice, v1.NodeSelectorOpIn, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn, v1.NodeSelectorOpExists, v1.NodeSelectorOpDoesNotExist, v1.NodeSelectorOpGt),
			}
			switch r.Operator {
			case v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn:
				r.Values = []string{draw.Of(g.Dice, "a", "1", "ssd"), draw.Of(g.Dice, "b", "2", "hdd")}
			case v1.NodeSelectorOpGt:
				r.Values = []string{draw.Of(g.Dice, "1", "2")}
			}
			t.MatchExpressions = append(t.MatchExpressions, r)
		}
		if g.Chance(10) {
			t.MatchFields = []v1.NodeSelectorRequirement{{
				Key: metav1.ObjectNameField, Operator: draw.Of(g.Dice, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn), Values: []string{fmt.Sprint("node-", 1+g.IntN(30))},
			}}
		}
		return t
	}
	a := &v1.NodeAffinity{}
	if g.Chance(60) {
		a.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{term(), term()}}
	}
	for range g.IntN(3) {
		a.PreferredDuringSchedulingIgnoredDuringExecution = append(a.PreferredDuringSchedulingIgnoredDuringExecution,
			v1.PreferredSchedulingTerm{Weight: int32(1 + g.IntN(50)), Preference: term()})
	}
	return a
}

func (g *generator) topologyKey() string {
	return draw.Of(g.Dice, v1.LabelHostname, v1.LabelTopologyZone, v1.LabelTopologyZone, "rack")
}

func (g *generator) selector() *metav1.LabelSelector {
	switch g.IntN(8) {
	case 0:
		return nil
	case 1:
		return &metav1.LabelSelector{}
	case 2:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{draw.Of(g.Dice, apps...)}}}}
	case 3:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"version": draw.Of(g.Dice, "1", "2")}}
	default:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": draw.Of(g.Dice, apps...)}}
	}
}

func (g *generator) spread() v1.TopologySpreadConstraint {
	c := v1.TopologySpreadConstraint{
		MaxSkew: int32(1 + g.IntN(3)), TopologyKey: g.topologyKey(), LabelSelector: g.selector(),
		WhenUnsatisfiable: draw.Of(g.Dice, v1.DoNotSchedule, v1.ScheduleAnyway),
	}
	if c.WhenUnsatisfiable == v1.DoNotSchedule && g.Chance(20) {
		c.MinDomains = ptr.To(int32(1 + g.IntN(5)))
	}
	if g.Chance(30) {
		c.NodeAffinityPolicy = ptr.To(draw.Of(g.Dice, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore))
	}
	if g.Chance(30) {
		c.NodeTaintsPolicy = ptr.To(draw.Of(g.Dice, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore))
	}
	if c.LabelSelector != nil && g.Chance(20) {
		c.MatchLabelKeys = []string{draw.Of(g.Dice, "version", "absent")}
	}
	return c
}

func (g *generator) podAffinity(a *v1.Affinity) {
	term := func() v1.PodAffinityTerm {
		t := v1.PodAffinityTerm{TopologyKey: g.topologyKey(), LabelSelector: g.selector()}
		if g.Chance(30) {
			t.Namespaces = []string{draw.Of(g.Dice, namespaces...)}
		}
		if g.Chance(30) {
			t.NamespaceSelector = draw.Of(g.Dice, &metav1.LabelSelector{}, &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "0"}})
		}
		return t
	}
	weighted := func() (out []v1.WeightedPodAffinityTerm) {
		for range 1 + g.IntN(2) {
			out = append(out, v1.WeightedPodAffinityTerm{Weight: int32(1 + g.IntN(100)), PodAffinityTerm: term()})
		}
		return out
	}
	switch g.IntN(5) {
	case 0:
		a.PodAffinity = &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{term()}}
	case 1:
		a.PodAntiAffinity = &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{term()}}
	case 2:
		a.PodAffinity = &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: weighted()}
	case 3:
		a.PodAntiAffinity = &v1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: weighted()}
	default:
		a.PodAffinity = &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{term(), term()}}
		a.PodAntiAffinity = &v1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: weighted()}
	}
}

// terminating returns the pod as it is while it is being deleted.
func terminating(p *v1.Pod) *v1.Pod {
	p = p.DeepCopy()
	p.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	return p
}
