// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth/httpauthtest"
)

func source(t testing.TB, config Config) *Source {
	t.Helper()
	s, err := New(config, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readAll reads until every pod has a rate, which takes Prometheus two scrapes.
func readAll(t *testing.T, s *Source) usage.Reading {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		r, err := s.Read(ctx)
		if err == nil && len(r.Nodes) == 1 && len(r.Pods) == pods && r.Nodes[0].Has(usage.CPU) && r.Pods[0].Has(usage.CPU) {
			return r
		}
		if err != nil && !errors.Is(err, usage.ErrEmpty) || ctx.Err() != nil {
			t.Fatalf("%d nodes, %d pods, error %v", len(r.Nodes), len(r.Pods), err)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func about(t *testing.T, what string, v usage.Values, q usage.Quantity, want float64) {
	t.Helper()
	if got, ok := v.Get(q); !ok || math.Abs(got-want) > 0.15*want {
		t.Errorf("%s: %v is %v, %v; want about %v", what, q, got, ok, want)
	}
}

// One Prometheus serves the tests that need no credentials.
func TestPrometheus(t *testing.T) {
	server := start(t, false)
	config := Config{URL: server.URL, Window: 3 * time.Second}

	t.Run("Read", func(t *testing.T) {
		config := config
		config.Pods = CadvisorPods()
		config.Pods.Values = append(config.Pods.Values, CadvisorPressure()...)
		config.Pods.Values = append(config.Pods.Values, Query{usage.ResponseTime,
			`sum by (namespace, pod) (rate(response_seconds_sum[$window])) / sum by (namespace, pod) (rate(response_seconds_count[$window]))`})
		s := source(t, config)
		// A counter that is younger than the window has its true rate all the same; here it
		// comes from two scrapes a quarter of a second apart, which are not that punctual.
		young := readAll(t, s)
		if cpu, _ := young.Nodes[0].Get(usage.CPU); cpu < 1 || cpu > 2 {
			t.Errorf("young: %v cores", cpu)
		}
		time.Sleep(time.Until(server.begin.Add(10 * time.Second))) // It scrapes first after five.
		r := readAll(t, s)
		if r.Dropped.Total() != 0 || len(r.Warnings) != 0 {
			t.Errorf("dropped %v, warnings %v", r.Dropped, r.Warnings)
		}
		n := r.Nodes[0]
		if n.Node != "a" || n.Len() != 2 || n.Window != 3*time.Second {
			t.Errorf("node %+v", n)
		}
		about(t, "node", n.Values, usage.CPU, 1.5)
		about(t, "node", n.Values, usage.Memory, 2<<30)
		if age := r.End.Sub(n.Time); age < 0 || age > time.Second {
			t.Errorf("the node's sample is %v old", age)
		}
		for _, p := range r.Pods {
			if p.Namespace != "ns" || p.Node != "a" {
				t.Errorf("pod %+v", p)
			}
			about(t, p.Name, p.Values, usage.CPU, 0.2)
			about(t, p.Name, p.Values, usage.Memory, 2<<20)
			if p.Name == "p0" {
				about(t, p.Name, p.Values, usage.CPUSome, 0.5)
				about(t, p.Name, p.Values, usage.Throttled, 0.25)
				about(t, p.Name, p.Values, usage.ResponseTime, 0.15)
			} else if p.Len() != 2 {
				t.Errorf("pod %+v", p)
			}
		}
		clean := usage.NewCleaner(usage.DefaultBounds(), nil).Clean(time.Now(), r)
		if len(clean.Nodes) != 1 || len(clean.Pods) != pods || clean.Dropped.Total() != 0 {
			t.Errorf("clean: %d nodes, %d pods, dropped %v", len(clean.Nodes), len(clean.Pods), clean.Dropped)
		}
	})

	t.Run("History", func(t *testing.T) {
		for _, limit := range []int64{0, 20_000} { // The second one needs halves.
			config := config
			config.MaxBytes = limit
			config.ChunkSteps = 5
			s := source(t, config)
			const step = 250 * time.Millisecond
			var from, to time.Time
			readings, complete := 0, 0
			for complete < 10 && to.Sub(server.begin) < time.Minute { // A busy machine scrapes late.
				from, to = server.begin.Add(-5*time.Second), time.Now().Truncate(time.Millisecond)
				var last time.Time
				readings, complete = 0, 0
				err := s.History(t.Context(), from, to, step, func(r usage.Reading) error {
					readings++
					if !r.Start.After(last) || r.Start.After(to) || r.Start.Sub(from.Truncate(time.Millisecond))%step != 0 {
						t.Errorf("step %v after %v", r.Start, last)
					}
					last = r.Start
					if len(r.Nodes) == 1 && len(r.Pods) == pods && r.Nodes[0].Has(usage.CPU) {
						complete++
						if r.Start.Sub(server.begin) > 9*time.Second {
							about(t, "node", r.Nodes[0].Values, usage.CPU, 1.5)
						}
					}
					for _, n := range r.Nodes {
						if age := r.Start.Sub(n.Time); age < 0 || age > time.Second {
							t.Errorf("at %v a sample of %v", r.Start, n.Time)
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if complete < 10 || readings > int(to.Sub(server.begin)/step)+1 {
				t.Errorf("%d readings, of which %d complete", readings, complete)
			}
			stop := errors.New("stop")
			if err := s.History(t.Context(), from, to, step, func(usage.Reading) error { return stop }); err != stop {
				t.Errorf("error of deliver: %v", err)
			}
		}
	})

	t.Run("TooManySeries", func(t *testing.T) {
		config := config
		config.MaxSeries = pods - 1
		if _, err := source(t, config).Read(t.Context()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	})

	t.Run("TooManyBytes", func(t *testing.T) {
		config := config
		config.MaxBytes = 2000
		if _, err := source(t, config).Read(t.Context()); !errors.Is(err, ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	})

	t.Run("BadQuery", func(t *testing.T) {
		config := config
		config.Nodes = Queries{Values: []Query{{usage.CPU, "sum by (node"}}}
		_, err := source(t, config).Read(t.Context())
		if err == nil || !strings.Contains(err.Error(), "sum by (node: bad_data") {
			t.Errorf("error %v", err)
		}
		config.Nodes = Queries{Values: []Query{{usage.CPU, "1"}}}
		if _, err := source(t, config).Read(t.Context()); err == nil {
			t.Error("a scalar is no error")
		}
	})

	// A query that selects nothing is a fault and not an idle cluster.
	t.Run("NothingSelected", func(t *testing.T) {
		config := config
		config.Nodes = Queries{Values: []Query{{usage.CPU, "no_such_metric"}}}
		if _, err := source(t, config).Read(t.Context()); !errors.Is(err, usage.ErrEmpty) {
			t.Errorf("error %v", err)
		}
	})

	// Series that do not name an object, and series that share one, are dropped.
	t.Run("WrongLabels", func(t *testing.T) {
		config := config
		config.Pods = Queries{Values: []Query{{usage.Memory, `container_memory_working_set_bytes`}}}
		r, err := source(t, config).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if r.Dropped[usage.Nameless] != 1 || r.Dropped[usage.Duplicate] != pods {
			t.Errorf("dropped %v", r.Dropped)
		}
	})

	t.Run("BearerToken", func(t *testing.T) {
		// Prometheus itself has no tokens; proxies in front of it do.
		behind, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(behind)
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer good" {
				http.Error(w, "who are you?", http.StatusUnauthorized)
				return
			}
			proxy.ServeHTTP(w, r)
		}))
		defer front.Close()
		config := config
		config.URL = front.URL
		config.Files.Token = httpauthtest.Write(t, "token", []byte("bad"))
		s := source(t, config)
		if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
			t.Errorf("error %v", err)
		}
		httpauthtest.Rewrite(t, config.Files.Token, []byte("good"))
		if _, err := s.Read(t.Context()); err != nil {
			t.Error(err)
		}
	})

	// A server that stands still holds up neither the context nor the query's timeout.
	t.Run("Stopped", func(t *testing.T) {
		if err := server.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = server.Process.Signal(syscall.SIGCONT) }()
		begin := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := source(t, config).Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		config := config
		config.QueryTimeout = 200 * time.Millisecond
		if _, err := source(t, config).Read(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if d := time.Since(begin); d > 2*time.Second {
			t.Errorf("took %v", d)
		}
	})

	t.Run("Again", func(t *testing.T) {
		if _, err := source(t, config).Read(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TLS with client certificates and basic authentication at once, as Prometheus itself
// offers them.
func TestPrometheusSecure(t *testing.T) {
	server := start(t, true)
	cert, key := server.CA.Issue(t, "foresight")
	config := Config{URL: server.URL, Window: 3 * time.Second, Files: httpauth.Files{
		CA:   httpauthtest.Write(t, "ca.pem", server.CA.PEM),
		Cert: httpauthtest.Write(t, "cert.pem", cert), Key: httpauthtest.Write(t, "key.pem", key),
		Username: "u", Password: httpauthtest.Write(t, "password", []byte("secret")),
	}}
	readAll(t, source(t, config))

	wrong := config
	wrong.Files.Password = httpauthtest.Write(t, "password", []byte("guess"))
	if _, err := source(t, wrong).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("wrong password: error %v", err)
	} else if strings.Contains(err.Error(), "guess") {
		t.Errorf("the error shows the password: %v", err)
	}
	wrong = config
	wrong.Files.Cert, wrong.Files.Key = "", ""
	if _, err := source(t, wrong).Read(t.Context()); err == nil {
		t.Error("no client certificate: no error")
	}
	wrong = config
	wrong.Files.CA = httpauthtest.Write(t, "ca.pem", httpauthtest.NewAuthority(t).PEM)
	if _, err := source(t, wrong).Read(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("another authority: error %v", err)
	}
}

func TestConfigIsValidated(t *testing.T) {
	for name, c := range map[string]Config{
		"no URL":                {},
		"no server":             {URL: "http://"},
		"another scheme":        {URL: "ftp://host"},
		"a password in the URL": {URL: "https://u:p@host"},
		"a token in the open":   {URL: "http://host", Files: httpauth.Files{Token: "/dev/null"}},
		"a part of a second":    {URL: "https://host", Window: time.Millisecond},
		"a negative limit":      {URL: "https://host", MaxSeries: -1},
		"two of a quantity":     {URL: "https://host", Nodes: Queries{Values: []Query{{usage.CPU, "x"}, {usage.CPU, "y"}}}},
		"no query":              {URL: "https://host", Pods: Queries{Values: []Query{{usage.CPU, " "}}}},
		"no such quantity":      {URL: "https://host", Pods: Queries{Values: []Query{{99, "x"}}}},
	} {
		if _, err := New(c, clock.RealClock{}); err == nil {
			t.Errorf("%s: no error", name)
		} else if strings.Contains(err.Error(), "u:p@") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}
