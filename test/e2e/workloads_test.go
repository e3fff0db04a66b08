// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// A rolling update replaces all pods and never has fewer ready ones than it may.
func TestDeployment(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        args: [serve]
        env: [{name: RELEASE, value: "1"}]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`)
	before := map[types.UID]bool{}
	for _, p := range awaitPods(t, ns, "web", 3) {
		before[p.UID] = true
	}
	kubectl(t, ns, "set", "env", "deployment/web", "RELEASE=2")
	eventually(t, "the rolling update", func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(ns).Get(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.ReadyReplicas < 3 {
			t.Errorf("only %d pods are ready during the update", d.Status.ReadyReplicas)
		}
		if d.Status.ObservedGeneration < d.Generation || d.Status.UpdatedReplicas < 3 || d.Status.Replicas > 3 {
			return fmt.Errorf("%d of %d pods are new", d.Status.UpdatedReplicas, d.Status.Replicas)
		}
		return nil
	})
	for _, p := range awaitPods(t, ns, "web", 3) {
		if before[p.UID] || p.Spec.Containers[0].Env[0].Value != "2" {
			t.Errorf("pod %s is of the old release", p.Name)
		}
	}
}

func TestReplicaSet(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: set}
spec:
  replicas: 2
  selector: {matchLabels: {app: set}}
  template:
    metadata: {labels: {app: set}}
    spec:
      containers:
      - {name: c, args: [pause]}
`)
	victim := awaitPods(t, ns, "set", 2)[0]
	if err := client.CoreV1().Pods(ns).Delete(t.Context(), victim.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, p := range awaitPods(t, ns, "set", 2) {
		if p.UID == victim.UID {
			t.Error("the deleted pod is still there")
		}
	}
}

// The second pod of a StatefulSet is not made before the first is ready, and a pod that is
// replaced keeps its name.
func TestStatefulSet(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: c
        args: [serve, -delay=2s]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`)
	awaitPods(t, ns, "db", 2)
	first, err := getPod(t.Context(), ns, "db-0")
	if err != nil {
		t.Fatal(err)
	}
	second, err := getPod(t.Context(), ns, "db-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range first.Status.Conditions {
		if c.Type == v1.PodReady && second.CreationTimestamp.Time.Before(c.LastTransitionTime.Time) {
			t.Errorf("db-1 was made at %s, before db-0 was ready at %s", second.CreationTimestamp, c.LastTransitionTime)
		}
	}
	if err := client.CoreV1().Pods(ns).Delete(t.Context(), "db-0", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	awaitPod(t, ns, "db-0", "another one, and ready", func(p *v1.Pod) bool { return p.UID != first.UID && ready(p) })
}

func TestDaemonSet(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers:
      - {name: c, args: [pause]}
`)
	on := map[string]bool{}
	for _, p := range awaitPods(t, ns, "agent", nodes) {
		on[p.Spec.NodeName] = true
	}
	if len(on) != nodes {
		t.Errorf("the pods are on %v", on)
	}
}

func TestJob(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: batch/v1
kind: Job
metadata: {name: good}
spec:
  completions: 3
  parallelism: 2
  template:
    metadata: {labels: {app: good}}
    spec:
      restartPolicy: Never
      containers:
      - {name: c, args: [exit, --, done]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - {name: c, args: [exit, -status=1]}
`)
	awaitJob(t, ns, "good", batchv1.JobComplete)
	awaitJob(t, ns, "bad", batchv1.JobFailed)
	pods, err := podsOf(t.Context(), ns, "good")
	if err != nil || len(pods) != 3 {
		t.Fatalf("%d pods, %v", len(pods), err)
	}
	awaitLog(t, ns, pods[0].Name, "done\n")
}

func awaitJob(t *testing.T, namespace, name string, end batchv1.JobConditionType) {
	t.Helper()
	eventually(t, "job "+name+" to be "+string(end), func(ctx context.Context) error {
		job, err := client.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range job.Status.Conditions {
			if c.Type == end && c.Status == v1.ConditionTrue {
				return nil
			}
		}
		return fmt.Errorf("%+v", job.Status)
	})
}

func TestCronJob(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: report}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: c, args: [exit, --, done]}
`)
	// The next minute may be a whole one away.
	within(t, time.Minute+patience, "a job of the cron job to succeed", func(ctx context.Context) error {
		jobs, err := client.BatchV1().Jobs(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, j := range jobs.Items {
			if j.Status.Succeeded > 0 && metav1.GetControllerOf(&j).Name == "report" {
				return nil
			}
		}
		return fmt.Errorf("%d jobs", len(jobs.Items))
	})
}

// The autoscaler adds pods because metrics-server measured what the first one uses.
func TestHorizontalPodAutoscaler(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: busy}
spec:
  replicas: 1
  selector: {matchLabels: {app: busy}}
  template:
    metadata: {labels: {app: busy}}
    spec:
      containers:
      - {name: c, args: [burn], resources: {requests: {cpu: 25m}, limits: {cpu: 50m}}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: busy}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: busy}
  minReplicas: 1
  maxReplicas: 2
  metrics:
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 60}}}
`)
	within(t, 2*patience, "the autoscaler to add a pod", func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(ns).Get(ctx, "busy", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Status.ReadyReplicas < 2 {
			h, err := client.AutoscalingV2().HorizontalPodAutoscalers(ns).Get(ctx, "busy", metav1.GetOptions{})
			return fmt.Errorf("%d ready, %+v, %v", d.Status.ReadyReplicas, h.Status, err)
		}
		return nil
	})
	eventually(t, "the reason of the scaling", func(ctx context.Context) error {
		out, err := shared.command(ctx, "kubectl", "-n", ns, "describe", "hpa", "busy").CombinedOutput()
		if err == nil && !strings.Contains(string(out), "cpu resource utilization") {
			err = fmt.Errorf("it scaled for another reason: %s", out)
		}
		return err
	})
}
