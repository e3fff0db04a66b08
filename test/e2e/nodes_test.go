// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// These tests take nodes away, so no other test runs meanwhile.

const replicated = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
      tolerations:
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
      containers:
      - {name: c, args: [pause]}
`

func TestDrain(t *testing.T) {
	ns := newNamespace(t)
	apply(t, ns, replicated)
	awaitPods(t, ns, "web", 2)
	kubectl(t, ns, "drain", "node-1", "--ignore-daemonsets", "--force", "--delete-emptydir-data", "--timeout="+patience.String())
	t.Cleanup(func() {
		if out, err := shared.run("kubectl", "uncordon", "node-1"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	for _, p := range awaitPods(t, ns, "web", 2) {
		if p.Spec.NodeName != "node-0" {
			t.Errorf("pod %s is on %s", p.Name, p.Spec.NodeName)
		}
	}
}

// The machine of a node vanishes. Its pods are replaced elsewhere, and when it boots again
// it takes pods again.
func TestNodeLoss(t *testing.T) {
	ns := newNamespace(t)
	apply(t, ns, replicated)
	awaitPods(t, ns, "web", 2)
	if out, err := shared.run("stop", "node-1"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, "all pods to be on the node that is left", func(ctx context.Context) error {
		pods, err := podsOf(ctx, ns, "web")
		if err != nil {
			return err
		}
		for i := range pods {
			if pods[i].Spec.NodeName != "node-0" || !ready(&pods[i]) {
				return fmt.Errorf("%s is on %s", pods[i].Name, pods[i].Spec.NodeName)
			}
		}
		if len(pods) != 2 {
			return fmt.Errorf("there are %d", len(pods))
		}
		return nil
	})
	if out, err := shared.run("start", "node-1"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, "node-1 to be ready", func(ctx context.Context) error {
		node, err := client.CoreV1().Nodes().Get(ctx, "node-1", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == v1.NodeReady && c.Status == v1.ConditionTrue && len(node.Spec.Taints) == 0 {
				return nil
			}
		}
		return fmt.Errorf("taints %v", node.Spec.Taints)
	})
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: back}
spec:
  nodeSelector: {kubernetes.io/hostname: node-1}
  containers:
  - {name: c, args: [pause]}
`)
	awaitPod(t, ns, "back", "ready", ready)
}
