// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
)

// over returns a source whose server answers status with the body that is made for each of the two lists, and that takes few.
func over(t testing.TB, status int, header http.Header, body func(list string) io.Reader) *Source {
	t.Helper()
	source, err := newForConfig(&rest.Config{
		Host: "http://in-memory",
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			list := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
			return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(body(list)), Request: r}, nil
		}),
	}, someItems, someBytes)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

const someItems, someBytes = 10_000, 4 << 20

// endless begins with a text and then repeats another one, and counts what was read.
type endless struct {
	begin, repeat string
	pending       []byte
	read          int
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read == 0 {
		e.pending = []byte(e.begin)
	}
	for len(e.pending) < len(p) {
		e.pending = append(e.pending, e.repeat...)
	}
	n := copy(p, e.pending)
	e.pending = e.pending[:copy(e.pending, e.pending[n:])]
	e.read += n
	return n, nil
}

// An answer without an end is refused, whatever it repeats, and has cost no more than the samples that were believed until then:
// gigabytes of it are never in memory.
func TestEndlessAnswers(t *testing.T) {
	protobuf := "k8s\x00\x0a\x00\x12\xff\xff\xff\xff\x7f" // an envelope of 32 GiB
	for name, tc := range map[string]struct {
		begin, repeat string
		mostRead      int
	}{
		"nodes in JSON":     {`{"items":[` + nodeA, "," + nodeA, 2 << 20},
		"nothing in JSON":   {`{"items":[{}`, ",{}", 100 << 10},
		"one string":        {`{"items":[{"metadata":{"name":"`, "aaaaaaaaaaaaaaaa", someBytes + 1},
		"unknown fields":    {`{"a":[],`, `"a":[],`, 100 << 10},
		"nodes in protobuf": {protobuf, "\x12\x05\x0a\x03\x0a\x01a", 200 << 10},
		"one large item":    {protobuf + "\x12\xff\xff\xff\xff\x07", "aaaaaaaaaaaaaaaa", 1 << 20},
		"labels":            {protobuf + "\x0a\xff\xff\xff\xff\x07", "aaaaaaaaaaaaaaaa", someBytes + 1},
	} {
		t.Run(name, func(t *testing.T) {
			body := &endless{begin: tc.begin, repeat: tc.repeat}
			s := over(t, http.StatusOK, nil, func(string) io.Reader { return body })
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := s.Read(t.Context())
			runtime.ReadMemStats(&after)
			if !errors.Is(err, bounded.ErrTooLarge) {
				t.Errorf("error %v", err)
			}
			if body.read > tc.mostRead {
				t.Errorf("%d bytes were read", body.read)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 8*someBytes {
				t.Errorf("%d MiB were allocated", grown>>20)
			}
		})
	}
	body := &endless{begin: "no", repeat: "no"}
	s := over(t, http.StatusServiceUnavailable, nil, func(string) io.Reader { return body })
	if _, err := s.Read(t.Context()); err == nil || len(err.Error()) > 2*maxRefusal || body.read > 2*maxRefusal {
		t.Errorf("a refusal: %d bytes were read, error %.100v", body.read, err)
	}
}

// The server's warnings are told, in a length and a number that fit a log.
func TestWarningsAreCut(t *testing.T) {
	header := http.Header{"Warning": {`299 - "deprecated"`}}
	for range 1000 {
		header.Add("Warning", `299 - "`+strings.Repeat("ä", 10_000)+`"`)
	}
	s := over(t, http.StatusOK, header, func(string) io.Reader { return strings.NewReader(list("L", nodeA)) })
	r, err := s.Read(t.Context())
	if err != nil || len(r.Warnings) != usage.MaxWarnings || r.Warnings[0] != "deprecated" || len(r.Warnings[1]) > usage.MaxWarning {
		t.Errorf("%d warnings, error %v", len(r.Warnings), err)
	}
}

// Quantities are those of Kubernetes, and what is none costs nothing.
func TestQuantities(t *testing.T) {
	for quantity, want := range map[string]float64{
		"0": 0, "1": 1, "250m": .25, "123456789n": .123456789, "5u": 5e-6, "2k": 2000, "1.5Gi": 1.5 * (1 << 30), "16Ei": 1 << 64,
		"1e3": 1000, "1E3": 1000, "1E": 1e18, ".5": .5, "-1": -1, "9223372036854775807": math.MaxInt64, "18446744073709551615": math.MaxUint64,
		"1e-2147483648": 0, "1e2147483647": math.Inf(1),
	} {
		if got := value(quantity); got != want {
			t.Errorf("%s: %v, want %v", quantity, got, want)
		}
	}
	for _, quantity := range []string{"", "m", "1x", "1 ", "0x10", "NaN", "Inf", "1_000", "--1", "1e", "e3", strings.Repeat("9", 1<<20)} {
		if got := value(quantity); !math.IsNaN(got) {
			t.Errorf("%.100s: %v", quantity, got)
		}
	}
}

// One item that cannot be understood is dropped, and no other.
func TestBadItems(t *testing.T) {
	s := over(t, http.StatusOK, nil, func(name string) io.Reader {
		if name == "pods" {
			return strings.NewReader(list("L", `{"metadata":{"name":"p"}}`, podP))
		}
		return strings.NewReader(list("L", `null`, nodeA,
			`{"metadata":{"name":"b"},"timestamp":"yesterday","window":"x","usage":{"cpu":"one","memory":1024}}`,
			`{"metadata":{"name":"c"},"timestamp":null,"usage":null}`))
	})
	r, err := s.Read(t.Context())
	if err != nil || len(r.Nodes) != 3 || len(r.Pods) != 1 || r.Dropped[usage.Nameless] != 2 {
		t.Fatalf("%+v, error %v", r, err)
	}
	if cpu, _ := r.Nodes[1].Get(usage.CPU); !math.IsNaN(cpu) || !r.Nodes[1].Time.IsZero() {
		t.Errorf("%+v", r.Nodes[1])
	}
	expect(t, "node b", r.Nodes[1].Values, usage.Memory, 1024)
}

// Both forms of an answer say the same.
func TestProtobufAndJSONAgree(t *testing.T) {
	at := time.Now().Truncate(time.Second)
	var readings []usage.Reading
	for _, mediaType := range []string{apiruntime.ContentTypeProtobuf, apiruntime.ContentTypeJSON} {
		nodes, pods := bodies(t, mediaType, 20, 200, at)
		r, err := over(t, http.StatusOK, nil, func(list string) io.Reader {
			if list == "pods" {
				return bytes.NewReader(pods)
			}
			return bytes.NewReader(nodes)
		}).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		readings = append(readings, r)
	}
	for i, n := range readings[0].Nodes {
		if m := readings[1].Nodes[i]; n.Node != m.Node || n.Values != m.Values || !n.Time.Equal(m.Time) || n.Window != m.Window {
			t.Errorf("%+v and %+v", n, m)
		}
	}
	for i, p := range readings[0].Pods {
		if q := readings[1].Pods[i]; p.Namespace != q.Namespace || p.Name != q.Name || p.Values != q.Values || !p.Time.Equal(q.Time) || p.Len() != 2 {
			t.Errorf("%+v and %+v", p, q)
		}
	}
}

// Whatever a server answers, nothing panics, a reading holds names, and memory is bounded by the answer's length.
func FuzzList(f *testing.F) {
	at := time.Unix(1_800_000_000, 0)
	for _, mediaType := range []string{apiruntime.ContentTypeProtobuf, apiruntime.ContentTypeJSON} {
		nodes, pods := bodies(f, mediaType, 2, 3, at)
		f.Add(nodes)
		f.Add(pods)
	}
	f.Add([]byte(list("L", `null`, `{}`, `{"containers":[{},{},{"usage":{"cpu":"1e-2147483648"}}]}`)))
	f.Add([]byte("k8s\x00\x12\xff\xff\xff\xff\x7f\x12\x02\x22\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := over(t, http.StatusOK, nil, func(string) io.Reader { return bytes.NewReader(body) })
		boundedtest.Allocates(t, 2*len(body), func() {
			r, err := s.Read(t.Context())
			if err != nil {
				return
			}
			for _, n := range r.Nodes {
				if n.Node == "" {
					t.Error("a node without a name")
				}
			}
			for _, p := range r.Pods {
				if p.Name == "" || p.Namespace == "" {
					t.Error("a pod without a name")
				}
			}
		})
	})
}
