// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package skew runs the scheduler, with the shipped RBAC and configuration, beside real API servers of other Kubernetes
// releases, and writes down what works (docs/operate/versions.md).
package skew

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var update = flag.Bool("update", false, "write docs/operate/versions.md from what was seen; with all servers")

const (
	page  = "../../docs/operate/versions.md"
	begin = "<!-- written by `make skew` -->"
	end   = "<!-- end -->"
)

// A row of the page.
type row struct{ server, off, workload, explain, metrics, leader, index string }

func (r row) String() string {
	return "| " + strings.Join([]string{r.server, r.off, r.workload, r.explain, r.metrics, r.leader, r.index}, " | ") + " |"
}

var header = row{"API server", "turned off at start", "first workload", "explain", "usage and metrics", "leader change", "node index"}

// releases are those of servers/, and the one that this project is built on, which bin/localcluster holds.
func releases(t *testing.T) []string {
	t.Helper()
	dirs, err := filepath.Glob("servers/v*")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no servers: %v", err)
	}
	for i := range dirs {
		dirs[i] = filepath.Base(dirs[i])
	}
	dirs = append(dirs, own(t))
	slices.Sort(dirs)
	return dirs
}

var ownRelease = regexp.MustCompile(`(?m)^\tk8s\.io/kubernetes (v\S+)$`)

// own is the release that this project is built on.
func own(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	found := ownRelease.FindSubmatch(text)
	if found == nil {
		t.Fatal("go.mod names no release of Kubernetes")
	}
	return string(found[1])
}

// Every release has its row in the page, without an error in it, and no other one has.
func TestPageHasAllServers(t *testing.T) {
	_, rows, _ := readPage(t)
	for server, row := range rows {
		if strings.Contains(row, "**no**") {
			t.Errorf("beside %s something does not work: %s", server, row)
		}
	}
	for _, server := range releases(t) {
		if rows[server] == "" {
			t.Errorf("%s has no row", server)
		}
		delete(rows, server)
	}
	for server := range rows {
		t.Errorf("%s has a row, and is no release of test/skew", server)
	}
}

// TestSkew needs minutes a server, most of it to build the server for the first time (make skew): FORESIGHT_SKEW=all, or releases
// with commas between them.
func TestSkew(t *testing.T) {
	wanted := os.Getenv("FORESIGHT_SKEW")
	if wanted == "" {
		t.Skip("FORESIGHT_SKEW is not set")
	}
	repo, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	before, rows, after := readPage(t)
	for _, server := range releases(t) {
		if wanted != "all" && !slices.Contains(strings.Split(wanted, ","), server) {
			continue
		}
		if t.Run(server, func(t *testing.T) { rows[server] = beside(t, repo, server).String() }) {
			t.Log("\n" + header.String() + "\n" + rows[server])
		}
	}
	if !*update || t.Failed() {
		return
	}
	table := []string{begin, header.String(), "|---|---|---|---|---|---|---|"}
	for _, server := range releases(t) {
		if rows[server] == "" {
			rows[server] = row{server: server, off: "not run yet"}.String()
		}
		table = append(table, rows[server])
	}
	if err := os.WriteFile(page, []byte(before+strings.Join(append(table, end), "\n")+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

var tableRow = regexp.MustCompile(`(?m)^\| (v1\.\d+\.\S+) \|.*\|$`)

// readPage returns the rows of the page's table by release, and what is before and after the table.
func readPage(t *testing.T) (before string, rows map[string]string, after string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no table between %s and %s", page, begin, end)
	}
	rows = map[string]string{}
	for _, r := range tableRow.FindAllStringSubmatch(table, -1) {
		rows[r[1]] = r[0]
	}
	return before, rows, after
}

// local is a local cluster with an API server of another release.
type local struct {
	t         *testing.T
	repo, dir string
	client    kubernetes.Interface
	config    *rest.Config
}

func (l *local) run(args ...string) string {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), filepath.Join(l.repo, "bin/localcluster"), append([]string{args[0], "--dir", l.dir}, args[1:]...)...)
	cmd.Dir = l.repo
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("localcluster %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

func (l *local) eventually(what string, condition func(context.Context) (bool, string)) {
	l.t.Helper()
	var last string
	if err := wait.PollUntilContextTimeout(l.t.Context(), 200*time.Millisecond, 2*time.Minute, true, func(ctx context.Context) (bool, error) {
		ok, said := condition(ctx)
		if ctx.Err() == nil {
			last = said
		}
		return ok, nil
	}); err != nil {
		l.t.Fatalf("%s: %v; last: %s", what, err, last)
	}
}

// beside brings a cluster with this API server up and looks at everything once.
func beside(t *testing.T, repo, server string) row {
	args := []string{"up", "--nodes", "6", "--without", "kube-scheduler", "--timeout", "10m"}
	if server != own(t) {
		args = append(args, "--kube-apiserver-binary", build(t, repo, server))
	}
	// Sockets need short paths.
	dir, err := os.MkdirTemp("/tmp", "skew-*")
	if err != nil {
		t.Fatal(err)
	}
	l := &local{t: t, repo: repo, dir: filepath.Join(dir, "c")}
	t.Cleanup(func() {
		down := exec.Command(filepath.Join(repo, "bin/localcluster"), "down", "--dir", l.dir)
		if out, err := down.CombinedOutput(); err != nil {
			t.Errorf("localcluster down: %v\n%s", err, out)
		}
		_ = os.RemoveAll(dir)
	})
	// Upstream's own scheduler of another release than its API server's may wait for ever, as ours did.
	l.run(args...)
	if l.config, err = clientcmd.BuildConfigFromFlags("", filepath.Join(l.dir, "kubeconfig")); err != nil {
		t.Fatal(err)
	}
	if l.client, err = kubernetes.NewForConfig(l.config); err != nil {
		t.Fatal(err)
	}
	if v, err := l.client.Discovery().ServerVersion(); err != nil || v.GitVersion != server {
		t.Fatalf("the API server is %v, %v", v, err)
	}
	r := row{server: server, off: l.turnedOff(), workload: l.firstWorkload(), explain: l.explain(), metrics: l.metrics()}
	r.leader = l.leaderChange()
	r.index = fmt.Sprintf("%.0f nodes", l.metric("foresight_node_index_nodes"))
	return r
}

// build returns the path of the server's binary, which is made when it is not there.
func build(t *testing.T, repo, server string) string {
	t.Helper()
	path := filepath.Join(repo, "bin/skew/kube-apiserver-"+server)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	minor := strings.Split(server, ".")[1]
	flags := "-s -w"
	for _, p := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		flags += fmt.Sprintf(" -X %s.gitVersion=%s -X %[1]s.gitMajor=1 -X %[1]s.gitMinor=%s", p, server, minor)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags", flags, "-o", path, ".")
	cmd.Dir = filepath.Join("servers", server)
	// A newer release may need a newer Go than this project; its go.mod says which, and the module proxy has it.
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=auto")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func (l *local) log() string {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "logs/foresight-scheduler.log"))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(text)
}

var gatesOff = regexp.MustCompile(`these gates are off".*featureGates=\[([^\]]*)\]`)

// turnedOff is what the scheduler says that it turned off, in one line.
func (l *local) turnedOff() string {
	found := gatesOff.FindAllStringSubmatch(l.log(), -1)
	switch len(found) {
	case 0:
		return "nothing"
	case 1:
		return strings.ReplaceAll(found[0][1], `"`, "")
	}
	l.t.Errorf("it says %d times what is off", len(found))
	return "**no**"
}

// firstWorkload places a pod of every kind of workload, and looks for anything that the shipped RBAC does not allow.
func (l *local) firstWorkload() string {
	l.t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(l.t.Context(), filepath.Join(l.repo, "bin/foresight"), "try", "--kubeconfig", filepath.Join(l.dir, "kubeconfig"),
		"-f", filepath.Join(l.repo, "manifests/examples/first-workload.yaml"), "-o", "json")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("%v\n%s", err, stderr.String())
	}
	var pods []struct{ Pod, Node, Reason string }
	if err := json.Unmarshal(out, &pods); err != nil {
		l.t.Fatal(err)
	}
	placed, waits := 0, 0
	for _, p := range pods {
		switch {
		case p.Node != "":
			placed++
		case p.Pod == "too-big" && strings.Contains(p.Reason, "Insufficient cpu"):
			waits++
		}
	}
	if placed != 64 || waits != 1 {
		l.t.Errorf("%d pods are placed, want 64, and %d of 1 wait with a reason", placed, waits)
		return "**no**"
	}
	for line := range strings.Lines(l.log()) {
		if strings.Contains(line, "is forbidden: User") {
			l.t.Errorf("the shipped RBAC is not enough: %s", line)
			return "**no**"
		}
	}
	return fmt.Sprintf("%d of 64 pods", placed)
}

// explain asks for the decision about a pod of the first workload, which the scheduler recorded.
func (l *local) explain() string {
	l.t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(l.t.Context(), filepath.Join(l.repo, "bin/foresight"), "explain", "--kubeconfig", filepath.Join(l.dir, "kubeconfig"),
		"-n", "first-workload", "pod/db-0")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		l.t.Fatalf("explain: %v\n%s", err, stderr.String())
	}
	pod, err := l.client.CoreV1().Pods("first-workload").Get(l.t.Context(), "db-0", metav1.GetOptions{})
	if err != nil {
		l.t.Fatal(err)
	}
	if first, _, _ := strings.Cut(string(out), "\n"); pod.Spec.NodeName == "" || !strings.Contains(first, pod.Spec.NodeName) || strings.Contains(string(out), "evaluated now") {
		l.t.Errorf("db-0 is on %s, and explain says:\n%s", pod.Spec.NodeName, out)
		return "**no**"
	}
	return "yes"
}

// metrics waits until the scheduler knows from metrics.k8s.io what the nodes use.
func (l *local) metrics() string {
	l.t.Helper()
	l.eventually("forecasts of all nodes", func(context.Context) (bool, string) {
		n := l.metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n == 6, fmt.Sprint(n)
	})
	if l.metric("scheduler_schedule_attempts_total") < 64 {
		l.t.Error("attempts are not counted")
		return "**no**"
	}
	return "yes"
}

// metric sums the series of the scheduler's endpoint that begin so.
func (l *local) metric(prefix string) float64 {
	l.t.Helper()
	var status struct {
		Components []struct{ Name, Endpoint string }
	}
	if err := json.Unmarshal([]byte(l.run("status", "-o", "json")), &status); err != nil {
		l.t.Fatal(err)
	}
	client, err := rest.HTTPClientFor(l.config)
	if err != nil {
		l.t.Fatal(err)
	}
	sum := 0.
	for _, c := range status.Components {
		if c.Name != "foresight-scheduler" {
			continue
		}
		response, err := client.Get(c.Endpoint + "/metrics")
		if err != nil {
			l.t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			l.t.Fatalf("/metrics: %d, %v\n%.400s", response.StatusCode, err, body)
		}
		for line := range strings.Lines(string(body)) {
			if rest, ok := strings.CutPrefix(line, prefix); ok && rest != "" && (rest[0] == ' ' || rest[0] == '{') {
				var value float64
				if _, err := fmt.Sscan(line[strings.LastIndex(strings.TrimSpace(line), " "):], &value); err == nil {
					sum += value
				}
			}
		}
	}
	return sum
}

// leaderChange ends the scheduler, starts another, and has that one place a pod.
func (l *local) leaderChange() string {
	l.t.Helper()
	holder := func(ctx context.Context) string {
		lease, err := l.client.CoordinationV1().Leases("foresight-system").Get(ctx, "foresight-scheduler", metav1.GetOptions{})
		if err != nil || lease.Spec.HolderIdentity == nil {
			return ""
		}
		return *lease.Spec.HolderIdentity
	}
	first := holder(l.t.Context())
	l.run("stop", "foresight-scheduler")
	l.run("start", "foresight-scheduler")
	l.eventually("another leader", func(ctx context.Context) (bool, string) {
		now := holder(ctx)
		return now != "" && now != first, now
	})
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "after", Namespace: "default"},
		Spec:       v1.PodSpec{SchedulerName: "foresight-scheduler", Containers: []v1.Container{{Name: "c", Image: "none"}}},
	}
	if _, err := l.client.CoreV1().Pods("default").Create(l.t.Context(), pod, metav1.CreateOptions{}); err != nil {
		l.t.Fatal(err)
	}
	l.eventually("a pod placed by the new leader", func(ctx context.Context) (bool, string) {
		p, err := l.client.CoreV1().Pods("default").Get(ctx, "after", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return p.Spec.NodeName != "", fmt.Sprint(p.Status.Conditions)
	})
	return "yes"
}
