// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// kustomized builds an overlay with these lines, whose folder has the base and the components; change may edit it before.
func kustomized(t *testing.T, kustomization string, change func(dir string)) []*resource.Resource {
	t.Helper()
	// A copy, since overlays name bases by relative paths.
	dir := t.TempDir()
	for _, part := range []string{"base", "components"} {
		if err := os.CopyFS(filepath.Join(dir, part), os.DirFS(part)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte("resources: [base]\n"+kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(dir)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return built.Resources()
}

// into decodes the object of this kind and name, where "" is any.
func into[T any](t *testing.T, objects []*resource.Resource, kind, name string) *T {
	t.Helper()
	for _, r := range objects {
		if r.GetKind() != kind || name != "" && r.GetName() != name {
			continue
		}
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object := new(T)
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Fatalf("%s %s: %v", kind, r.GetName(), err)
		}
		return object
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// In another namespace all is there, and all that refers to the ServiceAccount means it there: bindings, and the FlowSchemas
// that kustomize does not know. The lease is where the pods are, since the flag that says so has their namespace.
func TestAnotherNamespace(t *testing.T) {
	objects := kustomized(t, "namespace: other\n", nil)
	for _, r := range objects {
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if r.GetKind() == "ConfigMap" {
			continue // Its resourceNamespace gives way to the flag.
		}
		if strings.Contains(string(text), "foresight-system") {
			t.Errorf("%s %s is of foresight-system still:\n%s", r.GetKind(), r.GetName(), text)
		}
		if ns := r.GetNamespace(); ns != "" && ns != "other" {
			t.Errorf("%s %s is in %s", r.GetKind(), r.GetName(), ns)
		}
	}
	pod := into[appsv1.Deployment](t, objects, "Deployment", "").Spec.Template.Spec
	var namespace *v1.EnvVar
	for i := range pod.Containers[0].Env {
		if pod.Containers[0].Env[i].Name == "NAMESPACE" {
			namespace = &pod.Containers[0].Env[i]
		}
	}
	if namespace == nil || namespace.ValueFrom.FieldRef.FieldPath != "metadata.namespace" ||
		!slices.Contains(pod.Containers[0].Args, "--leader-elect-resource-namespace=$(NAMESPACE)") {
		t.Errorf("the lease is not where the pods are: %q, %+v", pod.Containers[0].Args, pod.Containers[0].Env)
	}
	if role := into[rbacv1.Role](t, objects, "Role", ""); role.Namespace != "other" {
		t.Errorf("the lease may be written in %s", role.Namespace)
	}
	schemas := 0
	for _, r := range objects {
		if r.GetKind() != "FlowSchema" {
			continue
		}
		schemas++
		for _, s := range into[flowcontrolv1.FlowSchema](t, objects, "FlowSchema", r.GetName()).Spec.Rules[0].Subjects {
			if s.ServiceAccount.Namespace != "other" || s.ServiceAccount.Name != "foresight-scheduler" {
				t.Errorf("FlowSchema %s is for %+v", r.GetName(), *s.ServiceAccount)
			}
		}
	}
	if schemas != 3 {
		t.Errorf("%d FlowSchemas", schemas)
	}
}

// A changed configuration is another ConfigMap, so that the pods are replaced; one that did not change is the same.
func TestChangedConfigurationRollsThePods(t *testing.T) {
	mounted := func(add string) string {
		objects := kustomized(t, "", func(dir string) {
			file := filepath.Join(dir, "base/config.yaml")
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, append(text, add...), 0o600); err != nil {
				t.Fatal(err)
			}
		})
		config := into[v1.ConfigMap](t, objects, "ConfigMap", "")
		for _, v := range into[appsv1.Deployment](t, objects, "Deployment", "").Spec.Template.Spec.Volumes {
			if v.Name == "config" {
				if v.ConfigMap.Name != config.Name {
					t.Errorf("pods mount %s, and the ConfigMap is %s", v.ConfigMap.Name, config.Name)
				}
				return v.ConfigMap.Name
			}
		}
		t.Fatal("no volume config")
		return ""
	}
	if before, same, after := mounted(""), mounted(""), mounted("# changed\n"); before != same || before == after {
		t.Errorf("the ConfigMap is %s, then %s, and %s when it has changed", before, same, after)
	}
}

// Pods are placed where the image runs, and nowhere else: a Windows node takes pods without a selector, too.
func TestPodsGoWhereTheImageRuns(t *testing.T) {
	pod := into[appsv1.Deployment](t, kustomized(t, "", nil), "Deployment", "").Spec.Template.Spec
	if pod.NodeSelector[v1.LabelOSStable] != "linux" {
		t.Errorf("nodeSelector: %v", pod.NodeSelector)
	}
	arch := pod.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchExpressions[0]
	if want := []string{"amd64", "arm64"}; arch.Key != v1.LabelArchStable || arch.Operator != v1.NodeSelectorOpIn || !slices.Equal(arch.Values, want) {
		t.Errorf("architectures: %+v", arch)
	}
}

// Where pods of a critical class need a quota in their namespace, they have one, and it lets a rollout of them run.
func TestCriticalPodsHaveAQuota(t *testing.T) {
	objects := kustomized(t, "", nil)
	d := into[appsv1.Deployment](t, objects, "Deployment", "")
	quota := into[v1.ResourceQuota](t, objects, "ResourceQuota", "")
	if quota.Namespace != d.Namespace {
		t.Errorf("the quota is in %s", quota.Namespace)
	}
	scope := quota.Spec.ScopeSelector.MatchExpressions[0]
	if scope.ScopeName != v1.ResourceQuotaScopePriorityClass || !slices.Contains(scope.Values, d.Spec.Template.Spec.PriorityClassName) {
		t.Errorf("the quota is for %+v, the pods are %s", scope, d.Spec.Template.Spec.PriorityClassName)
	}
	if pods := quota.Spec.Hard[v1.ResourcePods]; pods.Value() < 2*int64(*d.Spec.Replicas) {
		t.Errorf("the quota is for %v pods", pods.String())
	}
}

// The image that manifests name is the one that `make image` makes, and the chart's.
func TestTagsAgree(t *testing.T) {
	text, err := os.ReadFile("chart/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var chart struct{ AppVersion string }
	if err := yaml.Unmarshal(text, &chart); err != nil {
		t.Fatal(err)
	}
	image := into[appsv1.Deployment](t, kustomized(t, "", nil), "Deployment", "").Spec.Template.Spec.Containers[0].Image
	if image != "foresight-scheduler:"+chart.AppVersion || chart.AppVersion == "" {
		t.Errorf("the base names %s, the chart's version is %s", image, chart.AppVersion)
	}
}
