// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
)

func profilesOf(t *testing.T, config string) []kubeschedulerconfig.KubeSchedulerProfile {
	t.Helper()
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode([]byte(config), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*kubeschedulerconfig.KubeSchedulerConfiguration).Profiles
}

// otherConfig has other weights and args.
func otherConfig() string {
	return strings.NewReplacer("name: Taints\n        weight: 3", "name: Taints\n        weight: 1", "name: ResourceFit\n        weight: 2", "name: ResourceFit\n        weight: 7",
		"  pluginConfig:\n", "  pluginConfig:\n  - name: ResourceFit\n    args: {predictedPeak: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 60}]}}\n").Replace(string(manifests.SchedulerConfig))
}

// A trial by another configuration says what the evaluator of a scheduler says that has it.
func TestTrialByAnotherConfiguration(t *testing.T) {
	runs := newCluster(t, string(manifests.SchedulerConfig), 1000, false)
	has := newCluster(t, otherConfig(), 1000, false)
	fill(runs)
	fill(has)
	has.future.Store(runs.future.Load())
	profiles, err := runs.evaluator.Another(t.Context(), profilesOf(t, otherConfig()))
	if err != nil {
		t.Fatal(err)
	}
	defer profiles.Close()
	differ := 0
	for i := range 60 {
		pod := runs.randomPod(fmt.Sprint("pod-", i))
		tried := runs.try(&evaluate.Trial{Pods: []*v1.Pod{pod.DeepCopy()}, Profiles: profiles, Detail: true})
		if diff := cmp.Diff(has.evaluate(pod, ""), tried.Pods[0].Evaluation, placedOrNot); diff != "" {
			t.Fatalf("%s (-evaluated by a scheduler that has it +tried):\n%s", pod.Name, diff)
		}
		if mine := runs.evaluate(pod, ""); !cmp.Equal(mine, tried.Pods[0].Evaluation, placedOrNot) {
			differ++
		}
		if node := tried.Pods[0].Node; node != "" {
			runs.put(pod, node)
			has.put(pod, node)
		}
	}
	if differ < 30 {
		t.Errorf("the configurations differed for %d pods only", differ)
	}
}

// Plugins that are made for a trial open no file, and end with it.
func TestAnotherConfigurationLeavesNothing(t *testing.T) {
	c := newCluster(t, string(manifests.SchedulerConfig), 3, false)
	c.addNode("4", "8Gi")
	with := func(args string) string {
		return strings.Replace(string(manifests.SchedulerConfig), "  - name: PredictedQoS\n    args:\n      scoreFrom: Model\n", "  - name: PredictedQoS\n    args: "+args+"\n", 1)
	}
	_, err := c.evaluator.Another(t.Context(), profilesOf(t, with("{modelFile: /proc/self/environ}")))
	if err == nil || !strings.Contains(err.Error(), "pluginConfig[PredictedQoS].args.modelFile: a trial opens no file") {
		t.Errorf("a model file: %v", err)
	}
	if _, err := c.evaluator.Another(t.Context(), profilesOf(t, with("{maxRiskPercent: 500}"))); err == nil || !strings.Contains(err.Error(), "maxRiskPercent") {
		t.Errorf("args out of range: %v", err)
	}
	observations := t.TempDir() + "/observations"
	once := func() {
		t.Helper()
		profiles, err := c.evaluator.Another(t.Context(), profilesOf(t, with("{maxRiskPercent: 50, feedback: {observationsFile: "+observations+"}}")))
		if err != nil {
			t.Fatal(err)
		}
		c.try(&evaluate.Trial{Pods: []*v1.Pod{c.pod("a", "1", "1Gi")}, Profiles: profiles})
		profiles.Close()
	}
	once()
	if _, err := os.Stat(observations); !os.IsNotExist(err) {
		t.Errorf("the file of observations: %v", err)
	}
	before := runtime.NumGoroutine()
	for range 30 {
		once()
	}
	for end := time.Now().Add(20 * time.Second); runtime.NumGoroutine() > before+10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("30 trials have left %d goroutines", runtime.NumGoroutine()-before)
		}
	}
}
