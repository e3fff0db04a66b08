// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/prometheus/prometheustest"
)

// server is a real Prometheus, whose target exposes since begin.
type server struct {
	*prometheustest.Server
	begin time.Time
}

// pods that the target exposes; each uses a tenth of a core and 1 MiB in each of its two
// containers.
const pods = 50

// exposition is a page of cAdvisor at a time after the start, in the form that kubelets
// expose: the node uses 1.5 cores and 2 GiB.
func exposition(w io.Writer, elapsed time.Duration) {
	s := elapsed.Seconds() + 100
	fmt.Fprintln(w, "# TYPE container_cpu_usage_seconds_total counter")
	fmt.Fprintf(w, "container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\"} %f\n", 1.5*s)
	for i := range pods {
		labels := fmt.Sprintf(`namespace="ns",pod="p%d"`, i)
		fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,id=\"/kubepods/%d\",container=\"\",cpu=\"total\"} %f\n", labels, i, 0.25*s)
		for _, c := range []string{"x", "y"} {
			fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,id=\"/kubepods/%d/%s\",container=\"%s\",cpu=\"total\"} %f\n", labels, i, c, c, 0.1*s)
		}
	}
	fmt.Fprintln(w, "# TYPE container_memory_working_set_bytes gauge")
	fmt.Fprintln(w, `container_memory_working_set_bytes{id="/"} 2147483648`)
	for i := range pods {
		for _, c := range []string{"x", "y"} {
			fmt.Fprintf(w, "container_memory_working_set_bytes{namespace=\"ns\",pod=\"p%d\",id=\"/kubepods/%d/%s\",container=\"%s\"} 1048576\n", i, i, c, c)
		}
	}
	fmt.Fprintln(w, "# TYPE container_pressure_cpu_waiting_seconds_total counter")
	fmt.Fprintf(w, "container_pressure_cpu_waiting_seconds_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0\",container=\"\",image=\"\"} %f\n", 0.5*s)
	fmt.Fprintln(w, "# TYPE response_seconds_sum counter")
	fmt.Fprintf(w, "response_seconds_sum{namespace=\"ns\",pod=\"p0\"} %f\n", 3*s)
	fmt.Fprintln(w, "# TYPE response_seconds_count counter")
	fmt.Fprintf(w, "response_seconds_count{namespace=\"ns\",pod=\"p0\"} %f\n", 20*s)
	fmt.Fprintln(w, "# TYPE container_cpu_cfs_periods_total counter")
	fmt.Fprintf(w, "container_cpu_cfs_periods_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0/x\",container=\"x\"} %f\n", 10*s)
	fmt.Fprintln(w, "# TYPE container_cpu_cfs_throttled_periods_total counter")
	fmt.Fprintf(w, "container_cpu_cfs_throttled_periods_total{namespace=\"ns\",pod=\"p0\",id=\"/kubepods/0/x\",container=\"x\"} %f\n", 2.5*s)
}

// start starts a Prometheus that scrapes the exposition of the node "a".
func start(t *testing.T, secure bool) *server {
	t.Helper()
	begin := time.Now()
	target := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { exposition(w, time.Since(begin)) })
	return &server{prometheustest.Start(t, target, map[string]string{"node": "a"}, secure), begin}
}

// toldTwice adds to the exposition what clusters tell twice of the node and of the pod p1: a second scrape, kind's second cgroup, and
// a container that is dead.
func toldTwice(w io.Writer, elapsed time.Duration) {
	s := elapsed.Seconds() + 100
	fmt.Fprintf(w, "container_cpu_usage_seconds_total{id=\"/\",cpu=\"total\",scrape=\"other\"} %f\n", 1.5*s)
	fmt.Fprintln(w, `container_memory_working_set_bytes{id="/",scrape="other"} 2147483648`)
	for _, more := range []string{`id="/kubepods/1/x",scrape="other"`, `id="/kubelet/kubepods/1/x"`} {
		labels := `namespace="ns",pod="p1",container="x",` + more
		fmt.Fprintf(w, "container_cpu_usage_seconds_total{%s,cpu=\"total\"} %f\n", labels, 0.1*s)
		fmt.Fprintf(w, "container_memory_working_set_bytes{%s} 1048576\n", labels)
	}
	fmt.Fprintln(w, `container_cpu_usage_seconds_total{namespace="ns",pod="p1",container="x",cpu="total",id="/kubepods/1/dead"} 7000`)
}

// What a real Prometheus has twice counts once.
func TestToldTwice(t *testing.T) {
	begin := time.Now()
	target := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		exposition(w, time.Since(begin))
		toldTwice(w, time.Since(begin))
	})
	server := prometheustest.Start(t, target, map[string]string{"node": "a"}, false)
	s := source(t, Config{URL: server.URL, Window: 3 * time.Second, Pods: CadvisorPods()})
	readAll(t, s)
	time.Sleep(time.Until(begin.Add(10 * time.Second))) // A rate needs its window; it scrapes first after five.
	r := readAll(t, s)
	about(t, "node", r.Nodes[0].Values, usage.CPU, 1.5)
	about(t, "node", r.Nodes[0].Values, usage.Memory, 2<<30)
	for _, p := range r.Pods {
		about(t, p.Name, p.Values, usage.CPU, 0.2)
		about(t, p.Name, p.Values, usage.Memory, 2<<20)
	}
}

// Servers that answer as Prometheus does are read as it is, with what clusters tell twice.
func TestCousins(t *testing.T) {
	for _, cousin := range prometheustest.Cousins {
		t.Run(cousin.Name, func(t *testing.T) {
			begin := time.Now()
			target := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				exposition(w, time.Since(begin))
				toldTwice(w, time.Since(begin))
			})
			config := Config{URL: cousin.Start(t, target, map[string]string{"node": "a"}), Window: 3 * time.Second, Pods: CadvisorPods()}
			if cousin.Tenant != "" {
				config.Files.Headers = []httpauth.Header{{Name: "X-Scope-OrgID", Value: cousin.Tenant}}
			}
			s := source(t, config)
			r := readAll(t, s)
			// A rate needs its window, and each server shows samples after a time of its own.
			for deadline := time.Now().Add(time.Minute); !settled(r); r = readAll(t, s) {
				if time.Now().After(deadline) {
					t.Fatalf("after a minute: %+v", r.Nodes)
				}
				time.Sleep(time.Second)
			}
			about(t, "node", r.Nodes[0].Values, usage.CPU, 1.5)
			about(t, "node", r.Nodes[0].Values, usage.Memory, 2<<30)
			for _, p := range r.Pods {
				about(t, p.Name, p.Values, usage.CPU, 0.2)
				about(t, p.Name, p.Values, usage.Memory, 2<<20)
			}
		})
	}
}

// settled says that the node's rate is that of a whole window.
func settled(r usage.Reading) bool {
	cpu, ok := r.Nodes[0].Get(usage.CPU)
	return ok && cpu > 1.4 && r.Nodes[0].Has(usage.Memory)
}
