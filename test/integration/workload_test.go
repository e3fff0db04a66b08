// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// What `make run` shows: every kind of workload, driven by the real controllers and
// placed by our scheduler, and one pod that says why it waits.
func TestFirstWorkload(t *testing.T) {
	file := filepath.Join(repo, "manifests/examples/first-workload.yaml")
	t.Cleanup(func() {
		if out, err := localcluster("kubectl", "delete", "--wait=false", "-f", file); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	var stderr strings.Builder
	cmd := exec.Command(bin("foresight"), "try", "--kubeconfig", kubeconfig(), "-f", file, "-o", "json")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var placements []struct {
		Pod, Owner, Node, Scheduler, Reason string
		Seconds                             float64 `json:"decision_seconds"`
	}
	if err := json.Unmarshal(out, &placements); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	byOwner, zones, webPerNode := map[string]int{}, map[string]int{}, map[string]int{}
	for _, p := range placements {
		if p.Pod == "too-big" {
			if p.Node != "" || !strings.Contains(p.Reason, "Insufficient cpu") || !strings.Contains(p.Reason, "didn't match Pod's node affinity/selector") {
				t.Errorf("too-big: node %q, reason %q", p.Node, p.Reason)
			}
			continue
		}
		if p.Node == "" || p.Scheduler != ours || p.Seconds <= 0 {
			t.Errorf("%s is not placed by us with a time: %+v", p.Pod, p)
			continue
		}
		kind, name, _ := strings.Cut(p.Owner, "/")
		byOwner[kind+"/"+strings.Split(name, "-")[0]]++
		switch {
		case strings.HasPrefix(p.Pod, "web-"):
			webPerNode[p.Node]++
		case strings.HasPrefix(p.Pod, "db-"):
			n, err := client.CoreV1().Nodes().Get(t.Context(), p.Node, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			zones[n.Labels[v1.LabelTopologyZone]]++
		}
	}
	want := map[string]int{"ReplicaSet/web": 50, "StatefulSet/db": 3, "DaemonSet/agent": 6, "Job/import": 4, "Job/report": 1}
	for owner, n := range want {
		// The report runs every five minutes, and a run may begin in the midst of this.
		if byOwner[owner] != n && !(owner == "Job/report" && byOwner[owner] == 2) {
			t.Errorf("%s has %d pods placed, want %d (all: %v)", owner, byOwner[owner], n, byOwner)
		}
	}
	if len(zones) != 1 {
		t.Errorf("the database keeps to one zone, but is in %v", zones)
	}
	for node, n := range webPerNode {
		if n < 7 || n > 10 {
			t.Errorf("50 web pods spread over 6 nodes, but %d are on %s", n, node)
		}
	}
}

// An autoscaler reads the real metrics-server, which reads what the pods' annotations
// tell the simulated kubelets; the pods it adds are ours to place.
func TestAutoscalerOnRealMetrics(t *testing.T) {
	ns := newNamespace(t)
	labels := map[string]string{"app": "busy"}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "busy"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: v1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{"kwok.x-k8s.io/usage-cpu": "200m", "kwok.x-k8s.io/usage-memory": "10Mi"}},
			Spec: v1.PodSpec{SchedulerName: ours, Containers: []v1.Container{{Name: "c", Image: "none", Resources: v1.ResourceRequirements{
				Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("100m")},
			}}}},
		},
	}}
	if _, err := client.AppsV1().Deployments(ns).Create(t.Context(), deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	hpa := &autoscalingv2.HorizontalPodAutoscaler{ObjectMeta: metav1.ObjectMeta{Name: "busy"}, Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
		ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "busy"},
		MaxReplicas:    3,
		Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: v1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: ptr.To[int32](50)},
		}}},
	}}
	if _, err := client.AutoscalingV2().HorizontalPodAutoscalers(ns).Create(t.Context(), hpa, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three pods placed", func(ctx context.Context) (bool, string) {
		pods, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		n := 0
		for _, p := range pods.Items {
			if p.Spec.NodeName != "" && p.Spec.SchedulerName == ours {
				n++
			}
		}
		return n == 3, fmt.Sprint(n, " placed")
	})
	// A rate between two scrapes is never exact, and there is none of a pod that was scraped only once.
	shown := regexp.MustCompile(`\b(19\d|20\d)m\s+10Mi`)
	eventually(t, "kubectl top shows the annotated 200m and 10Mi", func(context.Context) (bool, string) {
		out, err := localcluster("kubectl", "top", "pods", "-n", ns)
		return err == nil && shown.MatchString(out), fmt.Sprint(out, err)
	})
}
