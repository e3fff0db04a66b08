// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// A new user's questions, asked by the commands of a real cluster with nothing but the kubeconfig: why there, why does it wait, what do nodes
// use and what is predicted of them, and how good are they.
func TestCommandsShowWhatIsDecided(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "seen", 3, nil)
	create(t, ns, newPod("web", pool, "250m"))
	node := placed(t, ns, "web")
	newDeployment(t, ns, "shop", pool)
	create(t, ns, newPod("too-big", pool, "64"))
	ask := func(asked string) (string, error) {
		return command(bin("foresight"), append(strings.Fields(asked), "--kubeconfig", kubeconfig())...)
	}
	for _, tc := range []struct {
		command string
		want    []string
	}{
		{"explain web -n " + ns, []string{"web → " + node, "TOTAL", "because:", "kube-scheduler:"}},
		{"explain too-big -n " + ns, []string{"too-big", "Insufficient cpu", "64 of 4 cores"}},
		{"explain web --now -n " + ns, []string{node}},
		{"nodes", []string{"HELD", node}},
		{"nodes " + node + " -o wide", []string{"LAST MISS", node}},
		{"nodes --sort predicted", []string{node}},
		{"nodes --qos", []string{"profile foresight-scheduler, judged by utilisation, since no model counts, and no node is scored or refused by it", "PREDICTED TO LOSE SERVICE"}},
		{"workloads -n " + ns, []string{"Deployment shop"}},
		{"explain deploy/shop -n " + ns, []string{"shop-", "TOTAL"}},
	} {
		eventually(t, "foresight "+tc.command, func(context.Context) (bool, string) {
			out, err := ask(tc.command)
			if err != nil {
				return false, err.Error() + out
			}
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					return false, "no " + want + " in " + out
				}
			}
			return true, ""
		})
	}

	var x decision.Explanation
	out, err := ask("explain web -o json -n " + ns)
	if err == nil {
		err = json.Unmarshal([]byte(out), &x)
	}
	if err != nil || x.Node != node || x.Evaluation == nil || len(x.Evaluation.Candidates) < 2 {
		t.Errorf("%v: %+v of %s", err, x, out)
	}
	var nodes decision.Nodes
	if out, err = ask("nodes " + node + " -o yaml"); err == nil {
		err = yaml.Unmarshal([]byte(out), &nodes)
	}
	if err != nil || len(nodes.Nodes) != 1 || nodes.Nodes[0].Name != node || nodes.Nodes[0].CPU.Allocatable != 4 {
		t.Errorf("%v: %s", err, out)
	}
	for command, says := range map[string]string{"nodes none": "none of that name", "explain none -n " + ns: "none", "nodes --sort size": "--sort"} {
		if out, err = ask(command); err == nil || !strings.Contains(out, says) {
			t.Errorf("foresight %s: %v, %s", command, err, out)
		}
	}
}

// The shipped profile predicts which service pods would get on every node, and says that it places none by it.
func TestShippedProfilePredictsService(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "predicts", 3, nil)
	wanted := []string{"predicts-0", "predicts-1", "predicts-2"}
	looks := 0
	// A round over the nodes is made while pods are placed, and begins ten seconds after the last one; nodes of other tests come and go.
	seen := func(what string, read func() (map[string]int, string)) {
		t.Helper()
		eventually(t, what, func(context.Context) (bool, string) {
			name := fmt.Sprint("look-", looks)
			looks++
			create(t, ns, newPod(name, pool, "10m"))
			placed(t, ns, name)
			objectives, said := read()
			for _, node := range wanted {
				if objectives[node] != 4 {
					return false, fmt.Sprintf("%s has %d objectives in %s", node, objectives[node], said)
				}
			}
			return true, ""
		})
	}
	seen("foresight nodes --qos shows all nodes", func() (map[string]int, string) {
		out, err := command(bin("foresight"), "nodes", "--qos", "-o", "json", "--kubeconfig", kubeconfig())
		var told decision.QoS
		if err == nil {
			err = json.Unmarshal([]byte(out), &told)
		}
		objectives := map[string]int{}
		for _, p := range told.Profiles {
			if p.Profile != ours || p.Rung != "utilisation" || p.Scores {
				t.Errorf("profile %s is judged by %s, and scores: %v", p.Profile, p.Rung, p.Scores)
			}
			for _, n := range p.Nodes {
				objectives[n.Name] = len(n.Service)
			}
		}
		return objectives, fmt.Sprint(err, out)
	})
	seen("foresight top shows all nodes", func() (map[string]int, string) {
		out, err := command(bin("foresight"), "top", "-o", "json", "--kubeconfig", kubeconfig())
		var nodes []struct {
			Node       string
			Objectives map[string]any
		}
		if err == nil {
			err = json.Unmarshal([]byte(out), &nodes)
		}
		objectives := map[string]int{}
		for _, n := range nodes {
			objectives[n.Node] = len(n.Objectives)
		}
		return objectives, fmt.Sprint(err, out)
	})
}
