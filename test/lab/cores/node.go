// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// node is one CPU of the machine. Its pods are the processes that may run on that CPU only and are
// in its control group, of which the kernel tells the pressure.
type node struct {
	cpu    int
	cgroup string
}

// newNodes makes a node of each of the first n CPUs that this process may use. The control groups
// go with release.
func newNodes(n int) (nodes []node, release func(), err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, nil, err
	}
	root, err := cgroups()
	if err != nil {
		return nil, nil, err
	}
	release = func() {
		for _, n := range nodes {
			_ = os.Remove(n.cgroup)
		}
	}
	for cpu := 0; len(nodes) < n; cpu++ {
		if cpu >= len(set)*64 {
			release()
			return nil, nil, fmt.Errorf("the machine lets this process use %d CPUs, and it takes %d", len(nodes), n)
		}
		if !set.IsSet(cpu) {
			continue
		}
		dir := filepath.Join(root, fmt.Sprintf("foresight-lab-%d-%d", os.Getpid(), cpu))
		if err := os.Mkdir(dir, 0o755); err != nil {
			release()
			return nil, nil, fmt.Errorf("a control group for a node (it takes root): %w", err)
		}
		nodes = append(nodes, node{cpu, dir})
	}
	return nodes, release, nil
}

// cgroups is where the control groups of version 2 are mounted, alone or beside those of version 1.
func cgroups() (string, error) {
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
			return dir, nil
		}
	}
	return "", errors.New("no control groups of version 2 are mounted, and only they tell pressure")
}

// start runs this program's subcommand on the node.
func (n node) start(cmd *exec.Cmd) error {
	group, err := os.Open(n.cgroup)
	if err != nil {
		return err
	}
	defer group.Close()
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd()), Pdeathsig: syscall.SIGKILL}
	// A child has the affinity of the thread that makes it, from its first instruction.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return err
	}
	one.Set(n.cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), unix.SchedSetaffinity(0, &all))
}

// reading is what a node has come to since it is there.
type reading struct {
	at time.Time
	// busy and idle time of the CPU, whoever used it, in ticks.
	busy, idle float64
	// stalled is for how long some task of the node waited, by resource.
	stalled map[string]time.Duration
}

var resources = []string{"cpu", "memory", "io"}

func (n node) read() (reading, error) {
	r := reading{at: time.Now(), stalled: map[string]time.Duration{}}
	file, err := os.Open("/proc/stat")
	if err != nil {
		return r, err
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 9 || fields[0] != "cpu"+strconv.Itoa(n.cpu) {
			continue
		}
		// user nice system idle iowait irq softirq steal; see proc_stat(5).
		for i, field := range fields[1:9] {
			ticks, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return r, fmt.Errorf("/proc/stat: %w", err)
			}
			if i == 3 || i == 4 {
				r.idle += ticks
			} else {
				r.busy += ticks
			}
		}
	}
	for _, resource := range resources {
		data, err := os.ReadFile(filepath.Join(n.cgroup, resource+".pressure"))
		if err != nil {
			return r, err
		}
		some, _, _ := strings.Cut(string(data), "\n")
		_, total, found := strings.Cut(some, "total=")
		us, err := strconv.ParseInt(total, 10, 64)
		if !found || err != nil {
			return r, fmt.Errorf("%s.pressure of %s: %q", resource, n.cgroup, some)
		}
		r.stalled[resource] = time.Duration(us) * time.Microsecond
	}
	return r, nil
}

// use is what a node did between two readings, as shares of the time, 0–1.
type use struct {
	CPU      float64            `json:"cpu"`
	Peak     float64            `json:"peak"` // CPU of the busiest window
	Pressure map[string]float64 `json:"pressure"`
	// windows have the CPU of each.
	windows []float64
}

func (after reading) since(before reading) use {
	u := use{Pressure: map[string]float64{}}
	if all := after.busy + after.idle - before.busy - before.idle; all > 0 {
		u.CPU = (after.busy - before.busy) / all
	}
	for _, resource := range resources {
		u.Pressure[resource] = min(1, float64(after.stalled[resource]-before.stalled[resource])/float64(after.at.Sub(before.at)))
	}
	return u
}

// worst is the pressure that a scheduler would go by.
func (u use) worst() float64 {
	var all []float64
	for _, p := range u.Pressure {
		all = append(all, p)
	}
	return slices.Max(all)
}
