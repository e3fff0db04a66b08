// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// role makes the test binary a component.
const role = "HEALTH_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "ends":
		os.Exit(4)
	case "stays":
		select {}
	}
}

// component is one that answers with a status and a body.
func component(t *testing.T, name string, answer http.HandlerFunc) (*Prober, state.Component) {
	t.Helper()
	server := httptest.NewTLSServer(answer)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	layout := state.Layout{Dir: t.TempDir()}
	return &Prober{layout: layout, client: httpClient(layout, &tls.Config{RootCAs: roots})},
		state.Component{Name: name, Endpoint: server.URL}
}

func start(t *testing.T, kind string) *process.Started {
	t.Helper()
	s, err := process.Start(process.Spec{
		Command: []string{os.Args[0]}, Dir: t.TempDir(), Env: []string{role + "=" + kind},
		LogFile: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := process.Stop(s.Identity, time.Second); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestEveryComponentIsAskedWhereItAnswers(t *testing.T) {
	for name, want := range map[string]string{
		state.APIServer:         "/readyz",
		state.ControllerManager: "/healthz",
		state.Scheduler:         "/readyz",
		state.Kwok:              "/readyz",
		state.MetricsServer:     "/readyz?exclude=metric-storage-ready",
		state.Foresight:         "/readyz",
	} {
		var asked string
		probe, c := component(t, name, func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.RequestURI() })
		if err := probe.Check(t.Context(), c); err != nil || asked != want {
			t.Errorf("%s was asked at %s, want %s: %v", name, asked, want, err)
		}
	}
}

func TestTheReasonIsTheCheckThatFailed(t *testing.T) {
	probe, c := component(t, state.APIServer, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprint(w, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed")
	})
	err := probe.Check(t.Context(), c)
	if err == nil || !strings.Contains(err.Error(), "[-]etcd failed") || strings.Contains(err.Error(), "ping") {
		t.Errorf("got %v", err)
	}
}

// Whoever took the port of a dead component must not pass for it.
func TestAStrangerIsNotBelieved(t *testing.T) {
	probe, c := component(t, state.APIServer, func(http.ResponseWriter, *http.Request) {})
	probe.client = httpClient(probe.layout, &tls.Config{RootCAs: x509.NewCertPool()})
	if err := probe.Check(t.Context(), c); err == nil {
		t.Error("a certificate of another authority was believed")
	}
}

func TestSocketsAreReachedInDirectoriesOfAnyLength(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", 100), strings.Repeat("e", 100))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	open, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	listener, err := net.Listen("unix", fmt.Sprintf("/proc/self/fd/%d/s.sock", open.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	layout := state.Layout{Dir: dir}
	probe := &Prober{layout: layout, client: httpClient(layout, nil)}
	if err := probe.Check(t.Context(), state.Component{Name: state.Etcd, Endpoint: "unix:s.sock"}); err != nil {
		t.Error(err)
	}
}

func TestAwaitEndsWithTheProcess(t *testing.T) {
	probe, c := component(t, state.Kwok, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	err := probe.Await(t.Context(), c, start(t, "ends"))
	if err == nil || !strings.Contains(err.Error(), "exit status 4") {
		t.Errorf("got %v", err)
	}
}

func TestAwaitTellsTheLastAnswerWhenTimeIsUp(t *testing.T) {
	probe, c := component(t, state.Kwok, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "not yet", http.StatusServiceUnavailable) })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := probe.Await(ctx, c, start(t, "stays"))
	if err == nil || !strings.Contains(err.Error(), "not yet") {
		t.Errorf("got %v", err)
	}
}

func TestAwaitReturnsOnceTheComponentIsWell(t *testing.T) {
	asked := 0
	probe, c := component(t, state.Kwok, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	if err := probe.Await(t.Context(), c, start(t, "stays")); err != nil || asked != 3 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

func TestAReportNamesEveryProblem(t *testing.T) {
	report := &Report{
		Started: true,
		Components: []ComponentReport{
			{Name: state.Etcd, PID: 1, State: Running},
			{Name: state.Kwok, State: Stopped},
			{Name: state.Foresight, PID: 3, State: Unhealthy, Reason: "it says so"},
		},
		Nodes: NodesReport{Ready: 8, Total: 10},
	}
	problems := strings.Join(report.Problems(), "; ")
	if want := "kwok is stopped; foresight-scheduler is unhealthy; 2 of 10 nodes are not ready"; problems != want {
		t.Errorf("got %q, want %q", problems, want)
	}
	var out bytes.Buffer
	if err := report.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"COMPONENT", "it says so", "8 of 10 nodes ready"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}
