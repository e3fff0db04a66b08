// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

func TestTopReadsMetrics(t *testing.T) {
	nodes, _, err := classesIn(strings.NewReader(`# TYPE foresight_qos_node_risk gauge
foresight_qos_node_risk{node="a",objective="latency",profile="p"} 0.05
foresight_qos_node_risk{node="a",objective="batch",profile="p"} 0.5
foresight_qos_node_risk{node="a",objective="latency",profile="q"} 0.2
# TYPE go_goroutines gauge
go_goroutines 7
`))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printTable(&out, nodes); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"NODE PROFILE LATENCY REALTIME AVAILABILITY BATCH", "a p good (5%) - - poor (50%)", "a q fair (20%) - - -"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
	nodes, counted, err := classesIn(strings.NewReader(`# TYPE foresight_qos_nodes gauge
foresight_qos_nodes{class="good",objective="latency",profile="p"} 4000
`))
	if err != nil || len(nodes) > 0 || counted != "p latency good: 4000" {
		t.Errorf("of a large cluster: %v, %q, %v", nodes, counted, err)
	}
	if _, _, err := classesIn(strings.NewReader("<html>")); err == nil {
		t.Error("a page that is no metrics has classes")
	}
}

func TestTopFlagsAreChecked(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"-o xml", "--output"}, {"--sort speed", "--sort"}, {"--scheduler-ca x", "--scheduler-address"},
		{"--kubeconfig /does/not/exist", "/does/not/exist"},
	} {
		if _, _, err := commandtest.Run(t.Context(), NewCommand(), "", strings.Fields(tc.args)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %s", tc.args, err, tc.want)
		}
	}
}

// A scheduler on this machine, as behind a port-forward, is asked straight, whatever proxy leads to the API server; another one is
// asked through it.
func TestTopAndTheProxy(t *testing.T) {
	var proxied atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		proxied.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer proxy.Close()
	scheduler := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# TYPE foresight_qos_node_risk gauge\nforesight_qos_node_risk{node=\"a\",objective=\"latency\",profile=\"p\"} 0.05\n")
	}))
	defer scheduler.Close()
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
		users: [{name: u, user: {token: t}}], clusters: [{name: c, cluster: {server: "https://api.example", proxy-url: "`+proxy.URL+`"}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	authority := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: scheduler.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	top := func(address string) (string, error) {
		out, _, err := commandtest.Run(t.Context(), NewCommand(), "", "--kubeconfig", kubeconfig, "--scheduler-address", address, "--scheduler-ca", authority)
		return out, err
	}
	port := scheduler.URL[strings.LastIndexByte(scheduler.URL, ':'):]
	if out, err := top("127.0.0.1" + port); err != nil || !strings.Contains(out, "good (5%)") {
		t.Errorf("%q, error %v", out, err)
	}
	// The certificate is not of that name, which only the server itself can have told.
	if _, err := top("localhost" + port); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("localhost: error %v", err)
	}
	if n := proxied.Load(); n != 0 {
		t.Errorf("%d requests went through the proxy", n)
	}
	if _, err := top("scheduler.example:10259"); err == nil || proxied.Load() == 0 {
		t.Errorf("a scheduler elsewhere: error %v, %d requests through the proxy", err, proxied.Load())
	}
}

// A scheduler without PredictedQoS tells of no node's service, and one with the plugin of none before a pod was placed: the user is told so.
func TestTopWithoutPredictedQoS(t *testing.T) {
	for what, page := range map[string]string{
		"without the plugin":     "# TYPE scheduler_pending_pods gauge\nscheduler_pending_pods{queue=\"active\"} 3\n",
		"before a pod is placed": "# TYPE foresight_qos_rung gauge\nforesight_qos_rung{profile=\"p\",rung=\"utilisation\"} 1\n",
	} {
		scheduler := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) }))
		defer scheduler.Close()
		authority := filepath.Join(t.TempDir(), "ca.crt")
		if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: scheduler.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
		if err := os.WriteFile(kubeconfig, []byte(`{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}],
			users: [{name: u, user: {token: t}}], clusters: [{name: c, cluster: {server: "https://api.example"}}]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _, err := commandtest.Run(t.Context(), NewCommand(), "", "--kubeconfig", kubeconfig, "--scheduler-address", scheduler.Listener.Addr().String(), "--scheduler-ca", authority)
		if err == nil || out != "" || !strings.Contains(err.Error(), "PredictedQoS is not enabled there") || !strings.Contains(err.Error(), "has placed no pod") {
			t.Errorf("%s: %q, error %v", what, out, err)
		}
	}
}
