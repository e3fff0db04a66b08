// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chart renders and lints the Helm chart with Helm's own library. It is a module of its own, so that nothing else
// depends on Helm.
package chart

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

const dir = "../../manifests/chart"

// object is one of Kubernetes.
type object map[string]any

func (o object) meta() map[string]any { return o["metadata"].(map[string]any) }
func (o object) key() string          { return fmt.Sprintf("%s %s", o["kind"], o.meta()["name"]) }

// release is what an installation of the chart comes to.
type release struct {
	objects map[string]object
	notes   string
}

func install(t *testing.T, namespace, values string) (release, error) {
	t.Helper()
	c, err := loader.LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	given, err := common.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	all, err := util.ToRenderValues(c, given, common.ReleaseOptions{Name: "mine", Namespace: namespace, Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return release{}, err
	}
	files, err := engine.Render(c, all)
	if err != nil {
		return release{}, err
	}
	r := release{objects: map[string]object{}}
	for name, text := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			r.notes = text
			continue
		}
		for _, part := range strings.Split("\n"+text, "\n---") {
			if strings.TrimSpace(part) == "" {
				continue
			}
			var o object
			if err := yaml.UnmarshalStrict([]byte(part), &o); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, part)
			}
			if o["kind"] == nil {
				t.Fatalf("%s: no object: %s", name, part)
			}
			r.objects[o.key()] = o
		}
	}
	return r, nil
}

func mustInstall(t *testing.T, values string) release {
	t.Helper()
	r, err := install(t, "foresight-system", values)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at follows a path of keys and indices.
func at(t *testing.T, from any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := from.(map[string]any)
			if !ok {
				t.Fatalf("%v of %T", path, from)
			}
			from = m[step]
		case int:
			from = from.([]any)[step]
		}
	}
	return from
}

func (r release) config(t *testing.T) map[string]any {
	t.Helper()
	for key, o := range r.objects {
		if strings.HasPrefix(key, "ConfigMap ") && (strings.HasSuffix(key, "-config") || strings.HasSuffix(key, "-config-shadow")) {
			var c map[string]any
			if err := yaml.UnmarshalStrict([]byte(at(t, o["data"], "config.yaml").(string)), &c); err != nil {
				t.Fatal(err)
			}
			return c
		}
	}
	t.Fatal("no configuration")
	return nil
}

func (r release) pod(t *testing.T) map[string]any {
	t.Helper()
	for key, o := range r.objects {
		if strings.HasPrefix(key, "Deployment ") || strings.HasPrefix(key, "StatefulSet ") {
			return at(t, o["spec"], "template").(map[string]any)
		}
	}
	t.Fatal("no workload")
	return nil
}

// The chart as it is and the kustomization are the same objects. Only the labels that Helm's charts have differ, how a changed
// configuration rolls the pods, and the namespace, which Helm makes.
func TestSameObjectsAsTheKustomization(t *testing.T) {
	want := kustomized(t, "../../manifests/base")
	got := mustInstall(t, "").objects
	if diff := cmp.Diff(comparable(t, want), comparable(t, got)); diff != "" {
		t.Errorf("-kustomize +chart:\n%s", diff)
	}
}

// An onlooker by the chart is the objects of manifests/components/shadow, to the name.
func TestSameOnlookerAsTheComponent(t *testing.T) {
	overlay := t.TempDir()
	for _, part := range []string{"base", "components"} {
		if err := os.CopyFS(filepath.Join(overlay, part), os.DirFS(filepath.Join("../../manifests", part))); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [base]\ncomponents: [components/shadow]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := install(t, "foresight-shadow", "shadow: {enabled: true}")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(comparable(t, kustomized(t, overlay)), comparable(t, r.objects)); diff != "" {
		t.Errorf("-kustomize +chart:\n%s", diff)
	}
	if !strings.Contains(r.notes, "\n     foresight shadow report\n") || strings.Contains(r.notes, "schedulerName:") {
		t.Errorf("the notes are\n%s", r.notes)
	}
	// In another namespace its lease is there, and the notes say where.
	if r, err = install(t, "other", "shadow: {enabled: true, schedulerNames: [mine]}\npluginConfig: [{name: Shadow, args: {decisions: 500}}]"); err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprint(r.config(t))
	if !strings.Contains(config, "resourceName:foresight-shadow resourceNamespace:other") || !strings.Contains(config, "args:map[decisions:500 schedulerNames:[mine]] name:Shadow") {
		t.Errorf("the configuration is %s", config)
	}
	if !strings.Contains(r.notes, "foresight shadow report --scheduler-lease other/foresight-shadow\n") {
		t.Errorf("the notes are\n%s", r.notes)
	}
}

func kustomized(t *testing.T, dir string) map[string]object {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]object{}
	for _, r := range built.Resources() {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := yaml.UnmarshalStrict(text, &o); err != nil {
			t.Fatal(err)
		}
		if o["kind"] != "Namespace" {
			want[o.key()] = o
		}
	}
	return want
}

func comparable(t *testing.T, objects map[string]object) map[string]object {
	t.Helper()
	out := map[string]object{}
	for _, o := range objects {
		labels, _ := o.meta()["labels"].(map[string]any)
		maps.DeleteFunc(labels, func(k string, _ any) bool {
			return !slices.Contains([]string{"app.kubernetes.io/name", "app.kubernetes.io/part-of"}, k)
		})
		switch o["kind"] {
		case "FlowSchema":
			delete(o.meta(), "namespace") // kustomize gives it one, which the API server ignores.
		case "ConfigMap":
			o.meta()["name"] = "config"
			var c any
			if err := yaml.UnmarshalStrict([]byte(at(t, o["data"], "config.yaml").(string)), &c); err != nil {
				t.Fatal(err)
			}
			o["data"] = c
		case "Deployment":
			pod := at(t, o["spec"], "template").(map[string]any)
			delete(pod["metadata"].(map[string]any), "annotations")
			at(t, pod, "spec", "containers", 0).(map[string]any)["imagePullPolicy"] = "IfNotPresent"
			for _, v := range at(t, pod, "spec", "volumes").([]any) {
				if c, ok := v.(map[string]any)["configMap"].(map[string]any); ok {
					c["name"] = "config"
				}
			}
		}
		out[o.key()] = o
	}
	return out
}

func TestLint(t *testing.T) {
	result := lint.RunAll(dir, nil, "foresight-system")
	for _, m := range result.Messages {
		if m.Severity > 1 { // An icon is recommended.
			t.Error(m)
		}
	}
}

// A values file of scheduler-plugins' chart, its defaults here, installs as it is. What has no equivalent is named.
func TestValuesOfSchedulerPlugins(t *testing.T) {
	values, err := os.ReadFile("testdata/scheduler-plugins-values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := mustInstall(t, string(values))
	if _, ok := r.objects["Deployment scheduler-plugins-scheduler"]; !ok {
		t.Errorf("no such Deployment among %v", slices.Sorted(maps.Keys(r.objects)))
	}
	profile := at(t, r.config(t), "profiles", 0)
	if name := at(t, profile, "schedulerName"); name != "scheduler-plugins-scheduler" {
		t.Errorf("pods name %v", name)
	}
	if at(t, r.config(t), "leaderElection", "leaderElect") != false {
		t.Error("leader election is on")
	}
	text := fmt.Sprint(profile)
	if !strings.Contains(text, "LoadVariationRiskBalancing") || strings.Contains(text, "Coscheduling") || strings.Contains(text, "PrioritySort") {
		t.Errorf("profile: %v", profile)
	}
	if image := at(t, r.pod(t), "spec", "containers", 0, "image"); !strings.HasPrefix(image.(string), "foresight-scheduler:") {
		t.Errorf("the image is %v", image)
	}
	for _, want := range []string{"plugins.enabled: Coscheduling", "plugins.enabled: CapacityScheduling", "plugins.disabled: PrioritySort", "pluginConfig: Coscheduling",
		"controller", "scheduler.command", "scheduler.image"} {
		if !strings.Contains(r.notes, want) {
			t.Errorf("the notes do not name %s:\n%s", want, r.notes)
		}
	}
	for _, o := range r.objects {
		if o["kind"] == "PodDisruptionBudget" {
			t.Error("one replica has a budget that keeps its node from being drained")
		}
	}
	if notes := mustInstall(t, "").notes; strings.Contains(notes, "no equivalent") {
		t.Errorf("the chart's own values have no equivalent:\n%s", notes)
	}
}

// Every value changes what it is for.
func TestValues(t *testing.T) {
	for name, tc := range map[string]struct {
		values string
		check  func(t *testing.T, r release)
	}{
		"image": {"scheduler: {image: \"registry.example/foresight@sha256:00\"}", func(t *testing.T, r release) {
			if got := at(t, r.pod(t), "spec", "containers", 0, "image"); got != "registry.example/foresight@sha256:00" {
				t.Error(got)
			}
		}},
		"placement": {"scheduler: {nodeSelector: {pool: system}, tolerations: [{operator: Exists}], priorityClassName: \"\"}", func(t *testing.T, r release) {
			spec := r.pod(t)["spec"].(map[string]any)
			if diff := cmp.Diff(map[string]any{"pool": "system", "kubernetes.io/os": "linux"}, spec["nodeSelector"]); diff != "" {
				t.Error(diff)
			}
			if spec["priorityClassName"] != nil || at(t, spec, "tolerations", 0, "operator") != "Exists" || at(t, spec, "affinity", "nodeAffinity") == nil {
				t.Error(spec)
			}
		}},
		"usage": {"usage: {source: Kubelet, interval: 30s}", func(t *testing.T, r release) {
			for _, pc := range at(t, r.config(t), "profiles", 0, "pluginConfig").([]any) {
				if at(t, pc, "name") == "Prediction" {
					if diff := cmp.Diff(map[string]any{"source": "Kubelet", "interval": "30s"}, at(t, pc, "args", "usage")); diff != "" {
						t.Error(diff)
					}
					if at(t, pc, "args", "checkpoint", "path") == nil {
						t.Error("the checkpoint is gone")
					}
				}
			}
			if r.objects["ClusterRole foresight-scheduler-kubelet-usage"] == nil || mustInstall(t, "").objects["ClusterRole foresight-scheduler-kubelet-usage"] != nil {
				t.Error("the right to ask kubelets goes with the source")
			}
		}},
		"plugins": {"plugins: {enabled: [{name: Taints, weight: 7}, PredictedQoS], disabled: [Affinity]}\npluginConfig: [{name: ResourceFit, args: {a: 1}}]", func(t *testing.T, r release) {
			var got []string
			for _, p := range at(t, r.config(t), "profiles", 0, "plugins", "multiPoint", "enabled").([]any) {
				got = append(got, fmt.Sprint(at(t, p, "name"), at(t, p, "weight")))
			}
			if diff := cmp.Diff([]string{"ResourceFit2", "Taints7", "PredictedQoS<nil>"}, got); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(fmt.Sprint(r.config(t)), "args:map[a:1] name:ResourceFit") {
				t.Error(r.config(t))
			}
		}},
		"qos": {"qos: {enabled: true, args: {modelFile: /model.json}}", func(t *testing.T, r release) {
			if text := fmt.Sprint(r.config(t)); !strings.Contains(text, "name:PredictedQoS weight:5") || !strings.Contains(text, "args:map[modelFile:/model.json scoreFrom:Utilisation] name:PredictedQoS") {
				t.Error(text)
			}
		}},
		"rebalance": {"rebalance: {enabled: true, args: {interval: 2m}}", func(t *testing.T, r release) {
			if text := fmt.Sprint(r.config(t)); !strings.Contains(text, "args:map[interval:2m mode:Suggest] name:Rebalance") {
				t.Error(text)
			}
			role := r.objects["ClusterRole foresight-scheduler-rebalance"]
			if text := fmt.Sprint(role["rules"]); text != "[map[apiGroups:[] resources:[pods/eviction] verbs:[create]]]" || r.objects["ClusterRoleBinding foresight-scheduler-rebalance"] == nil {
				t.Error(text)
			}
			if r.objects["ClusterRole foresight-scheduler-packing"] != nil {
				t.Error("it may patch nodes")
			}
		}},
		"packing": {"rebalance: {enabled: true, args: {mode: Evict, packing: {mode: Evict}}}", func(t *testing.T, r release) {
			role := r.objects["ClusterRole foresight-scheduler-packing"]
			if text := fmt.Sprint(role["rules"]); text != "[map[apiGroups:[] resources:[nodes] verbs:[patch]]]" || r.objects["ClusterRoleBinding foresight-scheduler-packing"] == nil {
				t.Error(text)
			}
		}},
		"packing that suggests": {"rebalance: {enabled: true, args: {mode: Evict, packing: {mode: Suggest}}}", func(t *testing.T, r release) {
			if r.objects["ClusterRole foresight-scheduler-packing"] != nil {
				t.Error("it may patch nodes")
			}
		}},
		"persistence": {"persistence: {enabled: true, size: 2Gi}", func(t *testing.T, r release) {
			set := r.objects["StatefulSet foresight-scheduler"]
			if set == nil || r.objects["Deployment foresight-scheduler"] != nil {
				t.Fatal(slices.Sorted(maps.Keys(r.objects)))
			}
			if size := at(t, set["spec"], "volumeClaimTemplates", 0, "spec", "resources", "requests", "storage"); size != "2Gi" {
				t.Error(size)
			}
			if text := fmt.Sprint(at(t, r.pod(t), "spec", "volumes")); strings.Contains(text, "learned") {
				t.Error(text)
			}
		}},
		"without": {"resourceQuota: {enabled: false}\nflowSchemas: {enabled: false}\nnetworkPolicy: {enabled: false}\npodDisruptionBudget: {enabled: false}", func(t *testing.T, r release) {
			for key := range r.objects {
				if kind, _, _ := strings.Cut(key, " "); slices.Contains([]string{"ResourceQuota", "FlowSchema", "NetworkPolicy", "PodDisruptionBudget"}, kind) {
					t.Error(key)
				}
			}
		}},
		"monitoring": {"serviceMonitor: {enabled: true}\npodMonitor: {enabled: true}\ngrafanaDashboard: {enabled: true}\nprometheusRule: {enabled: true, labels: {release: prometheus}}\nmetrics: {readers: [{name: prometheus, namespace: monitoring}]}", func(t *testing.T, r release) {
			for _, key := range []string{"ServiceMonitor foresight-scheduler", "Service foresight-scheduler", "PodMonitor foresight-scheduler", "ConfigMap foresight-scheduler-dashboard", "ClusterRoleBinding foresight-scheduler-metrics-reader"} {
				if r.objects[key] == nil {
					t.Errorf("no %s", key)
				}
			}
			dashboard, err := os.ReadFile("../../manifests/dashboards/foresight.json")
			if err != nil {
				t.Fatal(err)
			}
			if got := at(t, r.objects["ConfigMap foresight-scheduler-dashboard"]["data"], "foresight.json").(string); strings.TrimSpace(got) != strings.TrimSpace(string(dashboard)) {
				t.Error("the dashboard is another one")
			}
			text, err := os.ReadFile("../../manifests/components/prometheus-rule/rule.yaml")
			if err != nil {
				t.Fatal(err)
			}
			var rule object
			if err := yaml.UnmarshalStrict(text, &rule); err != nil {
				t.Fatal(err)
			}
			got := r.objects["PrometheusRule foresight-scheduler"]
			if diff := cmp.Diff(rule["spec"], got["spec"]); diff != "" {
				t.Errorf("the alerts are others: %s", diff)
			}
			if got.meta()["labels"].(map[string]any)["release"] != "prometheus" {
				t.Errorf("labels of the alerts: %v", got.meta()["labels"])
			}
		}},
	} {
		t.Run(name, func(t *testing.T) { tc.check(t, mustInstall(t, tc.values)) })
	}
}

// Values that cannot be meant are refused, with the name of the value.
func TestRefusedValues(t *testing.T) {
	for values, names := range map[string]string{
		"schedular: {}":                                        "schedular",
		"scheduler: {replicas: 3}":                             "replicas",
		"scheduler: {name: default-scheduler}":                 "name",
		"scheduler: {name: Big_Name}":                          "name",
		"usage: {source: metrics}":                             "source",
		"pluginConfig: {Taints: {}}":                           "pluginConfig",
		"persistence: {enabled: \"yes\"}":                      "enabled",
		"scheduler: {leaderElect: false, replicaCount: 2}":     "leaderElect",
		"scheduler: {extraArgs: [v=2]}":                        "extraArgs",
		"serviceMonitor: {enabled: true, interval: sometimes}": "interval",
		"shadow: {enabled: true}":                              "a namespace of its own",
		"shadow: {schedulerNames: []}":                         "schedulerNames",
		"pluginConfig: [{name: Shadow}]":                       "shadow.enabled",
	} {
		if _, err := install(t, "foresight-system", values); err == nil || !strings.Contains(err.Error(), names) {
			t.Errorf("%s: %v", values, err)
		}
	}
}

// In another namespace and with another name nothing is left of the shipped ones, and a changed configuration rolls the pods.
func TestAnotherNameAndNamespace(t *testing.T) {
	r, err := install(t, "other", "scheduler: {name: mine}")
	if err != nil {
		t.Fatal(err)
	}
	for key, o := range r.objects {
		delete(o.meta()["labels"].(map[string]any), "app.kubernetes.io/name")
		text, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "foresight-system") || strings.Contains(line, "foresight-scheduler") && !strings.Contains(line, "image: foresight-scheduler:") {
				t.Errorf("%s: %s", key, line)
			}
		}
	}
	// A namespace that is called as the scheduler is.
	if r, err = install(t, "foresight-scheduler", "scheduler: {name: mine}"); err != nil {
		t.Fatal(err)
	}
	for key, o := range r.objects {
		if ns := o.meta()["namespace"]; ns != nil && ns != "foresight-scheduler" {
			t.Errorf("%s is in %v", key, ns)
		}
	}
	checksum := func(values string) any {
		return at(t, mustInstall(t, values).pod(t), "metadata", "annotations", "checksum/config")
	}
	if a, b, c := checksum(""), checksum(""), checksum("usage: {source: None}"); a != b || a == c || len(a.(string)) != 2*sha256.Size {
		t.Errorf("checksums %v, %v and %v", a, b, c)
	}
}
