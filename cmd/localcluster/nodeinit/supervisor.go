// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeinit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// program is one that the node runs.
type program struct {
	name    string
	command []string
	// once is for a task rather than a daemon: it is repeated only until it succeeds.
	once bool
}

const containerdSocket = "/run/containerd/containerd.sock"

// supervisor runs a node's programs, each again when it ends, as systemd does on a machine
// of its own.
type supervisor struct {
	layout   state.Layout
	node     realnode.Node
	programs []program

	mu      sync.Mutex
	running map[int]program
	done    map[string]bool
}

// newSupervisor takes what turns this binary into a component.
func newSupervisor(l state.Layout, node realnode.Node, component []string) *supervisor {
	self := func(name string, args []string) []string {
		return append(append([]string{isolate.Self}, component...), append([]string{name}, args...)...)
	}
	programs := []program{{name: "containerd", command: []string{"containerd", "--config", realnode.File(l, node.Name, "containerd.toml")}}}
	for name, archive := range map[string]string{"images": realnode.ImageFile(l), "scheduler-image": realnode.SchedulerImageFile(l)} {
		if _, err := os.Stat(archive); err == nil {
			programs = append(programs, program{name: name, once: true, command: []string{"ctr", "--namespace", "k8s.io", "images", "import", archive}})
		}
	}
	return &supervisor{
		layout: l, node: node,
		programs: append(programs,
			program{name: "kubelet", command: self("kubelet", realnode.KubeletArgs(l, node))},
			program{name: "kube-proxy", command: self("kube-proxy", realnode.ProxyArgs(l, node))}),
		running: map[int]program{},
		done:    map[string]bool{},
	}
}

func (s *supervisor) run() error {
	if err := s.serveReadiness(); err != nil {
		return err
	}
	for _, p := range s.programs {
		if err := s.start(p); err != nil {
			return err
		}
		if p.name == "containerd" {
			// The others would fail and try again; to wait is faster.
			awaitSocket(containerdSocket, 10*time.Second)
		}
	}
	s.reap()
	return nil
}

func awaitSocket(path string, timeout time.Duration) {
	for deadline := time.Now().Add(timeout); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
	}
}

func (s *supervisor) start(p program) error {
	log, err := os.OpenFile(s.layout.LogFile(s.node.Name+"-"+p.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	path, err := exec.LookPath(p.command[0])
	if err != nil {
		return err
	}
	cmd := exec.Command(path, p.command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", p.name, err)
	}
	s.running[cmd.Process.Pid] = p
	return nil
}

// reap waits for all of the node's processes that nobody else waits for, which is the
// first process's duty, and starts those again that should not have ended.
func (s *supervisor) reap() {
	const pause = time.Second
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		if errors.Is(err, unix.ECHILD) {
			time.Sleep(pause)
			continue
		}
		if err != nil {
			continue
		}
		s.mu.Lock()
		p, ours := s.running[pid]
		delete(s.running, pid)
		if ours && p.once && status.ExitStatus() == 0 {
			s.done[p.name] = true
			ours = false
		}
		s.mu.Unlock()
		if !ours {
			continue
		}
		fmt.Fprintf(os.Stderr, "%s ended with status %d; it is started again\n", p.name, status.ExitStatus())
		time.AfterFunc(pause, func() {
			if err := s.start(p); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		})
	}
}
