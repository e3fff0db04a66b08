// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// whatIfNamespace is the one whose users' requests the audit policy has written down.
const whatIfNamespace = "what-if"

// whatIfUser makes a user who may edit the namespace, and what the roles allow that manifests/base ships for trials, and returns a
// kubeconfig.
func whatIfUser(t *testing.T, name string, mayTry bool) string {
	t.Helper()
	ctx := t.Context()
	if _, err := client.CoreV1().ServiceAccounts(whatIfNamespace).Create(ctx, &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	subjects := []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: whatIfNamespace, Name: name}}
	cluster := []string{"foresight-reader"}
	if mayTry {
		cluster = append(cluster, "foresight-trials")
	}
	for _, role := range cluster {
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "what-if-" + name + "-" + role}, Subjects: subjects, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}}
		if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := client.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	for namespace, role := range map[string]rbacv1.RoleRef{
		whatIfNamespace:    {APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "edit"},
		"foresight-system": {APIGroup: rbacv1.GroupName, Kind: "Role", Name: "foresight-reader"},
	} {
		binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "what-if-" + name}, Subjects: subjects, RoleRef: role}
		if _, err := client.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := client.RbacV1().RoleBindings(namespace).Delete(context.Background(), binding.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		})
	}
	token, err := client.CoreV1().ServiceAccounts(whatIfNamespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.LoadFromFile(kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	}
	file := filepath.Join(t.TempDir(), name)
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// whatIf runs foresight try --dry-run with a user's kubeconfig and a manifest; "" is none.
func whatIf(t *testing.T, user, manifest string, flags ...string) (*decision.Tried, string) {
	t.Helper()
	args := append([]string{"try", "--dry-run", "--kubeconfig", user, "-n", whatIfNamespace, "-o", "json"}, flags...)
	if manifest != "" {
		file := filepath.Join(t.TempDir(), "workload.yaml")
		if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-f", file)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(t.Context(), bin("foresight"), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, stderr.String()
	}
	tried := &decision.Tried{}
	if err := json.Unmarshal(out, tried); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return tried, stderr.String()
}

// A user with the shipped roles sees where pods would go; and nobody has created, changed or bound anything for that.
func TestWhatIfCreatesNothing(t *testing.T) {
	ns := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: whatIfNamespace}}
	if _, err := client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Namespaces().Delete(context.Background(), whatIfNamespace, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	user, stranger := whatIfUser(t, "user", true), whatIfUser(t, "stranger", false)
	pool := newNodes(t, "what-if", 2, nil)
	create(t, whatIfNamespace, newPod("resident", pool, "2"))
	home := placed(t, whatIfNamespace, "resident")
	other := map[string]string{"what-if-0": "what-if-1", "what-if-1": "what-if-0"}[home]

	spec := func(cpu string) string {
		return "{schedulerName: foresight-scheduler, nodeSelector: {" + nodePool + ": what-if}, tolerations: [{key: " + nodePool +
			", operator: Exists}], containers: [{name: c, image: none, resources: {requests: {cpu: " + cpu + "}}}]}"
	}
	manifest := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 2, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: " +
		spec("1800m") + "}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec: " + spec(`"3"`)

	// 1. Each pod sees those before it: one fits beside the resident, or both go elsewhere, and nothing is left for the big one.
	tried, said := whatIf(t, user, manifest, "--compare", "default-scheduler")
	if tried == nil {
		t.Fatal(said)
	}
	if len(tried.Pods) != 3 || tried.Pods[0].Node == "" || tried.Pods[1].Node == "" || tried.Pods[2].Node != "" {
		t.Fatalf("%+v", tried.Pods)
	}
	for _, p := range tried.Pods[:2] {
		if p.Owner != "Deployment/web" || p.Stock == nil || !strings.HasPrefix(p.Stock.Node, "what-if-") {
			t.Errorf("%s of %s: stock %+v", p.Pod.Name, p.Owner, p.Stock)
		}
	}
	if because := tried.Pods[2].Evaluation.Because; !strings.Contains(because, "Insufficient cpu") {
		t.Errorf("the big pod would wait: %s", because)
	}

	// 2. A drain, and what is not there to drain.
	if tried, said = whatIf(t, user, "", "--without-node", home); tried == nil {
		t.Fatal(said)
	}
	if len(tried.Pods) != 1 || tried.Pods[0].Was != home || tried.Pods[0].Node != other {
		t.Errorf("without %s: %+v", home, tried.Pods)
	}
	if tried, said = whatIf(t, user, "", "--without-node", "none"); tried != nil || !strings.Contains(said, `no node "none"`) {
		t.Errorf("a node that there is not: %+v, %s", tried, said)
	}

	// 3. Another configuration.
	config := filepath.Join(t.TempDir(), "config.yaml")
	for text, want := range map[string]string{
		string(manifests.SchedulerConfig): "",
		strings.Replace(string(manifests.SchedulerConfig), "name: Taints", "name: Tants", 1):                                    "profiles[0].plugins.multiPoint.enabled",
		strings.Replace(string(manifests.SchedulerConfig), "profiles:", "profiles:\n- {schedulerName: foresight-scheduler}", 1): "profiles[1].schedulerName: Duplicate",
	} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		tried, said = whatIf(t, user, "", "--without-node", home, "--config", config)
		if (tried != nil) != (want == "") || !strings.Contains(said, want) {
			t.Errorf("want %q, got %+v and %s", want, tried, said)
		}
	}

	// 4. Reading is not trying.
	if tried, said = whatIf(t, stranger, "", "--without-node", home); tried != nil || !strings.Contains(said, "foresight-trials") {
		t.Errorf("without the role: %+v, %s", tried, said)
	}

	// 5. What the API server wrote down: no write that is not a dry run.
	written, err := os.ReadFile(filepath.Join(clusterDir, "logs", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	dryRuns := 0
	for line := range bytes.Lines(written) {
		var e struct {
			Verb       string
			RequestURI string
			User       struct{ Username string }
			ObjectRef  struct{ Resource, Namespace, Name string }
		}
		if err := json.Unmarshal(line, &e); err != nil || !strings.HasPrefix(e.User.Username, "system:serviceaccount:"+whatIfNamespace+":") {
			continue
		}
		switch e.Verb {
		case "get", "list", "watch":
		default:
			// It creates and patches what the manifest holds, for no more than the answer.
			if !strings.Contains(e.RequestURI, "dryRun=All") {
				t.Errorf("%s %s %s", e.User.Username, e.Verb, e.RequestURI)
			}
			dryRuns++
		}
	}
	if dryRuns < 4 { // the Deployment and a pod of it, the ConfigMap, the Pod
		t.Errorf("%d dry runs were written down: the audit log shows too little", dryRuns)
	}
	pods, err := client.CoreV1().Pods(whatIfNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 1 || pods.Items[0].Spec.NodeName != home {
		t.Errorf("%d pods, %v", len(pods.Items), err)
	}
}
