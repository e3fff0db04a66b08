// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"context"
	"fmt"
	"testing"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
)

// watcher returns a placed pod that would rather be beside the pods of the app, by each of so many labels of nodes.
func watcher(node, app string, labels int) *v1.Pod {
	p := plainPod("watcher-" + app)
	p.Spec.NodeName = node
	p.Spec.Affinity = &v1.Affinity{PodAffinity: &v1.PodAffinity{}}
	for i := range labels {
		p.Spec.Affinity.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution = append(
			p.Spec.Affinity.PodAffinity.PreferredDuringSchedulingIgnoredDuringExecution, v1.WeightedPodAffinityTerm{
				Weight: 1, PodAffinityTerm: v1.PodAffinityTerm{TopologyKey: fmt.Sprintf("key-%d.example/zone", i), LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}},
			})
	}
	return p
}

// near and far are pods of the app that must run beside pods of the app cache, and must not beside those of the app db.
func near(name, app string) *v1.Pod {
	p := plainPod(name)
	p.Labels = map[string]string{"app": app}
	p.Spec.Affinity = &v1.Affinity{PodAffinity: &v1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: beside("cache")}}
	return p
}

func far(name, app string) *v1.Pod {
	p := plainPod(name)
	p.Labels = map[string]string{"app": app}
	p.Spec.Affinity = &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: beside("db")}}
	return p
}

func beside(app string) []v1.PodAffinityTerm {
	return []v1.PodAffinityTerm{{TopologyKey: v1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}}}
}

// feasible are the nodes that upstream's filters take by themselves.
func (s *scene) feasible(ctx context.Context, t *testing.T, pod *v1.Pod) map[string]bool {
	t.Helper()
	if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
		t.Fatal(err)
	}
	state := framework.NewCycleState()
	if _, status, _ := s.profile.Framework.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	out := map[string]bool{}
	nodes, err := s.snapshot.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		out[n.Node().Name] = s.profile.Framework.RunFilterPluginsWithNominatedPods(ctx, state, pod, n).IsSuccess()
	}
	return out
}

// Whatever labels placed pods prefer nodes by, and however many, a pod goes nowhere where its required terms forbid it.
// Where one pod needs more labels than the index keeps, upstream places it, and the index goes on with all others.
func TestManyTopologyKeys(t *testing.T) {
	for _, test := range []struct {
		labels   int
		onNodes  bool // nodes have the labels
		bypassed bool
	}{
		{labels: 70}, {labels: 70, onNodes: true}, {labels: 1000}, {labels: 1000, onNodes: true, bypassed: true},
	} {
		t.Run(fmt.Sprintf("%d labels, nodes have them: %v", test.labels, test.onNodes), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := newScene(ctx, t, 1, profiles["shipped"])
			for i := range 6 {
				n := plainNode(fmt.Sprint("node-", i), fmt.Sprint(256>>i)) // the emptiest first
				for j := 0; test.onNodes && j < test.labels; j++ {
					n.Labels[fmt.Sprintf("key-%d.example/zone", j)] = fmt.Sprint(i % 3)
				}
				s.sched.Cache.AddNode(s.logger, n)
			}
			db, cache := plainPod("db"), plainPod("cache")
			db.Labels, db.Spec.NodeName = map[string]string{"app": "db"}, "node-0"
			cache.Labels, cache.Spec.NodeName = map[string]string{"app": "cache"}, "node-5"
			for _, p := range []*v1.Pod{watcher("node-3", "web", test.labels), db, cache} {
				if err := s.sched.Cache.AddPod(s.logger, p); err != nil {
					t.Fatal(err)
				}
			}
			for _, pod := range []*v1.Pod{far("far", "web"), near("near", "web"), far("stranger", "other"), plainPod("plain")} {
				feasible := s.feasible(ctx, t, pod)
				if got := s.schedule(ctx, t, pod); !feasible[got.SuggestedHost] {
					t.Errorf("%s goes to %s, where it must not run", pod.Name, got.SuggestedHost)
				}
				answer := s.profile.ask(pod, s.begin(ctx, t, pod))
				if bypassed := answer.why == terms.ReasonTopology; bypassed != (test.bypassed && pod.Labels["app"] == "web") {
					t.Errorf("%s: the index answers %+v", pod.Name, answer)
				}
			}
		})
	}
}

// Labels that no pod asks for any more take up no room.
func TestTopologyKeysAreForgotten(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	n := plainNode("node", "64")
	for i := range 1000 {
		n.Labels[fmt.Sprintf("key-%d.example/zone", i)] = ""
	}
	s.sched.Cache.AddNode(s.logger, n)
	for i := range 1000 {
		pod := near("first", "cache") // it may be the first
		pod.Spec.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0].TopologyKey = fmt.Sprintf("key-%d.example/zone", i)
		if got := s.schedule(ctx, t, pod); got.SuggestedHost != "node" {
			t.Fatalf("%+v", got)
		}
		if !s.profile.uncounted.Load() && s.profile.uncountedPods%recountEvery != 0 {
			t.Fatalf("the %dth label: the index has no answer", i)
		}
	}
}

// Nothing that says nothing gives a hint, and no proof but that of the very term lets it be left out.
func TestAnswersThatSayNothing(t *testing.T) {
	var none answer
	broken := answer{node: "node", why: terms.ReasonTopology}
	if none.hint() != "" || broken.hint() != "" {
		t.Errorf("hints %q and %q", none.hint(), broken.hint())
	}
	a, b := &v1.PodAffinityTerm{}, &v1.PodAffinityTerm{}
	c := &v1.TopologySpreadConstraint{}
	for _, test := range []struct {
		proof terms.Proof
		left  []any
		want  bool
	}{
		{terms.Proof{}, []any{a}, false},
		{terms.Proof{a}, []any{b}, false},
		{terms.Proof{a}, []any{a, b}, false},
		{terms.Proof{a, b}, []any{a, b}, true},
		{terms.Proof{a, b}, []any{c}, false},
		{terms.Proof{c}, []any{c}, true},
	} {
		if got := test.proof.Covers(test.left); got != test.want {
			t.Errorf("%+v covers %+v: %v", test.proof, test.left, got)
		}
	}
}

// A node may admit more pods than 32 bits count.
func TestManyPodsOnANode(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	for _, pods := range []string{"3000000000", "9223372036854775807", "1"} {
		n := plainNode("pods-"+pods, "64")
		n.Status.Allocatable[v1.ResourcePods] = resource.MustParse(pods)
		s.sched.Cache.AddNode(s.logger, n)
		if got := s.schedule(ctx, t, plainPod("a")); got.SuggestedHost == "" || got.EvaluatedNodes != 1 {
			t.Errorf("%s pods: %+v", pods, got)
		}
		if pod := plainPod("a"); !s.profile.ask(pod, s.begin(ctx, t, pod)).says {
			t.Errorf("%s pods: no answer", pods)
		}
		_ = s.sched.Cache.RemoveNode(s.logger, n)
	}
}

// begin is the state of the pod's cycle after PreFilter.
func (s *scene) begin(ctx context.Context, t *testing.T, pod *v1.Pod) fwk.CycleState {
	t.Helper()
	state := framework.NewCycleState()
	if _, status, _ := s.profile.Framework.RunPreFilterPlugins(ctx, state, pod); !status.IsSuccess() {
		t.Fatal(status.AsError())
	}
	return state
}

// While no pod asks the index, nodes may come and go for as long as they like.
func TestChangesAreBounded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newScene(ctx, t, 1, profiles["shipped"])
	s.sched.Cache.AddNode(s.logger, plainNode("node", "4"))
	if got := s.schedule(ctx, t, plainPod("a")); got.SuggestedHost != "node" {
		t.Fatalf("%+v", got)
	}
	notes := s.profile.index.changes
	for i := range 3 * maxChanged {
		n := plainNode(fmt.Sprint("spot-", i), "64")
		s.sched.Cache.AddNode(s.logger, n)
		if i%1000 == 0 && i > maxChanged {
			if err := s.sched.Cache.UpdateSnapshot(s.logger, s.snapshot); err != nil {
				t.Fatal(err)
			}
		}
		_ = s.sched.Cache.RemoveNode(s.logger, n)
		if kept := len(notes.cached.names) + len(notes.taken.names); kept > 2*maxChanged {
			t.Fatalf("%d names are kept", kept)
		}
	}
	s.sched.Cache.AddNode(s.logger, plainNode("larger", "512"))
	if got := s.schedule(ctx, t, plainPod("b")); got.SuggestedHost != "larger" || got.EvaluatedNodes != 1 {
		t.Errorf("%+v, want the larger node after a look at one", got)
	}
}

// What is kept of shapes stays within its bound also when there are more rows than when they were first seen.
func TestKeptShapesStayWithinTheirBound(t *testing.T) {
	x := newIndex(newChanges(), terms.Owners{}, NewMetrics(), 0)
	p := &terms.Terms{}
	size := func(f *fits) int {
		bytes := 4*cap(f.Scores) + cap(f.Pressed) + 8*cap(f.stale)
		for i := range f.kinds {
			bytes += int(unsafe.Sizeof(block{})) * cap(f.kinds[i].all)
		}
		return bytes
	}
	kept := func() (bytes int) {
		for _, f := range x.fits {
			bytes += size(f)
		}
		for _, f := range x.spare {
			bytes += size(f)
		}
		return bytes
	}
	cpu := int64(0)
	for _, rows := range []int{500, 5000, 6000, 15_000, 20_000} {
		x.table.Rows = make([]table.Row, rows)
		if rows%10_000 == 0 {
			x.forgetFits() // as when there are new forecasts
		}
		for range 10_000 {
			cpu++
			for kind := range maxKinds {
				q := &terms.Query{Shape: terms.Shape{Requests: terms.Requests{CPU: cpu}}, Taints: &terms.Taints{Verdict: []int32{int32(kind)}}}
				x.fitsOf(q, p).kindOf(q)
			}
		}
		if got := kept(); got > maxFitBytes*5/4 {
			t.Errorf("%d rows: %d MiB are kept", rows, got>>20)
		}
	}
}
