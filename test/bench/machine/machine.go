// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package machine tells what a benchmark ran on.
package machine

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Describe says what figures were taken on: processors, memory, versions and the day.
func Describe() string {
	return fmt.Sprintf("%s; %s, Kubernetes %s, %s", hardware(), runtime.Version(), kubernetesVersion(), time.Now().UTC().Format(time.DateOnly))
}

func hardware() string {
	memory := "unknown memory"
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		memory = fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
	}
	return fmt.Sprintf("%d CPUs (%s), %s", runtime.NumCPU(), cpuModel(), memory)
}

func cpuModel() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if key, value, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// kubernetesVersion is that of the client library, which all that is measured links; its v0 is Kubernetes's v1.
func kubernetesVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, d := range info.Deps {
			if minor, ok := strings.CutPrefix(d.Version, "v0."); ok && d.Path == "k8s.io/client-go" {
				return "v1." + minor
			}
		}
	}
	return "unknown"
}
