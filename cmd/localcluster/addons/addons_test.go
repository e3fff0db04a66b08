// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	apiregistrationv1 "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
	"sigs.k8s.io/yaml"
)

func TestManifestsAreWhatTheAPIServerExpects(t *testing.T) {
	rbac, err := Parse(MetricsServerRBAC())
	if err != nil {
		t.Fatal(err)
	}
	api, err := MetricsAPI(4443, []byte("a certificate"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, object := range append(rbac, api...) {
		kinds[object.GetKind()]++
		var typed any
		switch object.GetKind() {
		case "ServiceAccount":
			typed = &corev1.ServiceAccount{}
		case "ClusterRole":
			typed = &rbacv1.ClusterRole{}
		case "ClusterRoleBinding":
			typed = &rbacv1.ClusterRoleBinding{}
		case "RoleBinding":
			typed = &rbacv1.RoleBinding{}
		case "Service":
			typed = &corev1.Service{}
		case "APIService":
			typed = &apiregistrationv1.APIService{}
		default:
			t.Fatalf("unexpected %s", object.GetKind())
		}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, typed, true); err != nil {
			t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
		if service, ok := typed.(*corev1.Service); ok {
			if len(service.Spec.Ports) != 1 || service.Spec.Ports[0].Port != 4443 {
				t.Errorf("the Service has ports %v", service.Spec.Ports)
			}
		}
		if service, ok := typed.(*apiregistrationv1.APIService); ok {
			if *service.Spec.Service.Port != 4443 || string(service.Spec.CABundle) != "a certificate" || service.Spec.InsecureSkipTLSVerify {
				t.Errorf("the APIService is %v", service.Spec)
			}
		}
	}
	want := map[string]int{"ServiceAccount": 1, "ClusterRole": 2, "ClusterRoleBinding": 2, "RoleBinding": 1, "Service": 1, "APIService": 1}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMetricsAPIGivesACopyEachTime(t *testing.T) {
	for _, ca := range []string{"one", "two"} {
		objects, err := MetricsAPI(1, []byte(ca))
		if err != nil {
			t.Fatal(err)
		}
		data, err := objects[1].MarshalJSON()
		if err != nil || !strings.Contains(string(data), base64.StdEncoding.EncodeToString([]byte(ca))) {
			t.Errorf("%s is not in %s, %v", ca, data, err)
		}
	}
}

// RBAC and configuration are tested as they are shipped only if nothing else changes.
func TestOnlyTheKubeconfigOfAConfigurationChanges(t *testing.T) {
	for _, tc := range []struct{ name, config string }{
		{"without a client connection", "kind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: a\n"},
		{"with one", "kind: KubeSchedulerConfiguration\nclientConnection:\n  qps: 1000\n  kubeconfig: /old\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			changed, err := withKubeconfig([]byte(tc.config), "/new")
			if err != nil {
				t.Fatal(err)
			}
			var before, after map[string]any
			if err := yaml.Unmarshal([]byte(tc.config), &before); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(changed, &after); err != nil {
				t.Fatal(err)
			}
			connection, _ := before["clientConnection"].(map[string]any)
			if connection == nil {
				connection = map[string]any{}
			}
			connection["kubeconfig"] = "/new"
			before["clientConnection"] = connection
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	if _, err := withKubeconfig([]byte("clientConnection: 3\n"), "/new"); err == nil {
		t.Error("nonsense was taken")
	}
}

func TestAMissingSchedulerIsFoundBeforeAnythingStarts(t *testing.T) {
	dir := t.TempDir()
	binary := filepath.Join(dir, "scheduler")
	if err := CheckForesight(binary, "", dir); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no binary: got %v", err)
	}
	if err := os.WriteFile(binary, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckForesight(binary, "", dir); err == nil {
		t.Error("a file that is no program was taken")
	}
	if err := os.Chmod(binary, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := CheckForesight(binary, "", dir); err != nil {
		t.Error(err)
	}
	if err := CheckForesight(binary, "", filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "--manifests") {
		t.Errorf("no manifests: got %v", err)
	}
}

// The configuration is the one that the pods mount, whatever an overlay, or the hash of what is in it, makes of its name.
func TestTheConfigurationIsTheOneThatPodsMount(t *testing.T) {
	pod := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Volumes: []corev1.Volume{
		{Name: "learned"},
		{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: "config-h4sh"}}}},
	}}}
	meta := metav1.ObjectMeta{Namespace: ForesightNamespace, Name: "foresight-scheduler"}
	mounted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ForesightNamespace, Name: "config-h4sh"}, Data: map[string]string{"config.yaml": "kind: Mounted\n"}}
	old := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ForesightNamespace, Name: "config-0ld"}, Data: map[string]string{"config.yaml": "kind: Old\n"}}
	for name, workload := range map[string]runtime.Object{
		"a Deployment":  &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: pod}},
		"a StatefulSet": &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Template: pod}},
	} {
		got, err := ForesightConfiguration(t.Context(), fake.NewClientset(old, mounted, workload), "/kubeconfig")
		if err != nil || !strings.Contains(string(got), "Mounted") {
			t.Errorf("of %s: %v, %s", name, err, got)
		}
	}
	if _, err := ForesightConfiguration(t.Context(), fake.NewClientset(old), "/kubeconfig"); err == nil || !strings.Contains(err.Error(), "foresight-scheduler") {
		t.Errorf("without a workload: %v", err)
	}
}
