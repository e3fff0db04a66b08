// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

// dropped is what upstream's roles allow a scheduler and ours does not, with the reason.
var dropped = map[string]string{
	"create leases.coordination.k8s.io":                  "its own Role allows it, where the lease is",
	"* leases.coordination.k8s.io kube-scheduler":        "the default scheduler's lease",
	"* leasecandidates.coordination.k8s.io":              "coordinated leader election is refused at start",
	"create bindings":                                    "an API of the first days; pods/binding took its place",
	"update pods/status":                                 "it is patched",
	"update events":                                      "series are patched",
	"update events.events.k8s.io":                        "series are patched",
	"* replicasets.extensions":                           "an API that went with 1.16",
	"patch persistentvolumes":                            "they are updated",
	"patch persistentvolumeclaims":                       "they are updated",
	"get resourceclaims/status.resource.k8s.io":          "it is written only",
	"list resourceclaims/status.resource.k8s.io":         "it is written only",
	"watch resourceclaims/status.resource.k8s.io":        "it is written only",
	"update podgroups/status.scheduling.k8s.io":          "it is patched",
	"update compositepodgroups/status.scheduling.k8s.io": "it is patched",
}

// added is what ours allows and upstream's roles do not, with the reason.
var added = map[string]string{
	"* nodes.metrics.k8s.io":                          "usage",
	"* pods.metrics.k8s.io":                           "usage",
	"* priorityclasses.scheduling.k8s.io":             "the objective of a pod's PriorityClass",
	"* configmaps extension-apiserver-authentication": "upstream binds a Role for it, in kube-system",
}

// The scheduler may do what upstream's may, less what it has no use for, and what it does beyond. When upstream's roles change,
// this says so.
func TestRoleIsUpstreams(t *testing.T) {
	featuregatetesting.SetFeatureGatesDuringTest(t, utilfeature.DefaultFeatureGate, featuregatetesting.FeatureOverrides{
		features.GenericWorkload: true, features.TopologyAwareWorkloadScheduling: true, features.CompositePodGroup: true,
	})
	upstream := map[string]bool{}
	for _, role := range bootstrappolicy.ClusterRoles() {
		if role.Name == "system:kube-scheduler" || role.Name == "system:volume-scheduler" {
			permissions(role.Rules, upstream)
		}
	}
	ours := map[string]bool{}
	permissions(into[rbacv1.ClusterRole](t, kustomized(t, "", nil), "ClusterRole", "").Rules, ours)

	used := map[string]bool{}
	for _, p := range slices.Sorted(maps.Keys(upstream)) {
		reason, isDropped := lookUp(dropped, p, used)
		switch {
		case isDropped && ours[p]:
			t.Errorf("%s: it is allowed, and said to be dropped: %s", p, reason)
		case !isDropped && !ours[p]:
			t.Errorf("%s: upstream's scheduler may, ours may not", p)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(ours)) {
		if _, isAdded := lookUp(added, p, used); !isAdded && !upstream[p] {
			t.Errorf("%s: ours may, and upstream's scheduler may not", p)
		}
	}
	for _, list := range []map[string]string{dropped, added} {
		for p := range list {
			if !used[p] {
				t.Errorf("%s is nothing that either role has", p)
			}
		}
	}
}

// permissions adds "verb resource.group name" for all that rules allow.
func permissions(rules []rbacv1.PolicyRule, to map[string]bool) {
	for _, r := range rules {
		names := r.ResourceNames
		if len(names) == 0 {
			names = []string{""}
		}
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					for _, name := range names {
						to[strings.TrimSpace(fmt.Sprintf("%s %s %s", verb, strings.TrimSuffix(resource+"."+group, "."), name))] = true
					}
				}
			}
		}
	}
}

// lookUp finds a permission with its verb, or with any.
func lookUp(list map[string]string, permission string, used map[string]bool) (reason string, found bool) {
	_, object, _ := strings.Cut(permission, " ")
	for _, key := range []string{permission, "* " + object} {
		if reason, found = list[key]; found {
			used[key] = true
			return reason, true
		}
	}
	return "", false
}
