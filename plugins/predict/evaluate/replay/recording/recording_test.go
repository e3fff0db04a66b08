// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

var begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func testNode(name string) *v1.Node {
	has := v1.ResourceList{v1.ResourceCPU: resource.MustParse("4"), v1.ResourceMemory: resource.MustParse("8Gi"), v1.ResourcePods: resource.MustParse("110")}
	return &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), Labels: map[string]string{v1.LabelHostname: name, "rack": "secret-rack"}},
		Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: "team", Value: "secret-team", Effect: v1.TaintEffectNoSchedule}}},
		Status:     v1.NodeStatus{Capacity: has, Allocatable: has},
	}
}

func testPod(name string, created time.Time) *v1.Pod {
	return &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "secret-space", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: metav1.NewTime(created),
			Labels:          map[string]string{"app": "secret-app", "pod-template-hash": "abc12"},
			Annotations:     map[string]string{"token": "secret-token", "foresight-scheduler.dev/overcommit": "true"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "secret-app-abc12", UID: "set", Controller: ptr.To(true)}},
		},
		Spec: v1.PodSpec{
			NodeSelector: map[string]string{"rack": "secret-rack"},
			Tolerations:  []v1.Toleration{{Key: "team", Value: "secret-team"}},
			Affinity: &v1.Affinity{PodAntiAffinity: &v1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []v1.PodAffinityTerm{{
				TopologyKey: v1.LabelHostname, LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "secret-app"}},
			}}}},
			Containers: []v1.Container{{
				Name: "main", Image: "registry/secret-image:v1", Env: []v1.EnvVar{{Name: "PASSWORD", Value: "secret-password"}},
				Resources: v1.ResourceRequirements{Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("500m")}},
			}},
		},
		Status: v1.PodStatus{Phase: v1.PodRunning},
	}
}

// writeUsage writes a trace of a day that names the columns.
func writeUsage(t *testing.T, dir string, columns ...string) {
	t.Helper()
	const steps = 288
	var workloads, cpu strings.Builder
	workloads.WriteString("workload,cpu_limit_cores,memory_limit_bytes\n")
	cpu.WriteString("step," + strings.Join(columns, ",") + "\n")
	for i, c := range columns {
		fmt.Fprintf(&workloads, "%s,%d,1000000\n", c, i+1)
	}
	for k := range steps {
		fmt.Fprintf(&cpu, "%d", k)
		for range columns {
			cpu.WriteString(",500")
		}
		cpu.WriteString("\n")
	}
	for name, data := range map[string]string{
		"trace.json": fmt.Sprintf(`{"name":"recorded","interval_seconds":300,"start_unix":%d,"steps":%d,"unit":"per-mille of the workload's limit","resources":["cpu","memory"]}`,
			begin.Unix(), steps),
		"workloads.csv": workloads.String(), "cpu.csv": cpu.String(), "memory.csv": cpu.String(),
	} {
		if err := os.MkdirAll(UsageDir(dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(UsageDir(dir), name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// record writes a recording that is stopped in between, in the middle of a line.
func record(t *testing.T, dir string, anonymize bool) (columns []string) {
	t.Helper()
	w, err := Open(dir, anonymize)
	if err != nil {
		t.Fatal(err)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"secret-node-1", "secret-node-2"} {
		must(w.Node(begin, testNode(n), false))
	}
	old := testPod("secret-old", begin.Add(-time.Hour))
	must(w.Pod(begin, old, false))
	must(w.Pod(begin, old, false)) // nothing new
	must(w.Close())
	file := filepath.Join(dir, "objects.jsonl")
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	must(err)
	_, err = f.WriteString(`{"at":1,"pod":{"meta`)
	must(err)
	must(f.Close())

	w, err = Open(dir, anonymize)
	must(err)
	must(w.Pod(begin, old, false)) // known from before
	must(w.Node(begin, testNode("secret-node-3"), false))
	must(w.Present(begin.Add(time.Hour), []*v1.Node{testNode("secret-node-1"), testNode("secret-node-2")}, []*v1.Pod{old}))
	young := testPod("secret-young", begin.Add(2*time.Hour))
	must(w.Pod(begin.Add(2*time.Hour), young, false))
	young.Spec.NodeName = "secret-node-2"
	must(w.Pod(begin.Add(2*time.Hour+time.Second), young, false))
	must(w.Pod(begin.Add(3*time.Hour), young, true))
	must(w.Pod(begin.Add(3*time.Hour), testPod("secret-never", begin), true)) // it was never there
	columns = []string{w.Column("secret-space", "secret-old"), w.Column("secret-space", "secret-young")}
	must(w.Close())
	return columns
}

func TestWorldOfRecording(t *testing.T) {
	for _, anonymize := range []bool{false, true} {
		dir := t.TempDir()
		writeUsage(t, dir, record(t, dir, anonymize)...)
		data, err := os.ReadFile(filepath.Join(dir, "objects.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), "\n"); n != 9 {
			t.Errorf("%d lines, want the header, 2 + 2 of nodes, and 1 + 3 of pods:\n%s", n, data)
		}
		if anonymize && strings.Contains(string(data), "secret") || strings.Contains(string(data), "secret-password") || strings.Contains(string(data), "secret-token") {
			t.Errorf("secrets in\n%s", data)
		}
		w, err := World(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(w.Nodes) != 2 || len(w.Pods) != 2 || w.Steps != 288 || !w.Begin.Equal(begin) {
			t.Fatalf("%d nodes, %d pods, %d steps from %v", len(w.Nodes), len(w.Pods), w.Steps, w.Begin)
		}
		old, young := &w.Pods[0], &w.Pods[1]
		if old.Start != 0 || old.End <= 24*time.Hour || young.Start != 2*time.Hour || young.End != 3*time.Hour {
			t.Errorf("the old pod is there from %v to %v, the young one from %v to %v", old.Start, old.End, young.Start, young.End)
		}
		if old.CPU[5] != .5 || young.CPU[5] != 1 || young.Object.Spec.NodeName != "" {
			t.Errorf("use %v and %v cores, placed on %q", old.CPU[5], young.CPU[5], young.Object.Spec.NodeName)
		}
		// What belongs together still does.
		term := old.Object.Spec.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0]
		selector, err := metav1.LabelSelectorAsSelector(term.LabelSelector)
		if err != nil || !selector.Matches(labels.Set(young.Object.Labels)) || term.TopologyKey != v1.LabelHostname {
			t.Errorf("the anti-affinity selects nothing: %v, %v", err, term)
		}
		for k, v := range old.Object.Spec.NodeSelector {
			if w.Nodes[0].Labels[k] != v {
				t.Errorf("the node selector %s=%s fits no node: %v", k, v, w.Nodes[0].Labels)
			}
		}
		if toleration := old.Object.Spec.Tolerations[0]; !toleration.ToleratesTaint(klog.Background(), &w.Nodes[0].Spec.Taints[0], false) {
			t.Errorf("%v does not tolerate %v", toleration, w.Nodes[0].Spec.Taints[0])
		}
		if workload, ok := forecast.WorkloadOf(old.Object); !ok || workload.Kind != "Deployment" {
			t.Errorf("the workload is %v", workload)
		}
		if old.Object.Annotations["foresight-scheduler.dev/overcommit"] != "true" || len(w.ReplicaSets) != 1 {
			t.Errorf("annotations %v, %d replica sets", old.Object.Annotations, len(w.ReplicaSets))
		}
	}
}

// What cannot be gone on with or read says why.
func TestRecordingRefused(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, false)
	if _, err := Open(dir, true); err == nil || !strings.Contains(err.Error(), "hashed") {
		t.Errorf("going on with hashes: %v", err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "precious"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(foreign, false); err == nil || !strings.Contains(err.Error(), "precious") {
		t.Errorf("recording into somebody's folder: %v", err)
	}
	for name, c := range map[string]struct{ data, want string }{
		"nothing":     {"", "empty"},
		"no version":  {"{\"at\":1}\n", "version"},
		"a later one": {"{\"version\":99}\n", "version 99"},
		"garbage":     {"{\"version\":1}\nnonsense\n", ":2:"},
		"no object":   {"{\"version\":1}\n{\"at\":1}\n", "a node or a pod"},
		"no end":      {"{\"version\":1}\n" + strings.Repeat("x", longestLine+1) + "\n", ":2:"},
	} {
		dir := t.TempDir()
		writeUsage(t, dir, "a/b")
		if err := os.WriteFile(filepath.Join(dir, "objects.jsonl"), []byte(c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := World(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}
