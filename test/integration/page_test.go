// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	v1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/test/browsertest"
)

// The page shows what the scheduler of a real cluster decides and predicts, in wide and narrow windows, light and dark.
func TestPage(t *testing.T) {
	chromium := browsertest.Chromium(t)
	ns := newNamespace(t)
	pool := newNodes(t, "page", 3, nil)
	create(t, ns, newPod("shown", pool, "250m"))
	node := placed(t, ns, "shown")
	newDeployment(t, ns, "shop", pool)

	cmd := exec.CommandContext(t.Context(), bin("foresight"), "ui", "--kubeconfig", kubeconfig(), "--port", "0")
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // The test's context has ended by then.
	lines := bufio.NewScanner(out)
	lines.Scan()
	address := regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	if address == "" {
		t.Fatalf("foresight ui said %q", lines.Text())
	}

	for _, view := range []struct {
		name string
		want []string
	}{
		{"nodes", []string{node, "predicted", "requested"}},
		{"nodes/" + node, []string{"Hours below the upper bound", "The last hours that did not come out as forecast"}},
		{"qos", []string{"foresight-scheduler: what pods were predicted to get, and got", "No node is scored or refused by them"}},
		{"decisions", []string{ns + "/shown", "→ " + node}},
		{"decisions/" + ns + "/shown", []string{"(chosen)", "default profile would choose"}},
		{"workloads", []string{ns + "/shop", "Deployment"}},
		{"shadow", []string{"No onlooker answers"}},
		{"trust", []string{"Did forecasts hold?", "Where forecasts of nodes come from"}},
	} {
		for _, window := range []browsertest.View{{Width: 1280}, {Width: 480, Dark: true}} {
			window.Height, window.Address = 900, address+"#"+view.name
			picture := fmt.Sprintf("%s-%d.png", strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(view.name, ns, "pod"), node, "one"), "/", "-"), window.Width)
			window.Screenshot = filepath.Join(t.ArtifactDir(), picture)
			var document string
			eventually(t, "the page to show "+view.name, func(context.Context) (bool, string) {
				document = browsertest.Open(t, chromium, window)
				for _, text := range view.want {
					if !strings.Contains(document, text) {
						return false, fmt.Sprintf("no %q in %s", text, document)
					}
				}
				return true, ""
			})
			if strings.Contains(document, "undefined") || strings.Contains(document, "NaN") {
				t.Errorf("%s shows what is none: %s", view.name, document)
			}
		}
	}
}

// newDeployment makes a Deployment of one pod.
func newDeployment(t *testing.T, namespace, name string, pool map[string]string) {
	t.Helper()
	p := newPod(name, pool, "100m")
	if _, err := client.AppsV1().Deployments(namespace).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: p.Labels},
			Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: p.Labels}, Spec: p.Spec},
		},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// The scheduler's own page works behind a proxy that says who asks, and for who may read only: a browser sends no token by itself.
func TestPageBehindAProxy(t *testing.T) {
	ns := newNamespace(t)
	ctx := t.Context()
	token := map[string]string{"nobody": "", "false": "wrong"}
	for _, name := range []string{"reader", "stranger"} {
		if _, err := client.CoreV1().ServiceAccounts(ns).Create(ctx, &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		made, err := client.CoreV1().ServiceAccounts(ns).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		token[name] = made.Status.Token
	}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "page-" + ns}, Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: ns, Name: "reader"}},
		RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "foresight-reader"},
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.RbacV1().ClusterRoleBindings().Delete(context.Background(), binding.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})

	scheduler, err := url.Parse(componentNamed(t, ours).Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	config := rest.CopyConfig(restConfig)
	if err := rest.LoadTLSFiles(config); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.CAData)
	// proxy is below a path of its own, and adds the token that it has of whoever it has let in.
	proxy := func(token string) string {
		forward := &httputil.ReverseProxy{
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(scheduler)
				r.Out.Header.Del("Authorization")
				if token != "" {
					r.Out.Header.Set("Authorization", "Bearer "+token)
				}
			},
		}
		server := httptest.NewServer(http.StripPrefix("/tools", forward))
		t.Cleanup(server.Close)
		return server.URL + "/tools/foresight/v1/"
	}
	for who, want := range map[string]int{"reader": 200, "stranger": 403, "nobody": 403, "false": 401} {
		for _, path := range []string{"ui/", "ui/page.js", "nodes"} { // as a browser asks for ../nodes
			eventually(t, fmt.Sprintf("%d for %s", want, who), func(context.Context) (bool, string) { // The authorizer learns of the binding.
				response, err := http.Get(proxy(token[who]) + path)
				if err != nil {
					return false, err.Error()
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				return response.StatusCode == want, fmt.Sprintf("%d %.200s", response.StatusCode, body)
			})
		}
	}

	chromium := browsertest.Chromium(t)
	for view, want := range map[string]string{"nodes": "<canvas", "trust": "Where forecasts of nodes come from", "qos": "what pods were predicted to get, and got", "shadow": "No onlooker answers"} {
		window := browsertest.View{Address: proxy(token["reader"]) + "ui/#" + view, Width: 1280, Height: 900, Screenshot: filepath.Join(t.ArtifactDir(), "proxy-"+view+".png")}
		eventually(t, "the page to show "+view, func(context.Context) (bool, string) {
			document := browsertest.Open(t, chromium, window)
			return strings.Contains(document, want), document
		})
	}
}
