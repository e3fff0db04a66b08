// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
)

// Spec is what to start.
type Spec struct {
	// Command is the program and its arguments.
	Command []string
	// Dir is the working directory.
	Dir string
	// Env is the whole environment; nothing is inherited.
	Env []string
	// Network is the file of a network namespace to start in; the caller's when empty.
	Network string
	// LogFile receives stdout and stderr, after what it already holds.
	LogFile string
}

// Started is a process this process started.
type Started struct {
	Identity
	exited chan struct{}
	err    error
}

// Start starts a program in a session of its own, so that neither the end of this
// process nor a Ctrl-C in its terminal reaches it.
func Start(spec Spec) (*Started, error) {
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(spec.Command[0], spec.Command[1:]...)
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	start := cmd.Start
	if spec.Network != "" {
		start = func() error { return isolate.Within(spec.Network, cmd.Start) }
	}
	if err := start(); err != nil {
		return nil, fmt.Errorf("starting: %w", err)
	}
	// Until Wait below has reaped it, even a process that ends at once is in /proc.
	startTime, _, err := stat(cmd.Process.Pid)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("starting: %w", err)
	}
	s := &Started{
		Identity: Identity{PID: cmd.Process.Pid, StartTime: startTime},
		exited:   make(chan struct{}),
	}
	go func() {
		s.err = cmd.Wait()
		close(s.exited)
	}()
	return s, nil
}

// Exited is closed when the process has ended.
func (s *Started) Exited() <-chan struct{} { return s.exited }

// Err tells how the process ended, once Exited is closed.
func (s *Started) Err() error {
	if s.err == nil {
		return fmt.Errorf("exit status 0")
	}
	return s.err
}
