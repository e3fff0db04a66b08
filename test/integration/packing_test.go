// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

const emptyingTaint, emptyingBy = "foresight-scheduler.dev/emptying", "foresight-scheduler.dev/emptying-by"

// packing are args of a rebalancer that empties nodes of a pool of which two are to stay, and looks every ten seconds.
func packing(mode, packs, pool, again string) string {
	return "mode: " + mode + `
      interval: 10s
      moveAgainAfter: ` + again + `
      lostWork: 0s
      maxMoves: {perWorkload: 9, perNamespace: 99}
      packing: {mode: ` + packs + `, minNodeAge: 0s, keepNodes: 2, holdFor: 1m, nodeSelector: {matchLabels: {` + nodePool + `: ` + pool + `}}}`
}

// spareable makes a pool of four nodes: pods of two Deployments run on the first, the second and third have one pod each that may not go, and the fourth has the
// smallest pod of all, which fits nowhere else.
func spareable(t *testing.T, ns, pool, scheduler string) {
	t.Helper()
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), ns, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"foresight-scheduler.dev/rebalance":"allowed"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"rebalance", "packing"} {
		mustLocalcluster(t, "kubectl", "apply", "-f", filepath.Join(repo, "manifests/components", part, "rbac.yaml"))
	}
	only := v1.Taint{Key: "integration.test/only", Effect: v1.TaintEffectNoSchedule}
	selector := newNodes(t, pool, 4, func(i int, n *v1.Node) {
		if i == 3 {
			n.Spec.Taints = append(n.Spec.Taints, only)
		}
	})
	on := func(name, node, cpu string) v1.PodTemplateSpec {
		p := newPod(name, selector, cpu)
		p.Spec.RestartPolicy = v1.RestartPolicyAlways
		if node != "" {
			p.Spec.NodeSelector = map[string]string{nodePool: pool, v1.LabelHostname: node}
		}
		return v1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}, Annotations: map[string]string{"kwok.x-k8s.io/usage-cpu": "100m", "kwok.x-k8s.io/usage-memory": "100Mi"}},
			Spec:       p.Spec,
		}
	}
	for i, name := range []string{"stays-1", "stays-2"} {
		template := on(name, fmt.Sprint(pool, "-", i+1), "1")
		create(t, ns, &v1.Pod{ObjectMeta: template.ObjectMeta, Spec: template.Spec})
		placed(t, ns, name)
	}
	deploy := func(name string, template v1.PodTemplateSpec) {
		template.Name, template.Spec.SchedulerName = "", scheduler
		if _, err := client.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       appsv1.DeploymentSpec{Replicas: ptr.To[int32](1), Selector: &metav1.LabelSelector{MatchLabels: template.Labels}, Template: template},
		}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	pinned := on("pinned", pool+"-3", "50m")
	pinned.Spec.Tolerations = append(pinned.Spec.Tolerations, v1.Toleration{Key: only.Key, Operator: v1.TolerationOpExists})
	deploy("pinned", pinned)
	cordon(t, pool+"-1", true)
	cordon(t, pool+"-2", true)
	deploy("web-0", on("web-0", "", "200m"))
	deploy("web-1", on("web-1", "", "200m"))
	if scheduler == ours {
		spread(t, ns, pool)
	}
}

// spread waits until the two pods that can go are where they can go from.
func spread(t *testing.T, ns, pool string) {
	t.Helper()
	eventually(t, "pods on the first and the last node", func(ctx context.Context) (bool, string) {
		first, last := running(t, ctx, ns, pool+"-0"), running(t, ctx, ns, pool+"-3")
		return len(first) == 2 && len(last) == 1, fmt.Sprint(first, last)
	})
	cordon(t, pool+"-1", false)
	cordon(t, pool+"-2", false)
}

func cordon(t *testing.T, node string, on bool) {
	t.Helper()
	patchNode(t, node, fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, on))
}

// running returns the pods that run on a node.
func running(t *testing.T, ctx context.Context, ns, node string) (names []string) {
	t.Helper()
	all, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		if p := &all.Items[i]; p.Spec.NodeName == node && p.Status.Phase == v1.PodRunning && p.DeletionTimestamp == nil {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}

// marked returns the nodes of a pool that are marked, with who did.
func marked(t *testing.T, ctx context.Context, pool string) (nodes []string) {
	t.Helper()
	all, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: nodePool + "=" + pool})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		n := &all.Items[i]
		if by, named := n.Annotations[emptyingBy]; hasTaint(n, emptyingTaint) || named {
			nodes = append(nodes, n.Name+" by "+by)
		}
	}
	return nodes
}

// told waits for an event of a node.
func told(t *testing.T, node, reason, says string) {
	t.Helper()
	eventually(t, "an event "+reason+" of "+node, func(ctx context.Context) (bool, string) {
		events, err := client.EventsV1().Events("default").List(ctx, metav1.ListOptions{FieldSelector: "regarding.name=" + node + ",reason=" + reason})
		if err != nil || len(events.Items) == 0 {
			return false, fmt.Sprint("none: ", err)
		}
		for i := range events.Items {
			if strings.Contains(events.Items[i].Note, says) {
				return true, ""
			}
		}
		return false, events.Items[0].Note
	})
}

// Of four nodes one can be emptied. Suggest says so and changes nothing; while a PodDisruptionBudget is zero it is not touched; then it is marked, emptied, and held, and what comes
// meanwhile goes elsewhere. Switched off, the scheduler takes its mark off. The node whose pod fits nowhere else is
// never touched.
func TestPacking(t *testing.T) {
	ns := newNamespace(t)
	const pool = "packing"
	spareable(t, ns, pool, "packing-scheduler")
	start := func(mode, packs string) (metric func(string) float64, end func()) {
		metric, _, end = startSchedulerToEnd(t, "manifests/components/rebalance/config.yaml",
			"leaderElect: true", "leaderElect: false", "- schedulerName: foresight-scheduler", "- schedulerName: packing-scheduler",
			"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint"), "source: MetricsAPI", "source: MetricsAPI\n        interval: 2s\n        expiry: 30s",
			"mode: Suggest", packing(mode, packs, pool, "0s"))
		return metric, end
	}
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MaxUnavailable: ptr.To(intstr.FromInt32(0)), Selector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: metav1.LabelSelectorOpIn, Values: []string{"web-0", "web-1"}}}}},
	}
	untouched := func(what string, before []string) {
		t.Helper()
		if m, now := marked(t, t.Context(), pool), running(t, t.Context(), ns, pool+"-0"); len(m) > 0 || !slices.Equal(now, before) {
			t.Errorf("%s: marked %v, pods %v, before %v", what, m, now, before)
		}
	}

	// 1. It says so.
	metric, end := start("Suggest", "Suggest")
	spread(t, ns, pool)
	before := running(t, t.Context(), ns, pool+"-0")
	told(t, pool+"-0", "EmptyingSuggested", "packing-0 can be emptied: its 2 pods would go to other nodes")
	eventually(t, "a metric of it", func(context.Context) (bool, string) {
		n := metric(`foresight_rebalance_nodes_total{reason="",result="suggested"}`)
		return n == 1, fmt.Sprint(n)
	})
	untouched("Suggest", before)
	end()

	// 2. A budget of zero.
	if _, err := client.PolicyV1().PodDisruptionBudgets(ns).Create(t.Context(), budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	metric, end = start("Evict", "Evict")
	eventually(t, "a node that is kept for its budget", func(context.Context) (bool, string) {
		n := metric(`foresight_rebalance_nodes_kept{reason="pdb"}`)
		return n == 1, fmt.Sprint(n)
	})
	untouched("a budget of zero", before)
	end()
	if err := client.PolicyV1().PodDisruptionBudgets(ns).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}

	// 3. It is emptied.
	metric, end = start("Evict", "Evict")
	told(t, pool+"-0", "Emptying", "packing-0 can be emptied")
	newcomer := newPod("newcomer", map[string]string{nodePool: pool}, "100m")
	newcomer.Spec.SchedulerName = "packing-scheduler"
	create(t, ns, newcomer)
	if on := placed(t, ns, "newcomer"); on == pool+"-0" {
		t.Errorf("a pod that came meanwhile is on %s", on)
	}
	told(t, pool+"-0", "Emptied", "packing-0 is empty, 2 pods were moved off it")
	if m := marked(t, t.Context(), pool); !slices.Equal(m, []string{"packing-0 by packing-scheduler"}) {
		t.Errorf("marked %v", m)
	}
	if here := running(t, t.Context(), ns, pool+"-0"); len(here) > 0 {
		t.Errorf("%v are on the node that is empty", here)
	}
	if here := running(t, t.Context(), ns, pool+"-3"); len(here) != 1 || metric(`foresight_rebalance_moves_total{result="packed"}`) != 2 {
		t.Errorf("%v are on the node whose pod fits nowhere else, %v pods were moved", here, metric(`foresight_rebalance_moves_total{result="packed"}`))
	}
	end()

	// 4. It is switched off.
	_, end = start("Suggest", `"Off"`)
	eventually(t, "the mark is taken off", func(ctx context.Context) (bool, string) {
		m := marked(t, ctx, pool)
		return len(m) == 0, fmt.Sprint(m)
	})
	end()
	events, err := client.EventsV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.name=" + pool + "-3"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events.Items {
		if reason := events.Items[i].Reason; strings.HasPrefix(reason, "Empt") {
			t.Errorf("an event %s of the node whose pod fits nowhere else", reason)
		}
	}
}

// The leader is killed when the first pod of a node has gone. The next one finds the mark, evicts the other pod and none twice; the node is not removed, so
// in the end no mark is left.
func TestPackerIsKilled(t *testing.T) {
	if os.Getenv("FAULTS") == "" {
		t.Skip("three minutes: make faults runs it")
	}
	ns := newNamespace(t)
	const pool = "halfempty"
	spareable(t, ns, pool, ours)
	placedAt := time.Now()
	eventually(t, "pods that are older than what a new leader takes for moved", func(context.Context) (bool, string) {
		age := time.Since(placedAt)
		return age > movedAgain, age.String()
	})
	gone, err := client.CoreV1().Pods(ns).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Stop()
	x := newElectorateOf(t, "halfempty-load", 2, func(t *testing.T) string {
		data, err := os.ReadFile(filepath.Join(repo, "manifests/components/rebalance/config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.NewReplacer(
			"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint"), "source: MetricsAPI", "source: MetricsAPI\n        interval: 2s\n        expiry: 30s",
			"mode: Suggest", packing("Evict", "Evict", pool, movedAgain.String()),
		).Replace(string(data))
	})
	leader := x.leader(t)
	first := ""
	for first == "" {
		select {
		case event := <-gone.ResultChan():
			if p, ok := event.Object.(*v1.Pod); ok && p.DeletionTimestamp != nil {
				first = p.Name
			}
		case <-time.After(patience):
			t.Fatalf("no pod was evicted; marked %v", marked(t, t.Context(), pool))
		}
	}
	leader.signal(t, syscall.SIGKILL)
	x.successor(t, leader)
	if m := marked(t, t.Context(), pool); !slices.Equal(m, []string{"halfempty-0 by foresight-system/foresight-scheduler"}) {
		t.Errorf("marked %v", m)
	}
	told(t, pool+"-0", "Emptied", "halfempty-0 is empty, 1 pods were moved off it")
	emptied := time.Now()
	eventually(t, "most of the time for which it is held", func(context.Context) (bool, string) {
		age := time.Since(emptied)
		return age > patience*3/4, age.String()
	})
	told(t, pool+"-0", "EmptyingGivenUp", "(not-removed)")
	eventually(t, "no mark is left", func(ctx context.Context) (bool, string) {
		m := marked(t, ctx, pool)
		return len(m) == 0, fmt.Sprint(m)
	})
	x.audit.read()
	var evicted []string
	for _, e := range x.audit.evictions {
		if e.status == http.StatusCreated {
			evicted = append(evicted, e.pod)
		}
	}
	if len(evicted) != 2 || evicted[0] == evicted[1] || evicted[0] != ns+"/"+first {
		t.Errorf("evicted %v, the first one %s", evicted, first)
	}
}
