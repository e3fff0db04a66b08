// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/prometheus/prometheustest"
)

// cadvisor exposes what kubelets would of nodes and pods, and how fast pods answer.
type cadvisor struct {
	begin time.Time
	lock  sync.Mutex
	nodes map[string]float64 // cores in use
	pods  []exposedPod
}

type exposedPod struct {
	namespace, name, node string
	responds              float64 // in seconds
}

func (c *cadvisor) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.lock.Lock()
	defer c.lock.Unlock()
	elapsed := time.Since(c.begin).Seconds()
	for node, cores := range c.nodes {
		fmt.Fprintf(w, "container_cpu_usage_seconds_total{id=\"/\",node=%q} %f\n", node, 1000+cores*elapsed)
		fmt.Fprintf(w, "container_memory_working_set_bytes{id=\"/\",node=%q} 1e9\n", node)
	}
	for _, p := range c.pods {
		labels := fmt.Sprintf("namespace=%q,pod=%q", p.namespace, p.name)
		fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,node=%q,container=\"c\"} %f\n", labels, p.node, 1000+.01*elapsed)
		fmt.Fprintf(w, "container_memory_working_set_bytes{%s,node=%q,container=\"c\"} 1e6\n", labels, p.node)
		fmt.Fprintf(w, "response_seconds{%s} %f\n", labels, p.responds)
	}
}

// The scheduler reads a real Prometheus: use keeps a pod away from a hot node, response times say what service pods
// really got, and a Prometheus that answers nobody costs nothing but what it would have told.
func TestPrometheus(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "prom", 2, nil)
	target := &cadvisor{begin: time.Now(), nodes: map[string]float64{}}
	all, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		target.nodes[all.Items[i].Name] = .1
	}
	target.nodes["prom-0"] = 3.8
	prometheus := prometheustest.Start(t, target, nil, false)

	metric, said := startScheduler(t, "manifests/examples/qos-config.yaml",
		"modelFile: /etc/foresight/qos/model.json", "maxRiskPercent: 100",
		"horizons: [10m, 1h]", "horizons: [20s]\n        responseTimeObjective: 100ms",
		"source: MetricsAPI", "source: Prometheus\n        prometheus:\n          url: "+prometheus.URL+"\n          queryTimeout: 1s\n          rateWindow: 4s\n"+
			"          pods: {values: {response_time: 'max by (namespace, pod) (response_seconds)'}}")
	readings := func(result string) float64 {
		return metric(fmt.Sprintf(`foresight_usage_readings_total{result=%q}`, result))
	}
	eventually(t, "forecasts of all nodes", func(context.Context) (bool, string) {
		n := metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n >= float64(len(all.Items)), fmt.Sprint(n, " fresh")
	})

	// By requests the hot node is the better one.
	filler := newPod("filler", pool, "2")
	filler.Spec.NodeName = "prom-1"
	create(t, ns, filler)
	for i := range 4 {
		name := fmt.Sprint("pod-", i)
		create(t, ns, newLatencyPod(name, pool, ""))
		node := placed(t, ns, name)
		if node != "prom-1" {
			t.Errorf("%s is on %s, which is used hot", name, node)
		}
		responds := .05
		if i%2 == 0 {
			responds = .5
		}
		target.lock.Lock()
		target.pods = append(target.pods, exposedPod{ns, name, node, responds})
		target.lock.Unlock()
	}
	eventually(t, "two of four pods kept waiting", func(context.Context) (bool, string) {
		slow := metric(`foresight_qos_violations_total{profile="qos-scheduler",reason="response_time"}`)
		kept := metric(`foresight_qos_outcomes_total{objective="latency",profile="qos-scheduler",result="kept"}`)
		return slow == 2 && kept == 2, fmt.Sprintf("%v slow, %v kept", slow, kept)
	})

	if err := prometheus.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	failed := readings("failure")
	eventually(t, "readings that fail", func(context.Context) (bool, string) {
		n := readings("failure")
		return n > failed, fmt.Sprint(n, " failed")
	})
	create(t, ns, newLatencyPod("meanwhile", pool, ""))
	placed(t, ns, "meanwhile")
	if err := prometheus.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	good := readings("success")
	eventually(t, "readings that succeed again", func(context.Context) (bool, string) {
		n := readings("success")
		return n > good, fmt.Sprint(n, " good")
	})
	if log := said(); strings.Contains(log, "is forbidden: User") {
		t.Error("RBAC of manifests/base is not enough")
	}
}

// Every panel of the dashboard shows something of the cluster's own scheduler, as a real Prometheus scrapes it. Those of PredictedQoS,
// which the shipped profile does not enable, those of moves, which are off, and those of what is counted in hours are left out.
func TestDashboardShows(t *testing.T) {
	ns, pool := newNamespace(t), newNodes(t, "dashboard", 1, nil)
	create(t, ns, newPod("placed", pool, "1m"))
	placed(t, ns, "placed")
	admin, err := rest.HTTPClientFor(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := componentNamed(t, ours).Endpoint + "/metrics"
	prometheus := prometheustest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer, err := admin.Get(endpoint)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		_, _ = io.Copy(w, answer.Body)
	}), nil, false)

	var board struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
		}
	}
	text, err := os.ReadFile(filepath.Join(repo, "manifests/dashboards/foresight.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, p := range board.Panels {
		asked := ""
		for _, target := range p.Targets {
			asked += target.Expr
		}
		if p.Type == "row" || strings.Contains(asked, "foresight_qos_") || strings.Contains(asked, "foresight_rebalance_") || strings.Contains(asked, "[6h]") {
			continue
		}
		if p.Title == "Left to upstream's search" || p.Title == "Samples that were not believed" {
			continue // Nothing of the kind may have happened.
		}
		shown++
		eventually(t, "series of the panel "+p.Title, func(context.Context) (bool, string) {
			series := 0
			for _, target := range p.Targets {
				expr := strings.NewReplacer("$job", ".+", "$__rate_interval", "10s", "$node", ".+").Replace(target.Expr)
				answer, err := http.PostForm(prometheus.URL+"/api/v1/query", url.Values{"query": {expr}})
				if err != nil {
					return false, err.Error()
				}
				var page struct {
					Error string
					Data  struct{ Result []any }
				}
				err = json.NewDecoder(answer.Body).Decode(&page)
				answer.Body.Close()
				if err != nil || page.Error != "" {
					t.Fatalf("%s: %s, %v", expr, page.Error, err)
				}
				series += len(page.Data.Result)
			}
			if series > 0 {
				return true, ""
			}
			return false, asked + " of " + scraped(t, prometheus.URL)
		})
	}
	if shown < 10 {
		t.Errorf("%d panels are looked at", shown)
	}
}

// scraped is what Prometheus says of its target.
func scraped(t *testing.T, server string) string {
	t.Helper()
	answer, err := http.Get(server + "/api/v1/targets")
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(io.LimitReader(answer.Body, 4096))
	if err != nil {
		return err.Error()
	}
	return string(page)
}
