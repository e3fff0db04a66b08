// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const service = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: service}
spec:
  replicas: 1
  selector: {matchLabels: {app: service}}
  template:
    metadata: {labels: {app: service}}
    spec:
      containers:
      - name: service
        args: [serve, --work=8ms]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
        resources: {requests: {cpu: 100m, memory: 16Mi}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: service}
spec:
  maxUnavailable: 0
  selector: {matchLabels: {app: service}}
`

// Each asks for the same share of the CPU, so that it gets half of it where both want more.
const burner = `
apiVersion: v1
kind: Pod
metadata: {name: burner}
spec:
  nodeSelector: {kubernetes.io/hostname: node-0}
  containers:
  - name: burner
    args: [burn]
    resources: {requests: {cpu: 100m, memory: 16Mi}}
`

// A burner begins next to a service on a node of one CPU. The rebalancer sees it. With a PodDisruptionBudget of zero nothing moves and an event says
// why; without it the service moves to the other node, once, and its median response time falls.
func TestServiceMovesAwayFromABurner(t *testing.T) {
	ns := newNamespace(t)
	kubectl(t, "", "label", "namespace", ns, "foresight-scheduler.dev/rebalance=allowed")
	kubectl(t, "", "apply", "-f", "manifests/components/rebalance/rbac.yaml")
	t.Cleanup(func() {
		_ = shared.command(context.Background(), "kubectl", "delete", "--ignore-not-found", "-f", "manifests/components/rebalance/rbac.yaml").Run()
	})

	// 1. The service begins on node-0, as the other node takes none then.
	kubectl(t, "", "cordon", "node-1")
	t.Cleanup(func() { _ = shared.command(context.Background(), "kubectl", "uncordon", "node-1").Run() })
	apply(t, ns, service)
	kubectl(t, ns, "rollout", "status", "deployment/service", "--timeout=4m")
	kubectl(t, "", "uncordon", "node-1")
	first := serving(t, ns)
	if first.Spec.NodeName != "node-0" {
		t.Fatalf("the service is on %s", first.Spec.NodeName)
	}
	alone := median(t, "alone", first, 3)

	// 2. A burner comes. The budget allows no eviction.
	apply(t, ns, burner)
	kubectl(t, ns, "wait", "pod/burner", "--for=condition=Ready", "--timeout=4m")
	// Pods of the cluster's own scheduler move, by what the other one's profile says; the service has run for minutes only.
	begin := func() (said func() string, end func()) {
		return startScheduler(t, "manifests/components/rebalance/config.yaml", "schedulerName: "+ours, "schedulerName: moving-scheduler", "source: MetricsAPI", "source: MetricsAPI\n        interval: 5s",
			"mode: Suggest", "mode: Evict\n      interval: 10s\n      moveAgainAfter: 0s\n      minGainCoreMinutes: 1\n      schedulerNames: ["+ours+"]")
	}
	_, end := begin()
	beside := median(t, "beside the burner", first, 3)
	refused := eventOf(t, ns, first.Name, "RebalanceRefused")
	if !strings.Contains(refused, "disruption budget") {
		t.Errorf("it was refused since %s", refused)
	}
	t.Log(refused)
	if now := serving(t, ns); now.UID != first.UID || now.DeletionTimestamp != nil {
		t.Errorf("the service moved to %s", now.Spec.NodeName)
	}
	end()

	// 3. Now it does.
	kubectl(t, ns, "delete", "pdb", "service")
	since := time.Now()
	_, end = begin()
	defer end()
	// What loads it goes on meanwhile: a service that does nothing would save little by going.
	for serving(t, ns).UID == first.UID && time.Since(since) < patience {
		_, _ = loaded(t.Context(), first, 5*time.Second)
	}
	t.Log(eventOf(t, ns, first.Name, "Rebalanced"))
	kubectl(t, ns, "rollout", "status", "deployment/service", "--timeout=4m")
	second := serving(t, ns)
	t.Logf("moved to %s within %v", second.Spec.NodeName, time.Since(since).Round(time.Second))
	if second.Spec.NodeName != "node-1" {
		t.Fatalf("the service is on %s", second.Spec.NodeName)
	}
	after := median(t, "after the move", second, 3)
	if after > .75*beside {
		t.Errorf("its median is %.1f ms after the move, %.1f beside the burner, %.1f alone", after, beside, alone)
	}
	if now := serving(t, ns); now.UID != second.UID {
		t.Errorf("it moved once more, to %s", now.Spec.NodeName)
	}
}

// serving is the service's pod that runs, the one that goes while there is no other.
func serving(t *testing.T, ns string) *v1.Pod {
	t.Helper()
	pods, err := client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "app=service"})
	if err != nil || len(pods.Items) == 0 {
		t.Fatalf("%v: no pod of the service", err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; p.DeletionTimestamp == nil {
			return p
		}
	}
	return &pods.Items[0]
}

// eventOf waits for an event of a pod.
func eventOf(t *testing.T, ns, pod, reason string) (note string) {
	t.Helper()
	eventually(t, "an event "+reason, func(ctx context.Context) error {
		events, err := client.EventsV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "regarding.name=" + pod + ",reason=" + reason})
		if err == nil && len(events.Items) == 0 {
			err = fmt.Errorf("%s has none", pod)
		}
		if err == nil {
			note = events.Items[0].Note
		}
		return err
	})
	return note
}

// median response time in milliseconds, the middle of some windows, at 25 requests a second. It logs all.
func median(t *testing.T, when string, pod *v1.Pod, windows int) float64 {
	t.Helper()
	var all []float64
	for range windows {
		p50, err := loaded(t.Context(), pod, 20*time.Second)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		all = append(all, p50)
	}
	said := fmt.Sprint(all)
	slices.Sort(all)
	t.Logf("median response time %s, on %s: %.1f ms, of windows of 20 s %s", when, pod.Spec.NodeName, all[len(all)/2], said)
	return all[len(all)/2]
}

// loaded asks a pod for a while, and returns its median response time in milliseconds.
func loaded(ctx context.Context, pod *v1.Pod, how time.Duration) (float64, error) {
	var out, errs bytes.Buffer
	cmd := shared.command(ctx, "run", "--", bin("workload"), "load", "-url=http://"+pod.Status.PodIP+":8080", "-rate=25", "-duration="+how.String())
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%w: %s", err, errs.String())
	}
	var result struct {
		P50    float64
		Errors int
	}
	if err := json.Unmarshal(out.Bytes(), &result); err != nil {
		return 0, fmt.Errorf("%w: %s", err, out.String())
	}
	return result.P50, nil
}
