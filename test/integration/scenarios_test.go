// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const scenarios = "manifests/examples/scenarios/"

// scenarioPage is docs/use/scenarios.md, whose commands the test runs on its own cluster.
type scenarioPage string

// run runs a command of the page and returns what it prints to the standard output.
func (p scenarioPage) run(t *testing.T, command string, more ...string) (string, error) {
	t.Helper()
	if !strings.Contains(string(p), "\n"+command+"\n") {
		t.Fatalf("docs/use/scenarios.md does not say %q", command)
	}
	words := append(strings.Fields(onThisCluster(command)), more...)
	if words[0] == "bin/localcluster" {
		words = append([]string{words[0], words[1], "--dir", clusterDir}, words[2:]...)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir, cmd.Stderr = repo, &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", command, err, stderr.String())
	}
	return string(out), err
}

func (p scenarioPage) mustRun(t *testing.T, command string) {
	t.Helper()
	if _, err := p.run(t, command); err != nil {
		t.Fatal(err)
	}
}

// clear removes all that scenarios have made, but for what waits for the namespace's controller.
func (p scenarioPage) clear(t *testing.T) {
	_, err := p.run(t, "bin/localcluster kubectl delete namespace scenarios", "--wait=false")
	// Pods first: nobody would tell that they have ended once their nodes are gone.
	gone := wait.PollUntilContextTimeout(context.Background(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		pods, err := client.CoreV1().Pods("scenarios").List(ctx, metav1.ListOptions{})
		return err == nil && len(pods.Items) == 0, nil
	})
	_, nodes := p.run(t, "bin/localcluster kubectl delete nodes -l scenario")
	_, class := p.run(t, "bin/localcluster kubectl delete priorityclass scenario-realtime", "--ignore-not-found")
	if err := errors.Join(err, gone, nodes, class); err != nil {
		t.Error(err)
	}
}

// fates are what became of a scenario's pods: the nodes and reasons of those of a name, where a
// Deployment's count by the Deployment's.
type fates struct {
	t       *testing.T
	nodes   map[string][]string
	reasons map[string][]string
}

// try applies a scenario, and checks that the page tells of all its pods.
func (p scenarioPage) try(t *testing.T, name string) fates {
	t.Helper()
	out, err := p.run(t, "bin/foresight try --kubeconfig .localcluster/kubeconfig -f "+scenarios+name+".yaml", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var placements []struct{ Pod, Owner, Node, Reason string }
	if err := json.Unmarshal([]byte(out), &placements); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	f := fates{t, map[string][]string{}, map[string][]string{}}
	for _, pl := range placements {
		of := pl.Pod
		if set, owned := strings.CutPrefix(pl.Owner, "ReplicaSet/"); owned {
			of = set[:strings.LastIndexByte(set, '-')]
		}
		if !strings.Contains(string(p), "| `"+of+"`") {
			t.Errorf("docs/use/scenarios.md does not tell of %s", of)
		}
		if pl.Node != "" {
			f.nodes[of] = append(f.nodes[of], pl.Node)
		} else {
			f.reasons[of] = append(f.reasons[of], pl.Reason)
		}
	}
	return f
}

// on expects that the one pod of the name is on the node.
func (f fates) on(pod, node string) {
	f.t.Helper()
	if got := f.nodes[pod]; len(got) != 1 || got[0] != node {
		f.t.Errorf("%s is on %q (%q), want %s", pod, got, f.reasons[pod], node)
	}
}

// waits expects that one pod of the name waits for the reason.
func (f fates) waits(pod, reason string) {
	f.t.Helper()
	if got := f.reasons[pod]; len(got) != 1 || !strings.Contains(got[0], reason) {
		f.t.Errorf("%s waits for %q (and is on %q), want one for %q", pod, got, f.nodes[pod], reason)
	}
}

// perNode counts the pods of the name on each node.
func (f fates) perNode(pod string) map[string]int {
	count := map[string]int{}
	for _, node := range f.nodes[pod] {
		count[node]++
	}
	return count
}

// The scenarios of docs/use/scenarios.md go as the page says, with its commands.
func TestScenarios(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(repo, "docs/use/scenarios.md"))
	if err != nil {
		t.Fatal(err)
	}
	page := scenarioPage(data)
	eventually(t, "nothing left of an earlier run", func(ctx context.Context) (bool, string) {
		_, err := client.CoreV1().Namespaces().Get(ctx, "scenarios", metav1.GetOptions{})
		return apierrors.IsNotFound(err), fmt.Sprint(err)
	})
	t.Cleanup(func() { page.clear(t) })
	page.mustRun(t, "bin/localcluster kubectl apply -f "+scenarios+"nodes.yaml")
	page.mustRun(t, "bin/localcluster kubectl wait --for=condition=Ready nodes -l scenario")
	var nodes int
	eventually(t, "nodes that take pods", func(ctx context.Context) (bool, string) {
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: "scenario"})
		if err != nil {
			return false, err.Error()
		}
		nodes = len(list.Items)
		for i := range list.Items {
			if n := &list.Items[i]; hasTaint(n, v1.TaintNodeNotReady) {
				return false, n.Name + " does not"
			}
		}
		return nodes > 0, fmt.Sprint(nodes, " nodes")
	})

	t.Run("node affinity", func(t *testing.T) {
		f := page.try(t, "node-affinity")
		f.on("by-selector", "affinity-ssd")
		f.on("by-requirement", "affinity-nvme")
		f.on("by-preference", "affinity-hdd")
		f.waits("nowhere", "didn't match Pod's node affinity/selector")
	})

	// What runs there is measured from the first reading on, so that three make a forecast of all.
	deployments, err := client.AppsV1().Deployments("scenarios").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "metrics-server tells of the pods that run there", func(context.Context) (bool, string) {
		out, err := page.run(t, "bin/localcluster kubectl top pods -n scenarios")
		for i := range deployments.Items {
			if name := deployments.Items[i].Name; !strings.Contains(out, "\n"+name+"-") {
				return false, fmt.Sprint(name, " is not in ", out, err)
			}
		}
		return len(deployments.Items) > 0, "nothing runs there"
	})
	// A busy machine may delay a reading for half a minute, and nothing here is about old ones.
	metric, said := startScheduler(t, scenarios+"config.yaml", "expiry: 30s", "expiry: 5m", "coldStart: 15s", "coldStart: 2s")

	t.Run("labels", func(t *testing.T) {
		f := page.try(t, "labels")
		f.on("any", "labels-new")
		f.waits("to-the-retiring-one", "didn't match scheduler-enforced node affinity")
	})
	t.Run("resource limits", func(t *testing.T) {
		f := page.try(t, "resource-limits")
		if got := f.perNode("cache"); got["limits-0"] != 1 || got["limits-1"] != 1 {
			t.Errorf("cache is on %v, want one on each node", got)
		}
		f.waits("cache", "2 Sum of memory limits over 120% of allocatable")
		if got := f.nodes["modest"]; len(got) != 1 {
			t.Errorf("modest waits: %q", f.reasons["modest"])
		}
		f.waits("too-big", "2 Insufficient cpu")
	})

	eventually(t, "forecasts of all nodes", func(context.Context) (bool, string) {
		n := metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n >= float64(6+nodes), fmt.Sprint(n, " fresh")
	})
	t.Run("taints", func(t *testing.T) {
		f := page.try(t, "taints")
		f.on("plain", "taints-free")
		f.on("training", "taints-gpu")
		f.waits("intruder", "node(s) had untolerated taint(s)")
		f.on("careful", "pressure-calm")
		f.on("bold", "pressure-hot")
	})
	t.Run("compute prediction", func(t *testing.T) {
		f := page.try(t, "compute-prediction")
		f.on("by-requests", "compute-hot")
		f.on("by-prediction", "compute-idle")
		f.on("by-prediction-on-ssd", "compute-busy")
		// To equal loads: 40, 32 and 28. The emptiest node would take 79 of a herd.
		burst := f.perNode("burst")
		if len(f.nodes["burst"]) != 100 || burst["burst-hot"] > 0 || !within(burst["burst-0"], 34, 46) || !within(burst["burst-1"], 26, 38) || !within(burst["burst-2"], 22, 34) {
			t.Errorf("the burst is on %v, and %q", burst, f.reasons["burst"])
		}
	})
	t.Run("QoS prediction", func(t *testing.T) {
		f := page.try(t, "qos-prediction")
		if got := f.perNode("checkout"); got["qos-a"] != 1 || got["qos-b"] != 1 {
			t.Errorf("checkout is on %v (%q), want one on each calm node", got, f.reasons["checkout"])
		}
		eventually(t, "decisions for the objective of the PriorityClass", func(context.Context) (bool, string) {
			n := metric(`foresight_qos_decisions_total{objective="realtime",profile="qos-scheduler"}`)
			return n >= 2, fmt.Sprint(n)
		})
	})
	if strings.Contains(said(), "is forbidden: User") {
		t.Error("RBAC of manifests/base is not enough")
	}
}

func within(n, least, most int) bool { return n >= least && n <= most }
