// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A scheduler that asks the real kubelets, with a token of the component's own ServiceAccount, knows what their nodes use.
func TestKubeletUsage(t *testing.T) {
	t.Parallel()
	needCluster(t)
	rights := filepath.Join(repo, "manifests/components/kubelet-usage/rbac.yaml")
	kubectl(t, "", "apply", "-f", rights)
	t.Cleanup(func() {
		// The Secret may go with its ServiceAccount before it is asked for.
		if out, err := shared.command(context.Background(), "kubectl", "delete", "--ignore-not-found", "-f", rights).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	pki := filepath.Join(shared.dir, "pki")
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(strings.TrimSpace(kubectl(t, "foresight-system", "create", "token", ours+"-usage"))), 0o600); err != nil {
		t.Fatal(err)
	}
	said, end := startScheduler(t, "manifests/base/config.yaml", "schedulerName: "+ours, "schedulerName: kubelet-scheduler",
		"source: MetricsAPI", fmt.Sprintf("source: Kubelet\n        interval: 2s\n        kubelet: {caFile: %s, tokenFile: %s, pressure: true}", filepath.Join(pki, "ca.crt"), token))
	defer end()
	eventually(t, "use of the nodes, from their kubelets", func(context.Context) error {
		if text := said(); !strings.Contains(text, `"Enough nodes have recent samples: forecasts count"`) || !strings.Contains(text, `source="kubelet"`) {
			return fmt.Errorf("the scheduler said:\n%s", text)
		}
		return nil
	})
	for line := range strings.Lines(said()) {
		// A busy kubelet may answer late.
		if strings.Contains(line, "Reading usage failed") && !strings.Contains(line, "deadline exceeded") && !strings.Contains(line, "Timeout exceeded") {
			t.Error(line)
		}
	}
}

// startScheduler starts another scheduler beside the cluster's own, which needs no lease, with a configuration of the repository in which texts are
// replaced. It returns what the scheduler said so far, and what ends it.
func startScheduler(t *testing.T, config string, replace ...string) (said func() string, end func()) {
	t.Helper()
	base, err := os.ReadFile(filepath.Join(repo, config))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer(append([]string{
		"clientConnection:", "clientConnection:\n  kubeconfig: " + filepath.Join(shared.dir, "pki", ours+".kubeconfig"),
		"leaderElect: true", "leaderElect: false", "path: /var/lib/foresight", "path: " + dir,
	}, replace...)...).Replace(string(base))
	file := filepath.Join(dir, "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	scheduler := shared.command(ctx, "run", "--", bin(ours), "--config", file, "--secure-port", "0")
	scheduler.Cancel = func() error { return scheduler.Process.Signal(unix.SIGTERM) }
	scheduler.Stdout, scheduler.Stderr = log, log
	if err := scheduler.Start(); err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		stop()
		_ = scheduler.Wait() // It was told to end.
		log.Close()
	})
	t.Cleanup(end)
	return func() string {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			return err.Error()
		}
		return string(text)
	}, end
}
