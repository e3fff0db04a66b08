// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	base, err := os.ReadFile(filepath.Join(repo, "manifests/base/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir, pki := t.TempDir(), filepath.Join(shared.dir, "pki")
	token, config := filepath.Join(dir, "token"), filepath.Join(dir, "config.yaml")
	for path, data := range map[string]string{
		token: strings.TrimSpace(kubectl(t, "foresight-system", "create", "token", ours+"-usage")),
		config: strings.NewReplacer(
			"clientConnection:", "clientConnection:\n  kubeconfig: "+filepath.Join(pki, ours+".kubeconfig"),
			"leaderElect: true", "leaderElect: false",
			"path: /var/lib/foresight", "path: "+dir,
			"schedulerName: "+ours, "schedulerName: kubelet-scheduler",
			"source: MetricsAPI", fmt.Sprintf("source: Kubelet\n        interval: 2s\n        kubelet: {caFile: %s, tokenFile: %s, pressure: true}", filepath.Join(pki, "ca.crt"), token),
		).Replace(string(base)),
	} {
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	ctx, stop := context.WithCancel(t.Context())
	scheduler := shared.command(ctx, "run", "--", bin(ours), "--config", config, "--secure-port", "0")
	scheduler.Cancel = func() error { return scheduler.Process.Signal(unix.SIGTERM) }
	scheduler.Stdout, scheduler.Stderr = log, log
	if err := scheduler.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		_ = scheduler.Wait() // It was told to end.
	}()
	eventually(t, "use of the nodes, from their kubelets", func(context.Context) error {
		said, err := os.ReadFile(log.Name())
		if err != nil {
			return err
		}
		if text := string(said); !strings.Contains(text, `"Enough nodes have recent samples: forecasts count"`) || !strings.Contains(text, `source="kubelet"`) {
			return fmt.Errorf("the scheduler said:\n%s", text)
		}
		return nil
	})
	said, err := os.ReadFile(log.Name())
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(said)) {
		// A busy kubelet may answer late.
		if strings.Contains(line, "Reading usage failed") && !strings.Contains(line, "deadline exceeded") && !strings.Contains(line, "Timeout exceeded") {
			t.Error(line)
		}
	}
}
