// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
)

const (
	shadowNamespace = "foresight-shadow"
	shadowIdentity  = "system:serviceaccount:" + shadowNamespace + ":foresight-scheduler-shadow"
)

// startOnlooker installs manifests/components/shadow as a user does, and runs its configuration as its ServiceAccount.
func startOnlooker(t *testing.T) *replica {
	t.Helper()
	overlay := t.TempDir()
	base, err := filepath.Rel(overlay, filepath.Join(repo, "manifests")) // kustomize takes no absolute paths
	if err != nil {
		t.Fatal(err)
	}
	kustomization := fmt.Sprintf("resources: [%s/base]\ncomponents: [%[1]s/components/shadow]\n", base)
	if err := os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte(kustomization), 0o600); err != nil {
		t.Fatal(err)
	}
	mustLocalcluster(t, "kubectl", "apply", "--server-side", "-k", overlay)
	t.Cleanup(func() {
		if out, err := localcluster("kubectl", "delete", "-k", overlay, "--wait=false"); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	token, err := client.CoreV1().ServiceAccounts(shadowNamespace).CreateToken(t.Context(), "foresight-scheduler-shadow", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	access := clientcmdapi.NewConfig()
	access.Clusters["c"] = &clientcmdapi.Cluster{Server: restConfig.Host, CertificateAuthorityData: restConfig.CAData, CertificateAuthority: restConfig.CAFile}
	access.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: token.Status.Token}
	access.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	access.CurrentContext = "x"
	identity := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*access, identity); err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile(filepath.Join(repo, "manifests/components/shadow/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "config.yaml")
	text := strings.NewReplacer("leaderElection:", "clientConnection:\n  kubeconfig: "+identity+"\nleaderElection:",
		"/var/lib/foresight/checkpoint", filepath.Join(t.TempDir(), "checkpoint")).Replace(string(shipped))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &replica{name: "onlooker", exited: make(chan struct{})}
	if r.admin, err = rest.HTTPClientFor(restConfig); err != nil {
		t.Fatal(err)
	}
	port, pki := freePort(t), filepath.Join(clusterDir, "pki", ours)
	r.endpoint = "https://127.0.0.1:" + port
	r.cmd = exec.Command(bin(ours), "--config", config, "--bind-address=127.0.0.1", "--secure-port", port,
		"--authentication-kubeconfig", identity, "--authorization-kubeconfig", identity, "--tls-cert-file", pki+".crt", "--tls-private-key-file", pki+".key")
	log := &bytes.Buffer{}
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.exited
		if t.Failed() {
			t.Logf("the onlooker said:\n%s", log)
		}
	})
	return r
}

// An onlooker beside the default scheduler, while pods come at 50 a second: it decides about every pod that is placed, and by the audit log it
// writes nothing but its lease and asks nothing that it may not.
func TestShadow(t *testing.T) {
	const pods, rate = 600, 50
	ns := newNamespace(t)
	pool := newNodes(t, "shadow", 8, nil)
	onlooker := startOnlooker(t)
	eventually(t, "the onlooker holds its lease", func(context.Context) (bool, string) { return onlooker.ready() && onlooker.leads(), "not yet" })

	begin := time.Now()
	errs := make(chan error, pods) // A pod does not wait for the one before it.
	for i := range pods {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / rate))) // A ticker drops ticks on a busy machine.
		p := newPod(fmt.Sprint("p-", i), pool, []string{"10m", "20m", "50m"}[i%3])
		p.Spec.SchedulerName = v1.DefaultSchedulerName
		go func() {
			_, err := client.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{})
			errs <- err
		}()
	}
	if asked := time.Since(begin); asked > (pods/rate+1)*time.Second {
		t.Errorf("the API server was asked for %d pods in %v, which is less than %d a second", pods, asked, rate)
	}
	for range pods {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	created := time.Since(begin)
	on := map[string]string{}
	eventually(t, "all pods placed", func(ctx context.Context) (bool, string) {
		all, err := client.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range all.Items {
			if node := all.Items[i].Spec.NodeName; node != "" {
				on[all.Items[i].Name] = node
			}
		}
		return len(on) == pods, fmt.Sprint(len(on), " of ", pods)
	})
	t.Logf("%d pods created in %.1f s (%.0f a second), the last one placed %.1f s later", pods, created.Seconds(), pods/created.Seconds(), (time.Since(begin) - created).Seconds())

	decided := map[string]shadow.Record{}
	eventually(t, "a decision about every pod", func(context.Context) (bool, string) {
		var newest []shadow.Record
		if err := getJSON(onlooker, "/foresight/v1/shadow/decisions?limit=1000", &newest); err != nil {
			return false, err.Error()
		}
		for _, r := range newest {
			if r.Pod.Namespace == ns {
				decided[r.Pod.Name] = r
			}
		}
		var sofar shadow.Report
		if err := getJSON(onlooker, "/foresight/v1/shadow", &sofar); err != nil {
			return false, err.Error()
		}
		return len(decided) == pods, fmt.Sprintf("%d of %d, and in all %+v", len(decided), pods, sofar.Counts)
	})
	for name, node := range on {
		if r := decided[name]; r.Theirs != node || r.Result == shadow.Nowhere || !strings.HasPrefix(r.Ours.Node, "shadow-") {
			t.Errorf("%s is on %s; decided: %+v", name, node, r)
		}
	}
	var report shadow.Report
	if err := getJSON(onlooker, "/foresight/v1/shadow", &report); err != nil {
		t.Fatal(err)
	}
	var lags []int64
	for _, r := range decided {
		lags = append(lags, r.LagMilliseconds)
	}
	slices.Sort(lags)
	t.Logf("results %v; lag median %d ms, longest %d ms; %.1f s of CPU for %d decisions, %.0f MiB, requests %v", report.Results, lags[pods/2], lags[pods-1],
		report.Cost.CPUSeconds, report.Counts.Decided, report.Cost.Bytes/(1<<20), report.Cost.Requests)
	if report.Counts.Passed > 0 || report.Counts.Failed > 0 || report.Cost.CPUSeconds == 0 || report.Cost.Requests["GET"] == 0 {
		t.Errorf("%+v, %+v", report.Counts, report.Cost)
	}

	// As a user reads it: by nothing but the kubeconfig.
	read := exec.CommandContext(t.Context(), bin("foresight"), "shadow", "report", "--kubeconfig", kubeconfig())
	out, err := read.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "agrees:") {
		t.Errorf("%v\n%s", err, out)
	}
	// Of what both decided alike there is nothing to tell.
	if report.Results[shadow.Differs] > 0 && !strings.Contains(string(out), "Too early to tell") {
		t.Errorf("%v\n%s", report.Results, out)
	}
	t.Logf("\n%s", out)
	askWithToken(t, onlooker.endpoint)
	auditOnlooker(t)
}

func getJSON(r *replica, path string, into any) error {
	response, err := r.admin.Get(r.endpoint + path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

// auditOnlooker fails the test for whatever the onlooker's identity wrote, or tried to, by the API server's audit log, and for what it may
// and has no use for.
func auditOnlooker(t *testing.T) {
	t.Helper()
	allowed := map[string]bool{}
	role, err := client.RbacV1().ClusterRoles().Get(t.Context(), "foresight-scheduler-shadow", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	addRules(allowed, role.Rules)
	eventually(t, "everything that is allowed is used", func(context.Context) (bool, string) {
		asked := requestsOfOnlooker(t)
		var unused []string
		for p := range allowed {
			verb, object, _ := strings.Cut(p, " ")
			_, reason := unproven[p]
			_, all := unproven["* "+object]
			informer := slices.Contains([]string{"get", "list", "watch"}, verb) && asked["list "+object]+asked["watch "+object] > 0
			if asked[p] == 0 && !informer && !reason && !all {
				unused = append(unused, p)
			}
		}
		return len(unused) == 0, fmt.Sprintf("not used: %q", unused)
	})
	t.Logf("the onlooker's requests: %v", requestsOfOnlooker(t))
}

// requestsOfOnlooker counts what its identity has asked for.
func requestsOfOnlooker(t *testing.T) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(clusterDir, "logs/audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]int{}
	for line := range bytes.Lines(text) {
		var e struct {
			Verb        string
			User        struct{ Username string }
			ObjectRef   struct{ Resource, Subresource, APIGroup, Namespace, Name string }
			Annotations map[string]string
		}
		// The last line may not be all there yet.
		if json.Unmarshal(line, &e) != nil || e.User.Username != shadowIdentity || e.ObjectRef.Resource == "" {
			continue
		}
		asked[e.Verb+" "+strings.TrimSuffix(e.ObjectRef.Resource+"."+e.ObjectRef.APIGroup, ".")]++
		lease := e.ObjectRef.Resource == "leases" && e.ObjectRef.Namespace == shadowNamespace && (e.Verb == "create" || e.ObjectRef.Name == shadowNamespace)
		question := e.Verb == "create" && slices.Contains([]string{"tokenreviews", "subjectaccessreviews"}, e.ObjectRef.Resource)
		reads := slices.Contains([]string{"get", "list", "watch"}, e.Verb)
		if !reads && !lease && !question || e.Annotations["authorization.k8s.io/decision"] == "forbid" {
			t.Errorf("it asks for what it must not: %s", line)
		}
	}
	return asked
}
