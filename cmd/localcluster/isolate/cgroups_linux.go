// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package isolate gives a process a machine's share of this machine: control groups, a
// network and a root of its own. All but the control groups end with the last process in
// them.
package isolate

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Hierarchy is one mounted tree of control groups: one of many on cgroup v1, the only one
// on v2, and on hybrid machines v2's without controllers beside v1's.
type Hierarchy struct {
	// Mount is where it is mounted.
	Mount string
	// Options mount it again; empty on v2.
	Options string
}

// V2 tells whether it is of cgroup v2.
func (h Hierarchy) V2() bool { return h.Options == "" }

// Hierarchies returns all that are mounted.
func Hierarchies() ([]Hierarchy, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("looking for control groups: %w", err)
	}
	defer file.Close()
	var found []Hierarchy
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		mount, super, ok := strings.Cut(scanner.Text(), " - ")
		fields, superFields := strings.Fields(mount), strings.Fields(super)
		if !ok || len(fields) < 5 || len(superFields) < 3 {
			continue
		}
		switch superFields[0] {
		case "cgroup":
			found = append(found, Hierarchy{Mount: fields[4], Options: mountOptions(superFields[2])})
		case "cgroup2":
			found = append(found, Hierarchy{Mount: fields[4]})
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no control groups are mounted below /sys/fs/cgroup")
	}
	return found, nil
}

// mountOptions picks what names a v1 hierarchy out of what its mount says.
func mountOptions(super string) string {
	var options []string
	for option := range strings.SplitSeq(super, ",") {
		switch {
		case strings.HasPrefix(option, "name="):
			options = append(options, "none", option)
		case strings.Contains(option, "="), slices.Contains([]string{"rw", "ro", "xattr", "noprefix", "clone_children"}, option):
		default:
			options = append(options, option)
		}
	}
	return strings.Join(options, ",")
}

// Share is what a node may use.
type Share struct {
	// CPUs are numbers of CPUs as in cpuset.cpus, such as "0-1,4".
	CPUs string
	// Memory in bytes.
	Memory int64
}

// nodeWeight lets what runs in containers win against the control plane, which on a small
// machine has the same CPUs: a node of its own would not feel it.
const nodeWeight = 20

// CreateCgroups makes the named group in every hierarchy and limits it.
func CreateCgroups(hierarchies []Hierarchy, name string, share Share) error {
	for _, h := range hierarchies {
		if h.V2() {
			if err := delegate(h.Mount); err != nil {
				return err
			}
		}
		dir := filepath.Join(h.Mount, name)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a control group: %w", err)
		}
		// Parents come first: what a controller lacks, it has no file for.
		for _, set := range []struct{ file, value string }{
			{"cpuset.cpus", share.CPUs},
			{"cpuset.mems", firstLine("/sys/devices/system/node/online", "0")},
			{"cgroup.clone_children", "1"},
			{"cpu.shares", strconv.Itoa(nodeWeight * 1024)},
			{"cpu.weight", strconv.Itoa(nodeWeight * 100)},
			{"memory.use_hierarchy", "1"},
			{"memory.limit_in_bytes", strconv.FormatInt(share.Memory, 10)},
			{"memory.max", strconv.FormatInt(share.Memory, 10)},
		} {
			if set.file == "cgroup.clone_children" && !hasFile(dir, "cpuset.cpus") {
				continue
			}
			if hasFile(dir, set.file) {
				if err := os.WriteFile(filepath.Join(dir, set.file), []byte(set.value), 0o644); err != nil {
					return fmt.Errorf("limiting a control group: %w", err)
				}
			}
		}
		if err := os.Mkdir(filepath.Join(dir, systemGroup), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a control group: %w", err)
		}
	}
	return nil
}

// systemGroup is the child group for what runs on a node outside of pods. On v2 a group
// with child groups may hold no process itself.
const systemGroup = "system"

// delegate lets child groups of a v2 root use its controllers, where they do not yet.
func delegate(root string) error {
	available := strings.Fields(firstLine(filepath.Join(root, "cgroup.controllers"), ""))
	enabled := strings.Fields(firstLine(filepath.Join(root, "cgroup.subtree_control"), ""))
	for _, controller := range []string{"cpuset", "cpu", "memory", "pids", "io"} {
		if slices.Contains(available, controller) && !slices.Contains(enabled, controller) {
			if err := os.WriteFile(filepath.Join(root, "cgroup.subtree_control"), []byte("+"+controller), 0o644); err != nil {
				return fmt.Errorf("enabling the %s controller of control groups: %w", controller, err)
			}
		}
	}
	return nil
}

func hasFile(dir, name string) bool {
	_, err := os.Stat(filepath.Join(dir, name))
	return err == nil
}

func firstLine(file, otherwise string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return otherwise
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return line
}

// EnterCgroups moves this process into the named group of every hierarchy and returns
// what moves it back.
func EnterCgroups(hierarchies []Hierarchy, name string) (leave func() error, err error) {
	before := map[string]string{}
	for _, h := range hierarchies {
		if before[h.Mount], err = ownCgroup(h); err != nil {
			return nil, err
		}
	}
	for _, h := range hierarchies {
		if err := enter(filepath.Join(h.Mount, name)); err != nil {
			return nil, err
		}
	}
	return func() error {
		var errs []error
		for _, h := range hierarchies {
			errs = append(errs, enter(filepath.Join(h.Mount, before[h.Mount])))
		}
		return errors.Join(errs...)
	}, nil
}

func enter(dir string) error {
	// 0 is the process that writes.
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return fmt.Errorf("entering a control group: %w", err)
	}
	return nil
}

// ownCgroup returns the group this process is in, relative to the hierarchy's mount.
func ownCgroup(h Hierarchy) (string, error) {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", fmt.Errorf("reading this process's control groups: %w", err)
	}
	name := strings.TrimPrefix(h.Options, "none,")
	for line := range strings.Lines(string(data)) {
		// hierarchy-ID:controllers:path
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && fields[1] == name {
			return fields[2], nil
		}
	}
	return "", fmt.Errorf("this process is in no control group of %s", h.Mount)
}

// RemoveCgroups kills what is left in the groups whose name begins with prefix, and
// removes them.
func RemoveCgroups(prefix string) error {
	hierarchies, err := Hierarchies()
	if err != nil {
		return nil //nolint:nilerr // Without hierarchies there are no groups to remove.
	}
	var errs []error
	for _, h := range hierarchies {
		groups, err := filepath.Glob(filepath.Join(h.Mount, prefix) + "*")
		if err != nil {
			return err
		}
		for _, group := range groups {
			errs = append(errs, removeTree(group))
		}
	}
	return errors.Join(errs...)
}

// removeTree removes a group with its children. Who was killed stays in the group until
// the kernel is through with it, so this waits.
func removeTree(group string) error {
	var err error
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var dirs []string
		_ = filepath.WalkDir(group, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			kill(dir)
			_ = unix.Rmdir(dir)
		}
		if _, err = os.Stat(group); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	return fmt.Errorf("control group %s does not go away", group)
}

func kill(group string) {
	data, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	if err != nil {
		return
	}
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	}
}
