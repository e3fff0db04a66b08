// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/plugintest/draw"
)

// oddOwners are owners beside the ReplicaSet of surroundings, whose selectors default topology spread looks at.
func oddOwners() []runtime.Object {
	return []runtime.Object{
		&appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Name: "cache", Namespace: "green"},
			Spec:       appsv1.StatefulSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cache"}}},
		},
		&v1.ReplicationController{
			ObjectMeta: metav1.ObjectMeta{Name: "batch", Namespace: "red"},
			Spec:       v1.ReplicationControllerSpec{Selector: map[string]string{"app": "batch"}},
		},
	}
}

// nodeOddities are what nodes of real clusters have that few think of. The API server lets each of them be.
var nodeOddities = []func(*generator, *v1.Node){
	func(_ *generator, n *v1.Node) { n.Labels[v1.LabelHostname] = "host-of-" + n.Name },
	func(_ *generator, n *v1.Node) { n.Status.Allocatable = nil },
	func(g *generator, n *v1.Node) {
		if n.Status.Allocatable == nil {
			return
		}
		n.Status.Allocatable[v1.ResourceCPU] = *resource.NewQuantity(1<<draw.Of(g.Dice, 40, 53), resource.DecimalSI)
		n.Status.Allocatable[v1.ResourceMemory] = *resource.NewQuantity(1<<draw.Of(g.Dice, 53, 62), resource.BinarySI)
		n.Status.Allocatable[v1.ResourcePods] = *resource.NewQuantity(1<<draw.Of(g.Dice, 31, 40), resource.DecimalSI)
	},
	func(g *generator, n *v1.Node) {
		if n.Status.Allocatable != nil {
			n.Status.Allocatable["hugepages-2Mi"] = *resource.NewQuantity(int64(g.IntN(4))<<21, resource.BinarySI)
		}
	},
	func(g *generator, n *v1.Node) {
		if n.Status.Allocatable != nil {
			n.Status.Allocatable[v1.ResourceCPU] = resource.MustParse(draw.Of(g.Dice, "3999500u", "1n", "7.5"))
			n.Status.Allocatable[v1.ResourceMemory] = resource.MustParse(draw.Of(g.Dice, "1500m", "4.5Gi", "12e9"))
		}
	},
	func(g *generator, n *v1.Node) {
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: "level", Value: draw.Of(g.Dice, "1", "5", "-3", "much"), Effect: draw.Of(g.Dice, v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule)})
	},
	func(_ *generator, n *v1.Node) { // the same taint twice, with both effects
		n.Spec.Taints = append(n.Spec.Taints, v1.Taint{Key: "team", Effect: v1.TaintEffectNoSchedule}, v1.Taint{Key: "team", Effect: v1.TaintEffectPreferNoSchedule})
	},
	func(_ *generator, n *v1.Node) { n.Labels = nil },
	func(g *generator, n *v1.Node) { // an image under many names, some with digests
		n.Status.Images = append(n.Status.Images, v1.ContainerImage{
			Names: []string{"registry.example/a@sha256:0123", "registry.example/a:1", "c:latest"}, SizeBytes: int64(g.IntN(3000)) << 20,
		})
	},
	func(g *generator, n *v1.Node) {
		if n.Labels != nil {
			n.Labels["rack"] = draw.Of(g.Dice, "007", "-5", "9223372036854775808", "x")
		}
	},
}

// podOddities are the same of pods.
var podOddities = []func(*generator, *v1.Pod){
	func(g *generator, p *v1.Pod) { // a sidecar, before and after other init containers
		sidecar := g.container("sidecar")
		sidecar.RestartPolicy = ptr.To(v1.ContainerRestartPolicyAlways)
		p.Spec.InitContainers = append(append([]v1.Container{g.container("first")}, sidecar), g.container("last"))
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{
			v1.ResourceCPU: resource.MustParse(draw.Of(g.Dice, "100u", "1n", "0.5", "1e-3")), v1.ResourceMemory: resource.MustParse(draw.Of(g.Dice, "500m", "1.5Mi", "1e3")),
		}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{"hugepages-2Mi": *resource.NewQuantity(int64(1+g.IntN(2))<<21, resource.BinarySI)}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{v1.ResourceCPU: *resource.NewQuantity(1<<draw.Of(g.Dice, 31, 52), resource.DecimalSI), v1.ResourceMemory: *resource.NewQuantity(1<<61, resource.BinarySI)}
	},
	func(g *generator, p *v1.Pod) { // explicit zeros
		p.Spec.Containers[0].Resources.Requests = v1.ResourceList{v1.ResourceCPU: resource.MustParse("0"), v1.ResourceMemory: resource.MustParse("0"), device: resource.MustParse("0")}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Resources = &v1.ResourceRequirements{
			Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("3")}, Limits: v1.ResourceList{v1.ResourceCPU: resource.MustParse("4"), v1.ResourceMemory: resource.MustParse("9Gi")},
		}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Volumes = append(p.Spec.Volumes, v1.Volume{Name: "image", VolumeSource: v1.VolumeSource{Image: &v1.ImageVolumeSource{Reference: draw.Of(g.Dice, imageNames...)}}})
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Containers[0].Ports = []v1.ContainerPort{
			{HostPort: int32(8000 + g.IntN(2)), ContainerPort: 80, Protocol: draw.Of(g.Dice, v1.ProtocolTCP, v1.ProtocolUDP, v1.ProtocolSCTP, ""), HostIP: draw.Of(g.Dice, "", "0.0.0.0", "127.0.0.1", "10.0.0.1", "::")},
			{HostPort: 8000, ContainerPort: 81, Protocol: v1.ProtocolUDP, HostIP: "127.0.0.1"},
		}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.HostNetwork = true
		p.Spec.Containers[0].Ports = []v1.ContainerPort{{HostPort: 8001, ContainerPort: 8001}}
	},
	func(g *generator, p *v1.Pod) {
		p.Namespace, p.Labels["app"] = "green", "cache"
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "cache", Controller: ptr.To(true)}}
	},
	func(g *generator, p *v1.Pod) {
		p.Namespace, p.Labels["app"] = "red", "batch"
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "v1", Kind: "ReplicationController", Name: "batch", Controller: ptr.To(true)}}
	},
	func(g *generator, p *v1.Pod) { // an owner that is not there
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "gone", Controller: ptr.To(true)}}
	},
	func(g *generator, p *v1.Pod) { p.Namespace = "without-an-object" },
	func(g *generator, p *v1.Pod) { p.Labels = nil },
	func(g *generator, p *v1.Pod) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{Operator: v1.TolerationOpExists, Effect: draw.Of(g.Dice, "", v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule)})
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{
			Key: "level", Operator: draw.Of(g.Dice, v1.TolerationOpGt, v1.TolerationOpLt), Value: draw.Of(g.Dice, "0", "5", "much"), Effect: draw.Of(g.Dice, "", v1.TaintEffectNoSchedule, v1.TaintEffectPreferNoSchedule),
		})
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Tolerations = append(p.Spec.Tolerations, v1.Toleration{Key: "team", Value: "blue", Effect: v1.TaintEffectNoExecute, TolerationSeconds: ptr.To[int64](30)})
	},
	func(g *generator, p *v1.Pod) { // required terms that match nothing, or all
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{
			NodeSelectorTerms: draw.Of(g.Dice, nil, []v1.NodeSelectorTerm{{}}, []v1.NodeSelectorTerm{{}, g.nodeTerm()}),
		}}}
	},
	func(g *generator, p *v1.Pod) { // terms that do not parse
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{
			NodeSelectorTerms: []v1.NodeSelectorTerm{g.nodeTerm(), {MatchExpressions: []v1.NodeSelectorRequirement{{Key: "rack", Operator: draw.Of(g.Dice, v1.NodeSelectorOpGt, "Like"), Values: []string{"x"}}}}},
		}}}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{
			{Weight: 10}, {Weight: 20, Preference: g.nodeTerm()}, {Weight: 30, Preference: v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{{Key: "rack", Operator: v1.NodeSelectorOpLt, Values: []string{"100"}}}}},
		}}}
	},
	func(g *generator, p *v1.Pod) { // one node by its name, and another field that nodes do not have
		p.Spec.Affinity = &v1.Affinity{NodeAffinity: &v1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.PreferredSchedulingTerm{{Weight: 7, Preference: v1.NodeSelectorTerm{
			MatchFields: []v1.NodeSelectorRequirement{{Key: draw.Of(g.Dice, metav1.ObjectNameField, "spec.providerID"), Operator: v1.NodeSelectorOpIn, Values: []string{"node-3"}}},
		}}}}}
	},
	func(g *generator, p *v1.Pod) { // the same term twice, required and preferred
		term := g.podTerm()
		p.Spec.Affinity = &v1.Affinity{
			PodAffinity: &v1.PodAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{{Weight: 5, PodAffinityTerm: term}, {Weight: 5, PodAffinityTerm: term}}},
			PodAntiAffinity: &v1.PodAntiAffinity{
				RequiredDuringSchedulingIgnoredDuringExecution:  []v1.PodAffinityTerm{g.podTerm(), g.podTerm()},
				PreferredDuringSchedulingIgnoredDuringExecution: []v1.WeightedPodAffinityTerm{{Weight: 100, PodAffinityTerm: term}},
			},
		}
	},
	func(g *generator, p *v1.Pod) { // as the API server leaves them: keys that it has merged into the selector
		term := g.podTerm()
		term.LabelSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: "app", Operator: metav1.LabelSelectorOpDoesNotExist}, {Key: "version", Operator: draw.Of(g.Dice, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn), Values: []string{"1"}},
		}}
		term.MatchLabelKeys = []string{"version"}
		p.Spec.Affinity = &v1.Affinity{PodAffinity: &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{term}}}
	},
	func(g *generator, p *v1.Pod) { // a selector that does not parse
		term := g.podTerm()
		term.LabelSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn}}}
		p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{term}}}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.TopologySpreadConstraints = []v1.TopologySpreadConstraint{
			{MaxSkew: 1, TopologyKey: draw.Of(g.Dice, "rack", "absent"), WhenUnsatisfiable: draw.Of(g.Dice, v1.DoNotSchedule, v1.ScheduleAnyway), LabelSelector: &metav1.LabelSelector{
				MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpExists}, {Key: "absent", Operator: metav1.LabelSelectorOpDoesNotExist}},
			}, MatchLabelKeys: []string{"version", "app"}},
		}
	},
	func(g *generator, p *v1.Pod) {
		p.Spec.Overhead = v1.ResourceList{v1.ResourceMemory: resource.MustParse("120Mi"), device: resource.MustParse("1")}
	},
	func(g *generator, p *v1.Pod) { p.Spec.NodeSelector = map[string]string{"rack": "", "absent": ""} },
	func(g *generator, p *v1.Pod) { // negative and low priorities, and one that was nominated to a node that is gone
		p.Spec.Priority = ptr.To(draw.Of(g.Dice, int32(-10), int32(2000000000)))
	},
}

func (g *generator) nodeTerm() v1.NodeSelectorTerm {
	return v1.NodeSelectorTerm{MatchExpressions: []v1.NodeSelectorRequirement{{Key: "disk", Operator: v1.NodeSelectorOpIn, Values: []string{draw.Of(g.Dice, "ssd", "hdd")}}}}
}

func (g *generator) podTerm() v1.PodAffinityTerm {
	return v1.PodAffinityTerm{
		TopologyKey: g.topologyKey(), LabelSelector: g.selector(), Namespaces: draw.Of(g.Dice, nil, []string{"without-an-object"}, []string{"blue", "blue", "red"}),
		NamespaceSelector: draw.Of(g.Dice, nil, &metav1.LabelSelector{}, &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"1"}}}}),
	}
}

// oddly changes what few think of.
func (s *scene) oddly(ctx context.Context, t testing.TB) {
	t.Helper()
	switch s.IntN(6) {
	case 0: // a node that is made again under its name, while its pods are there
		old := s.anyNode()
		_ = s.sched.Cache.RemoveNode(s.logger, old)
		node := s.node(old.Name)
		s.nodes[node.Name] = node
		s.sched.Cache.AddNode(s.logger, node)
	case 1: // a pod that another scheduler has bound, at times to a node that is not known yet
		p := s.pod()
		p.Spec.SchedulerName, p.Spec.NodeName = "another", s.anyNode().Name
		if s.Chance(10) {
			p.Spec.NodeName = "node-to-come"
		}
		if s.sched.Cache.AddPod(s.logger, p) == nil {
			s.pods = append(s.pods, p)
			s.confirmed[p.Name] = true
		}
	case 2: // a pod that is resized in place, and not there yet
		if i := slices.IndexFunc(s.pods, func(p *v1.Pod) bool { return s.confirmed[p.Name] }); i >= 0 {
			old := s.pods[i]
			p := old.DeepCopy()
			c := &p.Spec.Containers[0]
			before := c.Resources.Requests.DeepCopy()
			c.Resources.Requests = v1.ResourceList{v1.ResourceCPU: *resource.NewMilliQuantity(int64(s.IntN(4000)), resource.DecimalSI)}
			p.Status.ContainerStatuses = []v1.ContainerStatus{{Name: c.Name, AllocatedResources: before, Resources: &v1.ResourceRequirements{Requests: before}}}
			p.Status.Conditions = append(p.Status.Conditions, v1.PodCondition{Type: v1.PodResizePending, Status: v1.ConditionTrue, Reason: draw.Of(s.Dice, v1.PodReasonInfeasible, v1.PodReasonDeferred)})
			s.pods[i] = p
			_ = s.sched.Cache.UpdatePod(s.logger, old, p)
		}
	case 3: // a namespace that gets other labels
		ns, err := s.client.CoreV1().Namespaces().Get(ctx, draw.Of(s.Dice, namespaces...), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ns = ns.DeepCopy()
		ns.Labels = map[string]string{"tier": fmt.Sprint(s.IntN(3))}
		if _, err := s.client.CoreV1().Namespaces().Update(ctx, ns, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		s.await(ctx, t, func() bool {
			seen, err := s.informers.Core().V1().Namespaces().Lister().Get(ns.Name)
			return err == nil && maps.Equal(seen.Labels, ns.Labels)
		})
	case 4: // a Service that selects other pods
		service, err := s.client.CoreV1().Services(draw.Of(s.Dice, namespaces...)).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		service = service.DeepCopy()
		service.Spec.Selector = draw.Of(s.Dice, nil, map[string]string{"app": draw.Of(s.Dice, apps...)}, map[string]string{"version": "1"})
		if _, err := s.client.CoreV1().Services(service.Namespace).Update(ctx, service, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		s.await(ctx, t, func() bool {
			seen, err := s.informers.Core().V1().Services().Lister().Services(service.Namespace).Get(service.Name)
			return err == nil && maps.Equal(seen.Spec.Selector, service.Spec.Selector)
		})
	default: // a ReplicaSet that selects other pods
		set, err := s.client.AppsV1().ReplicaSets("blue").Get(ctx, "db", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		set = set.DeepCopy()
		set.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{draw.Of(s.Dice, "app", "version"): draw.Of(s.Dice, "db", "1")}}
		if _, err := s.client.AppsV1().ReplicaSets("blue").Update(ctx, set, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		s.await(ctx, t, func() bool {
			seen, err := s.informers.Apps().V1().ReplicaSets().Lister().ReplicaSets("blue").Get("db")
			return err == nil && maps.Equal(seen.Spec.Selector.MatchLabels, set.Spec.Selector.MatchLabels)
		})
	}
}

// await returns when an informer has seen what was written.
func (s *scene) await(ctx context.Context, t testing.TB, seen func() bool) {
	t.Helper()
	if err := wait.PollUntilContextTimeout(ctx, time.Millisecond, 10*time.Second, true, func(context.Context) (bool, error) { return seen(), nil }); err != nil {
		t.Fatal("an informer does not see what was written")
	}
}

// What real clusters have and few think of changes nothing: the index has the full search's verdicts and scores for it too, with every
// gate that changes what a plugin does.
func TestSameAsFullSearchOfOddities(t *testing.T) {
	featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, features.TaintTolerationComparisonOperators, true)
	served := 0
	for name, config := range profiles {
		t.Run(name, func(t *testing.T) {
			for seed := range uint64(2) {
				served += playOddly(t, seed+1000, 120, config)
			}
		})
	}
	if served < 1000 && !t.Failed() {
		t.Errorf("the index served %d odd pods", served)
	}
}

// So it is with each gate that plugins read set to what it is not by default.
func TestSameAsFullSearchByGate(t *testing.T) {
	byDefault := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	gates := utilfeature.DefaultMutableFeatureGate.GetAll()
	flipped := 0
	for _, gate := range slices.Sorted(maps.Keys(gates)) {
		other := !utilfeature.DefaultFeatureGate.Enabled(gate)
		switch {
		case gates[gate].LockToDefault, gate == features.OpportunisticBatching: // without which there are no hints
			continue
		case gate == features.DRANodeAllocatableResources: // The index says that it does not serve such profiles.
			continue
		}
		// A gate that needs another one, or that another one needs, is refused.
		trial := utilfeature.DefaultMutableFeatureGate.DeepCopy()
		if trial.SetFromMap(map[string]bool{string(gate): other}) != nil || feature.NewSchedulerFeaturesFromGates(trial) == byDefault {
			continue
		}
		flipped++
		t.Run(fmt.Sprintf("%s=%v", gate, other), func(t *testing.T) {
			featuregatetesting.SetFeatureGateDuringTest(t, utilfeature.DefaultFeatureGate, gate, other)
			for i, name := range []string{"shipped", "stock", "everything"} {
				playOddly(t, uint64(2000+i), 60, profiles[name])
			}
		})
	}
	if flipped < 5 {
		t.Errorf("%d gates change a plugin", flipped)
	}
}
