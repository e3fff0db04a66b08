// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prometheustest runs a real Prometheus for tests.
package prometheustest

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth/httpauthtest"
)

// Server is a Prometheus that scrapes a target of the test four times a second.
type Server struct {
	URL     string
	Process *os.Process
	CA      *httpauthtest.Authority // nil without TLS
}

// program is a server's binary: in the folder that FORESIGHT_SERVERS names, or in PATH. Without one the test is skipped.
func program(t *testing.T, name string) string {
	t.Helper()
	if dir := os.Getenv("FORESIGHT_SERVERS"); dir != "" {
		return filepath.Join(dir, name)
	}
	binary, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s in PATH, and FORESIGHT_SERVERS names no folder of servers", name)
	}
	return binary
}

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// config has a Prometheus, or a server that takes its configuration, scrape the target until the test ends.
func config(t *testing.T, target http.Handler, labels map[string]string) string {
	t.Helper()
	exposes := httptest.NewServer(target)
	t.Cleanup(exposes.Close)
	config := fmt.Sprintf(`
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
- job_name: cadvisor
  static_configs:
  - targets: [%q]
    labels:
`, strings.TrimPrefix(exposes.URL, "http://"))
	for name, value := range labels {
		config += fmt.Sprintf("      %s: %q\n", name, value)
	}
	return config
}

// Start starts a Prometheus until the test ends, and skips the test where there is none. Its target's series get the labels.
// When secure it has TLS and the basic authentication of the user "u" with the password "secret"; clients have to show a
// certificate then.
func Start(t *testing.T, target http.Handler, labels map[string]string, secure bool) *Server {
	t.Helper()
	binary := program(t, "prometheus")
	s := &Server{}
	dir := t.TempDir()
	write := func(name, content string) string { return write(t, filepath.Join(dir, name), content) }
	address := freeAddress(t)
	args := []string{
		"--config.file=" + write("prometheus.yml", config(t, target, labels)), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address, "--log.level=warn",
	}
	s.URL = "http://" + address
	if secure {
		s.CA = httpauthtest.NewAuthority(t)
		cert, key := s.CA.Issue(t, "server")
		write("cert.pem", string(cert))
		write("key.pem", string(key))
		write("ca.pem", string(s.CA.PEM))
		// The hash is that of "secret", by bcrypt at its lowest cost.
		args = append(args, "--web.config.file="+write("web.yml", `
tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}
basic_auth_users: {u: "$2a$04$lUrUilUIzTe8g4C6qAqMwulfGsHJYVxUJj8Fh/TwFS2sUL5/E38r2"}
`))
		s.URL = "https://" + address
	}
	s.Process = process(t, binary, args...)

	// Its readiness page asks for the credentials too.
	probe := http.DefaultClient
	if secure {
		probe = s.client(t)
	}
	ready, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/-/ready", nil)
	if err != nil {
		t.Fatal(err)
	}
	ready.SetBasicAuth("u", "secret")
	await(t, probe, ready)
	return s
}

// process runs until the test ends, which shows what it said if it failed.
func process(t *testing.T, binary string, args ...string) *os.Process {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(binary, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", filepath.Base(binary), data)
		}
	})
	return cmd.Process
}

// await asks until the answer is 200.
func await(t *testing.T, client *http.Client, request *http.Request) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		if resp, err := client.Do(request); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not answered after a minute", request.URL)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// client shows a certificate of the server's authority.
func (s *Server) client(t *testing.T) *http.Client {
	t.Helper()
	cert, err := tls.X509KeyPair(s.CA.Issue(t, "probe"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.CA.PEM)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}}}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
