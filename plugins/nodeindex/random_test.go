// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"fmt"
	"math/rand/v2"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/claims"
)

// generator draws nodes and pods whose labels, taints, sizes and terms meet often enough
// to matter.
type generator struct {
	*rand.Rand
	serial int
	// odd has nodes and pods be what few think of, too (oddities_test.go).
	odd bool
}

func newGenerator(seed uint64) *generator { return &generator{Rand: rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func (g *generator) name(prefix string) string {
	g.serial++
	return fmt.Sprintf("%s-%d", prefix, g.serial)
}

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
	case g.chance(5):
		delete(n.Labels, v1.LabelHostname)
	case g.chance(10):
		n.Labels[v1.LabelHostname] = pick(g, "shared-1", "shared-2")
	}
	if g.chance(90) {
		n.Labels[v1.LabelTopologyZone] = pick(g, "a", "b", "c")
	}
	if g.chance(70) {
		n.Labels["rack"] = pick(g, "1", "2", "3", "4", "")
	}
	n.Labels["disk"] = pick(g, "ssd", "hdd")
	for range g.IntN(3) {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: pick(g, "team", "gpu"), Value: pick(g, "", "blue"),
			Effect: pick(g, v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute)})
	}
	if g.chance(10) {
		n.Annotations = map[string]string{"foresight-scheduler.dev/max-predicted-peak": pick(g, "none", "cpu=50", "cpu=30,memory=400", "broken")}
	}
	n.Spec.Unschedulable = g.chance(5)
	n.Status.Allocatable = v1.ResourceList{
		v1.ResourceCPU:    *resource.NewMilliQuantity(int64(g.IntN(9))*2000, resource.DecimalSI),
		v1.ResourceMemory: *resource.NewQuantity(int64(g.IntN(9))<<32+int64(g.IntN(1000)), resource.BinarySI),
		v1.ResourcePods:   *resource.NewQuantity(int64(g.IntN(30)), resource.DecimalSI),
	}
	if g.chance(50) {
		n.Status.Allocatable[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(40))<<30, resource.BinarySI)
		n.Status.Allocatable[device] = *resource.NewQuantity(int64(g.IntN(8)), resource.DecimalSI)
	}
	for _, image := range imageNames {
		if g.chance(40) {
			n.Status.Images = append(n.Status.Images, v1.ContainerImage{Names: []string{image + pick(g, "", ":latest")}, SizeBytes: int64(g.IntN(2000)) << 20})
		}
	}
	if g.odd && g.chance(30) {
		pick(g, nodeOddities...)(g, n)
	}
	return n
}

// pod that waits for a node.
func (g *generator) pod() *v1.Pod {
	name := g.name("pod")
	app := pick(g, apps...)
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: pick(g, namespaces...), UID: types.UID(name),
		Labels: map[string]string{"app": app, "version": pick(g, "1", "2")},
	}}
	p.Spec.SchedulerName = profileName
	if app == "db" && p.Namespace == "blue" && g.chance(50) {
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "db", Controller: ptr.To(true)}}
	}
	for i := range 1 + g.IntN(2) {
		p.Spec.Containers = append(p.Spec.Containers, g.container(fmt.Sprint("c", i)))
	}
	if g.chance(20) {
		p.Spec.InitContainers = append(p.Spec.InitContainers, g.container("init"))
	}
	if g.chance(10) {
		p.Annotations = map[string]string{"foresight-scheduler.dev/overcommit": "true"}
	}
	if g.chance(10) {
		p.Annotations = map[string]string{
			pick(g, claims.ServiceAffinity.Name, claims.ServiceAntiAffinity.Name): pick(g, "", "rack", "disk, topology.kubernetes.io/zone", "absent"),
		}
	}
	if g.chance(20) {
		p.Labels["foresight-scheduler.dev/qos"] = pick(g, "latency", "realtime", "availability", "batch")
	}
	if g.chance(10) {
		p.Spec.Overhead = v1.ResourceList{v1.ResourceCPU: resource.MustParse("20m")}
	}
	if g.chance(10) {
		p.Spec.Resources = &v1.ResourceRequirements{Requests: v1.ResourceList{
			v1.ResourceCPU: *resource.NewMilliQuantity(int64(9+g.IntN(5))*230, resource.DecimalSI),
		}}
		if g.chance(50) {
			p.Spec.Resources.Requests[v1.ResourceMemory] = *resource.NewQuantity(int64(6+g.IntN(9)*999)<<20, resource.BinarySI)
		}
	}
	if g.chance(25) {
		p.Spec.NodeSelector = map[string]string{"disk": pick(g, "ssd", "hdd")}
	}
	for range g.IntN(3) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, g.toleration())
	}
	if g.chance(30) {
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: g.nodeAffinity()}
	}
	for g.chance(25) && len(p.Spec.TopologySpreadConstraints) < 3 {
		p.Spec.TopologySpreadConstraints = append(p.Spec.TopologySpreadConstraints, g.spread())
	}
	if g.chance(25) {
		if p.Spec.Affinity == nil {
			p.Spec.Affinity = &v1.Affinity{}
		}
		g.podAffinity(p.Spec.Affinity)
	}
	if g.odd && g.chance(40) {
		pick(g, podOddities...)(g, p)
	}
	return p
}

// replica of a pod, at times one that tolerates something else.
func (g *generator) replica(of *v1.Pod) *v1.Pod {
	p := of.DeepCopy()
	p.Name = g.name("pod")
	p.UID = types.UID(p.Name)
	if g.chance(10) {
		p.Spec.Tolerations = []v1.Toleration{g.toleration()}
	}
	return p
}

func (g *generator) container(name string) v1.Container {
	c := v1.Container{Name: name, Image: pick(g, imageNames...)}
	requests := v1.ResourceList{}
	if g.chance(80) {
		requests[v1.ResourceCPU] = *resource.NewMilliQuantity(int64(g.IntN(5))*230, resource.DecimalSI)
	}
	if g.chance(80) {
		requests[v1.ResourceMemory] = *resource.NewQuantity(int64(g.IntN(5)*999)<<20, resource.BinarySI)
	}
	if g.chance(10) {
		requests[v1.ResourceEphemeralStorage] = *resource.NewQuantity(int64(g.IntN(4))<<30, resource.BinarySI)
	}
	if g.chance(10) {
		requests[device] = *resource.NewQuantity(int64(1+g.IntN(2)), resource.DecimalSI)
	}
	if len(requests) > 0 {
		c.Resources.Requests = requests
	}
	if g.chance(30) {
		c.Resources.Limits = v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(5+g.IntN(5))*230, resource.DecimalSI)}
	}
	if g.chance(10) {
		c.Ports = []v1.ContainerPort{{HostPort: int32(8000 + g.IntN(2)), ContainerPort: 80, Protocol: v1.ProtocolTCP}}
	}
	return c
}

func (g *generator) toleration() v1.Toleration {
	t := v1.Toleration{Key: pick(g, "team", "gpu", v1.TaintNodeUnschedulable), Operator: v1.TolerationOpExists}
	if g.chance(30) {
		t.Operator, t.Value = v1.TolerationOpEqual, pick(g, "", "blue")
	}
	if g.chance(50) {
		t.Effect = pick(g, v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule, v1.TaintEffectNoExecute)
	}
	return t
}

func (g *generator) nodeAffinity() *v1.NodeAffinity {
	term := func() (t v1.NodeSelectorTerm) {
		for range 1 + g.IntN(2) {
			r := v1.NodeSelectorRequirement{
				Key:      pick(g, v1.LabelTopologyZone, "rack", "disk"),
				Operator: pick(g, v1.NodeSelectorOpIn, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn, v1.NodeSelectorOpExists, v1.NodeSelectorOpDoesNotExist, v1.NodeSelectorOpGt),
			}
			switch r.Operator {
			case v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn:
				r.Values = []string{pick(g, "a", "1", "ssd"), pick(g, "b", "2", "hdd")}
			case v1.NodeSelectorOpGt:
				r.Values = []string{pick(g, "1", "2")}
			}
			t.MatchExpressions = append(t.MatchExpressions, r)
		}
		if g.chance(10) {
			t.MatchFields = []v1.NodeSelectorRequirement{{
				Key: metav1.ObjectNameField, Operator: pick(g, v1.NodeSelectorOpIn, v1.NodeSelectorOpNotIn), Values: []string{fmt.Sprint("node-", 1+g.IntN(30))},
			}}
		}
		return t
	}
	a := &v1.NodeAffinity{}
	if g.chance(60) {
		a.RequiredDuringSchedulingIgnoredDuringExecution = &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{term(), term()}}
	}
	for range g.IntN(3) {
		a.PreferredDuringSchedulingIgnoredDuringExecution = append(a.PreferredDuringSchedulingIgnoredDuringExecution,
			v1.PreferredSchedulingTerm{Weight: int32(1 + g.IntN(50)), Preference: term()})
	}
	return a
}

func (g *generator) topologyKey() string {
	return pick(g, v1.LabelHostname, v1.LabelTopologyZone, v1.LabelTopologyZone, "rack")
}

func (g *generator) selector() *metav1.LabelSelector {
	switch g.IntN(8) {
	case 0:
		return nil
	case 1:
		return &metav1.LabelSelector{}
	case 2:
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpNotIn, Values: []string{pick(g, apps...)}}}}
	case 3:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"version": pick(g, "1", "2")}}
	default:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": pick(g, apps...)}}
	}
}

func (g *generator) spread() v1.TopologySpreadConstraint {
	c := v1.TopologySpreadConstraint{
		MaxSkew: int32(1 + g.IntN(3)), TopologyKey: g.topologyKey(), LabelSelector: g.selector(),
		WhenUnsatisfiable: pick(g, v1.DoNotSchedule, v1.ScheduleAnyway),
	}
	if c.WhenUnsatisfiable == v1.DoNotSchedule && g.chance(20) {
		c.MinDomains = ptr.To(int32(1 + g.IntN(5)))
	}
	if g.chance(30) {
		c.NodeAffinityPolicy = ptr.To(pick(g, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore))
	}
	if g.chance(30) {
		c.NodeTaintsPolicy = ptr.To(pick(g, v1.NodeInclusionPolicyHonor, v1.NodeInclusionPolicyIgnore))
	}
	if c.LabelSelector != nil && g.chance(20) {
		c.MatchLabelKeys = []string{pick(g, "version", "absent")}
	}
	return c
}

func (g *generator) podAffinity(a *v1.Affinity) {
	term := func() v1.PodAffinityTerm {
		t := v1.PodAffinityTerm{TopologyKey: g.topologyKey(), LabelSelector: g.selector()}
		if g.chance(30) {
			t.Namespaces = []string{pick(g, namespaces...)}
		}
		if g.chance(30) {
			t.NamespaceSelector = pick(g, &metav1.LabelSelector{}, &metav1.LabelSelector{MatchLabels: map[string]string{"tier": "0"}})
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
