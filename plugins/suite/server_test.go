// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package suite_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/component-base/metrics/legacyregistry"
)

// cluster is as much of an API server as a scheduler needs to place one pod on one of two nodes: it lists what there is, its watches
// tell of one pod that comes, and it takes the binding. idle and busy are alike but for what they use.
type cluster struct {
	*httptest.Server
	gone  chan struct{}
	comes chan struct{} // closed when the pod comes, which is when both nodes are forecast
	bound chan string   // the node of the pod
	once  sync.Once
}

func newCluster() *cluster {
	c := &cluster{gone: make(chan struct{}), comes: make(chan struct{}), bound: make(chan string, 1)}
	c.Server = httptest.NewServer(c)
	return c
}

func (c *cluster) close() {
	close(c.gone)
	c.Server.CloseClientConnections()
	c.Server.Close()
}

// node of 4 CPUs.
func node(name string) string {
	size := `{"cpu":"4","memory":"8Gi","pods":"110"}`
	return fmt.Sprintf(`{"metadata":{"name":%q,"resourceVersion":"1"},"status":{"capacity":%s,"allocatable":%s,"conditions":[{"type":"Ready","status":"True"}]}}`, name, size, size)
}

// uses is a reading of a node.
func uses(name, cpu string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q},"timestamp":%q,"window":"10s","usage":{"cpu":%q,"memory":"1Gi"}}`, name, time.Now().UTC().Format(time.RFC3339), cpu)
}

const web = `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web","namespace":"default","uid":"1","resourceVersion":"2"},
"spec":{"schedulerName":"my-scheduler","containers":[{"name":"web","image":"web","resources":{"requests":{"cpu":"100m","memory":"100Mi"}}}]},"status":{"phase":"Pending"}}`

func (c *cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	q, resource := r.URL.Query(), path.Base(r.URL.Path)
	switch {
	case r.Method == http.MethodPost && resource == "binding":
		body, _ := io.ReadAll(r.Body)
		var binding v1.Binding
		_, _, _ = scheme.Codecs.UniversalDeserializer().Decode(body, nil, &binding) // protobuf
		c.bound <- binding.Target.Name
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
	case r.Method != http.MethodGet:
		fmt.Fprint(w, `{}`)
	case q.Get("sendInitialEvents") != "":
		w.WriteHeader(http.StatusUnprocessableEntity) // A list comes next.
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Invalid","code":422}`)
	case q.Get("watch") != "":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		if resource == "pods" && !strings.Contains(q.Get("fieldSelector"), "phase=Failed") {
			select {
			case <-c.comes:
				fmt.Fprintf(w, `{"type":"ADDED","object":%s}`+"\n", strings.ReplaceAll(web, "\n", ""))
				w.(http.Flusher).Flush()
			case <-c.gone:
			}
		}
		<-c.gone
	case strings.HasPrefix(r.URL.Path, "/apis/metrics.k8s.io/"):
		items := ""
		if resource == "nodes" {
			if counted("foresight_forecast_nodes", "rung", "fresh") == 2 {
				c.once.Do(func() { close(c.comes) })
			}
			items = uses("idle", "100m") + "," + uses("busy", "3900m")
		}
		fmt.Fprintf(w, `{"kind":"List","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[%s]}`, items)
	default:
		items := ""
		if resource == "nodes" {
			items = node("busy") + "," + node("idle")
		}
		kind := "" // It is the one that was asked for, unless nobody could know.
		if resource == "services" {
			kind = `"kind":"ServiceList","apiVersion":"v1",`
		}
		fmt.Fprintf(w, `{%s"metadata":{"resourceVersion":"1"},"items":[%s]}`, kind, items)
	}
}

// counted is what a metric of the process says of one value of a label.
func counted(metric, label, value string) (n float64) {
	families, _ := legacyregistry.DefaultGatherer.Gather()
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == metric && l.GetName() == label && l.GetValue() == value {
					n += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return n
}
