// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"io"
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

// server is a real Prometheus that scrapes a target of the test four times a second.
type server struct {
	url     string
	process *os.Process
	begin   time.Time
	ca      *httpauthtest.Authority // nil without TLS.
}

// pods that the target exposes; each uses a tenth of a core and 1 MiB in each of its two
// containers.
const pods = 50

// exposition is a page of cAdvisor at a time after the start, in the form that kubelets
// expose: the node uses 1.5 cores and 2 GiB.
func exposition(w io.Writer, elapsed time.Duration) {
	s := elapsed.Seconds() + 100
	fmt.Fprintln(w, "# TYPE container_cpu_usage_seconds_total counter")
	fmt.Fprintf(w, "container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\"} %f\n", 1.5*s)
	for i := range pods {
		labels := fmt.Sprintf(`namespace="ns",pod="p%d"`, i)
		fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,id=\"/kubepods/%d\",container=\"\",cpu=\"total\"} %f\n", labels, i, 0.25*s)
		for _, c := range []string{"x", "y"} {
			fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,id=\"/kubepods/%d/%s\",container=\"%s\",cpu=\"total\"} %f\n", labels, i, c, c, 0.1*s)
		}
	}
	fmt.Fprintln(w, "# TYPE container_memory_working_set_bytes gauge")
	fmt.Fprintln(w, `container_memory_working_set_bytes{id="/"} 2147483648`)
	for i := range pods {
		for _, c := range []string{"x", "y"} {
			fmt.Fprintf(w, "container_memory_working_set_bytes{namespace=\"ns\",pod=\"p%d\",id=\"/kubepods/%d/%s\",container=\"%s\"} 1048576\n", i, i, c, c)
		}
	}
	fmt.Fprintln(w, "# TYPE container_pressure_cpu_waiting_seconds_total counter")
	fmt.Fprintf(w, "container_pressure_cpu_waiting_seconds_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0\",container=\"\",image=\"\"} %f\n", 0.5*s)
	fmt.Fprintln(w, "# TYPE response_seconds_sum counter")
	fmt.Fprintf(w, "response_seconds_sum{namespace=\"ns\",pod=\"p0\"} %f\n", 3*s)
	fmt.Fprintln(w, "# TYPE response_seconds_count counter")
	fmt.Fprintf(w, "response_seconds_count{namespace=\"ns\",pod=\"p0\"} %f\n", 20*s)
	fmt.Fprintln(w, "# TYPE container_cpu_cfs_periods_total counter")
	fmt.Fprintf(w, "container_cpu_cfs_periods_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0/x\",container=\"x\"} %f\n", 10*s)
	fmt.Fprintln(w, "# TYPE container_cpu_cfs_throttled_periods_total counter")
	fmt.Fprintf(w, "container_cpu_cfs_throttled_periods_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0/x\",container=\"x\"} %f\n", 2.5*s)
}

// start starts a Prometheus, with TLS and the basic authentication of the user "u" with
// the password "secret" when secure. Clients have to show a certificate then.
func start(t *testing.T, secure bool) *server {
	t.Helper()
	binary := os.Getenv("FORESIGHT_PROMETHEUS")
	if binary == "" {
		var err error
		if binary, err = exec.LookPath("prometheus"); err != nil {
			t.Skip("no prometheus in PATH, and FORESIGHT_PROMETHEUS does not name one")
		}
	}
	s := &server{begin: time.Now()}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		exposition(w, time.Since(s.begin))
	}))
	t.Cleanup(target.Close)

	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := write("prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
- job_name: cadvisor
  static_configs:
  - targets: [%q]
    labels: {node: a}
`, strings.TrimPrefix(target.URL, "http://")))
	address := freeAddress(t)
	args := []string{
		"--config.file=" + config, "--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address, "--log.level=warn",
	}
	s.url = "http://" + address
	client := http.DefaultClient
	if secure {
		s.ca = httpauthtest.NewAuthority(t)
		cert, key := s.ca.Issue(t, "server")
		write("cert.pem", string(cert))
		write("key.pem", string(key))
		write("ca.pem", string(s.ca.PEM))
		// The hash is that of "secret", by bcrypt at its lowest cost.
		args = append(args, "--web.config.file="+write("web.yml", `
tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: ca.pem, client_auth_type: RequireAndVerifyClientCert}
basic_auth_users: {u: "$2a$04$lUrUilUIzTe8g4C6qAqMwulfGsHJYVxUJj8Fh/TwFS2sUL5/E38r2"}
`))
		s.url = "https://" + address
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
	s.process = cmd.Process
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			data, _ := os.ReadFile(log.Name())
			t.Logf("Prometheus said:\n%s", data)
		}
	})

	deadline := time.Now().Add(30 * time.Second)
	for {
		if secure { // Its readiness page asks for the credentials too; a port has to do.
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				return s
			}
		} else if resp, err := client.Get(s.url + "/-/ready"); err == nil {
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

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
