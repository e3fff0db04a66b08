// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

// Servers that are almost Prometheus: each refuses what the real one does not know or does not let, and is read all the same. What it
// took to learn that is asked once.
func TestCompatibleServers(t *testing.T) {
	const good = `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1800000000,"1"]}]}}`
	tenant := filepath.Join(t.TempDir(), "tenant")
	if err := os.WriteFile(tenant, []byte("team-b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		query   string // of the configured URL
		headers []httpauth.Header
		// answer answers a request as the server would; empty is a good answer.
		answer func(r *http.Request) (status int, page string)
		// requests that two readings take.
		requests int
	}{
		"Google's refuses limit": {answer: func(r *http.Request) (int, string) {
			if r.FormValue("limit") != "" {
				return 400, `{"error":{"code":400,"message":"Unknown name \"limit\": Cannot bind query parameter.","status":"INVALID_ARGUMENT"}}`
			}
			return 0, ""
		}, requests: 5},
		"durations with one unit": {answer: func(r *http.Request) (int, string) {
			if timeout := r.FormValue("timeout"); timeout != "1500ms" {
				return 400, `{"status":"error","errorType":"bad_data","error":"invalid parameter \"timeout\": cannot parse \"` + timeout + `\" to a valid duration"}`
			}
			return 0, ""
		}, requests: 4},
		"Mimir wants a tenant": {headers: []httpauth.Header{{Name: "X-Scope-OrgID", Value: "team-a"}}, answer: func(r *http.Request) (int, string) {
			if r.Header.Get("X-Scope-OrgID") != "team-a" {
				return 401, "no org id"
			}
			return 0, ""
		}, requests: 4},
		"and takes it from a file": {headers: []httpauth.Header{{Name: "x-scope-orgid", File: tenant}}, answer: func(r *http.Request) (int, string) {
			if r.Header.Get("X-Scope-OrgID") != "team-b" {
				return 401, "no org id"
			}
			return 0, ""
		}, requests: 4},
		"a tenant in the URL, and no posts": {query: "?tenant=team+a&dedup=true", answer: func(r *http.Request) (int, string) {
			switch {
			case r.URL.Query().Get("tenant") != "team a" || r.URL.Query().Get("dedup") != "true":
				return 403, "whose?"
			case r.Method == http.MethodPost:
				return 405, "get it"
			}
			return 0, ""
		}, requests: 8},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if status, page := tc.answer(r); page != "" {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, page)
					return
				}
				if r.FormValue("query") == "" || r.FormValue("time") == "" {
					t.Errorf("asked %v", r.Form)
				}
				_, _ = io.WriteString(w, good)
			}))
			defer server.Close()
			one := Queries{Values: []Query{{usage.CPU, "x"}}}
			s, err := New(Config{
				URL: server.URL + "/prometheus" + tc.query, Nodes: one, Pods: one, QueryTimeout: 1500 * time.Millisecond,
				Files: httpauth.Files{Headers: tc.headers},
			}, clocktesting.NewFakePassiveClock(now))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if r, err := s.Read(t.Context()); err != nil || len(r.Nodes) != 1 {
					t.Fatalf("%+v, error %v", r, err)
				}
			}
			if requests != tc.requests {
				t.Errorf("%d requests, want %d", requests, tc.requests)
			}
		})
	}
}

// Durations are written with one number and one unit, which every version and every cousin of Prometheus reads.
func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		20 * time.Second: "20s", 1500 * time.Millisecond: "1500ms", 90 * time.Second: "90s", 2 * time.Hour: "7200s", 1500 * time.Microsecond: "2ms",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	q, err := (Queries{Values: []Query{{usage.CPU, "rate(x[$window])"}}}).expand(90 * time.Second)
	if err != nil || q.Values[0].PromQL != "rate(x[90s])" {
		t.Errorf("%+v, error %v", q, err)
	}
}

// An error of the connection does not tell the URL's query, which may hold a key.
func TestErrorsKeepKeys(t *testing.T) {
	one := Queries{Values: []Query{{usage.CPU, "x"}}}
	s, err := New(Config{URL: "http://127.0.0.1:1/?key=secret", Nodes: one, Pods: one}, clocktesting.NewFakePassiveClock(now))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
}

// Warnings and errors that do not end are cut before they are held or logged.
func TestLongWarnings(t *testing.T) {
	warning := `"` + strings.Repeat("w", 10_000) + `"`
	body := `{"status":"success","warnings":["x"` + strings.Repeat(","+warning, 3000) + `],"data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1,"1"]}]}}`
	one := Queries{Values: []Query{{usage.CPU, "x"}}}
	s := over(t, Config{Nodes: one, Pods: one}, clocktesting.NewFakePassiveClock(now), func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	r, err := s.Read(t.Context())
	if err != nil || len(r.Warnings) != usage.MaxWarnings || r.Warnings[0] != "x" || len(r.Warnings[1]) > usage.MaxWarning {
		t.Errorf("%d warnings, error %v", len(r.Warnings), err)
	}
	body = `{"status":"error","errorType":"` + strings.Repeat("t", 1<<20) + `","error":"` + strings.Repeat("e", 1<<20) + `"}`
	if _, err := s.Read(t.Context()); err == nil || len(err.Error()) > 2000 {
		t.Errorf("an error of %d bytes", len(err.Error()))
	}
}

// A chunk of history whose samples would be gigabytes is asked for in halves, down to single steps.
func TestHistoryIsHeldInParts(t *testing.T) {
	const objects, steps = 12_000, 100
	one := Queries{Values: []Query{{usage.CPU, "x"}}}
	asked := 0
	s := over(t, Config{Nodes: one, Pods: one, MaxBytes: 1 << 30}, clocktesting.NewFakePassiveClock(now), func(r *http.Request) (*http.Response, error) {
		asked++
		if err := r.ParseForm(); err != nil {
			t.Fatal(err)
		}
		var from, to int64
		if _, err := fmt.Sscan(r.Form.Get("start"), &from); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Sscan(r.Form.Get("end"), &to); err != nil {
			t.Fatal(err)
		}
		var points strings.Builder
		for at := from; at <= to; at += 60 {
			fmt.Fprintf(&points, `,[%d,"1"]`, at)
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(matrix(objects, points.String()[1:])), Request: r}, nil
	})
	readings := 0
	var before, most runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	err := s.History(t.Context(), now, now.Add((steps-1)*time.Minute), time.Minute, func(r usage.Reading) error {
		if readings++; readings%20 == 1 {
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapInuse > most.HeapInuse {
				most = m
			}
		}
		if len(r.Nodes) != objects {
			return fmt.Errorf("%d nodes", len(r.Nodes))
		}
		return nil
	})
	if err != nil || readings != steps {
		t.Errorf("%d readings, error %v", readings, err)
	}
	if grown := int64(most.HeapInuse) - int64(before.HeapInuse); grown > 800<<20 {
		t.Errorf("%d MiB are held", grown>>20)
	}
}

// matrix is an answer with so many series of the same points.
func matrix(series int, points string) io.Reader {
	i := -1
	return &pieces{next: func() string {
		switch i++; {
		case i == 0:
			return `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"node":"first"},"values":[` + points + `]}`
		case i < series:
			return fmt.Sprintf(`,{"metric":{"node":"n%d"},"values":[%s]}`, i, points)
		case i == series:
			return `]}}`
		}
		return ""
	}}
}

// pieces is read piece by piece, until one is empty.
type pieces struct {
	next func() string
	left string
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.left == "" {
		if p.left = p.next(); p.left == "" {
			return 0, io.EOF
		}
	}
	n := copy(b, p.left)
	p.left = p.left[n:]
	return n, nil
}
