// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"os"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

func shadowed(t *testing.T) []*resource.Resource {
	t.Helper()
	return kustomized(t, "components: [components/shadow]\n", nil)
}

// An onlooker may read what the scheduler reads, and write nothing but its lease. The two reviews are questions, of which nothing is kept.
func TestShadowReadsOnly(t *testing.T) {
	scheduler, onlooker := map[string]bool{}, map[string]bool{}
	permissions(into[rbacv1.ClusterRole](t, kustomized(t, "", nil), "ClusterRole", "foresight-scheduler").Rules, scheduler)
	objects := shadowed(t)
	permissions(into[rbacv1.ClusterRole](t, objects, "ClusterRole", "foresight-scheduler-shadow").Rules, onlooker)
	questions := []string{"create tokenreviews.authentication.k8s.io", "create subjectaccessreviews.authorization.k8s.io"}
	reads := func(permission string) bool {
		verb, _, _ := strings.Cut(permission, " ")
		return slices.Contains([]string{"get", "list", "watch"}, verb) || slices.Contains(questions, permission)
	}
	for p := range onlooker {
		if !reads(p) || !scheduler[p] {
			t.Errorf("it may %s, which is no reading or none of the scheduler's", p)
		}
	}
	for p := range scheduler {
		if reads(p) && !onlooker[p] {
			t.Errorf("it may not %s, and the scheduler may", p)
		}
	}
	lease := map[string]bool{}
	permissions(into[rbacv1.Role](t, objects, "Role", "foresight-scheduler-lease-shadow").Rules, lease)
	for p := range lease {
		if !slices.Contains([]string{"create leases.coordination.k8s.io", "get leases.coordination.k8s.io foresight-shadow", "update leases.coordination.k8s.io foresight-shadow"}, p) {
			t.Errorf("it may %s", p)
		}
	}
}

// It has nothing in common with a scheduler that places pods: not a name, not the namespace, not the lease. And nothing waits for it.
func TestShadowStandsBeside(t *testing.T) {
	taken := map[string]bool{}
	for _, r := range kustomized(t, "", nil) {
		taken[r.GetKind()+" "+r.GetName()+" "+r.GetNamespace()] = true
	}
	objects := shadowed(t)
	for _, r := range objects {
		if taken[r.GetKind()+" "+r.GetName()+" "+r.GetNamespace()] {
			t.Errorf("%s %s/%s is the scheduler's too", r.GetKind(), r.GetNamespace(), r.GetName())
		}
		if ns := r.GetNamespace(); ns != "" && ns != "foresight-shadow" || slices.Contains([]string{"PodDisruptionBudget", "ResourceQuota"}, r.GetKind()) {
			t.Errorf("%s %s/%s", r.GetKind(), ns, r.GetName())
		}
		if r.GetKind() != "FlowSchema" {
			continue
		}
		for _, s := range into[flowcontrolv1.FlowSchema](t, objects, "FlowSchema", r.GetName()).Spec.Rules[0].Subjects {
			if r.GetName() != "foresight-scheduler-lease-shadow" || s.ServiceAccount.Namespace != "foresight-shadow" || s.ServiceAccount.Name != "foresight-scheduler-shadow" {
				t.Errorf("FlowSchema %s is for %+v", r.GetName(), *s.ServiceAccount)
			}
		}
	}
	d := into[appsv1.Deployment](t, objects, "Deployment", "")
	pod := d.Spec.Template.Spec
	if *d.Spec.Replicas != 1 || pod.PriorityClassName != "" || pod.ServiceAccountName != "foresight-scheduler-shadow" {
		t.Errorf("%d replicas of priority %q as %s", *d.Spec.Replicas, pod.PriorityClassName, pod.ServiceAccountName)
	}
	config := into[v1.ConfigMap](t, objects, "ConfigMap", "")
	if i := slices.IndexFunc(pod.Volumes, func(v v1.Volume) bool { return v.Name == "config" && v.ConfigMap.Name == config.Name }); i < 0 {
		t.Errorf("the pod does not mount %s: %+v", config.Name, pod.Volumes)
	}
	if !strings.Contains(config.Data["config.yaml"], "name: Shadow") {
		t.Errorf("its configuration is\n%s", config.Data["config.yaml"])
	}
}

// It goes with the other components before it: where pods keep what they learn, and where usage is read from kubelets.
func TestShadowGoesWithOthers(t *testing.T) {
	set := into[appsv1.StatefulSet](t, kustomized(t, "components: [components/persistent-volume, components/shadow]\n", nil), "StatefulSet", "")
	if pod := set.Spec.Template.Spec; *set.Spec.Replicas != 1 || pod.PriorityClassName != "" || set.Namespace != "foresight-shadow" || len(set.Spec.VolumeClaimTemplates) != 1 {
		t.Errorf("%d replicas of priority %q in %s", *set.Spec.Replicas, pod.PriorityClassName, set.Namespace)
	}
	objects := kustomized(t, "components: [components/kubelet-usage, components/shadow]\n", nil)
	pod := into[appsv1.Deployment](t, objects, "Deployment", "").Spec.Template.Spec
	secret := into[v1.Secret](t, objects, "Secret", "")
	account := secret.Annotations["kubernetes.io/service-account.name"]
	mounted := slices.ContainsFunc(pod.Volumes, func(v v1.Volume) bool { return v.Secret != nil && v.Secret.SecretName == secret.Name })
	somebodys := slices.ContainsFunc(objects, func(r *resource.Resource) bool {
		return r.GetKind() == "ServiceAccount" && r.GetName() == account && r.GetNamespace() == "foresight-shadow"
	})
	if !mounted || !somebodys || secret.Namespace != "foresight-shadow" {
		t.Errorf("the token %s/%s of %s is not mounted (%v), or nobody's (%v)", secret.Namespace, secret.Name, account, mounted, somebodys)
	}
}

// It decides by the shipped profile: what that says of plugins, and of where usage comes from.
func TestShadowDecidesAsShipped(t *testing.T) {
	read := func(file string) (profile map[string]any) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var config struct{ Profiles []map[string]any }
		if err := yaml.Unmarshal(text, &config); err != nil || len(config.Profiles) != 1 {
			t.Fatal(err, config)
		}
		return config.Profiles[0]
	}
	text := func(v any) string {
		out, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	base, onlooker := read("base/config.yaml"), read("components/shadow/config.yaml")
	args := onlooker["pluginConfig"].([]any)
	if last := args[len(args)-1].(map[string]any); last["name"] != "Shadow" {
		t.Fatalf("the last args are %v", last)
	}
	if got, want := text(onlooker["plugins"])+text(args[:len(args)-1]), text(base["plugins"])+text(base["pluginConfig"]); got != want {
		t.Errorf("the onlooker's profile is\n%s\nand the shipped one\n%s", got, want)
	}
}
