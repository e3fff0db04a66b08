// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

const qosScheduler = "qos-scheduler"

// newLatencyPod returns a pod whose response time counts, on any node of the pool or, where
// one is named, on that node.
func newLatencyPod(name string, pool map[string]string, node string) *v1.Pod {
	p := newPod(name, pool, "10m")
	p.Spec.SchedulerName = qosScheduler
	p.Labels["foresight-scheduler.dev/qos"] = "latency"
	if node != "" {
		p.Spec.NodeSelector = map[string]string{v1.LabelHostname: node}
	}
	return p
}

// trainModel lets foresight learn from a service that suffers beside busy neighbours.
func trainModel(t *testing.T, model string) {
	t.Helper()
	dir := t.TempDir()
	for kind, harm := range map[string]float64{"mild": .5, "harmful": 1} {
		rows := []string{"time,request_rate,own_web_cpu_pct,host_cpu_pct,interferer_intensity,latency_ms"}
		for i := range 300 {
			intensity := float64(i % 5)
			rows = append(rows, fmt.Sprintf("%d,100,10,%g,%g,%g", i, 12+20*intensity+float64(i%7), intensity, 2+3*harm*intensity))
		}
		if err := os.WriteFile(filepath.Join(dir, kind+".csv"), []byte(strings.Join(rows, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := command(bin("foresight"), "model", "train", "--data", dir, "--out", model); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// otherSchema is a sound model that was trained for other features.
func otherSchema(t *testing.T, path string) []byte {
	t.Helper()
	m, card, err := quality.Load(path, &quality.Placement)
	if err != nil {
		t.Fatal(err)
	}
	m.Schema.Features[0].Name = "own_memory"
	other := filepath.Join(t.TempDir(), "other.json")
	if err := quality.Save(other, m, card); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(other)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// touch says whether the node is in touch with the API server.
func touch(t *testing.T, name string, ready v1.ConditionStatus) {
	t.Helper()
	eventually(t, name+" ready: "+string(ready), func(ctx context.Context) (bool, string) {
		n, err := client.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		for i := range n.Status.Conditions {
			if c := &n.Status.Conditions[i]; c.Type == v1.NodeReady {
				c.Status = ready
			}
		}
		_, err = client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// remove deletes pods by their numbers and waits until they are gone.
func remove(t *testing.T, namespace, prefix string, n int) {
	t.Helper()
	for i := range n {
		if err := client.CoreV1().Pods(namespace).Delete(t.Context(), fmt.Sprint(prefix, i), metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, prefix+" gone", func(ctx context.Context) (bool, string) {
		left, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		count := 0
		for i := range left.Items {
			if strings.HasPrefix(left.Items[i].Name, prefix) {
				count++
			}
		}
		return count == 0, fmt.Sprint(count, " left")
	})
}

// top asks for the nodes that are good for latency: those of the test are told apart by their history.
func top(t *testing.T, namespace string, pool map[string]string, log string) {
	t.Helper()
	serves := regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).FindString(log[strings.Index(log, "Serving securely"):])
	args := []string{"top", "--kubeconfig", kubeconfig(), "--scheduler-address", serves, "--sort", "latency"}
	looks := 0
	eventually(t, "foresight top has the node with a good history first", func(context.Context) (bool, string) {
		// Nodes are judged when a pod is to be placed. This one leaves nothing in the history of latency.
		look := newLatencyPod(fmt.Sprint("look-", looks), pool, "qos-1")
		look.Labels["foresight-scheduler.dev/qos"] = "batch"
		create(t, namespace, look)
		looks++
		out, err := command(bin("foresight"), append(args, "-o", "json")...)
		var nodes []struct {
			Node, Profile string
			Objectives    map[string]struct {
				Risk  float64
				Class string
			}
		}
		if err == nil {
			err = json.Unmarshal([]byte(out), &nodes)
		}
		var order []string
		for _, n := range nodes {
			if strings.HasPrefix(n.Node, "qos-") && n.Profile == qosScheduler && len(n.Objectives) == 4 {
				order = append(order, n.Node)
			}
		}
		said := fmt.Sprint(order, err, out)
		return slices.Equal(order, []string{"qos-1", "qos-0"}), said
	})
	if out, err := command(bin("foresight"), args...); err != nil || !strings.Contains(out, "AVAILABILITY") || !strings.Contains(out, "qos-1") {
		t.Errorf("%v\n%s", err, out)
	}
	qosTold(t, serves)
}

// qosTold asks which service nodes give, and how that was foretold: the node with a bad history is the worse one, and pods that lost their
// service there are among those that were judged.
func qosTold(t *testing.T, serves string) {
	t.Helper()
	out, err := command(bin("foresight"), "nodes", "qos-0", "qos-1", "--qos", "-o", "json", "--kubeconfig", kubeconfig(), "--scheduler-address", serves)
	var told decision.QoS
	if err == nil {
		err = json.Unmarshal([]byte(out), &told)
	}
	if err != nil || len(told.Profiles) != 1 || len(told.Profiles[0].Nodes) != 2 || told.Profiles[0].Time == nil {
		t.Fatalf("%v: %+v of %s", err, told, out)
	}
	risk := map[string]decision.QoSService{}
	for _, n := range told.Profiles[0].Nodes {
		risk[n.Name] = n.Service["latency"]
	}
	if risk["qos-0"].Risk <= risk["qos-1"].Risk || risk["qos-1"].Class == "" {
		t.Errorf("of qos-0, which lost pods, and qos-1: %+v", risk)
	}
	o := told.Profiles[0].Objectives[0]
	if o.Objective != "latency" || o.Violated == 0 || o.Judged < o.Violated || o.Placed < o.Judged || o.Predicted <= 0 || o.Predicted >= float64(o.Judged) {
		t.Errorf("what was foretold and came: %+v", o)
	}
	if out, err := command(bin("foresight"), "nodes", "--qos", "--kubeconfig", kubeconfig(), "--scheduler-address", serves); err != nil || !strings.Contains(out, "PREDICTED TO LOSE SERVICE") || !strings.Contains(out, "qos-1") {
		t.Errorf("%v\n%s", err, out)
	}
}

// A node that was lost under its pods is avoided, although it is the emptier one, and taken again
// once pods have been well there.
func TestQoSHistory(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "qos", 2, nil)
	model := filepath.Join(t.TempDir(), "model.json")
	trainModel(t, model)
	metric, said := startScheduler(t, "manifests/examples/qos-config.yaml",
		"/etc/foresight/qos/model.json", model, "horizons: [10m, 1h]", "horizons: [2s]")
	eventually(t, "the trained model judges", func(context.Context) (bool, string) {
		return metric(`foresight_qos_rung{profile="qos-scheduler",rung="model"}`) == 1, "it does not"
	})
	outcomes := func(result string, n int) {
		t.Helper()
		eventually(t, fmt.Sprint(n, " decisions ", result), func(context.Context) (bool, string) {
			got := metric(fmt.Sprintf(`foresight_qos_outcomes_total{objective="latency",profile="qos-scheduler",result=%q}`, result))
			return got >= float64(n), fmt.Sprint(got)
		})
	}

	const bad, good = 8, 40
	for i := range bad {
		create(t, ns, newLatencyPod(fmt.Sprint("bad-", i), pool, "qos-0"), newLatencyPod(fmt.Sprint("calm-", i), pool, "qos-1"))
	}
	for i := range bad {
		placed(t, ns, fmt.Sprint("bad-", i))
	}
	touch(t, "qos-0", v1.ConditionFalse)
	outcomes("violated", bad)
	touch(t, "qos-0", v1.ConditionTrue)
	eventually(t, "qos-0 takes pods again", func(ctx context.Context) (bool, string) {
		n, err := client.CoreV1().Nodes().Get(ctx, "qos-0", metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		lost := slices.ContainsFunc(n.Spec.Taints, func(t v1.Taint) bool { return strings.HasPrefix(t.Key, "node.kubernetes.io/") })
		return !lost && !slices.ContainsFunc(n.Status.Conditions, func(c v1.NodeCondition) bool {
			return c.Type == v1.NodeReady && c.Status != v1.ConditionTrue
		}), fmt.Sprint(n.Spec.Taints, n.Status.Conditions)
	})
	// What keeps away from the node from now on is its history: nothing is left on it.
	remove(t, ns, "bad-", bad)
	for i := range 5 {
		name := fmt.Sprint("careful-", i)
		create(t, ns, newLatencyPod(name, pool, ""))
		if got := placed(t, ns, name); got != "qos-1" {
			t.Errorf("%s went to %s, which was lost under its pods", name, got)
		}
	}
	top(t, ns, pool, said())
	control := newPod("control", pool, "10m")
	create(t, ns, control)
	if got := placed(t, ns, "control"); got != "qos-0" {
		t.Errorf("without the plugin a pod goes to %s, want the emptier node", got)
	}

	outcomes("kept", bad)
	for i := range good {
		create(t, ns, newLatencyPod(fmt.Sprint("well-", i), pool, "qos-0"))
	}
	outcomes("kept", bad+good)
	remove(t, ns, "well-", good)
	create(t, ns, newLatencyPod("trusting", pool, ""))
	if got := placed(t, ns, "trusting"); got != "qos-0" {
		t.Errorf("after %d pods that were well on the emptier node, a pod goes to %s", good, got)
	}

	// The objective of a pod without a label is its PriorityClass's.
	class := &schedulingv1.PriorityClass{
		ObjectMeta: metav1.ObjectMeta{Name: "qos-realtime", Annotations: map[string]string{"foresight-scheduler.dev/qos": "realtime"}}, Value: 1000,
	}
	newPriorityClass(t, ns, class)
	classed := newLatencyPod("classed", pool, "")
	delete(classed.Labels, "foresight-scheduler.dev/qos")
	classed.Spec.PriorityClassName = class.Name
	create(t, ns, classed)
	placed(t, ns, "classed")
	eventually(t, "a realtime decision", func(context.Context) (bool, string) {
		n := metric(`foresight_qos_decisions_total{objective="realtime",profile="qos-scheduler"}`)
		return n == 1, fmt.Sprint(n)
	})
	if strings.Contains(said(), "is forbidden: User") {
		t.Error("RBAC of manifests/base is not enough")
	}
}

// evict ends a running pod as a kubelet does whose node wants for memory: it says that the pod failed, and nobody deletes it.
func evict(t *testing.T, namespace, name string) {
	t.Helper()
	eventually(t, name+" evicted", func(ctx context.Context) (bool, string) {
		p, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		if p.Status.Phase != v1.PodRunning {
			return false, string(p.Status.Phase)
		}
		p.Status.Phase, p.Status.Reason, p.Status.Message = v1.PodFailed, "Evicted", "The node was low on resource: memory."
		p.Status.Conditions = append(p.Status.Conditions, v1.PodCondition{
			Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: v1.PodReasonTerminationByKubelet, LastTransitionTime: metav1.Now(),
		})
		_, err = client.CoreV1().Pods(namespace).UpdateStatus(ctx, p, metav1.UpdateOptions{})
		return err == nil, fmt.Sprint(err)
	})
}

// A kubelet's evictions are violations, and the node that evicted pods is avoided although it is the emptier one.
func TestEvictionsAreLearned(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "evicts", 2, nil)
	model := filepath.Join(t.TempDir(), "model.json")
	trainModel(t, model)
	metric, said := startScheduler(t, "manifests/examples/qos-config.yaml", "/etc/foresight/qos/model.json", model)
	counts := func(series string, n float64) {
		t.Helper()
		eventually(t, series, func(context.Context) (bool, string) {
			got := metric(series)
			return got == n, fmt.Sprintf("%v, want %v", got, n)
		})
	}
	const bad = 8
	for i := range bad {
		create(t, ns, newLatencyPod(fmt.Sprint("bad-", i), pool, "evicts-0"), newLatencyPod(fmt.Sprint("calm-", i), pool, "evicts-1"))
	}
	for i := range bad {
		placed(t, ns, fmt.Sprint("bad-", i))
		placed(t, ns, fmt.Sprint("calm-", i))
	}
	for i := range bad {
		evict(t, ns, fmt.Sprint("bad-", i))
	}
	counts(`foresight_qos_violations_total{profile="qos-scheduler",reason="eviction"}`, bad)
	counts(`foresight_qos_outcomes_total{objective="latency",profile="qos-scheduler",result="violated"}`, bad)
	counts(`foresight_qos_unjudged_total{profile="qos-scheduler"}`, 0)
	eventually(t, "a pod that keeps away from the node that evicts", func(context.Context) (bool, string) {
		// Who judges follows the outcomes every ten seconds. Each probe goes, so that the nodes stay as they are.
		create(t, ns, newLatencyPod("probe-0", pool, ""))
		node := placed(t, ns, "probe-0")
		remove(t, ns, "probe-", 1)
		return node == "evicts-1", node
	})
	if strings.Contains(said(), "is forbidden: User") {
		t.Error("RBAC of manifests/base is not enough")
	}
}

// Whatever becomes of the model file, pods are placed, one rung lower, and it is said why.
func TestQoSModelFile(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "ladder", 2, nil)
	model := filepath.Join(t.TempDir(), "model.json")
	trainModel(t, model)
	good, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	metric, said := startScheduler(t, "manifests/examples/qos-config.yaml",
		"/etc/foresight/qos/model.json", model, "horizons: [10m, 1h]", "horizons: [2s]")
	judgedBy := func(rung string) {
		t.Helper()
		eventually(t, "judged by "+rung, func(context.Context) (bool, string) {
			return metric(fmt.Sprintf(`foresight_qos_rung{profile="qos-scheduler",rung=%q}`, rung)) == 1, "another rung"
		})
	}
	judgedBy("model")
	for i, tc := range []struct {
		what string
		data []byte
		says string
	}{
		{"deleted", nil, "no such file"},
		{"cut short", good[:len(good)/2], "damaged"},
		{"changed", []byte(strings.Replace(string(good), `"trust":`, `"trust":1`, 1)), "checksum"},
		{"of another schema", otherSchema(t, model), "schema"},
	} {
		before := metric(`foresight_qos_model_load_failures_total{profile="qos-scheduler"}`)
		if tc.data == nil {
			err = os.Remove(model)
		} else {
			err = os.WriteFile(model, tc.data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the model "+tc.what+" refused", func(context.Context) (bool, string) {
			n := metric(`foresight_qos_model_load_failures_total{profile="qos-scheduler"}`)
			return n > before, fmt.Sprint(n, " failures")
		})
		judgedBy("utilisation")
		eventually(t, "the log says why", func(context.Context) (bool, string) {
			var last string
			for line := range strings.Lines(said()) {
				if strings.Contains(line, "The QoS model cannot be used") {
					last = line
				}
			}
			return strings.Contains(last, tc.says), fmt.Sprintf("%s; want %q", last, tc.says)
		})
		name := fmt.Sprint("blind-", i)
		create(t, ns, newLatencyPod(name, pool, ""))
		placed(t, ns, name)
	}
	if err := os.WriteFile(model, good, 0o600); err != nil {
		t.Fatal(err)
	}
	judgedBy("model")
	create(t, ns, newLatencyPod("again", pool, ""))
	placed(t, ns, "again")
}
