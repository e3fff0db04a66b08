// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package argv

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func settings(nodes int) Settings {
	ports := map[string]int{}
	for i, name := range state.Names() {
		ports[name] = 10000 + i
	}
	return Settings{
		Layout:          state.Layout{Dir: "/home/ada/demo"},
		Self:            "/usr/bin/localcluster",
		ForesightBinary: "/usr/bin/foresight-scheduler",
		Ports:           NewPorts(ports),
		Nodes:           nodes,
		UsageInterval:   10 * time.Second,
	}
}

func TestCommandsAreTheGoldenOnes(t *testing.T) {
	for _, name := range state.Names() {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(settings(10).Command(name), "\n") + "\n"
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the command differs (-golden +now); -update accepts it:\n%s", diff)
			}
		})
	}
}

func TestEveryServerListensOnLoopbackOnly(t *testing.T) {
	for _, name := range state.Names()[1:] {
		command := strings.Join(settings(10).Command(name), " ")
		if !strings.Contains(command, "--bind-address=127.0.0.1") && !strings.Contains(command, "--server-address=127.0.0.1:") {
			t.Errorf("%s is not told to listen on loopback: %s", name, command)
		}
	}
}

// Leases and the time after which a silent node is given up stretch together, or nodes
// would flap.
func TestLeasesStretchWithTheClusterAndGraceWithThem(t *testing.T) {
	for _, tc := range []struct {
		nodes        int
		lease, grace string
	}{
		{1, "40", "50s"},
		{100, "40", "50s"},
		{1000, "400", "6m50s"},
		{5000, "2000", "33m30s"},
	} {
		s := settings(tc.nodes)
		if kwok := strings.Join(s.Command(state.Kwok), " "); !strings.Contains(kwok, "--node-lease-duration-seconds="+tc.lease+" ") {
			t.Errorf("%d nodes: want leases of %s s: %s", tc.nodes, tc.lease, kwok)
		}
		if kcm := strings.Join(s.Command(state.ControllerManager), " "); !strings.Contains(kcm, "--node-monitor-grace-period="+tc.grace+" ") {
			t.Errorf("%d nodes: want a grace period of %s: %s", tc.nodes, tc.grace, kcm)
		}
	}
}
