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

// With real nodes, in a network without a link to the machine's, only the API server
// listens beyond loopback, for the nodes.
func TestRealNodesChangeWhatTheyMust(t *testing.T) {
	s := settings(2)
	s.Real = true
	for _, name := range state.Names() {
		simulated := settings(2)
		if name != state.APIServer && name != state.ControllerManager && name != state.Foresight && strings.Join(s.Command(name), " ") != strings.Join(simulated.Command(name), " ") {
			t.Errorf("%s differs: %q", name, s.Command(name))
		}
	}
	api := strings.Join(s.Command(state.APIServer), " ")
	for _, want := range []string{"--bind-address=0.0.0.0", "--advertise-address=172.30.0.1 "} {
		if !strings.Contains(api, want) {
			t.Errorf("%s is not in %s", want, api)
		}
	}
	if strings.Contains(api, "--endpoint-reconciler-type=none") {
		t.Error("pods would not find the API server")
	}
	if got := strings.Join(s.Command("node-1"), " "); got != "/usr/bin/localcluster component node node-1" {
		t.Errorf("a node is %q", got)
	}
	network := s.Command(state.Network)
	if len(network) != 3+len(state.Names())-1 {
		t.Errorf("the network forwards %q", network[3:])
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

func TestAuditOnlyOnDemand(t *testing.T) {
	s := settings(10)
	s.AuditPolicy = "/home/ada/policy.yaml"
	command := strings.Join(s.Command(state.APIServer), " ")
	for _, want := range []string{"--audit-policy-file=/home/ada/policy.yaml", "--audit-log-path=/home/ada/demo/logs/audit.log"} {
		if !strings.Contains(command, want) {
			t.Errorf("no %s in %s", want, command)
		}
	}
}

// Leases and the time after which a silent node is given up stretch together, or nodes
// would flap.
// Only beside real nodes does anything differ from a deployment.
func TestBesideRealNodesTheSchedulerMayBeLate(t *testing.T) {
	s := settings(2)
	if args := strings.Join(s.Command(state.Foresight), " "); strings.Contains(args, "leader-elect") {
		t.Errorf("beside simulated nodes: %s", args)
	}
	s.Real = true
	if args := strings.Join(s.Command(state.Foresight), " "); !strings.Contains(args, "--leader-elect-lease-duration=60s --leader-elect-renew-deadline=45s") {
		t.Errorf("beside real nodes: %s", args)
	}
}

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

func TestAnotherAPIServer(t *testing.T) {
	s := settings(10)
	own := s.Command(state.APIServer)
	s.APIServerBinary = "/usr/bin/kube-apiserver"
	if diff := cmp.Diff(append([]string{"/usr/bin/kube-apiserver"}, own[3:]...), s.Command(state.APIServer)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := s.Command(state.ControllerManager); got[0] != s.Self {
		t.Errorf("another component is %q", got[0])
	}
}
