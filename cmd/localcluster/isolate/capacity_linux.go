// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/utils/cpuset"
)

// tunables are what kubelet would set for the whole machine, with the values it wants.
var tunables = map[string]string{
	"vm/overcommit_memory":     "1",
	"vm/panic_on_oom":          "0",
	"kernel/panic":             "10",
	"kernel/panic_on_oops":     "1",
	"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
}

// PretendMachine lets this process's /proc and /sys say that the machine has the share and
// no more, and keeps kubelet from changing the settings of all of it.
func PretendMachine(share Share) error {
	const dir = "/run/machine"
	for name, value := range tunables {
		if err := replaceFile(dir, "/proc/sys/"+name, value+"\n"); err != nil {
			return err
		}
	}
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return err
	}
	if err := replaceFile(dir, "/proc/meminfo", ShrinkMeminfo(string(meminfo), share.Memory)); err != nil {
		return err
	}
	cpus, err := cpuset.Parse(share.CPUs)
	if err != nil {
		return fmt.Errorf("reading CPUs %q: %w", share.CPUs, err)
	}
	const cpuDir, nodeDir = "/sys/devices/system/cpu", "/sys/devices/system/node"
	list := share.CPUs + "\n"
	if err := replaceDir(dir, cpuDir, cpus, map[string]string{"online": list, "possible": list, "present": list}); err != nil {
		return err
	}
	if !hasFile(nodeDir, "node0") {
		return nil
	}
	memory := fmt.Sprintf("Node 0 MemTotal: %d kB\nNode 0 MemFree: %d kB\n", share.Memory/1024, share.Memory/1024)
	if err := replaceDir(dir, nodeDir+"/node0", cpus, map[string]string{"meminfo": memory, "cpulist": list, "distance": "10\n"}); err != nil {
		return err
	}
	zero := map[string]string{"online": "0\n", "possible": "0\n"}
	return replaceDir(dir, nodeDir, cpuset.New(), zero, "node0")
}

// ShrinkMeminfo is /proc/meminfo of a machine with so many bytes of memory and no swap.
func ShrinkMeminfo(meminfo string, bytes int64) string {
	for name, kilobytes := range map[string]int64{
		"MemTotal": bytes / 1024, "MemFree": bytes / 1024, "MemAvailable": bytes / 1024, "SwapTotal": 0, "SwapFree": 0,
	} {
		line := regexp.MustCompile(`(?m)^` + name + `:.*$`)
		meminfo = line.ReplaceAllString(meminfo, fmt.Sprintf("%-16s%8d kB", name+":", kilobytes))
	}
	return meminfo
}

func replaceFile(dir, path, content string) error {
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // What the machine does not have needs no other content.
	}
	file := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		return err
	}
	return bind(file, path, 0)
}

// replaceDir puts a directory that shows only some CPUs and others of its entries, and
// holds the files given, over one of sysfs.
func replaceDir(dir, path string, cpus cpuset.CPUSet, files map[string]string, others ...string) error {
	copied := filepath.Join(dir, strings.ReplaceAll(path, "/", "_"))
	entries := append([]string{"hugepages"}, others...)
	for _, cpu := range cpus.List() {
		entries = append(entries, "cpu"+strconv.Itoa(cpu))
	}
	if err := os.MkdirAll(copied, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		if !hasFile(path, entry) {
			continue
		}
		to := filepath.Join(copied, entry)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := bind(filepath.Join(path, entry), to, unix.MS_REC); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(copied, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return bind(copied, path, unix.MS_REC)
}
