// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity_test

import (
	"reflect"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeaffinity"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

func event(resource fwk.EventResource, action fwk.ActionType) []fwk.ClusterEvent {
	return []fwk.ClusterEvent{{Resource: resource, ActionType: action}}
}

// A pod that waits for its Service comes back when the Service's pods move, and only
// then: pods of the cluster come and go all the time.
func TestQueueAfterOtherPod(t *testing.T) {
	waiting := web("waiting", 9)
	tests := []struct {
		name    string
		waiting *st.PodWrapper
		other   *v1.Pod
		want    bool
	}{
		{"a pod of the Service", waiting, web("p0", 0).Node("a1").Obj(), true},
		{"a pod of no Service", waiting, web("p0", 0).Label("app", "db").Node("a1").Obj(), false},
		{"an equal pod of another namespace", waiting, web("p0", 0).Namespace("test").Node("a1").Obj(), false},
		{"a pod that has turned service affinity off", web("waiting", 9).Annotation(affinity.ServiceAffinityAnnotation, ""), web("p0", 0).Node("a1").Obj(), false},
		{"a pod with an annotation that does not parse", web("waiting", 9).Annotation(affinity.ServiceAffinityAnnotation, ","), web("p0", 0).Node("a1").Obj(), false},
	}
	s := cluster{nodes: racks, services: []*v1.Service{webService}}.scheduler(t, together(zone))
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := plugintest.Queued(t, s, tc.waiting.Obj(), event(fwk.AssignedPod, fwk.Delete), tc.other, nil); got != tc.want {
				t.Errorf("deleted: queued %v, want %v", got, tc.want)
			}
			if got := plugintest.Queued(t, s, tc.waiting.Obj(), event(fwk.AssignedPod, fwk.Add), nil, tc.other); got != tc.want {
				t.Errorf("added: queued %v, want %v", got, tc.want)
			}
			relabelled := tc.other.DeepCopy()
			relabelled.Labels["app"] = "moved"
			changes := framework.PodSchedulingPropertiesChange(relabelled, tc.other, false)
			if got := plugintest.Queued(t, s, tc.waiting.Obj(), changes, tc.other, relabelled); got != tc.want {
				t.Errorf("left the Service: queued %v, want %v", got, tc.want)
			}
			if got := plugintest.Queued(t, s, tc.waiting.Obj(), framework.PodSchedulingPropertiesChange(tc.other, relabelled, false), relabelled, tc.other); got != tc.want {
				t.Errorf("joined the Service: queued %v, want %v", got, tc.want)
			}
		})
	}
	t.Run("a status update of a pod of the Service", func(t *testing.T) {
		before := web("p0", 0).Node("a1").Obj()
		after := before.DeepCopy()
		after.Status.Phase = v1.PodRunning
		if plugintest.Queued(t, s, waiting.Obj(), framework.PodSchedulingPropertiesChange(after, before, false), before, after) {
			t.Error("queued, though nothing moved")
		}
	})
	t.Run("a deletion that the watch has missed", func(t *testing.T) {
		tombstone := toolscache.DeletedFinalStateUnknown{Key: "shop/p0", Obj: web("p0", 0).Node("a1").Obj()}
		if !plugintest.Queued(t, s, waiting.Obj(), event(fwk.AssignedPod, fwk.Delete), tombstone, nil) {
			t.Error("not queued")
		}
	})
}

// The pod's own labels decide its Services, and its annotations the rules.
func TestQueueAfterOwnUpdate(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}}.scheduler(t, together(zone))
	before := web("waiting", 9).Annotation("unrelated", "1")
	for _, tc := range []struct {
		name  string
		after *st.PodWrapper
		want  bool
	}{
		{"a label", web("waiting", 9).Annotation("unrelated", "1").Label("app", "db"), true},
		{"service affinity", web("waiting", 9).Annotation("unrelated", "1").Annotation(affinity.ServiceAffinityAnnotation, rack), true},
		{"service affinity off", web("waiting", 9).Annotation("unrelated", "1").Annotation(affinity.ServiceAffinityAnnotation, ""), true},
		{"service anti-affinity, which may not have parsed", web("waiting", 9).Annotation("unrelated", "1").Annotation(affinity.ServiceAntiAffinityAnnotation, rack), true},
		{"another annotation", web("waiting", 9).Annotation("unrelated", "2"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			events := framework.PodSchedulingPropertiesChange(tc.after.Obj(), before.Obj(), true)
			if got := plugintest.Queued(t, s, tc.after.Obj(), events, before.Obj(), tc.after.Obj()); got != tc.want {
				t.Errorf("queued %v, want %v", got, tc.want)
			}
		})
	}
}

// A new Service binds, a deleted one no longer does, and a changed selector may do
// either. The objects come from the dynamic informer.
func TestQueueAfterService(t *testing.T) {
	s := cluster{nodes: racks}.scheduler(t, together(zone))
	registered, err := s.EventsToRegister(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var resource fwk.EventResource
	for _, r := range registered {
		if strings.HasPrefix(string(r.Event.Resource), "services") {
			resource = r.Event.Resource
		}
	}
	gvr, _ := schema.ParseResourceArg(string(resource))
	if gvr == nil || *gvr != v1.SchemeGroupVersion.WithResource("services") {
		t.Fatalf("the scheduler would watch %v for %q", gvr, resource)
	}
	for namespace, want := range map[string]bool{"shop": true, "test": false} {
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(service(namespace, "web", nil))
		if err != nil {
			t.Fatal(err)
		}
		object := &unstructured.Unstructured{Object: content}
		for action, objects := range map[fwk.ActionType][2]any{fwk.Add: {nil, object}, fwk.Update: {object, object}, fwk.Delete: {object, nil}} {
			if got := plugintest.Queued(t, s, web("waiting", 9).Obj(), event(resource, action), objects[0], objects[1]); got != want {
				t.Errorf("Service in %s, %v: queued %v, want %v", namespace, action, got, want)
			}
		}
	}
}

// A node may join the anchor's zone, or the anchor's node may leave it; upstream looks
// only at the pod's own terms.
func TestQueueAfterNode(t *testing.T) {
	s := cluster{nodes: racks, services: []*v1.Service{webService}}.scheduler(t, together(zone))
	selecting := web("waiting", 9).NodeSelector(map[string]string{"disk": "ssd"})
	for _, tc := range []struct {
		name          string
		pod           *st.PodWrapper
		before, after *v1.Node
		want          bool
	}{
		{"a new node", web("waiting", 9), nil, node("n", zone, "a"), true},
		{"a new node that the pod's selector refuses", selecting, nil, node("n", zone, "a"), false},
		{"a node comes to match the pod's selector", selecting, node("n"), node("n", "disk", "ssd"), true},
		{"a node changes its zone", web("waiting", 9), node("n", zone, "a"), node("n", zone, "b"), true},
		{"a node gets a zone", web("waiting", 9), node("n"), node("n", zone, "b"), true},
		{"a node loses its zone", web("waiting", 9), node("n", zone, "a"), node("n"), true},
		{"a node that the selector refuses may be the anchor's", selecting, node("n", zone, "a"), node("n", zone, "b"), true},
		{"another label", web("waiting", 9), node("n", rack, "1"), node("n", rack, "2"), false},
		{"the label of the pod's own rules", web("waiting", 9).Annotation(affinity.ServiceAffinityAnnotation, rack), node("n", rack, "1"), node("n", rack, "2"), true},
		{"a pod with an annotation that does not parse", web("waiting", 9).Annotation(affinity.ServiceAffinityAnnotation, ","), node("n", zone, "a"), node("n", zone, "b"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			events, before := event(fwk.Node, fwk.Add), any(nil)
			if tc.before != nil {
				events, before = framework.NodeSchedulingPropertiesChange(tc.after, tc.before), tc.before
			}
			if got := plugintest.Queued(t, s, tc.pod.Obj(), events, before, tc.after); got != tc.want {
				t.Errorf("queued %v, want %v", got, tc.want)
			}
		})
	}
}

// A label with the empty value is a label: Filter tells it from none, so must the hint.
func TestQueueAfterEmptyLabel(t *testing.T) {
	const marker = "example.com/edge"
	pods := []*v1.Pod{web("old", 0).Node("anchor").Obj()}
	waiting := web("waiting", 9).Obj()
	before, after := node("n"), node("n", marker, "")

	refused := cluster{nodes: []*v1.Node{node("anchor", marker, ""), before}, pods: pods, services: []*v1.Service{webService}}.scheduler(t, together(marker))
	expectNodes(t, refused.feasible(t, waiting), "anchor")
	cured := cluster{nodes: []*v1.Node{node("anchor", marker, ""), after}, pods: pods, services: []*v1.Service{webService}}.scheduler(t, together(marker))
	expectNodes(t, cured.feasible(t, waiting), "anchor", "n")

	if !plugintest.Queued(t, refused, waiting, framework.NodeSchedulingPropertiesChange(after, before), before, after) {
		t.Error("the node's update cures the pod, and the pod is not queued")
	}
}

// Two equal pods under service rules do not get equal answers, so such pods are not
// signed; all others have upstream's signature.
func TestSignPod(t *testing.T) {
	upstream, err := nodeaffinity.New(t.Context(), &kubeschedulerconfig.NodeAffinityArgs{}, cluster{}.handle(t), feature.Features{})
	if err != nil {
		t.Fatal(err)
	}
	plain := web("p", 0).NodeSelector(map[string]string{"disk": "ssd"}).NodeAffinityIn(rack, []string{"1"}, st.NodeSelectorTypeMatchExpressions).Obj()
	annotated := func(key, value string) *v1.Pod {
		pod := plain.DeepCopy()
		pod.Annotations = map[string]string{key: value}
		return pod
	}
	served := cluster{services: []*v1.Service{webService}}
	bare, bound, spread := served.scheduler(t, together()), served.scheduler(t, together(zone)), served.scheduler(t, apart(zone))
	for _, tc := range []struct {
		name   string
		plugin scheduler
		pod    *v1.Pod
		signed bool
	}{
		{"no rules", bare, plain, true},
		{"the profile keeps together", bound, plain, false},
		{"the profile spreads", spread, plain, false},
		{"the pod keeps together", bare, annotated(affinity.ServiceAffinityAnnotation, zone), false},
		{"the pod spreads", bare, annotated(affinity.ServiceAntiAffinityAnnotation, zone), false},
		{"the pod turns the profile's rule off", bound, annotated(affinity.ServiceAffinityAnnotation, ""), true},
		{"no Service selects the pod", cluster{}.scheduler(t, together(zone)), plain, true},
		{"the pod's annotation does not parse", bare, annotated(affinity.ServiceAffinityAnnotation, ","), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, status := tc.plugin.SignPod(t.Context(), tc.pod)
			if !tc.signed {
				if status.IsSuccess() || status.Code() == fwk.Error {
					t.Errorf("got %v with %v, want an unsigned pod without an error", status, got)
				}
				return
			}
			want, _ := upstream.(fwk.SignPlugin).SignPod(t.Context(), tc.pod)
			if !status.IsSuccess() || !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, %v, want upstream's %v", got, status, want)
			}
		})
	}
}
