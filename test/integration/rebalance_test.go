// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
)

// On a node that runs hot beside an idle one: Suggest writes nothing; a PodDisruptionBudget of zero moves nothing and is told; without it
// the pod is evicted once, and its successor runs on the idle node.
func TestRebalance(t *testing.T) {
	ns := newNamespace(t)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), ns, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"foresight-scheduler.dev/rebalance":"allowed"}}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	mustLocalcluster(t, "kubectl", "apply", "-f", filepath.Join(repo, "manifests/components/rebalance/rbac.yaml"))
	pool := newNodes(t, "moving", 2, nil)
	rest := newPod("rest", pool, "100m")
	rest.Annotations = map[string]string{"kwok.x-k8s.io/usage-cpu": "1900m", "kwok.x-k8s.io/usage-memory": "100Mi"}
	rest.Spec.NodeSelector = map[string]string{nodePool: "moving", v1.LabelHostname: "moving-0"}
	create(t, ns, rest)
	placed(t, ns, "rest")

	// 1. A Deployment whose pod comes to the same node, as the other one takes none then.
	cordon := func(on bool) {
		patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, on)
		if _, err := client.CoreV1().Nodes().Patch(t.Context(), "moving-1", "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	cordon(true)
	template := newPod("web", pool, "100m")
	template.Spec.SchedulerName = "moving-scheduler"
	template.Spec.RestartPolicy = v1.RestartPolicyAlways
	labels := map[string]string{"app": "web"}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{Replicas: ptr.To[int32](1), Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: v1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"kwok.x-k8s.io/usage-cpu": "1900m", "kwok.x-k8s.io/usage-memory": "100Mi"}},
			Spec:       template.Spec,
		}},
	}
	if _, err := client.AppsV1().Deployments(ns).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	budget := &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       policyv1.PodDisruptionBudgetSpec{MaxUnavailable: ptr.To(intstr.FromInt32(0)), Selector: &metav1.LabelSelector{MatchLabels: labels}},
	}
	if _, err := client.PolicyV1().PodDisruptionBudgets(ns).Create(t.Context(), budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	web := func(ctx context.Context) []v1.Pod {
		all, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
		if err != nil {
			t.Fatal(err)
		}
		return all.Items
	}

	var first v1.Pod
	for _, phase := range []struct{ mode, result string }{{"Suggest", "suggested"}, {"Evict", "pdb"}, {"Evict", "moved"}} {
		if phase.result == "moved" {
			if err := client.PolicyV1().PodDisruptionBudgets(ns).Delete(t.Context(), "web", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		metric, _, end := startSchedulerToEnd(t, "manifests/components/rebalance/config.yaml",
			"leaderElect: true", "leaderElect: false", "- schedulerName: foresight-scheduler", "- schedulerName: moving-scheduler",
			"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint"), "source: MetricsAPI", "source: MetricsAPI\n        interval: 2s\n        expiry: 30s",
			"mode: Suggest", "mode: "+phase.mode+"\n      interval: 10s\n      moveAgainAfter: 0s\n      lostWork: 0s\n      minGainCoreMinutes: 1")
		if phase.mode == "Suggest" {
			eventually(t, "the pod runs on the hot node", func(ctx context.Context) (bool, string) {
				pods := web(ctx)
				if len(pods) != 1 || pods[0].Status.Phase != v1.PodRunning {
					return false, fmt.Sprint(len(pods), " pods")
				}
				first = pods[0]
				return first.Spec.NodeName == "moving-0", "it is on " + first.Spec.NodeName
			})
			cordon(false)
		}
		eventually(t, "a move is "+phase.result, func(context.Context) (bool, string) {
			n := metric(`foresight_rebalance_moves_total{result="` + phase.result + `"}`)
			return n > 0, fmt.Sprint(n, " of them")
		})
		event := map[string]string{"suggested": "RebalanceSuggested", "pdb": "RebalanceRefused", "moved": "Rebalanced"}[phase.result]
		eventually(t, "an event "+event, func(ctx context.Context) (bool, string) {
			events, err := client.EventsV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "regarding.name=" + first.Name + ",reason=" + event})
			if err != nil || len(events.Items) == 0 {
				return false, fmt.Sprint("none: ", err)
			}
			note := events.Items[0].Note
			return strings.Contains(note, "moving-0 is predicted at 3.") && strings.Contains(note, "moving it to moving-1 saves"), note
		})
		if phase.result == "pdb" {
			// The API server has answered 429. The workload is left alone for 5 minutes, though its node stays hot.
			eventually(t, "looks after the refusal", func(context.Context) (bool, string) {
				n := metric(`foresight_rebalance_refused_total{reason="pdb"}`)
				return n >= 3, fmt.Sprint(n, " of them leave the pod alone")
			})
			if n := metric(`foresight_rebalance_moves_total{result="pdb"}`); n != 1 {
				t.Errorf("%v evictions were tried", n)
			}
		}
		if phase.result != "moved" {
			if pods := web(t.Context()); len(pods) != 1 || pods[0].UID != first.UID || pods[0].DeletionTimestamp != nil {
				t.Errorf("%s: the pod was moved: %+v", phase.result, pods)
			}
		} else {
			eventually(t, "the successor runs on the other node", func(ctx context.Context) (bool, string) {
				for _, p := range web(ctx) {
					if p.UID != first.UID && p.Spec.NodeName != "" {
						return p.Spec.NodeName == "moving-1", "it is on " + p.Spec.NodeName
					}
				}
				return false, "there is none"
			})
			if n := metric(`foresight_rebalance_moves_total{result="moved"}`); n != 1 {
				t.Errorf("%v pods were moved", n)
			}
		}
		end()
	}
}
