// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newTenant returns a namespace that may not claim what takes from others.
func newTenant(t *testing.T) string {
	t.Helper()
	ns := newNamespace(t)
	remove := []byte(`{"metadata":{"labels":{"foresight-scheduler.dev/claims":null}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), ns, "application/merge-patch+json", remove, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	return ns
}

// The shipped admission policy refuses at the door what the scheduler would ignore, and nothing else; in a namespace that is allowed
// it refuses nothing.
func TestClaimsPolicyAtTheDoor(t *testing.T) {
	policy := filepath.Join(repo, "manifests/components/claims-policy/policy.yaml")
	mustLocalcluster(t, "kubectl", "apply", "--filename", policy)
	t.Cleanup(func() {
		if out, err := localcluster("kubectl", "delete", "--ignore-not-found", "--filename", policy); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	const prefix = "foresight-scheduler.dev/"
	tenant, trusted := newTenant(t), newNamespace(t)
	serial := 0
	try := func(namespace, label string, annotations map[string]string, limit string) error {
		serial++
		p := newPod(fmt.Sprint("claim-", serial), map[string]string{"nowhere": "at-all"}, "10m")
		if label != "" {
			p.Labels[prefix+"qos"] = label
		}
		p.Annotations = map[string]string{}
		for name, value := range annotations {
			p.Annotations[prefix+name] = value
		}
		if limit != "" {
			p.Spec.Containers[0].Resources.Limits = v1.ResourceList{"cpu": resource.MustParse(limit)}
		}
		_, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	// A policy counts a moment after it is there.
	eventually(t, "the policy counts", func(context.Context) (bool, string) {
		err := try(tenant, "realtime", nil, "")
		return err != nil, fmt.Sprint(err)
	})
	type values = map[string]string
	for name, tc := range map[string]struct {
		label       string
		annotations values
		limit       string
		says        string
	}{
		"nothing":                      {},
		"the objective of its class":   {label: "availability"},
		"a lower objective":            {label: "batch"},
		"a higher objective":           {label: "latency", says: "takes from others"},
		"no objective":                 {label: "fast", says: "takes from others"},
		"a response time":              {annotations: values{"response-time-objective": "1ms"}, says: "response-time-objective: this namespace"},
		"a prediction up to the limit": {annotations: values{"predicted-cpu": "2"}, limit: "2"},
		"a prediction over the limit":  {annotations: values{"predicted-cpu": "2001m"}, limit: "2", says: "may not claim more than"},
		"a prediction over a request":  {annotations: values{"predicted-cpu": "100000"}, says: "may not claim more than"},
		"a prediction of nothing":      {annotations: values{"predicted-cpu": "0"}, says: "to use nothing"},
		"a prediction of memory":       {annotations: values{"predicted-memory": "1Gi"}},
		"no quantity":                  {annotations: values{"predicted-memory": "much"}, says: "want a quantity"},
		"a long quantity":              {annotations: values{"predicted-cpu": strings.Repeat("9", 250<<10)}, says: "want a quantity"},
		"a huge exponent":              {annotations: values{"predicted-cpu": "1e-9999999"}, says: "want a quantity"},
		"overcommit":                   {annotations: values{"overcommit": "true"}},
		"service affinity":             {annotations: values{"service-affinity": "zone"}},
		"a long list":                  {annotations: values{"service-affinity": strings.Repeat("a,", 2000)}, says: "2048 bytes at most"},
	} {
		err := try(tenant, tc.label, tc.annotations, tc.limit)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %.500v, want %q", name, err, tc.says)
		}
		if err := try(trusted, tc.label, tc.annotations, tc.limit); err != nil {
			t.Errorf("%s, in a namespace that is allowed: %.500v", name, err)
		}
	}
	// It counts for a moment after it is gone, too: the next test's pods are not for it.
	mustLocalcluster(t, "kubectl", "delete", "--filename", policy)
	eventually(t, "the policy counts no more", func(context.Context) (bool, string) {
		err := try(tenant, "realtime", nil, "")
		return err == nil, fmt.Sprint(err)
	})
}

// What a tenant may not claim has no effect and is told; and whatever a tenant writes, the next pod is placed at once.
func TestClaimsOfTenants(t *testing.T) {
	ns := newTenant(t)
	pool := newNodes(t, "claims", 2, nil)
	const prefix = "foresight-scheduler.dev/"
	for name, text := range map[string]string{
		"service-affinity": strings.Repeat("-,", 127<<10), "service-anti-affinity": strings.Repeat("a/b,", 60<<10), "predicted-cpu": strings.Repeat("9", 250<<10),
		"predicted-memory": "1e-9999999", "overcommit": strings.Repeat("true", 60<<10), "response-time-objective": strings.Repeat("1h", 120<<10), "no-such-key": strings.Repeat("x", 250<<10),
	} {
		long := newPod("long-"+name, pool, "10m")
		long.Annotations = map[string]string{prefix + name: text}
		create(t, ns, long)
		plain := newPod("after-"+name, pool, "10m")
		begun := time.Now()
		create(t, ns, plain)
		placed(t, ns, plain.Name)
		t.Logf("after %s: %s", name, time.Since(begun))
		if d := time.Since(begun); d > 5*time.Second {
			t.Errorf("a pod after one with a long %s took %s", name, d)
		}
	}
	greedy := newPod("greedy", pool, "10m")
	greedy.Labels[prefix+"qos"], greedy.Annotations = "realtime", map[string]string{}
	create(t, ns, greedy)
	placed(t, ns, greedy.Name)
	for pod, want := range map[string]string{"greedy": "ClaimNotAllowed", "long-no-such-key": "UnknownAnnotation"} {
		eventually(t, want+" of "+pod, func(ctx context.Context) (bool, string) {
			events, err := client.CoreV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + pod})
			if err != nil {
				return false, err.Error()
			}
			var seen []string
			for _, e := range events.Items {
				if seen = append(seen, e.Reason); e.Reason == want {
					return true, ""
				}
			}
			return false, fmt.Sprint(seen)
		})
	}
}

// Pods with as much text under a key as the API server takes, of this scheduler and of others, and a node with such a text, delay other
// pods by less than 50 ms each: by the scheduler's CPU time, which the machine's load does not change, when they come and at each forecast.
func TestLongTextsDelayNobody(t *testing.T) {
	const prefix, scheduler, most = "foresight-scheduler.dev/", "texts-scheduler", .050
	const length = 256<<10 - 64 // The API server takes 256 KiB of keys and values.
	ns := newTenant(t)
	pool := newNodes(t, "texts", 2, func(i int, n *v1.Node) {
		if i == 0 {
			n.Annotations = map[string]string{prefix + "max-predicted-peak": strings.Repeat("cpu=1,", length/6)}
		}
	})
	model := filepath.Join(t.TempDir(), "model.json")
	trainModel(t, model)
	metric, _ := startScheduler(t, "manifests/examples/qos-config.yaml", "/etc/foresight/qos/model.json", model, "schedulerName: qos-scheduler", "schedulerName: "+scheduler,
		"multiPoint:\n      enabled:", `multiPoint:
      disabled: [{name: NodeAffinity}, {name: TaintToleration}, {name: NodeResourcesFit}, {name: NodeResourcesBalancedAllocation}]
      enabled: [{name: Affinity, weight: 2}, {name: Taints, weight: 3}, {name: ResourceFit, weight: 2}, {name: PredictedQoS, weight: 5}]`,
		"      - name: PredictedQoS\n        weight: 5\n", "")
	var lock sync.Mutex
	bound := map[string]time.Time{}
	onBound(t, ns, func(p *v1.Pod) {
		lock.Lock()
		defer lock.Unlock()
		if _, ok := bound[p.Name]; !ok {
			bound[p.Name] = time.Now()
		}
	})
	pod := func(name, of string) *v1.Pod {
		p := newPod(name, pool, "1m")
		p.Spec.SchedulerName = of
		return p
	}
	// place creates a pod and returns how long it took to be bound.
	place := func(name string) (took time.Duration) {
		t.Helper()
		begun := time.Now()
		create(t, ns, pod(name, scheduler))
		eventually(t, name+" bound", func(context.Context) (bool, string) {
			lock.Lock()
			defer lock.Unlock()
			at, ok := bound[name]
			took = at.Sub(begun)
			return ok, "it is not"
		})
		return took
	}
	cpu := func() float64 { return metric("process_cpu_seconds_total") }
	// forecasts waits until usage was read some times, and returns the CPU time that each took.
	forecasts := func() float64 {
		t.Helper()
		const times = 3
		const series = `foresight_usage_readings_total{result="success"}`
		before, began := metric(series), cpu()
		var n float64
		asked := time.Now()
		eventually(t, "readings of usage", func(context.Context) (bool, string) {
			if time.Since(asked) < 2*time.Second { // To be asked for metrics takes more than a forecast.
				return false, fmt.Sprint(n)
			}
			asked = time.Now()
			n = metric(series) - before
			return n >= times, fmt.Sprint(n)
		})
		return (cpu() - began) / n
	}
	place("first") // It is up.
	before := cpu()
	var plain []time.Duration
	for i := range 20 {
		plain = append(plain, place(fmt.Sprint("plain-", i)))
	}
	each := (cpu() - before) / float64(len(plain))
	serial := 0
	// besides places a plain pod beside a long one for each text and scheduler.
	besides := func(texts map[string]string) (took []time.Duration, more float64) {
		before := cpu()
		for key, piece := range texts {
			for _, of := range []string{scheduler, "default-scheduler", "nobody"} {
				serial++
				long := pod(fmt.Sprint("long-", serial), of)
				long.Annotations = map[string]string{key: strings.Repeat(piece, length/len(piece))}
				create(t, ns, long)
				took = append(took, place(fmt.Sprint("beside-", serial)))
			}
		}
		return took, (cpu()-before)/float64(len(took)) - each
	}
	// What anyone's text takes of the API server, the network and the caches.
	foreign, control := besides(map[string]string{"example.com/a": "x", "example.com/b": "-,", "example.com/c": "1h", "example.com/d": "9"})
	quiet := forecasts()
	own, more := besides(map[string]string{
		prefix + "service-affinity": "-,", prefix + "service-anti-affinity": "a/b,", prefix + "predicted-cpu": "9", prefix + "predicted-memory": "1e-9", prefix + "overcommit": "true",
		prefix + "response-time-objective": "1h", prefix + "no-such-key": "x", prefix + "max-predicted-peak": "cpu=1,",
	})
	full := forecasts()
	tell := func(what string, took []time.Duration, cpu float64) {
		slices.Sort(took)
		t.Logf("%s: bound after %s (median of %d), at most %s; %.1f ms of CPU", what, took[len(took)/2].Round(time.Millisecond), len(took), took[len(took)-1].Round(time.Millisecond), cpu*1000)
	}
	tell("plain pods", plain, each)
	tell(fmt.Sprint("beside ", length, " bytes under keys of others"), foreign, control+each)
	tell(fmt.Sprint("beside ", length, " bytes under ours"), own, more+each)
	t.Logf("%.1f ms of CPU a forecast, %.1f ms with %d texts under ours", quiet*1000, full*1000, len(own))
	if more > most {
		t.Errorf("a long text takes %.0f ms of CPU", more*1000)
	}
	if full-quiet > most {
		t.Errorf("%d long texts take %.0f ms of CPU at each forecast", len(own), (full-quiet)*1000)
	}
}
