// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package synthetic makes the clusters that the benchmarks run on: nodes, placed pods and pending ones of a mix.
package synthetic

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Mixes say what the pending pods ask for, from kind to kind.
var Mixes = map[string]string{
	"identical":   "one shape, nothing but requests; stock runs with opportunistic batching made active",
	"simple":      "many sizes, nothing but requests",
	"varied":      "many sizes; a quarter each: plain, node selector, tolerations, preferred and required node affinity",
	"constrained": "many sizes; all with a node selector or required node affinity that 1 to 6 % of the nodes satisfy",
	"hard":        "many sizes; a fifth each: node selector, node affinity, tolerations, topology spread, pod anti-affinity",
	"spread":      "many sizes; all with an explicit topology spread over zones",
	"anti":        "many sizes; all with pod anti-affinity over hostnames",
}

// MixNames are the keys of Mixes, sorted.
func MixNames() []string {
	var names []string
	for name := range Mixes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// SchedulerName is whom all pods ask for: every profile of the benchmarks is called so.
const SchedulerName = "foresight-scheduler"

// Namespace of all pods.
const Namespace = "bench"

// CheckMix returns an error, which names the flag, where there is no such mix.
func CheckMix(mix string) error {
	if _, ok := Mixes[mix]; !ok {
		return fmt.Errorf("--mix: %q: want one of %s", mix, strings.Join(MixNames(), ", "))
	}
	return nil
}

const (
	zones        = 6
	racks        = 40
	replicas     = 25 // pods of one workload
	diskLabel    = "bench/disk"
	rackLabel    = "bench/rack"
	gpuLabel     = "bench/gpu"
	dedicatedKey = "bench/dedicated"
)

// Cluster is what every variant of a case starts from.
type Cluster struct {
	Nodes v1.NodeList
	// Pods are the placed ones, then the pending ones.
	Pods v1.PodList
	// Pending ones, by name.
	Pending map[types.NamespacedName]*v1.Pod
}

// New makes nodes with podsPerNode placed pods each, and pending pods of the mix.
// The same arguments give the same cluster.
func New(nodes, podsPerNode, pending int, mix string) *Cluster {
	random := rand.New(rand.NewPCG(1, uint64(nodes)))
	c := &Cluster{Pending: make(map[types.NamespacedName]*v1.Pod, pending)}
	c.Nodes.ResourceVersion, c.Pods.ResourceVersion = "1", "1"
	c.Nodes.Items = make([]v1.Node, nodes)
	c.Pods.Items = make([]v1.Pod, 0, nodes*podsPerNode+pending)
	for i := range c.Nodes.Items {
		c.Nodes.Items[i] = node(i, random)
		for range podsPerNode {
			n := len(c.Pods.Items)
			p := pod(fmt.Sprintf("placed-%d", n), n/replicas, random)
			p.Spec.NodeName = c.Nodes.Items[i].Name
			c.Pods.Items = append(c.Pods.Items, p)
		}
	}
	for i := range pending {
		p := pod(fmt.Sprintf("pending-%d", i), i/replicas, random)
		constrain(&p, mix, i, random)
		c.Pods.Items = append(c.Pods.Items, p)
	}
	for i := nodes * podsPerNode; i < len(c.Pods.Items); i++ {
		p := &c.Pods.Items[i]
		c.Pending[types.NamespacedName{Namespace: p.Namespace, Name: p.Name}] = p
	}
	return c
}

// node i of the cluster: three sizes; a tenth each is dedicated (NoSchedule) and not
// preferred (PreferNoSchedule).
func node(i int, random *rand.Rand) v1.Node {
	name := fmt.Sprintf("node-%05d", i)
	size := []int64{16, 32, 64}[random.IntN(3)]
	n := v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
		v1.LabelHostname:     name,
		v1.LabelTopologyZone: fmt.Sprintf("zone-%d", i%zones),
		v1.LabelOSStable:     "linux",
		v1.LabelArchStable:   "amd64",
		rackLabel:            fmt.Sprintf("rack-%d", i%racks),
		diskLabel:            []string{"ssd", "hdd"}[random.IntN(2)],
	}}}
	if random.IntN(20) == 0 {
		n.Labels[gpuLabel] = "true"
	}
	switch random.IntN(10) {
	case 0:
		n.Spec.Taints = []v1.Taint{{Key: dedicatedKey, Value: "batch", Effect: v1.TaintEffectNoSchedule}}
	case 1:
		n.Spec.Taints = []v1.Taint{{Key: dedicatedKey, Value: "old", Effect: v1.TaintEffectPreferNoSchedule}}
	}
	n.Status.Capacity = v1.ResourceList{
		v1.ResourceCPU:              *resource.NewQuantity(size, resource.DecimalSI),
		v1.ResourceMemory:           *resource.NewQuantity(size<<32, resource.BinarySI),
		v1.ResourceEphemeralStorage: *resource.NewQuantity(200<<30, resource.BinarySI),
		v1.ResourcePods:             *resource.NewQuantity(110, resource.DecimalSI),
	}
	n.Status.Allocatable = n.Status.Capacity
	n.Status.Conditions = []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}
	return n
}

// pod of a workload. Requests are between 50 and 1,000 millicores and between 64 MiB and
// 2 GiB, in steps, so that there are 640 shapes.
func pod(name string, workload int, random *rand.Rand) v1.Pod {
	requests := v1.ResourceList{
		v1.ResourceCPU:    *resource.NewMilliQuantity(50*(1+random.Int64N(20)), resource.DecimalSI),
		v1.ResourceMemory: *resource.NewQuantity((64<<20)*(1+random.Int64N(32)), resource.BinarySI),
	}
	return v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: Namespace, UID: types.UID(name), ResourceVersion: "1",
			Labels: map[string]string{"app": fmt.Sprintf("app-%d", workload)},
		},
		Spec: v1.PodSpec{
			SchedulerName: SchedulerName,
			Containers:    []v1.Container{{Name: "main", Image: "registry.example/main:1", Resources: v1.ResourceRequirements{Requests: requests}}},
		},
		Status: v1.PodStatus{Phase: v1.PodPending, QOSClass: v1.PodQOSBurstable}, // as API servers set it
	}
}

// constrain makes the i-th pending pod ask for what the mix says.
func constrain(p *v1.Pod, mix string, i int, random *rand.Rand) {
	switch mix {
	case "identical":
		p.Labels = map[string]string{"app": "one"}
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{
			v1.ResourceCPU: resource.MustParse("100m"), v1.ResourceMemory: resource.MustParse("256Mi"),
		}
	case "varied":
		switch i % 4 {
		case 1:
			p.Spec.NodeSelector = map[string]string{diskLabel: "ssd", v1.LabelTopologyZone: fmt.Sprintf("zone-%d", random.IntN(zones))}
		case 2:
			p.Spec.Tolerations = []v1.Toleration{{Key: dedicatedKey, Operator: v1.TolerationOpExists}}
		case 3:
			p.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution: required(v1.LabelTopologyZone, fmt.Sprintf("zone-%d", random.IntN(zones)), fmt.Sprintf("zone-%d", random.IntN(zones))),
				PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{
					{Weight: 10, Preference: required(diskLabel, "ssd").NodeSelectorTerms[0]},
					{Weight: 5, Preference: required(rackLabel, fmt.Sprintf("rack-%d", random.IntN(racks))).NodeSelectorTerms[0]},
				},
			}}
		}
	case "constrained":
		if i%2 == 0 {
			p.Spec.NodeSelector = map[string]string{rackLabel: fmt.Sprintf("rack-%d", random.IntN(racks))}
		} else {
			p.Spec.Affinity = nodeAffinity(random)
		}
	case "hard":
		switch i % 5 {
		case 0:
			p.Spec.NodeSelector = map[string]string{diskLabel: "ssd"}
		case 1:
			p.Spec.Affinity = nodeAffinity(random)
		case 2:
			p.Spec.Tolerations = []v1.Toleration{{Key: dedicatedKey, Operator: v1.TolerationOpExists}}
		case 3:
			spread(p)
		case 4:
			apart(p)
		}
	case "spread":
		spread(p)
	case "anti":
		apart(p)
	}
}

func nodeAffinity(random *rand.Rand) *v1.Affinity {
	terms := required(gpuLabel, "true")
	if random.IntN(2) == 0 {
		terms = required(rackLabel, fmt.Sprintf("rack-%d", random.IntN(racks)), fmt.Sprintf("rack-%d", random.IntN(racks)))
	}
	return &v1.Affinity{NodeAffinity: &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms}}
}

func required(key string, values ...string) *v1.NodeSelector {
	return &v1.NodeSelector{NodeSelectorTerms: []v1.NodeSelectorTerm{{
		MatchExpressions: []v1.NodeSelectorRequirement{{Key: key, Operator: v1.NodeSelectorOpIn, Values: values}},
	}}}
}

func spread(p *v1.Pod) {
	p.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{{
		MaxSkew: 1, TopologyKey: v1.LabelTopologyZone, WhenUnsatisfiable: v1.DoNotSchedule,
		LabelSelector: &metav1.LabelSelector{MatchLabels: p.Labels},
	}}
}

func apart(p *v1.Pod) {
	p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{{
			TopologyKey: v1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: p.Labels},
		}},
	}}
}

// UsedBy is what node i uses in the synthetic readings, as shares of its size.
func UsedBy(i int) (cpu, memory float64) {
	return .1 + .6*float64(i*7919%1000)/1000, .2 + .5*float64(i*104729%1000)/1000
}
