// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// A command line of an old kube-scheduler, with a policy, starts a scheduler that places
// pods by that policy: full nodes first, and none that is retiring.
func TestOldCommandLine(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "old-flags", 3, func(i int, n *v1.Node) {
		if i == 0 {
			n.Labels["retiring"] = "soon"
		}
		n.Status.Allocatable[v1.ResourceCPU] = resource.MustParse([]string{"1", "2", "4"}[i])
		n.Status.Capacity[v1.ResourceCPU] = n.Status.Allocatable[v1.ResourceCPU]
	})
	policy := filepath.Join(t.TempDir(), "policy.json")
	err := os.WriteFile(policy, []byte(`{
	"kind": "Policy", "apiVersion": "v1",
	"predicates": [
		{"name": "PodFitsResources"}, {"name": "MatchNodeSelector"}, {"name": "CheckVolumeBinding"},
		{"name": "NotRetiring", "argument": {"labelsPresence": {"labels": ["retiring"], "presence": false}}}
	],
	"priorities": [{"name": "MostRequestedPriority", "weight": 1}]
}`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	runScheduler(t, "--policy-config-file", policy, "--use-legacy-policy-config=true", "--algorithm-provider=DefaultProvider",
		"--scheduler-name=old-scheduler", "--kubeconfig", filepath.Join(clusterDir, "pki", ours+".kubeconfig"), "--address=127.0.0.1", "--port=0", "--pod-max-pending-timeout=1m", "--logtostderr=true", "--secure-port", freePort(t))
	for i := range 3 {
		p := newPod(fmt.Sprint("old-", i), pool, "900m")
		p.Spec.SchedulerName = "old-scheduler"
		create(t, ns, p)
		if got, want := placed(t, ns, p.Name), []string{"old-flags-1", "old-flags-1", "old-flags-2"}[i]; got != want {
			t.Errorf("%s is on %s, want %s", p.Name, got, want)
		}
	}
}

// runScheduler runs our scheduler with these flags, beside the cluster's own one, until
// the test ends. said is its log.
func runScheduler(t *testing.T, flags ...string) (said func() string, end func()) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "scheduler.log"))
	if err != nil {
		t.Fatal(err)
	}
	said = func() string {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	cmd := exec.Command(bin(ours), append(flags, "--leader-elect=false")...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the scheduler said:\n%s", said())
		}
	})
	return said, func() {
		t.Helper()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
}
