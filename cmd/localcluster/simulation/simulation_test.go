// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/kwok/pkg/apis/internalversion"
	"sigs.k8s.io/kwok/pkg/config"
	"sigs.k8s.io/kwok/pkg/kwok/metrics"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func load(t *testing.T) []config.InternalObject {
	t.Helper()
	l := state.Layout{Dir: t.TempDir()}
	if err := WriteConfig(l); err != nil {
		t.Fatal(err)
	}
	objects, err := config.Load(context.Background(), l.KwokConfig())
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func TestKwokUnderstandsItsConfiguration(t *testing.T) {
	objects := load(t)
	stages := map[string]bool{}
	for _, stage := range config.FilterWithType[*internalversion.Stage](objects) {
		stages[stage.Name] = true
	}
	for _, name := range []string{"node-initialize", "pod-ready", "pod-complete", "pod-delete"} {
		if !stages[name] {
			t.Errorf("stage %s is missing: %v", name, stages)
		}
	}
	if options := config.FilterWithType[*internalversion.KwokConfiguration](objects); len(options) != 1 || !options[0].Options.EnableDebuggingHandlers {
		t.Errorf("options are %v", options)
	}
	if n := len(config.FilterWithType[*internalversion.ClusterLogs](objects)); n != 1 {
		t.Errorf("%d ClusterLogs", n)
	}
}

// kwok evaluates expressions when it is asked for metrics, and logs what is wrong.
func TestExpressionsGiveTheUsageThatAnnotationsSay(t *testing.T) {
	number := func(string, string, string, string) float64 { return 1 }
	ofPod := func(string, string, string) float64 { return 1 }
	ofNode := func(string, string) float64 { return 1 }
	env, err := metrics.NewEnvironment(metrics.EnvironmentConfig{
		ContainerResourceUsage: number, ContainerResourceCumulativeUsage: number,
		PodResourceUsage: ofPod, PodResourceCumulativeUsage: ofPod,
		NodeResourceUsage: ofNode, NodeResourceCumulativeUsage: ofNode,
	})
	if err != nil {
		t.Fatal(err)
	}
	evaluate := func(expression string, data metrics.Data) float64 {
		t.Helper()
		program, err := env.Compile(expression)
		if err != nil {
			t.Fatal(err)
		}
		value, err := program.EvaluateFloat64(context.Background(), data)
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		return value
	}
	data := func(phase corev1.PodPhase, annotations map[string]string) metrics.Data {
		pod := &corev1.Pod{Status: corev1.PodStatus{Phase: phase}}
		pod.Annotations = annotations
		return metrics.Data{Node: simulatedNode(0, 1), Pod: pod, Container: &corev1.Container{Name: "c"}}
	}
	objects := load(t)

	usages := config.FilterWithType[*internalversion.ClusterResourceUsage](objects)
	if len(usages) != 1 || len(usages[0].Spec.Usages) != 1 {
		t.Fatalf("usages are %v", usages)
	}
	said := map[string]string{"kwok.x-k8s.io/usage-cpu": "250m", "kwok.x-k8s.io/usage-memory": "64Mi"}
	for _, tc := range []struct {
		name        string
		data        metrics.Data
		cpu, memory float64
	}{
		{"said", data(corev1.PodRunning, said), 0.25, 64 << 20},
		{"not said", data(corev1.PodRunning, nil), 0.005, 16 << 20},
		{"through", data(corev1.PodSucceeded, said), 0, 0},
	} {
		usage := usages[0].Spec.Usages[0].Usage
		if got := evaluate(*usage["cpu"].Expression, tc.data); got != tc.cpu {
			t.Errorf("%s: cpu is %v, want %v", tc.name, got, tc.cpu)
		}
		if got := evaluate(*usage["memory"].Expression, tc.data); got != tc.memory {
			t.Errorf("%s: memory is %v, want %v", tc.name, got, tc.memory)
		}
	}

	endpoints := config.FilterWithType[*internalversion.Metric](objects)
	if len(endpoints) != 1 {
		t.Fatalf("metrics are %v", endpoints)
	}
	for _, metric := range endpoints[0].Spec.Metrics {
		value := evaluate(metric.Value, data(corev1.PodRunning, nil))
		if strings.HasSuffix(metric.Name, "_seconds_total") && value <= 0 {
			t.Errorf("%s begins at %v, and metrics-server drops a sample of 0", metric.Name, value)
		}
	}
}

func TestRBACIsWhatTheAPIServerExpects(t *testing.T) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{rbacv1.AddToScheme, flowcontrolv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	reader := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(RBAC())))
	for count := 0; ; count++ {
		document := make([]byte, 64<<10)
		n, err := reader.Read(document)
		if errors.Is(err, io.EOF) {
			if count == 0 {
				t.Error("it is empty")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := decoder.Decode(document[:n], nil, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestNodesDifferWhereNodesDo(t *testing.T) {
	zones := map[string]int{}
	names := map[string]bool{}
	for i := range 6 {
		node := simulatedNode(i, 10250)
		names[node.Name] = true
		zones[node.Labels[corev1.LabelTopologyZone]]++
		if node.Labels[corev1.LabelHostname] != node.Name || node.Labels["type"] != "simulated" {
			t.Errorf("%s has labels %v", node.Name, node.Labels)
		}
		if !strings.Contains(node.Annotations["metrics.k8s.io/resource-metrics-path"], "/"+node.Name+"/") {
			t.Errorf("%s has annotations %v", node.Name, node.Annotations)
		}
	}
	if len(names) != 6 || len(zones) != 3 || zones["zone-a"] != 2 || zones["zone-c"] != 2 {
		t.Errorf("names %v, zones %v", names, zones)
	}
}

func TestThePodLogIsARuntimesLog(t *testing.T) {
	l := state.Layout{Dir: t.TempDir()}
	if err := WriteConfig(l); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(l.PodLog())
	if err != nil {
		t.Fatal(err)
	}
	if fields := strings.SplitN(string(log), " ", 4); len(fields) != 4 || fields[1] != "stdout" || fields[2] != "F" {
		t.Errorf("got %q", log)
	}
}
