// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/manifests"
)

// --write-config-to writes over what it wrote before, and over no other file. A configuration that somebody wrote is another one.
func TestWriteConfigToLeavesFilesOfOthersAlone(t *testing.T) {
	write := func(path string) (string, error) {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "--write-config-to", path, "--master", "http://127.0.0.1:1", "--secure-port", "0")
		cmd.Env = append(os.Environ(), runMain+"=1")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for name, content := range map[string]string{
		"thesis.tex":  "42",
		"config.yaml": string(manifests.SchedulerConfig),
		"plain.yaml":  "apiVersion: kubescheduler.config.k8s.io/v1\nclientConnection:\n  qps: 1000\nkind: KubeSchedulerConfiguration\n",
	} {
		path := writeFile(t, name, content)
		if out, err := write(path); err == nil || !strings.Contains(out, "--write-config-to: "+path) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != content {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
	path := writeFile(t, "empty.yaml", "")
	for range 2 {
		if out, err := write(path); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
}
