// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The shipped example of objectives, with a server that answers as Prometheus does: the pods of a namespace are judged by the query of their objective, and
// a query that the server refuses holds up no pod and is told.
func TestObjectivesAreMeasured(t *testing.T) {
	ns, pool := newNamespace(t), newNodes(t, "objective", 1, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.FormValue("query"), "histogram_quantile(0.99") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"status":"error","errorType":"bad_data","error":"no such series"}`)
			return
		}
		var series []string
		for pod, seconds := range map[string]string{"slow-0": "0.5", "slow-1": "0.3", "quick-0": "0.1", "quick-1": "NaN", "stranger": "9"} {
			series = append(series, fmt.Sprintf(`{"metric":{"namespace":%q,"pod":%q},"value":[%d,%q]}`, ns, pod, time.Now().Unix(), seconds))
		}
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+strings.Join(series, ",")+`]}}`)
	}))
	defer server.Close()
	metric, said := startScheduler(t, "manifests/examples/objectives-config.yaml", "schedulerName: foresight-scheduler", "schedulerName: qos-scheduler",
		"namespaces: [shop]\n        workload: Deployment/checkout", "namespaces: ["+ns+"]", "horizons: [10m, 1h]", "horizons: [10s]",
		"http://prometheus-k8s.monitoring:9090", server.URL, "rateWindow: 2m", "rateWindow: 1s")
	failed := func() float64 {
		return metric(`foresight_qos_objective_queries_total{name="pay-errors",profile="qos-scheduler",result="failure"}`)
	}
	eventually(t, "the query that is refused is told before the first pod", func(context.Context) (bool, string) {
		return failed() > 0, "it is not"
	})
	if log := said(); !strings.Contains(log, "no such series") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	for _, name := range []string{"slow-0", "slow-1", "quick-0", "quick-1"} {
		create(t, ns, newLatencyPod(name, pool, ""))
		placed(t, ns, name)
	}
	const labels = `name="checkout-p99",profile="qos-scheduler"`
	eventually(t, "two of four pods kept waiting", func(context.Context) (bool, string) {
		slow, kept := metric(`foresight_qos_objective_outcomes_total{`+labels+`,result="violated"}`), metric(`foresight_qos_objective_outcomes_total{`+labels+`,result="kept"}`)
		return slow == 2 && kept == 2, fmt.Sprintf("%v slow, %v kept", slow, kept)
	})
	if n := metric(`foresight_qos_violations_total{profile="qos-scheduler",reason="query"}`); n != 2 {
		t.Errorf("%v violations by a query, want 2", n)
	}
	if n := metric(`foresight_qos_objective_values_dropped_total{` + labels + `,reason="not_a_number"}`); n == 0 {
		t.Error("a NaN is not counted")
	}
}
