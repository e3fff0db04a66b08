// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// moving is the configuration of a rebalancer that evicts one pod an hour, and looks every ten seconds.
func moving(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repo, "manifests/components/rebalance/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer(
		"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint"), "source: MetricsAPI", "source: MetricsAPI\n        interval: 2s\n        expiry: 30s",
		"mode: Suggest", fmt.Sprintf("mode: Evict\n      interval: 10s\n      moveAgainAfter: %v\n      lostWork: 0s\n      minGainCoreMinutes: 1\n      maxMoves: {perHour: 1, perNode: 9, perWorkload: 9, perNamespace: 9}", movedAgain),
	).Replace(string(data))
}

// movedAgain is for how long pods may have been moved by the leader before.
const movedAgain = 45 * time.Second

// The leader is killed as soon as the pod goes that it evicts, before it can know what became of it. The next one counts what may have been moved
// against its budget of one pod: whatever it thinks of the node, which stays hot, nothing more is evicted.
func TestMoverIsKilled(t *testing.T) {
	ns := newNamespace(t)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), ns, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"foresight-scheduler.dev/rebalance":"allowed"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	mustLocalcluster(t, "kubectl", "apply", "-f", filepath.Join(repo, "manifests/components/rebalance/rbac.yaml"))
	pool := newNodes(t, "killed", 2, nil)
	cordon := func(node string, on bool) {
		patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, on)
		if _, err := client.CoreV1().Nodes().Patch(t.Context(), node, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	cordon("killed-1", true)
	// Six pods that use 3.96 of 4 cores: with one less they still pass the 3.2 that run well.
	for i := range 6 {
		name := fmt.Sprint("web-", i)
		template := newPod(name, pool, "100m")
		template.Spec.RestartPolicy = v1.RestartPolicyAlways
		labels := map[string]string{"app": name}
		deployment := &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](1), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: v1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"kwok.x-k8s.io/usage-cpu": "660m", "kwok.x-k8s.io/usage-memory": "100Mi"}},
				Spec:       template.Spec,
			}},
		}
		if _, err := client.AppsV1().Deployments(ns).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	onNode := func(ctx context.Context, node string) (names []string) {
		all, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range all.Items {
			if p := &all.Items[i]; p.Spec.NodeName == node && p.Status.Phase == v1.PodRunning && p.DeletionTimestamp == nil {
				names = append(names, p.Name)
			}
		}
		return names
	}
	eventually(t, "six pods run on the hot node", func(ctx context.Context) (bool, string) {
		names := onNode(ctx, "killed-0")
		return len(names) == 6, fmt.Sprint(names)
	})
	placedAt := time.Now()
	gone, err := client.CoreV1().Pods(ns).Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Stop()

	// 1. They are older than what a new leader takes for moved by another one.
	eventually(t, "pods that are old enough", func(context.Context) (bool, string) {
		age := time.Since(placedAt)
		return age > movedAgain, age.String()
	})
	x := newElectorateOf(t, "killed-load", 2, moving)
	leader := x.leader(t)
	cordon("killed-1", false)

	// 2. The leader dies with what it knows.
	evicted := ""
	for evicted == "" {
		select {
		case event := <-gone.ResultChan():
			if p, ok := event.Object.(*v1.Pod); ok && p.DeletionTimestamp != nil {
				evicted = p.Name
			}
		case <-time.After(patience):
			t.Fatalf("no pod was evicted: %s looked %v times", leader.name, leader.metric("foresight_rebalance_look_seconds_count"))
		}
	}
	leader.signal(t, syscall.SIGKILL)
	next := x.replicas[x.successor(t, leader).agent]

	// 3. The next one sees that the node is hot, and what holds it back.
	eventually(t, "looks of the next leader that find the budget spent", func(context.Context) (bool, string) {
		looks, spent := next.metric("foresight_rebalance_look_seconds_count"), next.metric(`foresight_rebalance_refused_total{reason="budget-hour"}`)
		return looks >= 4 && spent >= 4, fmt.Sprint(looks, " looks, ", spent, " pods stay for the budget")
	})
	ask := func(path string) string {
		answer, err := next.admin.Get(next.endpoint + "/foresight/v1/" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		said, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(said)
	}
	stays := onNode(t.Context(), "killed-0")[0]
	if said := ask("explain?namespace=" + ns + "&pod=" + stays); !strings.Contains(said, `"reason":"budget-hour"`) {
		t.Errorf("explain of %s: %s", stays, said)
	}
	if said := ask("rebalance"); !strings.Contains(said, `"budget-hour":`) || !strings.Contains(said, `"suggested_cores":0.7`) {
		t.Errorf("rebalance: %s", said)
	}
	// The one pod on the other node could not go back without harm.
	if said := ask("rebalance?pack=true"); !strings.Contains(said, `"emptied":[`) || strings.Contains(said, `"node":"killed-1"`) {
		t.Errorf("pack: %s", said)
	}
	if n := next.metric(`foresight_rebalance_moves_total{result="moved"}`); n != 0 {
		t.Errorf("the next leader moved %v pods", n)
	}
	if here, there := onNode(t.Context(), "killed-0"), onNode(t.Context(), "killed-1"); len(here) != 5 || len(there) != 1 {
		t.Errorf("%v on the hot node, %v on the other one", here, there)
	}
	x.audit.read()
	if len(x.audit.evictions) != 1 || x.audit.evictions[0].pod != ns+"/"+evicted || x.audit.evictions[0].agent != leader.name || x.audit.evictions[0].status != http.StatusCreated {
		t.Errorf("evictions of one pod %s by %s: %+v", evicted, leader.name, x.audit.evictions)
	}
}
