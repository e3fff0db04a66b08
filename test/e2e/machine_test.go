// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// machine is what of a machine a local cluster must not change.
type machine struct {
	// settings are sysctls of all of it.
	settings map[string]string
	links    string
	ruleset  string
	mounts   int
	cgroups  []string
}

var sysctls = []string{
	"net/ipv4/ip_forward", "net/ipv4/ip_local_reserved_ports", "net/bridge/bridge-nf-call-iptables", "net/netfilter/nf_conntrack_max",
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/hostname",
}

func machineNow() (machine, error) {
	m := machine{settings: map[string]string{}}
	for _, name := range sysctls {
		if value, err := os.ReadFile("/proc/sys/" + name); err == nil {
			m.settings[name] = strings.TrimSpace(string(value))
		}
	}
	links, err := os.ReadDir("/sys/class/net")
	if err != nil {
		return m, err
	}
	for _, l := range links {
		m.links += l.Name() + " "
	}
	if out, err := exec.Command("nft", "list", "tables").Output(); err == nil {
		m.ruleset = string(out)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return m, err
	}
	m.mounts = strings.Count(string(mounts), "\n")
	m.cgroups, err = filepath.Glob("/sys/fs/cgroup/localcluster-*")
	if err != nil {
		return m, err
	}
	v1, err := filepath.Glob("/sys/fs/cgroup/*/localcluster-*")
	m.cgroups = append(m.cgroups, v1...)
	return m, err
}

// leftovers says what of the machine is not as it was, and what of the cluster in dir is
// still there. Other clusters of the machine may come and go meanwhile.
func (m machine) leftovers(dir string) (left []string) {
	now, err := machineNow()
	if err != nil {
		return []string{err.Error()}
	}
	for name, value := range m.settings {
		// The table of connections grows a setting when the first namespace uses it.
		if now.settings[name] != value {
			left = append(left, fmt.Sprintf("sysctl %s is %q and was %q", name, now.settings[name], value))
		}
	}
	if now.links != m.links {
		left = append(left, fmt.Sprintf("network links are %s and were %s", now.links, m.links))
	}
	if m.ruleset != "" && now.ruleset != m.ruleset {
		left = append(left, fmt.Sprintf("nftables' tables are %q and were %q", now.ruleset, m.ruleset))
	}
	for _, group := range now.cgroups {
		if !slices.Contains(m.cgroups, group) && strings.HasPrefix(filepath.Base(group), realnode.CgroupPrefix(state.Layout{Dir: dir})) {
			left = append(left, "control group "+group)
		}
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || strings.Contains(string(mounts), dir) {
		left = append(left, fmt.Sprintf("mounts below %s (%v)", dir, err))
	}
	if _, err := os.Stat(dir); err == nil {
		left = append(left, "directory "+dir)
	}
	return append(left, processes(dir)...)
}

// processes are those that work in dir, name it, or are marked with it. Zombies are gone.
func processes(dir string) (found []string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return []string{err.Error()}
	}
	for _, e := range entries {
		proc := filepath.Join("/proc", e.Name())
		environ, err := os.ReadFile(filepath.Join(proc, "environ"))
		if err != nil {
			continue
		}
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(environ), "LOCALCLUSTER_DIR="+dir+"\x00") || strings.TrimSuffix(cwd, " (deleted)") == dir {
			line, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
			found = append(found, fmt.Sprintf("process %s: %s", e.Name(), strings.ReplaceAll(string(line), "\x00", " ")))
		}
	}
	return found
}
