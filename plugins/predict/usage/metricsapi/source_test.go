// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// server answers as the aggregated API does, in JSON, and notes the paths asked for.
type server struct {
	nodes, pods string
	mu          sync.Mutex
	asked       []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.URL.Path)
	s.mu.Unlock()
	body := s.nodes
	if strings.HasSuffix(r.URL.Path, "/pods") {
		body = s.pods
	}
	w.Header().Set("Content-Type", "application/json")
	if body == "" {
		w.WriteHeader(http.StatusServiceUnavailable)
		body = `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"metrics not available yet","reason":"ServiceUnavailable","code":503}`
	}
	_, _ = io.WriteString(w, body)
}

func list(kind string, items ...string) string {
	return `{"kind":"` + kind + `","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[` + strings.Join(items, ",") + `]}`
}

func read(t *testing.T, s *server) (usage.Reading, error) {
	t.Helper()
	ts := httptest.NewServer(s)
	defer ts.Close()
	source, err := NewForConfig(&rest.Config{Host: ts.URL})
	if err != nil {
		t.Fatal(err)
	}
	return source.Read(t.Context())
}

const (
	nodeA = `{"metadata":{"name":"a"},"timestamp":"2026-01-02T03:04:05Z","window":"20.05s","usage":{"cpu":"1500m","memory":"2Gi"}}`
	podP  = `{"metadata":{"name":"p","namespace":"ns"},"timestamp":"2026-01-02T03:04:06Z","window":"15s","containers":[
		{"name":"x","usage":{"cpu":"250000000n","memory":"1Mi"}},{"name":"y","usage":{"cpu":"1","memory":"3Mi"}}]}`
)

func TestRead(t *testing.T) {
	s := &server{nodes: list("NodeMetricsList", nodeA), pods: list("PodMetricsList", podP)}
	got, err := read(t, s)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.asked) != 2 {
		t.Errorf("asked %v, want two calls", s.asked)
	}
	if len(got.Nodes) != 1 || len(got.Pods) != 1 {
		t.Fatalf("got %d nodes and %d pods", len(got.Nodes), len(got.Pods))
	}
	n, p := got.Nodes[0], got.Pods[0]
	if n.Node != "a" || !n.Time.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) || n.Window != 20050*time.Millisecond {
		t.Errorf("node: %+v", n)
	}
	expect(t, "node", n.Values, usage.CPU, 1.5)
	expect(t, "node", n.Values, usage.Memory, 2<<30)
	if p.Namespace != "ns" || p.Name != "p" || p.Window != 15*time.Second {
		t.Errorf("pod: %+v", p)
	}
	expect(t, "pod", p.Values, usage.CPU, 1.25)
	expect(t, "pod", p.Values, usage.Memory, 4<<20)
	if n.Len() != 2 || p.Len() != 2 {
		t.Errorf("values that were not measured are set: %+v %+v", n.Values, p.Values)
	}
}

func expect(t *testing.T, what string, v usage.Values, q usage.Quantity, want float64) {
	t.Helper()
	if got, ok := v.Get(q); !ok || got != want {
		t.Errorf("%s: %v is %v, %v; want %v", what, q, got, ok, want)
	}
}

// What is missing in the answer is missing in the reading.
func TestReadMissingValues(t *testing.T) {
	got, err := read(t, &server{
		nodes: list("NodeMetricsList", `{"metadata":{"name":"a"},"timestamp":"2026-01-02T03:04:05Z","window":"20s","usage":{"memory":"2Gi"}}`),
		pods: list("PodMetricsList",
			`{"metadata":{"name":"none","namespace":"ns"},"timestamp":"2026-01-02T03:04:06Z","window":"15s","containers":[]}`,
			`{"metadata":{"name":"part","namespace":"ns"},"timestamp":"2026-01-02T03:04:06Z","window":"15s","containers":[
				{"name":"x","usage":{"cpu":"1","memory":"1Mi"}},{"name":"y","usage":{"cpu":"1"}}]}`,
			`{"metadata":{"name":"negative","namespace":"ns"},"timestamp":"2026-01-02T03:04:06Z","window":"15s","containers":[
				{"name":"x","usage":{"cpu":"5"}},{"name":"y","usage":{"cpu":"-1"}}]}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	if v := got.Nodes[0].Values; v.Has(usage.CPU) || !v.Has(usage.Memory) {
		t.Errorf("node: %+v", v)
	}
	if v := got.Pods[0].Values; v.Len() != 0 {
		t.Errorf("pod without containers: %+v", v)
	}
	if v := got.Pods[1].Values; !v.Has(usage.CPU) || v.Has(usage.Memory) {
		t.Errorf("pod with a part: %+v", v)
	}
	if x, _ := got.Pods[2].Get(usage.CPU); x >= 0 {
		t.Errorf("the negative part is hidden: %v", x)
	}
}

// A failed query is an error and never a reading.
func TestReadFailures(t *testing.T) {
	for name, s := range map[string]*server{
		"no nodes": {pods: list("PodMetricsList", podP)},
		"no pods":  {nodes: list("NodeMetricsList", nodeA)},
	} {
		got, err := read(t, s)
		if !apierrors.IsServiceUnavailable(err) {
			t.Errorf("%s: error %v", name, err)
		}
		if got.Nodes != nil || got.Pods != nil {
			t.Errorf("%s: a reading: %+v", name, got)
		}
	}
	if _, err := read(t, &server{nodes: list("NodeMetricsList"), pods: list("PodMetricsList", podP)}); !errors.Is(err, usage.ErrEmpty) {
		t.Errorf("empty answer: error %v", err)
	}
	if _, err := read(t, &server{nodes: `{"kind":"NodeMetricsList"`, pods: list("PodMetricsList")}); err == nil {
		t.Error("cut answer: no error")
	}
}

func TestReadEndsWithItsContext(t *testing.T) {
	done := make(chan struct{})
	ts := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-done:
		}
	}))
	defer ts.Close()
	defer close(done)
	source, err := NewForConfig(&rest.Config{Host: ts.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := source.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

// On a running local cluster the metrics-server is the real one.
func TestLocalCluster(t *testing.T) {
	kubeconfig := os.Getenv("KUBECONFIG_LOCALCLUSTER")
	if kubeconfig == "" {
		t.Skip("KUBECONFIG_LOCALCLUSTER does not name the kubeconfig of a running local cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	var types contentTypes
	config.Wrap(types.wrap)
	source, err := NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var got usage.Reading
	for { // metrics-server needs two scrapes before it knows a rate.
		if got, err = source.Read(ctx); err == nil {
			break
		}
		t.Log(err)
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(2 * time.Second):
		}
	}
	if got.End.Before(got.Start) {
		t.Errorf("from %v to %v", got.Start, got.End)
	}
	t.Logf("%d nodes and %d pods in %v, as %v", len(got.Nodes), len(got.Pods), got.End.Sub(got.Start), types.seen)
	got = usage.NewCleaner(usage.DefaultBounds(), nil).Clean(time.Now(), got)
	if len(got.Nodes) == 0 || got.Dropped.Total() != 0 {
		t.Errorf("clean: %d nodes, dropped %v", len(got.Nodes), got.Dropped)
	}
	for _, n := range got.Nodes {
		cpu, ok := n.Get(usage.CPU)
		memory, ok2 := n.Get(usage.Memory)
		if !ok || !ok2 || n.Window <= 0 {
			t.Errorf("node %s: %+v", n.Node, n)
		}
		t.Logf("node %s: %.3f cores, %.0f bytes, %v old, over %v", n.Node, cpu, memory, got.End.Sub(n.Time).Round(time.Second), n.Window)
	}
	for _, p := range got.Pods {
		cpu, _ := p.Get(usage.CPU)
		memory, _ := p.Get(usage.Memory)
		t.Logf("pod %s/%s: %.3f cores, %.0f bytes", p.Namespace, p.Name, cpu, memory)
	}
}

// contentTypes notes the types of the answers.
type contentTypes struct {
	mu   sync.Mutex
	seen []string
}

func (c *contentTypes) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if err == nil {
			c.mu.Lock()
			c.seen = append(c.seen, resp.Header.Get("Content-Type"))
			c.mu.Unlock()
		}
		return resp, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
