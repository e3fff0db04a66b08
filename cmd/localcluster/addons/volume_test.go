// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/manifests"
)

// The shipped configuration keeps its checkpoint in the volume of the Deployment, and a local cluster in a folder that is there.
func TestTheCheckpointIsInTheClustersDirectory(t *testing.T) {
	l, err := state.NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(manifests.SchedulerConfig), "path: "+foresightVolume+"/checkpoint") {
		t.Fatalf("the shipped configuration has no checkpoint in %s", foresightVolume)
	}
	if err := WriteForesightConfig(l, manifests.SchedulerConfig); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(l.ForesightConfig())
	if err != nil {
		t.Fatal(err)
	}
	path := l.Path("foresight", "checkpoint")
	if !strings.Contains(string(written), "path: "+path) || strings.Contains(string(written), foresightVolume+"/") {
		t.Errorf("the configuration is\n%s", written)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		t.Errorf("no folder for it: %v", err)
	}
}
