// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodeinit is the life of one real node: a keeper outside, which makes the node's
// isolation and ends with it, and the node's first process inside, which runs containerd,
// kubelet and kube-proxy.
package nodeinit

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Keep makes the named node of the cluster in l and returns when it has ended. This
// process is in the cluster's network. command starts the node's first process, which is
// to call Run.
func Keep(l state.Layout, name string, command []string) error {
	node, err := realnode.Load(l, name)
	if err != nil {
		return err
	}
	_, pods, err := net.ParseCIDR(node.PodCIDR)
	if err != nil {
		return err
	}
	// The node dies with the thread that started it: this one.
	runtime.LockOSThread()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	// What an earlier life left would count against this one.
	if err := isolate.RemoveCgroups(node.Cgroup); err != nil {
		return err
	}
	hierarchies, err := isolate.Hierarchies()
	if err != nil {
		return err
	}
	share := isolate.Share{CPUs: node.CPUs, Memory: node.Memory}
	if err := isolate.CreateCgroups(hierarchies, node.Cgroup, share); err != nil {
		return err
	}
	// A control group namespace begins where the process is that makes it.
	leave, err := isolate.EnterCgroups(hierarchies, node.Cgroup)
	if err != nil {
		return err
	}
	plugged, plug, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{plugged}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP,
		Pdeathsig:  syscall.SIGKILL,
	}
	startErr := cmd.Start()
	if err := errors.Join(startErr, leave()); err != nil {
		return fmt.Errorf("starting %s: %w", name, err)
	}
	var told atomic.Bool
	go func() {
		<-stop
		told.Store(true)
		_ = cmd.Process.Kill()
	}()
	if err := isolate.Plug(name, cmd.Process.Pid, isolate.Route{To: pods, Via: net.ParseIP(node.IP)}); err != nil {
		_ = cmd.Process.Kill()
		return errors.Join(err, cmd.Wait())
	}
	if _, err := plug.WriteString("\n"); err != nil {
		return err
	}
	err = cmd.Wait()
	if told.Load() {
		err = nil
	}
	return errors.Join(err, isolate.RemoveCgroups(node.Cgroup))
}
