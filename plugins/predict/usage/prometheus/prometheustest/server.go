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

// Start starts a Prometheus until the test ends, and skips the test where there is none. Its target's series get the labels.
// When secure it has TLS and the basic authentication of the user "u" with the password "secret"; clients have to show a
// certificate then.
func Start(t *testing.T, target http.Handler, labels map[string]string, secure bool) *Server {
	t.Helper()
	binary := os.Getenv("FORESIGHT_PROMETHEUS")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("prometheus"); err != nil {
			t.Skip("no prometheus in PATH, and FORESIGHT_PROMETHEUS does not name one")
		}
	}
	s := &Server{}
	exposes := httptest.NewServer(target)
	t.Cleanup(exposes.Close)

	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
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
	address := freeAddress(t)
	args := []string{
		"--config.file=" + write("prometheus.yml", config), "--storage.tsdb.path=" + filepath.Join(dir, "data"),
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
	cmd := exec.Command(binary, args...)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.Process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("Prometheus said:\n%s", data)
		}
	})

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
	deadline := time.Now().Add(30 * time.Second)
	for {
		if resp, err := probe.Do(ready); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return s
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("Prometheus is not ready after 30 s")
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
