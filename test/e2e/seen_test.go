// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// installed is a cluster of its own in which the scheduler is the pods of manifests/base, and a client of it.
func installed(t *testing.T) (cluster, kubernetes.Interface) {
	t.Helper()
	needCluster(t)
	image := filepath.Join(repo, "bin/local-image.tar")
	if _, err := os.Stat(image); err != nil {
		t.Skipf("%v: `make local-image` writes the scheduler's image", err)
	}
	c := cluster{dir: filepath.Join(repo, ".localcluster-seen")}
	if out, err := c.run("down"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := c.run("down"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	if out, err := c.up("--nodes", "2", "--scheduler-image", image); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

// says is what foresight prints of the cluster.
func (c cluster) says(ctx context.Context, args ...string) (string, error) {
	var out, errs strings.Builder
	cmd := exec.CommandContext(ctx, bin("foresight"), append(args, "--kubeconfig", c.kubeconfig())...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = repo, &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("foresight %q: %w: %s", args, err, errs.String())
	}
	return out.String(), nil
}

// The commands find a scheduler that is a pod by its Lease and reach it by a port-forward, also when another replica has taken over. By the
// API server's proxy nobody reaches it: that hands on no credentials.
func TestSchedulerInAPod(t *testing.T) {
	c, client := installed(t)
	if out, err := c.says(t.Context(), "try", "-f", "manifests/examples/real-workload.yaml"); err != nil {
		t.Fatal(out, err)
	}
	leader := func(ctx context.Context) (string, error) {
		lease, err := client.CoordinationV1().Leases("foresight-system").Get(ctx, ours, metav1.GetOptions{})
		if err != nil || lease.Spec.HolderIdentity == nil {
			return "", errors.Join(err, errors.New("nobody leads"))
		}
		name, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "_")
		return name, nil
	}

	// 1. Each command, by nothing but the kubeconfig.
	ask := func() {
		for _, tc := range []struct{ args, want string }{
			{"explain deploy/web -n real-workload", "NODE "},
			{"nodes", "node-1"},
			{"nodes node-0 -o json", `"name": "node-0"`},
			{"nodes --qos", "since no model counts, and no node is scored or refused by it"},
			{"workloads -n real-workload", "Deployment"},
			{"try --dry-run --without-node node-0", "would"},
		} {
			eventually(t, "foresight "+tc.args, func(ctx context.Context) error {
				out, err := c.says(ctx, strings.Fields(tc.args)...)
				if err == nil && !strings.Contains(out, tc.want) {
					err = fmt.Errorf("no %q in %s", tc.want, out)
				}
				return err
			})
		}
	}
	ask()
	eventually(t, "what the nodes use", func(ctx context.Context) error {
		out, err := c.says(ctx, "nodes", "-o", "json")
		if err != nil {
			return err
		}
		var nodes decision.Nodes
		if err := json.Unmarshal([]byte(out), &nodes); err != nil {
			return err
		}
		for _, n := range nodes.Nodes {
			if n.Rung != "fresh" || n.CPU.Used == nil || *n.CPU.Used <= 0 || n.CPU.Day.Upper <= 0 {
				return fmt.Errorf("%+v", n)
			}
		}
		return nil
	})
	t.Run("page", func(t *testing.T) { pageOfAPod(t, c) })

	// 2. The API server's proxy.
	first, err := leader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"ui/", "nodes"} {
		said, err := client.CoreV1().RESTClient().Get().Namespace("foresight-system").Resource("pods").Name("https:" + first + ":10259").
			SubResource("proxy").Suffix("foresight/v1/" + path).DoRaw(t.Context())
		if err == nil || !strings.Contains(string(said)+err.Error(), `system:anonymous`) {
			t.Errorf("an administrator gets %s by the API server's proxy: %.300s, %v", path, said, err)
		}
	}

	// 3. The other replica takes over, with its own port and certificate.
	if err := client.CoreV1().Pods("foresight-system").Delete(t.Context(), first, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "another leader", func(ctx context.Context) error {
		now, err := leader(ctx)
		if err != nil {
			return err
		}
		pod, err := client.CoreV1().Pods("foresight-system").Get(ctx, now, metav1.GetOptions{})
		if err == nil && (now == first || pod.Status.Phase != v1.PodRunning) {
			err = fmt.Errorf("%s leads, %s", now, pod.Status.Phase)
		}
		return err
	})
	ask()
}

// pageOfAPod has foresight ui serve what a scheduler in a pod says.
func pageOfAPod(t *testing.T, c cluster) {
	cmd := exec.CommandContext(t.Context(), bin("foresight"), "ui", "--port", "0", "--kubeconfig", c.kubeconfig())
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // The test's context has ended by then.
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`http://\S+`).FindString(line)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	base, _, _ := strings.Cut(address, "?")
	for _, tc := range []struct{ address, want string }{{address, "<title>Foresight</title>"}, {base + "api/nodes", `"node-1"`}, {base + "api/decisions?limit=5", `"node":"node-`}} {
		response, err := browser.Get(tc.address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), tc.want) {
			t.Errorf("%s: %s %v, want %s in %.300s", tc.address, response.Status, err, tc.want, body)
		}
	}
}
