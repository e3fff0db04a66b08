// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Whatever dies by SIGKILL, and whenever, `down` leaves nothing of a cluster.
func TestNothingIsLeftAfterKills(t *testing.T) {
	needCluster(t)
	c := cluster{dir: filepath.Join(repo, ".localcluster-kill")}
	small := []string{"--nodes", "1", "--without", "kube-scheduler,metrics-server,foresight-scheduler"}
	t.Cleanup(func() { _, _ = c.run("down") })
	if out, err := c.run("down"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}

	check := func(t *testing.T, before machine) {
		t.Helper()
		if out, err := c.run("down"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if left := before.leftovers(c.dir); len(left) > 0 {
			t.Errorf("left on the machine:\n%s", strings.Join(left, "\n"))
		}
	}

	// Each in turn: the keeper of the node, the network, and all at once with the state.
	for name, kill := range map[string]func(t *testing.T){
		"node":    func(t *testing.T) { killComponents(t, c, "node-0") },
		"network": func(t *testing.T) { killComponents(t, c, "network") },
		"everything, and the state is damaged": func(t *testing.T) {
			killComponents(t, c)
			if err := os.WriteFile(filepath.Join(c.dir, "state.json"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := machineNow()
			if err != nil {
				t.Fatal(err)
			}
			if out, err := c.up(small...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			kill(t)
			check(t, before)
		})
	}

	// The command that starts a cluster is killed while a node boots.
	t.Run("up", func(t *testing.T) {
		before, err := machineNow()
		if err != nil {
			t.Fatal(err)
		}
		up := c.command(context.Background(), "up", append([]string{"--real", "--yes"}, small...)...)
		if err := up.Start(); err != nil {
			t.Fatal(err)
		}
		within(t, starting, "the node to start", func(context.Context) error {
			_, err := os.Stat(filepath.Join(c.dir, "logs", "node-0-containerd.log"))
			return err
		})
		if err := up.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = up.Wait()
		check(t, before)
	})
}

// killComponents kills the named components, or all.
func killComponents(t *testing.T, c cluster, names ...string) {
	t.Helper()
	saved, err := state.Layout{Dir: c.dir}.Load()
	if err != nil {
		t.Fatal(err)
	}
	var killed []state.Component
	for _, component := range saved.Components {
		if len(names) == 0 || component.Name == names[0] {
			if err := syscall.Kill(component.PID, syscall.SIGKILL); err != nil {
				t.Fatalf("%s: %v", component.Name, err)
			}
			killed = append(killed, component)
		}
	}
	if len(killed) == 0 {
		t.Fatalf("none of %q is among %+v", names, saved.Components)
	}
	eventually(t, "the killed to die", func(context.Context) error {
		for _, component := range killed {
			if component.Running() {
				return fmt.Errorf("%s runs", component.Name)
			}
		}
		return nil
	})
}

// What cannot be is refused with the reason, and leaves nothing either.
func TestRefusals(t *testing.T) {
	needCluster(t)
	c := cluster{dir: filepath.Join(t.TempDir(), "cluster")}
	if out, err := c.run("up", "--real", "--nodes", "1", "--node-memory", "1Mi"); err == nil || !strings.Contains(out, "--node-memory") {
		t.Errorf("a node of 1 MiB: %v, %s", err, out)
	}
	// Somebody who is not root.
	cmd := exec.Command("/proc/self/fd/3", "up", "--real", "--dir", c.dir, "--workload-binary", "/bin/true", "--without", ours)
	binary, err := os.Open(bin("localcluster"))
	if err != nil {
		t.Fatal(err)
	}
	defer binary.Close()
	cmd.ExtraFiles = []*os.File{binary}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	c.dir = filepath.Join(os.TempDir(), "e2e-nobody")
	cmd.Args[4] = c.dir
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "need root") {
		t.Errorf("without root: %v, %s", err, out)
	}
	if _, err := os.Stat(c.dir); err == nil {
		t.Errorf("%s is left", c.dir)
	}
}
