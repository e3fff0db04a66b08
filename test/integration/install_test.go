// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

const serviceAccount = "system:serviceaccount:foresight-system:foresight-scheduler"

// unproven is what the scheduler may do and these tests never make it do, with what would.
var unproven = map[string]string{
	"update persistentvolumes":                      "a volume that waits for its first consumer",
	"update persistentvolumeclaims":                 "a volume that waits for its first consumer",
	"delete pods":                                   "preemption",
	"patch events":                                  "a series of events",
	"patch events.events.k8s.io":                    "a series of events",
	"create events":                                 "events of the leader election",
	"list pods.metrics.k8s.io":                      "usage, when it is asked for the first time",
	"list nodes.metrics.k8s.io":                     "usage, when it is asked for the first time",
	"update pods/finalizers":                        "asked by an admission plugin that is off by default",
	"create leases.coordination.k8s.io":             "the first leader of all",
	"* resourceclaims.resource.k8s.io":              "dynamic resource allocation",
	"* resourceclaims/status.resource.k8s.io":       "dynamic resource allocation",
	"* resourceclaims/binding.resource.k8s.io":      "dynamic resource allocation",
	"* podgroups.scheduling.k8s.io":                 "the gate GenericWorkload",
	"* podgroups/status.scheduling.k8s.io":          "the gate GenericWorkload",
	"* compositepodgroups.scheduling.k8s.io":        "the gate CompositePodGroup",
	"* compositepodgroups/status.scheduling.k8s.io": "the gate CompositePodGroup",
	"get configmaps":                                "read when the endpoint starts, or from a watch",
}

// What the shipped roles allow is what the scheduler does, by the API server's audit log, but for what nobody here asks of it.
// The default scheduler's lease and candidates for it are never touched, and nothing was refused.
func TestPermissionsAreUsed(t *testing.T) {
	ns := newNamespace(t)
	create(t, ns, newPod("fits", nil, "1m"), newPod("waits", nil, "1000"))
	placed(t, ns, "fits")
	refused(t, ns, "waits", "Insufficient cpu")
	askWithToken(t, componentNamed(t, ours).Endpoint)

	allowed := map[string]bool{}
	cluster, err := client.RbacV1().ClusterRoles().Get(t.Context(), ours, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	addRules(allowed, cluster.Rules)
	role, err := client.RbacV1().Roles("foresight-system").Get(t.Context(), ours+"-lease", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	addRules(allowed, role.Rules)

	eventually(t, "everything that is allowed is used", func(context.Context) (bool, string) {
		used := permissionsUsed(t)
		var unused []string
		for p := range maps.Keys(allowed) {
			verb, object, _ := strings.Cut(p, " ")
			_, reason := unproven[p]
			_, all := unproven["* "+object]
			// An informer lists or, since WatchList, watches; get goes with both in upstream's roles.
			informer := slices.Contains([]string{"get", "list", "watch"}, verb) && (used["list "+object] || used["watch "+object])
			if !used[p] && !informer && !reason && !all {
				unused = append(unused, p)
			}
		}
		slices.Sort(unused)
		return len(unused) == 0, fmt.Sprintf("not used: %q", unused)
	})
}

// askWithToken asks the scheduler for its metrics with a token, as Prometheus does: who that is and whether they may, the
// scheduler has to ask the API server.
func askWithToken(t *testing.T, endpoint string) {
	t.Helper()
	token, err := client.CoreV1().ServiceAccounts("foresight-system").CreateToken(t.Context(), ours, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config := rest.AnonymousClientConfig(restConfig)
	config.BearerToken = token.Status.Token
	asking, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	response, err := asking.Get(endpoint + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("who may not read metrics gets %d", response.StatusCode)
	}
}

func addRules(to map[string]bool, rules []rbacv1.PolicyRule) {
	for _, r := range rules {
		for _, group := range r.APIGroups {
			for _, resource := range r.Resources {
				for _, verb := range r.Verbs {
					to[verb+" "+strings.TrimSuffix(resource+"."+group, ".")] = true
				}
			}
		}
	}
}

// permissionsUsed is what the scheduler's ServiceAccount has asked for so far. It fails the test for what it must not ask for.
func permissionsUsed(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(clusterDir, "logs/audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for line := range bytes.Lines(text) {
		var e struct {
			Verb      string
			User      struct{ Username string }
			ObjectRef struct{ Resource, Subresource, APIGroup, Namespace, Name string }
			// Annotations have what the authorizer said. Admission refuses with the same code what RBAC allows, such as an event in a
			// namespace that is being deleted.
			Annotations map[string]string
		}
		// The last line may not be all there yet.
		if json.Unmarshal(line, &e) != nil || e.User.Username != serviceAccount || e.ObjectRef.Resource == "" {
			continue
		}
		resource := e.ObjectRef.Resource
		if e.ObjectRef.Subresource != "" {
			resource += "/" + e.ObjectRef.Subresource
		}
		used[e.Verb+" "+strings.TrimSuffix(resource+"."+e.ObjectRef.APIGroup, ".")] = true
		switch {
		case resource == "leasecandidates", resource == "leases" && e.ObjectRef.Name == "kube-scheduler":
			t.Errorf("it asks for what is the default scheduler's: %s", line)
		case e.Annotations["authorization.k8s.io/decision"] == "forbid" && e.ObjectRef.Namespace != metav1.NamespaceDefault: // TestForbiddenLease's.
			t.Errorf("it asks for what it may not: %s", line)
		}
	}
	return used
}

// A scheduler that may not have its lease, as where an installation left the Role in another namespace, is not ready and says
// so. It is ready as soon as it may.
func TestForbiddenLease(t *testing.T) {
	config, err := os.ReadFile(filepath.Join(repo, "manifests/base/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(
		"resourceNamespace: foresight-system", "resourceNamespace: default",
		"schedulerName: foresight-scheduler", "schedulerName: forbidden-scheduler",
		"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint"),
	).Replace(string(config))
	r := startReplica(t, "forbidden", text)
	readyz := func(status int, says string) func(context.Context) (bool, string) {
		return func(context.Context) (bool, string) {
			response, err := r.admin.Get(r.endpoint + "/readyz")
			if err != nil {
				return false, err.Error()
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			return err == nil && response.StatusCode == status && strings.Contains(string(body), says), fmt.Sprint(response.StatusCode, string(body), err)
		}
	}
	eventually(t, "not ready", readyz(http.StatusForbidden, "leader lease default/foresight-scheduler"))

	meta := metav1.ObjectMeta{Name: "forbidden", Namespace: metav1.NamespaceDefault}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"create", "get", "update"},
	}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "forbidden"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "foresight-system", Name: ours}}}
	rbac := client.RbacV1()
	if _, err := rbac.Roles(meta.Namespace).Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := rbac.RoleBindings(meta.Namespace).Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range []error{
			rbac.RoleBindings(meta.Namespace).Delete(context.Background(), meta.Name, metav1.DeleteOptions{}),
			rbac.Roles(meta.Namespace).Delete(context.Background(), meta.Name, metav1.DeleteOptions{}),
			client.CoordinationV1().Leases(meta.Namespace).Delete(context.Background(), ours, metav1.DeleteOptions{}),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	eventually(t, "ready", readyz(http.StatusOK, "ok"))
}
