// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

func (c *cluster) try(trial *evaluate.Trial) *decision.Tried {
	c.t.Helper()
	trial.Otherwise = profileName
	tried, err := c.evaluator.Try(c.t.Context(), trial)
	if err != nil {
		c.t.Fatal(err)
	}
	return tried
}

// put has the pod on the node as if it had been bound.
func (c *cluster) put(pod *v1.Pod, node string) {
	c.t.Helper()
	placed := pod.DeepCopy()
	placed.Spec.NodeName = node
	if err := c.sched.Cache.AddPod(klog.Background(), placed); err != nil {
		c.t.Fatal(err)
	}
}

// unlike in a trial, a pod that was placed is evaluated with its node given, and another time.
var placedOrNot = cmp.Options{
	cmpopts.IgnoreFields(decision.Evaluation{}, "Time", "Now", "Stock", "Lacks"), cmpopts.EquateApprox(1e-9, 0),
}

// Of pods that are decided on in turn, each is told what the evaluator says of it when it and those before it are really where the trial
// had them. And the scheduler itself, asked for the next pod, finds a node of that total.
func TestTrialsAreDecisions(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 1000, false)
	fill(c)
	placed, waiting, n := 0, 0, 0
	for round := range 25 {
		c.foresee(uint64(round + 1))
		var pods []*v1.Pod
		for range 1 + c.IntN(25) {
			pods = append(pods, c.randomPod(fmt.Sprint("pod-", n)))
			n++
		}
		asked := make([]*v1.Pod, len(pods))
		for i := range pods {
			asked[i] = pods[i].DeepCopy()
		}
		tried := c.try(&evaluate.Trial{Pods: asked, Detail: true})
		if len(tried.Pods) != len(pods) || tried.Nodes != len(c.nodes) {
			t.Fatalf("%d pods on %d nodes were decided on", len(tried.Pods), tried.Nodes)
		}
		if again := c.try(&evaluate.Trial{Pods: pods[:1:1], Detail: true}); !cmp.Equal(again.Pods[0], tried.Pods[0], placedOrNot) {
			t.Fatal("the trial has left something")
		}
		for i, pod := range pods {
			got := &tried.Pods[i]
			if got.Pod.Name != pod.Name {
				t.Fatalf("%s was decided on in the place of %s", got.Pod.Name, pod.Name)
			}
			if i == 0 {
				if record := c.schedule(pod.DeepCopy()); record.Feasible != got.Evaluation.Feasible {
					t.Fatalf("the scheduler found %d nodes feasible, the trial %d", record.Feasible, got.Evaluation.Feasible)
				} else if record.Node != "" {
					if err := c.sched.Cache.ForgetPod(klog.Background(), onNode(pod, record.Node)); err != nil {
						t.Fatal(err)
					}
					if total := totalOf(got.Evaluation, record.Node); total != totalOf(got.Evaluation, got.Node) {
						t.Fatalf("the scheduler chose %s (%d), the trial %s", record.Node, total, got.Node)
					}
				}
			}
			if got.Node == "" {
				waiting++
				if len(got.Evaluation.Refused) == 0 || got.Evaluation.Because == "" || !strings.Contains(strings.Join(got.Lacks, ";"), "lower priority") {
					t.Fatalf("%s would wait, and nothing says why: %+v", pod.Name, got)
				}
			} else {
				placed++
				c.put(pod, got.Node)
			}
			want := c.evaluate(pod, got.Node)
			if diff := cmp.Diff(want, got.Evaluation, placedOrNot); diff != "" {
				t.Fatalf("%s on %q (-evaluated when placed +tried):\n%s", pod.Name, got.Node, diff)
			}
		}
	}
	if placed < 80 || waiting < 5 {
		t.Errorf("%d pods placed, %d waiting: the test shows too little", placed, waiting)
	}
}

func onNode(pod *v1.Pod, node string) *v1.Pod {
	pod = pod.DeepCopy()
	pod.Spec.NodeName = node
	return pod
}

func totalOf(e *decision.Evaluation, node string) int64 {
	for i := range e.Candidates {
		if c := &e.Candidates[i]; c.Node == node && c.Refused == "" {
			return c.Total
		}
	}
	return -1
}

// stock's choices are followed on nodes of their own, and the excess of both is what the nodes are expected to lack.
func TestTrialComparesWithStock(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	idle, busy := c.addNode("8", "32Gi"), c.addNode("8", "32Gi")
	use := func(cores float64) forecast.NodeForecast {
		f := forecast.NodeForecast{Rung: forecast.Fresh, Beyond: [forecast.NumResources]forecast.Use{{Mean: cores}, {Mean: 1 << 30}}}
		for h := range f.Residual {
			f.Residual[h] = [forecast.NumResources]forecast.Interval{{Lower: cores, Upper: cores}, {Lower: 1 << 30, Upper: 1 << 30}}
		}
		return f
	}
	c.future.Store(forecast.NewSnapshot(forecast.Contents{Epoch: 1, PodsEpoch: 1, Usage: map[string]forecast.NodeUsage{idle: {}, busy: {}},
		Forecasts: map[string]forecast.NodeForecast{idle: use(.1), busy: use(7)}}))
	// What runs on the idle node requests much and uses nothing, so requests say that the busy node is the free one.
	c.put(c.pod("hoarder", "2", "1Gi"), idle)
	tried := c.try(&evaluate.Trial{Pods: []*v1.Pod{c.pod("a", "500m", "1Gi"), c.pod("b", "500m", "1Gi")}, Compare: true})
	for i := range tried.Pods {
		p := &tried.Pods[i]
		if p.Node != idle || p.Stock == nil || p.Stock.Node != busy || len(p.Stock.Predicted) == 0 {
			t.Errorf("%s goes to %q, stock's to %+v", p.Pod.Name, p.Node, p.Stock)
		}
		if len(p.Evaluation.Candidates) != 1 {
			t.Errorf("without detail there are %d candidates", len(p.Evaluation.Candidates))
		}
	}
	x := tried.Excess
	if x == nil || x.Stock == nil || x.Nodes != 2 {
		t.Fatalf("excess %+v", x)
	}
	// The busy node runs well up to 6.4 cores and uses 7; two pods of half a core each are taken to use what they request.
	if math.Abs(x.Before.CPU-.6) > .05 || x.After.CPU > x.Before.CPU+.05 || x.Stock.CPU < x.Before.CPU+.4 {
		t.Errorf("excess of CPU: %+v before, %+v after, %+v by stock", x.Before, x.After, *x.Stock)
	}
	if first, second := tried.Pods[0].Stock.Predicted[0], tried.Pods[1].Stock.Predicted[0]; second.Expected < first.Expected+.2 {
		t.Errorf("stock's second pod does not see its first: %v, then %v cores", first.Expected, second.Expected)
	}
}

// A drain: pods move but for those that kubectl drain leaves, the important ones first, before new ones.
func TestTrialWithoutNodes(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	gone, other := c.addNode("4", "8Gi"), c.addNode("2", "8Gi")
	controlled := func(name, kind string) *v1.Pod {
		p := c.pod(name, "1", "1Gi")
		p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: "x", Controller: ptr.To(true)}}
		return p
	}
	static := c.pod("static", "1m", "1Mi")
	static.Annotations = map[string]string{v1.MirrorPodAnnotationKey: "x"}
	leaving := c.pod("leaving", "1m", "1Mi")
	leaving.DeletionTimestamp = &metav1.Time{}
	first := controlled("zz-first", "StatefulSet")
	first.Spec.Priority = ptr.To(int32(10))
	for _, p := range []*v1.Pod{controlled("agent", "DaemonSet"), static, leaving, controlled("a", "ReplicaSet"), first, c.pod("lonely", "100m", "1Mi")} {
		c.put(p, gone)
	}
	tried := c.try(&evaluate.Trial{Without: []string{gone}, Pods: []*v1.Pod{c.pod("new", "1", "1Gi")}})
	var got []string
	for _, p := range tried.Pods {
		got = append(got, p.Pod.Name+"@"+p.Was+">"+p.Node)
	}
	want := []string{"zz-first@" + gone + ">" + other, "a@" + gone + ">" + other, "lonely@" + gone + ">", "new@>"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]decision.LeftPods{{Reason: "of a DaemonSet", Pods: 1}, {Reason: "of the node itself (static)", Pods: 1}, {Reason: "being deleted already", Pods: 1}}, tried.Left); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	if lacks := strings.Join(tried.Pods[2].Lacks, ";"); !strings.Contains(lacks, "no controller") {
		t.Errorf("of a pod that nobody makes anew is said %q", lacks)
	}
	if _, err := c.evaluator.Try(t.Context(), &evaluate.Trial{Without: []string{"none"}}); !errors.Is(err, evaluate.ErrNoNode) {
		t.Errorf("a node that there is not: %v", err)
	}
	replaced := c.try(&evaluate.Trial{Pods: []*v1.Pod{c.pod("new", "3900m", "1Gi")}, Anew: func(p *v1.Pod) bool { return p.Spec.NodeName == gone }})
	if replaced.Replaced != 6 || replaced.Pods[0].Node != gone {
		t.Errorf("%d pods made room, and the new one went to %q", replaced.Replaced, replaced.Pods[0].Node)
	}
}

// What is not there yet holds no pod up and is named.
func TestTrialSaysWhatItDoesNotConsider(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	c.addNode("4", "8Gi")
	pod := c.pod("db-0", "1", "1Gi")
	pod.Spec.Volumes = []v1.Volume{
		{Name: "data", VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: "data-db-0"}}},
		{Name: "scratch", VolumeSource: v1.VolumeSource{Ephemeral: &v1.EphemeralVolumeSource{}}},
	}
	pod.Spec.ResourceClaims = []v1.PodResourceClaim{{Name: "gpu", ResourceClaimTemplateName: ptr.To("gpu")}}
	pod.Spec.SchedulingGates = []v1.PodSchedulingGate{{Name: "example.com/quota"}}
	tried := c.try(&evaluate.Trial{Pods: []*v1.Pod{pod}})
	if tried.Pods[0].Node == "" {
		t.Errorf("it would wait: %s", tried.Pods[0].Evaluation.Because)
	}
	lacks := strings.Join(tried.Pods[0].Lacks, "; ")
	for _, want := range []string{"data-db-0, db-0-scratch", "1 resource claims", "example.com/quota"} {
		if !strings.Contains(lacks, want) {
			t.Errorf("it is not said that %q is not considered: %s", want, lacks)
		}
	}
}

// A trial that takes too long says what it has.
func TestTrialEndsInTime(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	c.addNode("4", "8Gi")
	ctx, cancel := context.WithCancel(t.Context())
	turns := 0
	tried, err := c.evaluator.Try(ctx, &evaluate.Trial{
		Otherwise: profileName, Pods: []*v1.Pod{c.pod("a", "1m", "1Mi"), c.pod("b", "1m", "1Mi"), c.pod("c", "1m", "1Mi")},
		Pace: func(ctx context.Context) (func(), error) {
			if turns++; turns == 3 { // The first was for the nodes.
				cancel()
			}
			return func() {}, ctx.Err()
		},
	})
	if err != nil || len(tried.Pods) != 1 || tried.Undecided != 2 {
		t.Errorf("%+v, %v", tried, err)
	}
	many := make([]*v1.Pod, decision.MaxTrialPods+1)
	for i := range many {
		many[i] = c.pod(fmt.Sprint(i), "1m", "1Mi")
	}
	if _, err := c.evaluator.Try(t.Context(), &evaluate.Trial{Pods: many, Otherwise: profileName}); !errors.Is(err, evaluate.ErrTooMany) {
		t.Errorf("too many pods: %v", err)
	}
}
