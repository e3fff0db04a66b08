// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"strings"
	"testing"
)

func TestMountOptionsNameAHierarchy(t *testing.T) {
	for super, want := range map[string]string{
		"rw,cpu,cpuacct":                    "cpu,cpuacct",
		"rw,xattr,name=systemd":             "none,name=systemd",
		"rw,memory,release_agent=/x":        "memory",
		"rw,cpuset,noprefix,clone_children": "cpuset",
	} {
		if got := mountOptions(super); got != want {
			t.Errorf("%q: got %q, want %q", super, got, want)
		}
	}
}

func TestMeminfoOfAShareHasNoSwap(t *testing.T) {
	got := ShrinkMeminfo("MemTotal:       24681828 kB\nMemFree:        20000000 kB\nBuffers:           1000 kB\nSwapTotal:       4194304 kB\n", 2<<30)
	for _, want := range []string{"MemTotal:        2097152 kB\n", "MemFree:         2097152 kB\n", "Buffers:           1000 kB\n", "SwapTotal:             0 kB\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}
