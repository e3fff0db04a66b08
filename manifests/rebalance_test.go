// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"os"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// The component allows one thing that the base does not, evictions, to the scheduler alone; without it nobody may evict.
func TestRebalanceMayEvict(t *testing.T) {
	base := map[string]bool{}
	permissions(into[rbacv1.ClusterRole](t, kustomized(t, "", nil), "ClusterRole", "foresight-scheduler").Rules, base)
	objects := kustomized(t, "components: [components/rebalance]\n", nil)
	role := into[rbacv1.ClusterRole](t, objects, "ClusterRole", "foresight-scheduler-rebalance")
	more := map[string]bool{}
	permissions(role.Rules, more)
	if want := "create pods/eviction"; len(more) != 1 || !more[want] || base[want] {
		t.Errorf("it may %v", more)
	}
	binding := into[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding", "foresight-scheduler-rebalance")
	if s := binding.Subjects; binding.RoleRef.Name != role.Name || len(s) != 1 || s[0].Kind != "ServiceAccount" || s[0].Name != "foresight-scheduler" || s[0].Namespace != "foresight-system" {
		t.Errorf("%+v", binding)
	}
}

// Emptying nodes has a component of its own, which allows to patch nodes and nothing else, to the scheduler alone; neither the base nor the rebalancer
// may.
func TestPackingMayPatchNodes(t *testing.T) {
	for _, components := range []string{"components/rebalance", "components/rebalance, components/packing"} {
		objects := kustomized(t, "components: ["+components+"]\n", nil)
		all := map[string]bool{}
		for _, name := range []string{"foresight-scheduler", "foresight-scheduler-rebalance"} {
			permissions(into[rbacv1.ClusterRole](t, objects, "ClusterRole", name).Rules, all)
		}
		if all["patch nodes"] {
			t.Errorf("with %s it may %v", components, all)
		}
		if !strings.Contains(components, "packing") {
			continue
		}
		role := into[rbacv1.ClusterRole](t, objects, "ClusterRole", "foresight-scheduler-packing")
		more := map[string]bool{}
		permissions(role.Rules, more)
		if len(more) != 1 || !more["patch nodes"] {
			t.Errorf("it may %v", more)
		}
		binding := into[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding", "foresight-scheduler-packing")
		if s := binding.Subjects; binding.RoleRef.Name != role.Name || len(s) != 1 || s[0].Kind != "ServiceAccount" || s[0].Name != "foresight-scheduler" || s[0].Namespace != "foresight-system" {
			t.Errorf("%+v", binding)
		}
	}
}

// Its configuration is the shipped one and suggests.
func TestRebalanceSuggests(t *testing.T) {
	config := into[v1.ConfigMap](t, kustomized(t, "components: [components/rebalance]\n", nil), "ConfigMap", "")
	parse := func(text string) (profile map[string]any) {
		var all struct{ Profiles []map[string]any }
		if err := yaml.Unmarshal([]byte(text), &all); err != nil || len(all.Profiles) != 1 {
			t.Fatal(err, all)
		}
		return all.Profiles[0]
	}
	text := func(v any) string {
		out, err := yaml.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	shipped, err := os.ReadFile("base/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	base, ours := parse(string(shipped)), parse(config.Data["config.yaml"])
	args := ours["pluginConfig"].([]any)
	i := slices.IndexFunc(args, func(a any) bool { return a.(map[string]any)["name"] == "Rebalance" })
	if i < 0 || !strings.Contains(text(args[i]), "mode: Suggest") {
		t.Fatalf("the args are\n%s", text(args))
	}
	ours["pluginConfig"] = slices.Delete(slices.Clone(args), i, i+1)
	if got, want := text(ours), text(base); got != want {
		t.Errorf("beside its args the profile is\n%s\nand the shipped one\n%s", got, want)
	}
}
