// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
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
	if s.client, err = newClientOver(&http.Client{Transport: answer}, config); err != nil {
		t.Fatal(err)
	}
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

// endless is an answer that never ends.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	const series = `{"metric":{"node":"a"},"value":[1,"1"]},`
	n := 0
	for n+len(series) <= len(p) {
		n += copy(p[n:], series)
	}
	if n == 0 {
		n = copy(p, series)
	}
	e.read += int64(n)
	return n, nil
}

func TestEndlessAnswer(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	body := &endless{}
	s := over(t, Config{MaxBytes: 8 << 20}, clock.RealClock{}, always(body))
	_, err := s.Read(t.Context())
	runtime.ReadMemStats(&after)
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if body.read > 9<<20 {
		t.Errorf("%d bytes were read", body.read)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 128<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
}

// A million series, as a query that aggregates nothing answers from a large cluster, are refused by the default limits, at the
// price that MaxBytes tells; and so is the first series too many, however short they are.
func TestMillionSeries(t *testing.T) {
	for _, tc := range []struct {
		count  int
		series string
	}{
		{1_000_000, `{"metric":{"namespace":"shop","pod":"web-7d4b9c6f5d-abcde","node":"node-00001","container":"web"},"value":[1800000000,"0.123456789"]}`},
		{300_001, `{"metric":{"node":"a"},"value":[1,"1"]}`},
	} {
		body := io.MultiReader(strings.NewReader(`{"status":"success","data":{"resultType":"vector","result":[`),
			strings.NewReader(strings.Repeat(tc.series+",", tc.count-1)), strings.NewReader(tc.series+`]}}`))
		s := over(t, Config{}, clock.RealClock{}, always(body))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := s.Read(t.Context())
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%d series: error %v", tc.count, err)
		}
		if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 512 {
			t.Errorf("%d series: %d MiB were allocated", tc.count, grown)
		} else {
			t.Logf("%d series: %d MiB were allocated", tc.count, grown)
		}
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
		if r, err := s.Read(t.Context()); err == nil {
			_ = check(r)
			if len(r.Nodes) == 0 {
				t.Error("neither a node nor an error")
			}
		}
		_ = s.History(t.Context(), now, now.Add(time.Minute), 15*time.Second, check)
	})
}
