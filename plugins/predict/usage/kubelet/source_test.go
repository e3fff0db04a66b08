// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth/httpauthtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/kubelettest"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/pages"
)

// fakeKubelet serves the kubelet's two pages over TLS, as the kubelet writes them.
type fakeKubelet struct {
	node string
	// token that it accepts.
	token atomic.Value
	// elapsed since the start, which its counters follow.
	elapsed atomic.Int64
	// noCadvisor says that the second page fails.
	noCadvisor atomic.Bool
	// hold delays each answer until it is closed.
	hold    chan struct{}
	asked   atomic.Int32
	running *gauge
	address string
}

// gauge notes how many run at a time at most.
type gauge struct {
	mu       sync.Mutex
	now, max int
}

func (g *gauge) add(n int) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.now += n
	g.max = max(g.max, g.now)
}

func startKubelet(t *testing.T, ca *httpauthtest.Authority, k *fakeKubelet) *fakeKubelet {
	t.Helper()
	k.token.Store("token")
	s := httptest.NewUnstartedServer(k)
	s.TLS = ca.ServerConfig(t)
	s.StartTLS()
	t.Cleanup(s.Close)
	k.address = strings.TrimPrefix(s.URL, "https://")
	return k
}

func (k *fakeKubelet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.running.add(1)
	defer k.running.add(-1)
	k.asked.Add(1)
	if k.hold != nil {
		select {
		case <-k.hold:
		case <-r.Context().Done():
			return
		}
	}
	byCert := len(r.TLS.PeerCertificates) > 0
	if !byCert && r.Header.Get("Authorization") != "Bearer "+k.token.Load().(string) {
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
		return
	}
	elapsed := time.Duration(k.elapsed.Load())
	switch {
	case r.URL.Path == "/stats/summary":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(kubelettest.Summary(k.node, elapsed))
	case r.URL.Path == "/metrics/cadvisor" && !k.noCadvisor.Load():
		_, _ = w.Write([]byte(kubelettest.Cadvisor(elapsed)))
	default:
		http.Error(w, "broken", http.StatusInternalServerError)
	}
}

// cluster is some kubelets and the configuration to ask them.
func cluster(t *testing.T, n int, change func(i int, k *fakeKubelet)) (Config, []*fakeKubelet, Targets) {
	t.Helper()
	ca := httpauthtest.NewAuthority(t)
	config := Config{
		CAFile:    httpauthtest.Write(t, "ca.pem", ca.PEM),
		TokenFile: httpauthtest.Write(t, "token", []byte("token\n")),
	}
	var kubelets []*fakeKubelet
	var targets []Target
	for i := range n {
		k := &fakeKubelet{node: fmt.Sprintf("node-%d", i)}
		if change != nil {
			change(i, k)
		}
		startKubelet(t, ca, k)
		kubelets = append(kubelets, k)
		targets = append(targets, Target{Node: fmt.Sprintf("node-%d", i), Address: k.address})
	}
	return config, kubelets, func() ([]Target, map[string]error, error) { return targets, nil, nil }
}

func source(t *testing.T, config Config, targets Targets) *Source {
	t.Helper()
	s, err := New(config, targets, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func read(t *testing.T, s *Source) usage.Reading {
	t.Helper()
	r, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect compares all values; those not wanted must not be there.
func expect(t *testing.T, what string, got usage.Values, want map[usage.Quantity]float64) {
	t.Helper()
	for q := range usage.Quantity(usage.NumQuantities) {
		x, ok := got.Get(q)
		y, wanted := want[q]
		if ok != wanted || math.Abs(x-y) > 1e-6*y {
			t.Errorf("%s: %v is %v, %v; want %v, %v", what, q, x, ok, y, wanted)
		}
	}
}

// The summary alone: the first reading has the kubelet's own CPU rate, the later ones
// that between the readings; pressure is the average of a minute.
func TestReadSummary(t *testing.T) {
	config, kubelets, targets := cluster(t, 1, nil)
	s := source(t, config, targets)
	pressure := map[usage.Quantity]float64{
		usage.CPUSome: 0.2, usage.MemorySome: 0.02, usage.MemoryFull: 0.01, usage.IOSome: 0.04, usage.IOFull: 0.03,
	}
	with := func(more map[usage.Quantity]float64) map[usage.Quantity]float64 {
		for q, x := range pressure {
			more[q] = x
		}
		return more
	}
	r := read(t, s)
	if len(r.Nodes) != 1 || len(r.Pods) != 2 || len(r.Failed) != 0 {
		t.Fatalf("reading %+v", r)
	}
	expect(t, "first, node", r.Nodes[0].Values, with(map[usage.Quantity]float64{usage.CPU: 3, usage.Memory: 2e9}))
	if r.Nodes[0].Window != pages.Window || !r.Nodes[0].Time.Equal(kubelettest.Start) {
		t.Errorf("node %+v", r.Nodes[0])
	}
	if p := r.Pods[1]; p.Len() != 0 {
		t.Errorf("zeros became values: %+v", p)
	}

	kubelets[0].elapsed.Store(int64(20 * time.Second))
	r = read(t, s)
	expect(t, "second, node", r.Nodes[0].Values, with(map[usage.Quantity]float64{usage.CPU: 1.5, usage.Memory: 2e9}))
	p := r.Pods[0]
	expect(t, "second, pod", p.Values, map[usage.Quantity]float64{
		usage.CPU: 0.25, usage.Memory: 1e8, usage.CPUSome: 0.2, usage.CPUFull: 0.05, usage.MemorySome: 0.02, usage.MemoryFull: 0.01,
	})
	if p.Window != 20*time.Second || !p.Time.Equal(kubelettest.Start.Add(20*time.Second)) || p.UID != "uid-p" || p.Node != "node-0" || p.Name != "p" {
		t.Errorf("pod %+v", p)
	}

	// The kubelet has nothing newer: the sample is for the cleaner to know.
	r = read(t, s)
	if r.Nodes[0].Has(usage.CPU) || !r.Nodes[0].Time.Equal(kubelettest.Start.Add(20*time.Second)) {
		t.Errorf("third: %+v", r.Nodes[0])
	}
	kubelets[0].elapsed.Store(int64(40 * time.Second))
	r = read(t, s)
	if r.Nodes[0].Window != 20*time.Second {
		t.Errorf("fourth: %+v", r.Nodes[0])
	}

	// An answer from before the last one, as of a cache, makes no rate.
	kubelets[0].elapsed.Store(-int64(time.Minute))
	if r = read(t, s); r.Nodes[0].Has(usage.CPU) || r.Dropped.Total() != 0 {
		t.Errorf("an older answer: %+v", r.Nodes[0])
	}
}

// With cAdvisor's page there are pressure between the readings, throttling, and times in
// milliseconds.
func TestReadCadvisor(t *testing.T) {
	config, kubelets, targets := cluster(t, 1, nil)
	config.Cadvisor = true
	s := source(t, config, targets)
	read(t, s)
	kubelets[0].elapsed.Store(int64(15500 * time.Millisecond))
	r := read(t, s)
	if len(r.Failed) != 0 || r.Dropped.Total() != 0 {
		t.Fatalf("failed %v, dropped %v", r.Failed, r.Dropped)
	}
	expect(t, "node", r.Nodes[0].Values, map[usage.Quantity]float64{
		usage.CPU: 1.5, usage.Memory: 2e9, usage.CPUSome: 0.4,
		usage.MemorySome: 0.02, usage.MemoryFull: 0.01, usage.IOSome: 0.04, usage.IOFull: 0.03, // Only in the summary.
	})
	expect(t, "pod", r.Pods[0].Values, map[usage.Quantity]float64{
		usage.CPU: 0.25, usage.Memory: 1e8, usage.CPUSome: 0.3, usage.CPUFull: 0.1, usage.IOSome: 0.05, usage.Throttled: 0.4,
		usage.MemorySome: 0.02, usage.MemoryFull: 0.01,
	})
	if n := r.Nodes[0]; n.Window != 15500*time.Millisecond || !n.Time.Equal(kubelettest.Start.Add(15750*time.Millisecond)) {
		t.Errorf("node %+v", n)
	}

	// Without the page the summary is still read, and the failure is told.
	kubelets[0].noCadvisor.Store(true)
	kubelets[0].elapsed.Store(int64(31 * time.Second))
	r = read(t, s)
	if len(r.Failed) != 1 || len(r.Nodes) != 1 || !r.Nodes[0].Has(usage.CPU) || r.Pods[0].Has(usage.Throttled) {
		t.Errorf("reading %+v", r)
	}

	// When it is back, its counters are compared with the last ones there were.
	kubelets[0].noCadvisor.Store(false)
	kubelets[0].elapsed.Store(int64(45500 * time.Millisecond))
	r = read(t, s)
	if len(r.Failed) != 0 || r.Nodes[0].Window != 30*time.Second || !r.Pods[0].Has(usage.Throttled) {
		t.Errorf("reading %+v", r)
	}
}

// Some kubelets down: the others are read, and the failures are named.
func TestPartialFailure(t *testing.T) {
	config, _, targets := cluster(t, 3, func(i int, k *fakeKubelet) {
		if i == 1 {
			k.node = "another" // Its address was given away.
		}
	})
	s := source(t, config, func() ([]Target, map[string]error, error) {
		list, _, _ := targets()
		return append(list, Target{Node: "dead", Address: "127.0.0.1:1"}), map[string]error{"bare": errNoAddress}, nil
	})
	r := read(t, s)
	if len(r.Nodes) != 2 || len(r.Failed) != 3 {
		t.Fatalf("%d nodes, failed %v", len(r.Nodes), r.Failed)
	}
	text := map[string]string{}
	for _, f := range r.Failed {
		text[f.Node] = f.Error()
	}
	if !strings.Contains(text["node-1"], `"another"`) || !strings.Contains(text["dead"], "refused") || !strings.Contains(text["bare"], "internal IP") {
		t.Errorf("failures %v", text)
	}
}

func TestAllFail(t *testing.T) {
	config, _, _ := cluster(t, 0, nil)
	s := source(t, config, func() ([]Target, map[string]error, error) {
		return []Target{{Node: "dead", Address: "127.0.0.1:1"}}, nil, nil
	})
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "none of 1 kubelets") {
		t.Errorf("error %v", err)
	}
	s = source(t, config, func() ([]Target, map[string]error, error) { return nil, nil, nil })
	if _, err := s.Read(t.Context()); !errors.Is(err, usage.ErrEmpty) {
		t.Errorf("no targets: error %v", err)
	}
}

func TestTLSIsVerified(t *testing.T) {
	config, kubelets, targets := cluster(t, 1, nil)
	config.CAFile = httpauthtest.Write(t, "ca.pem", httpauthtest.NewAuthority(t).PEM)
	_, err := source(t, config, targets).Read(t.Context())
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("error %v", err)
	}
	if kubelets[0].asked.Load() != 0 {
		t.Error("the token was sent")
	}
}

func TestTokenIsReadAgain(t *testing.T) {
	config, kubelets, targets := cluster(t, 1, nil)
	s := source(t, config, targets)
	read(t, s)
	kubelets[0].token.Store("rotated")
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("error %v", err)
	}
	httpauthtest.Rewrite(t, config.TokenFile, []byte("rotated"))
	read(t, s)
}

func TestClientCertificate(t *testing.T) {
	ca := httpauthtest.NewAuthority(t)
	k := startKubelet(t, ca, &fakeKubelet{node: "n"})
	cert, key := ca.Issue(t, "foresight")
	read(t, source(t, Config{
		CAFile:   httpauthtest.Write(t, "ca.pem", ca.PEM),
		CertFile: httpauthtest.Write(t, "cert.pem", cert), KeyFile: httpauthtest.Write(t, "key.pem", key),
	}, func() ([]Target, map[string]error, error) { return []Target{{"n", k.address}}, nil, nil }))
}

func TestConcurrencyIsBounded(t *testing.T) {
	var running gauge
	config, _, targets := cluster(t, 12, func(_ int, k *fakeKubelet) { k.running = &running })
	config.Concurrency = 3
	if r := read(t, source(t, config, targets)); len(r.Nodes) != 12 {
		t.Errorf("%d nodes", len(r.Nodes))
	}
	if running.max > 3 {
		t.Errorf("%d at a time", running.max)
	}
}

// One slow kubelet fails by its timeout and holds up nobody else; from then on it waits
// in its own lane, where it takes no place from the others.
func TestSlowKubelet(t *testing.T) {
	hold := make(chan struct{})
	config, kubelets, targets := cluster(t, 6, func(i int, k *fakeKubelet) {
		if i == 2 {
			k.hold = hold
		}
	})
	t.Cleanup(func() { close(hold) })
	config.Concurrency = 1
	config.Timeout = time.Second
	s := source(t, config, targets)
	if r := read(t, s); len(r.Nodes) != 5 || len(r.Failed) != 1 || !errors.Is(r.Failed[0], context.DeadlineExceeded) {
		t.Errorf("%d nodes, failed %v", len(r.Nodes), r.Failed)
	}
	// With a single place the others are all asked while the slow one is.
	slow := kubelets[2].asked.Load()
	done := make(chan usage.Reading)
	go func() {
		r, _ := s.Read(t.Context())
		done <- r
	}()
	deadline := time.Now().Add(800 * time.Millisecond)
	for _, k := range kubelets {
		for k.asked.Load() < 2 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if k.asked.Load() < 2 {
			t.Errorf("%s is held up", k.node)
		}
	}
	if r := <-done; len(r.Nodes) != 5 || kubelets[2].asked.Load() != slow+1 {
		t.Errorf("%d nodes", len(r.Nodes))
	}
}

// When the context ends in the midst, what was read is returned.
func TestReadEndsWithItsContext(t *testing.T) {
	config, _, targets := cluster(t, 4, nil)
	config.Spread = time.Hour
	s := source(t, config, targets)
	s.client.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := s.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begin); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// The requests are spread, each node has its place, and the places are not all the same.
func TestSpread(t *testing.T) {
	s := &Source{config: Config{Spread: time.Minute}, nodes: map[string]*node{}}
	var targets []Target
	for i := range 1000 {
		targets = append(targets, Target{Node: fmt.Sprintf("node-%d", i)})
	}
	plan := s.plan(targets)
	quarters := [4]int{}
	for i, r := range plan {
		if i > 0 && r.due < plan[i-1].due {
			t.Fatal("out of order")
		}
		quarters[int(r.due/(15*time.Second))]++
	}
	for _, n := range quarters {
		if n < 150 || n > 350 {
			t.Errorf("quarters %v", quarters)
		}
	}
	if len(s.plan(append(targets, targets...))) != 1000 {
		t.Error("a node is asked twice")
	}
}

func TestFromLister(t *testing.T) {
	indexer := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{})
	add := func(name string, port int32, addresses ...corev1.NodeAddress) {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		n.Status.DaemonEndpoints.KubeletEndpoint.Port = port
		n.Status.Addresses = addresses
		if err := indexer.Add(n); err != nil {
			t.Fatal(err)
		}
	}
	add("v4", 10250, corev1.NodeAddress{Type: corev1.NodeHostName, Address: "h"}, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "10.0.0.1"})
	add("v6", 10251, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "fd00::1"})
	add("bare", 10250, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: "8.8.8.8"})
	add("portless", 0, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: "10.0.0.2"})
	targets, unreachable, err := FromLister(corelisters.NewNodeLister(indexer))()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, target := range targets {
		got[target.Node] = target.Address
	}
	if len(got) != 2 || got["v4"] != "10.0.0.1:10250" || got["v6"] != "[fd00::1]:10251" {
		t.Errorf("targets %v", got)
	}
	if unreachable["bare"] != errNoAddress || unreachable["portless"] != errNoPort {
		t.Errorf("unreachable %v", unreachable)
	}
}

func TestConfigIsValidated(t *testing.T) {
	file := httpauthtest.Write(t, "file", []byte("x"))
	for name, c := range map[string]Config{
		"no CA":                {TokenFile: file},
		"no credentials":       {CAFile: file},
		"half a certificate":   {CAFile: file, CertFile: file},
		"a negative timeout":   {CAFile: file, TokenFile: file, Timeout: -1},
		"a CA that is none":    {CAFile: file, TokenFile: file},
		"no such token's file": {CAFile: httpauthtest.Write(t, "ca.pem", httpauthtest.NewAuthority(t).PEM), TokenFile: "/nonexistent"},
	} {
		if _, err := New(c, nil, clock.RealClock{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestLongAnswer(t *testing.T) {
	config, _, targets := cluster(t, 1, nil)
	config.MaxBytes = 100
	if _, err := source(t, config, targets).Read(t.Context()); err == nil || !strings.Contains(err.Error(), bounded.ErrTooLarge.Error()) {
		t.Errorf("error %v", err)
	}
}
