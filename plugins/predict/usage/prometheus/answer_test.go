// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
)

// over returns a source whose server answers as answer does.
func over(t testing.TB, config Config, clock clock.PassiveClock, answer roundTripper) *Source {
	t.Helper()
	config.URL = "http://in-memory"
	config.setDefaults()
	s, err := New(config, clock)
	if err != nil {
		t.Fatal(err)
	}
	s.client.http = &http.Client{Transport: answer}
	return s
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func always(body io.Reader) roundTripper {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(body), Request: r}, nil
	}
}

// byQuery answers the i-th query with the i-th result.
func byQuery(results ...string) roundTripper {
	i := -1
	return func(r *http.Request) (*http.Response, error) {
		i++
		body := `{"status":"success","data":{"resultType":"vector","result":[` + results[i] + `]}}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

var now = time.Unix(1_800_000_000, 0)

// A node's time is that of its measurement; without one it is not believed. A pod that
// moved has the sample from where it is.
func TestReadJoinsQueries(t *testing.T) {
	s := over(t, Config{}, clocktesting.NewFakePassiveClock(now), byQuery(
		`{"metric":{"node":"a"},"value":[1800000000,"0.5"]},{"metric":{"node":"b"},"value":[1800000000,"NaN"]}`,
		`{"metric":{"node":"a"},"value":[1800000000,"1000"]}`,
		`{"metric":{"node":"a"},"value":[1800000000,"1799999990.5"]},{"metric":{"node":"c"},"value":[1800000000,"1799999990"]}`,
		`{"metric":{"namespace":"ns","pod":"p","node":"a"},"value":[1800000000,"1"]},{"metric":{"namespace":"ns","pod":"p","node":"b"},"value":[1800000000,"2"]}`,
		``,
		`{"metric":{"namespace":"ns","pod":"p","node":"a"},"value":[1800000000,"1799999900"]},{"metric":{"namespace":"ns","pod":"p","node":"b"},"value":[1800000000,"1799999995"]}`,
	))
	r, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Nodes) != 1 || r.Nodes[0].Node != "a" || !r.Nodes[0].Time.Equal(now.Add(-9500*time.Millisecond)) || r.Nodes[0].Len() != 2 {
		t.Errorf("nodes %+v", r.Nodes)
	}
	if len(r.Pods) != 1 || r.Pods[0].Node != "b" {
		t.Errorf("pods %+v", r.Pods)
	}
	if cpu, _ := r.Pods[0].Get(usage.CPU); cpu != 2 {
		t.Errorf("pods %+v", r.Pods)
	}
	if r.Dropped[usage.Stale] != 1 || r.Dropped[usage.OutOfOrder] != 1 || r.Dropped.Total() != 2 {
		t.Errorf("dropped %v", r.Dropped)
	}
}

// Response times are joined by namespace and pod, beside the default queries; one of a pod that is not there is nothing.
func TestResponseTimes(t *testing.T) {
	at := `"value":[1800000000,"1800000000"]`
	s := over(t, Config{Pods: Queries{Values: []Query{{usage.ResponseTime, "x"}}}}, clocktesting.NewFakePassiveClock(now), byQuery(
		`{"metric":{"node":"a"},"value":[1800000000,"0.5"]}`, ``, `{"metric":{"node":"a"},`+at+`}`,
		`{"metric":{"namespace":"ns","pod":"p","node":"a"},"value":[1800000000,"1"]},{"metric":{"namespace":"ns","pod":"q","node":"a"},"value":[1800000000,"2"]}`,
		``,
		`{"metric":{"namespace":"ns","pod":"p"},"value":[1800000000,"0.25"]},{"metric":{"namespace":"ns","pod":"gone"},"value":[1800000000,"9"]},
		 {"metric":{"namespace":"ns","pod":"p","le":"1"},"value":[1800000000,"7"]},{"metric":{"namespace":"ns"},"value":[1800000000,"7"]}`,
		`{"metric":{"namespace":"ns","pod":"p","node":"a"},`+at+`},{"metric":{"namespace":"ns","pod":"q","node":"a"},`+at+`}`,
	))
	r, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Pods) != 2 || r.Pods[1].Has(usage.ResponseTime) {
		t.Fatalf("pods %+v", r.Pods)
	}
	if seconds, ok := r.Pods[0].Get(usage.ResponseTime); !ok || seconds != .25 {
		t.Errorf("p answers in %v, %v", seconds, ok)
	}
	if r.Dropped[usage.Duplicate] != 1 || r.Dropped[usage.Nameless] != 1 {
		t.Errorf("dropped %v", r.Dropped)
	}
}

// Servers differ in what they send, in which order, and in what they let us ask; one that is not well says so.
func TestAnswersOfOtherServers(t *testing.T) {
	const result = `[{"metric":{"node":"a","more":"x"},"value":[1800000000, "Inf"],"more":{}}, null,
		{"value":[1800000000,"7"],"metric":{"node":"b"}}, {"metric":{"node":"c"},"histogram":[1800000000,{"count":"1"}]}]`
	for name, tc := range map[string]struct {
		status int
		body   string
		err    string
	}{
		"in another order":   {200, `{"data":{"more":[{}],"result":` + result + `,"resultType":"vector"},"infos":["x"],"status":"success","warnings":null}`, ""},
		"a matrix":           {200, `{"status":"success","data":{"resultType":"matrix","result":[]}}`, "no vector"},
		"a scalar":           {200, `{"status":"success","data":{"resultType":"scalar","result":[1800000000,"1"]}}`, "query x: "},
		"no result":          {200, `{"status":"success","data":null}`, "no vector"},
		"cut off":            {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1800000000,"1"]}`, "unexpected EOF"},
		"nothing":            {200, ``, "unexpected EOF"},
		"something behind":   {200, `{"status":"success","data":{"resultType":"vector","result":` + result + `}} {}`, "behind"},
		"no JSON":            {200, `<html>`, "query x: invalid character"},
		"no status":          {200, `{"data":{"resultType":"vector","result":[]}}`, `status ""`},
		"no number":          {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1800000000,"1x"]}]}}`, "1x"},
		"no time":            {200, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1e300,"1"]}]}}`, "1e300"},
		"an error":           {200, `{"status":"error","errorType":"timeout","error":"slow"}`, "query x: timeout: slow"},
		"an error's status":  {422, `{"status":"error","errorType":"execution","error":"many-to-many"}`, "query x: execution: many-to-many"},
		"a page":             {503, `<html>no backend` + strings.Repeat(" ", 1000), "503 Service Unavailable: <html>no backend"},
		"posts are not let":  {405, ``, ""},
		"posts are not done": {501, ``, ""},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path != "/prefix/api/v1/query", r.FormValue("query") != "x", r.FormValue("time") != "1800000000.25",
				r.FormValue("timeout") != "20s", r.FormValue("limit") != "300001":
				w.WriteHeader(http.StatusNotFound)
			case r.Method == http.MethodGet:
				_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":`+result+`}}`)
			default:
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			}
		}))
		one := Queries{Values: []Query{{usage.CPU, "x"}}}
		s, err := New(Config{URL: server.URL + "/prefix/", Nodes: one, Pods: one}, clocktesting.NewFakePassiveClock(now.Add(250*time.Millisecond)))
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.Read(t.Context())
		server.Close()
		switch {
		case tc.err != "":
			if err == nil || !strings.Contains(err.Error(), tc.err) || len(err.Error()) > 400 {
				t.Errorf("%s: error %v, want %q", name, err, tc.err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			// The pods' answer names none.
			if len(r.Nodes) != 2 || r.Nodes[1].Node != "b" || r.Dropped[usage.NotANumber] != 4 || r.Dropped[usage.Nameless] != 2 {
				t.Errorf("%s: %+v", name, r)
			}
			a, _ := r.Nodes[0].Get(usage.CPU)
			if b, _ := r.Nodes[1].Get(usage.CPU); !math.IsInf(a, 1) || b != 7 {
				t.Errorf("%s: %v and %v", name, a, b)
			}
		}
	}
}

func TestWarningsAreHandedOn(t *testing.T) {
	s := over(t, Config{
		Nodes: Queries{Values: []Query{{usage.CPU, "x"}}}, Pods: Queries{Values: []Query{{usage.CPU, "y"}}},
	}, clock.RealClock{}, func(r *http.Request) (*http.Response, error) {
		body := `{"status":"success","warnings":["store down"],"data":{"resultType":"vector","result":[{"metric":{"node":"a"},"value":[1,"1"]}]}}`
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	r, err := s.Read(t.Context())
	if err != nil || len(r.Warnings) != 2 || r.Warnings[0] != "store down" {
		t.Errorf("warnings %v, error %v", r.Warnings, err)
	}
}

// stream is the body of an answer with so many series, each as write appends it, that is made while it is read.
type stream struct {
	series int
	write  func(b []byte, i int) []byte

	next   int
	buffer []byte
	read   int
}

func (s *stream) Read(p []byte) (n int, err error) {
	for len(s.buffer) < len(p) && s.next <= s.series {
		switch s.next {
		case 0:
			s.buffer = append(s.buffer, `{"status":"success","data":{"resultType":"vector","result":[`...)
			s.buffer = s.write(s.buffer, 0)
		case s.series:
			s.buffer = append(s.buffer, `]}}`...)
		default:
			s.buffer = s.write(append(s.buffer, ','), s.next)
		}
		s.next++
	}
	if n = copy(p, s.buffer); n == 0 {
		return 0, io.EOF
	}
	s.buffer = s.buffer[:copy(s.buffer, s.buffer[n:])]
	s.read += n
	return n, nil
}

// short is the shortest series that is one of a node.
func short(b []byte, _ int) []byte { return append(b, `{"metric":{"node":"a"},"value":[1,"1"]}`...) }

func TestEndlessAnswer(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body := &stream{series: math.MaxInt, write: short}
	s := over(t, Config{MaxBytes: 8 << 20}, clock.RealClock{}, always(body))
	_, err := s.Read(t.Context())
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if body.read > 9<<20 {
		t.Errorf("%d bytes were read", body.read)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 32<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// A million series, as a query that aggregates nothing answers from a large cluster, are refused by the default limits when
// the first one too many has come, and have cost no more memory than what was believed until then.
func TestMillionSeries(t *testing.T) {
	for name, tc := range map[string]struct {
		write func(b []byte, i int) []byte
		// most MiB that are allocated, freed ones among them.
		most uint64
	}{
		"of few objects": {short, 32},
		"each of an object": {func(b []byte, i int) []byte {
			return fmt.Appendf(b, `{"metric":{"node":"node-%07d","container":"web"},"value":[1800000000,"0.123456789"]}`, i)
		}, 384},
	} {
		t.Run(name, func(t *testing.T) {
			body := &stream{series: 1_000_000, write: tc.write}
			s := over(t, Config{}, clock.RealClock{}, always(body))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := s.Read(t.Context())
			runtime.ReadMemStats(&after)
			if !errors.Is(err, ErrTooLarge) {
				t.Errorf("error %v", err)
			}
			if want := 300_001*(len(tc.write(nil, 0))+1) + 64<<10; body.read > want {
				t.Errorf("%d bytes were read, want at most %d", body.read, want)
			}
			grown := (after.TotalAlloc - before.TotalAlloc) >> 20
			t.Logf("%d MiB were allocated", grown)
			if grown > tc.most {
				t.Errorf("want at most %d MiB", tc.most)
			}
		})
	}
}

// BenchmarkRead is one reading at a large cluster: six answers, 15,000 nodes and 150,000
// pods in all of their kind.
func BenchmarkRead(b *testing.B) {
	body := func(objects int, object func(w io.Writer, i int)) []byte {
		var w bytes.Buffer
		w.WriteString(`{"status":"success","data":{"resultType":"vector","result":[`)
		for i := range objects {
			if i > 0 {
				w.WriteByte(',')
			}
			w.WriteString(`{"metric":{`)
			object(&w, i)
			w.WriteString(`},"value":[1800000000,"1799999990.123"]}`)
		}
		w.WriteString(`]}}`)
		return w.Bytes()
	}
	nodes := body(15_000, func(w io.Writer, i int) { fmt.Fprintf(w, `"node":"node-%05d"`, i) })
	pods := body(150_000, func(w io.Writer, i int) {
		fmt.Fprintf(w, `"namespace":"team-%03d","node":"node-%05d","pod":"web-7d4b9c6f5d-%06d"`, i%400, i%15_000, i)
	})
	calls := 0
	s := over(b, Config{}, clocktesting.NewFakePassiveClock(now), func(r *http.Request) (*http.Response, error) {
		answer := nodes
		if calls++; calls%6 == 4 || calls%6 == 5 || calls%6 == 0 {
			answer = pods
		}
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(answer)), Request: r}, nil
	})
	b.ReportAllocs()
	for b.Loop() {
		r, err := s.Read(b.Context())
		if err != nil || len(r.Nodes) != 15_000 || len(r.Pods) != 150_000 {
			b.Fatalf("%d nodes, %d pods, error %v", len(r.Nodes), len(r.Pods), err)
		}
	}
	b.ReportMetric(float64(3*len(nodes)+3*len(pods)), "wire-bytes")
}

// Whatever a server answers, a reading is an error or holds samples with a name, a time
// and a value; and nothing panics.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a","namespace":"ns","pod":"p"},"value":[1800000000,"1"]}]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"node":"a"},"values":[[1800000000,"1"],[1800000015,"NaN"]]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[null]}}`,
		`{"status":"success","data":{"resultType":"matrix","result":[null,{"metric":null,"values":[[1e300,"1"]]}]}}`,
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"a"},"histogram":[1,{"count":"1","sum":"1","buckets":[]}]}]}}`,
		`{"status":"error","errorType":"timeout","error":"slow"}`, `{}`, `null`, ``, `[]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := over(t, Config{}, clocktesting.NewFakePassiveClock(now), func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
		})
		check := func(r usage.Reading) error {
			for _, n := range r.Nodes {
				if n.Node == "" || n.Len() == 0 {
					t.Errorf("node %+v", n)
				}
			}
			for _, p := range r.Pods {
				if p.Namespace == "" || p.Name == "" || p.Len() == 0 {
					t.Errorf("pod %+v", p)
				}
			}
			return nil
		}
		boundedtest.Allocates(t, 6*len(body), func() { // Six queries are asked.
			if r, err := s.Read(t.Context()); err == nil {
				_ = check(r)
				if len(r.Nodes) == 0 {
					t.Error("neither a node nor an error")
				}
			}
		})
		boundedtest.Allocates(t, 6*len(body), func() {
			_ = s.History(t.Context(), now, now.Add(time.Minute), 15*time.Second, check)
		})
	})
}
