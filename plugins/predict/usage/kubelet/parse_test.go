// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

func TestParseCadvisorErrors(t *testing.T) {
	for _, page := range []string{
		`container_cpu_usage_seconds_total{id="/"`,
		`container_cpu_usage_seconds_total{id="/"}`,
		`container_cpu_usage_seconds_total{id="/} 1`,
		`container_cpu_usage_seconds_total{id=/} 1`,
		`container_cpu_usage_seconds_total{id} 1`,
		`container_cpu_usage_seconds_total{id="/"} one`,
		`container_cpu_usage_seconds_total{id="/"} 1 now`,
		`container_cpu_usage_seconds_total{id="/"} 1 2 3`,
	} {
		if _, err := parseCadvisor(strings.NewReader("# a comment\n"+page), time.Now()); err == nil || !strings.HasPrefix(err.Error(), "line 2, ") {
			t.Errorf("%s: error %v", page, err)
		}
	}
}

func TestParseCadvisorSkips(t *testing.T) {
	groups, err := parseCadvisor(strings.NewReader("\n\n# HELP x y\nother{a=\"b\"} broken\r\ncontainer_cpu_usage_seconds_total 1\n"+
		"container_cpu_usage_seconds_total{cpu=\"cpu00\",id=\"/\"} 1\n{\n"), time.Now())
	if err != nil || len(groups) != 0 {
		t.Errorf("groups %v, error %v", groups, err)
	}
}

// What Prometheus' own writer writes is read as what it was.
func FuzzCadvisorAgainstPrometheus(f *testing.F) {
	f.Add("/kubepods/pod1", "ns", "p", "c", 1.5, int64(1_800_000_000_000), true)
	f.Add(`a\"b`+"\n", `\`, `"`, `}`, math.Inf(1), int64(-1), false)
	f.Add(" x ", ",", "=", "{", math.NaN(), int64(0), true)
	f.Fuzz(func(t *testing.T, id, namespace, pod, container string, value float64, millis int64, timed bool) {
		for _, s := range []string{id, namespace, pod, container} {
			if !utf8.ValidString(s) {
				t.Skip("labels are UTF-8")
			}
		}
		label := func(name, value string) *dto.LabelPair { return &dto.LabelPair{Name: &name, Value: &value} }
		metric := &dto.Metric{
			Label: []*dto.LabelPair{
				label("container", container), label("id", id), label("image", "i"), label("namespace", namespace),
				label("other", id), label("pod", pod),
			},
			Counter: &dto.Counter{Value: &value},
		}
		if timed {
			metric.TimestampMs = &millis
		}
		var page bytes.Buffer
		if _, err := expfmt.MetricFamilyToText(&page, &dto.MetricFamily{
			Name: ptr.To("container_cpu_cfs_periods_total"), Help: ptr.To(id), Type: dto.MetricType_COUNTER.Enum(), Metric: []*dto.Metric{metric},
		}); err != nil {
			t.Fatal(err)
		}
		now := time.UnixMilli(1_800_000_000_000)
		groups, err := parseCadvisor(strings.NewReader(page.String()), now)
		if err != nil {
			t.Fatalf("%v in\n%s", err, page.String())
		}
		if id == "" {
			if len(groups) != 0 {
				t.Error("a group without an id")
			}
			return
		}
		g := groups[id]
		if g == nil || g.id != id || g.namespace != namespace || g.pod != pod || g.container != container {
			t.Fatalf("got %+v of\n%s", g, page.String())
		}
		got, at, ok := g.get(cfsPeriods)
		if !ok || got != value && !(math.IsNaN(got) && math.IsNaN(value)) {
			t.Errorf("value %v, %v of\n%s", got, ok, page.String())
		}
		if want := now; timed && !at.Equal(time.UnixMilli(millis)) || !timed && !at.Equal(want) {
			t.Errorf("time %v of\n%s", at, page.String())
		}
	})
}

// Any two pages, one after the other, make samples or an error.
func FuzzCadvisor(f *testing.F) {
	k := &fakeKubelet{node: "n"}
	f.Add([]byte(k.cadvisor(0)), []byte(k.cadvisor(time.Minute)))
	f.Add([]byte(k.cadvisor(time.Minute)), []byte(k.cadvisor(0)))
	f.Add([]byte(`container_pressure_cpu_waiting_seconds_total{id="/"} NaN`), []byte(`container_pressure_cpu_waiting_seconds_total{id="/"} -Inf 9223372036854775807`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		body, err := json.Marshal(k.summary(0))
		if err != nil {
			t.Fatal(err)
		}
		s, err := parseSummary(bytes.NewReader(body), "n")
		if err != nil {
			t.Fatal(err)
		}
		state := counters{}
		for _, page := range [][]byte{first, second} {
			groups, err := parseCadvisor(bytes.NewReader(page), boot)
			if err != nil {
				return
			}
			var n usage.NodeSample
			var pods []usage.PodSample
			n, pods, state, _ = samples("n", s, groups, state)
			noNegative(t, n.Values)
			for _, p := range pods {
				noNegative(t, p.Values)
			}
		}
	})
}

// Any two summaries, one after the other, make samples or an error.
func FuzzSummary(f *testing.F) {
	k := &fakeKubelet{node: "n"}
	for _, elapsed := range []time.Duration{0, time.Minute} {
		body, err := json.Marshal(k.summary(elapsed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, body)
	}
	f.Add([]byte(`{"node":{"nodeName":"n","cpu":{"time":"2026-01-01T00:00:00Z","usageCoreNanoSeconds":5},"memory":null},"pods":[{"podRef":{"uid":"u"},"io":{"psi":{"some":{"avg60":1e300}}}}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		state := counters{}
		for _, body := range [][]byte{first, second} {
			s, err := parseSummary(bytes.NewReader(body), "n")
			if err != nil {
				return
			}
			var n usage.NodeSample
			var pods []usage.PodSample
			n, pods, state, _ = samples("n", s, nil, state)
			if n.Has(usage.CPUFull) || n.Has(usage.Throttled) {
				t.Errorf("node %+v", n)
			}
			if cpu, ok := n.Get(usage.CPU); ok && cpu < 0 {
				t.Errorf("node %+v", n)
			}
			for _, p := range pods {
				if p.UID == "" || p.Node != "n" {
					t.Errorf("pod %+v", p)
				}
			}
		}
	})
}

// Rates of counters are never negative: a reset is no rate.
func noNegative(t *testing.T, v usage.Values) {
	t.Helper()
	for q := range usage.Quantity(usage.NumQuantities) {
		if x, ok := v.Get(q); ok && x < 0 {
			t.Errorf("%v is %v", q, x)
		}
	}
}

// BenchmarkNode is what the two pages of a full node cost: 110 pods of two containers.
func BenchmarkNode(b *testing.B) {
	k := &fakeKubelet{node: "n"}
	answer := k.summary(0)
	for i := range 109 {
		p := answer.Pods[0]
		p.PodRef.Name, p.PodRef.UID = fmt.Sprintf("pod-%d", i), fmt.Sprintf("uid-%d", i)
		p.Containers = append(p.Containers, p.Containers[0])
		answer.Pods = append(answer.Pods, p)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		b.Fatal(err)
	}
	var page bytes.Buffer
	for metric := range 100 { // As many families as a kubelet has, of which nine are read.
		name := fmt.Sprintf("container_other_%d", metric)
		if metric < 9 {
			name = []string{
				"container_cpu_usage_seconds_total", "container_pressure_cpu_waiting_seconds_total", "container_pressure_cpu_stalled_seconds_total",
				"container_pressure_memory_waiting_seconds_total", "container_pressure_memory_stalled_seconds_total", "container_pressure_io_waiting_seconds_total",
				"container_pressure_io_stalled_seconds_total", "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total",
			}[metric]
		}
		for pod := range 110 {
			for _, c := range []string{"", "x", "y"} {
				fmt.Fprintf(&page, "%s{container=%q,id=\"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4f5e_%d.slice/cri-containerd-%s.scope\",image=\"\",name=\"\",namespace=\"ns\",pod=\"pod-%d\"} 123.456789 1800000000123\n", name, c, pod, c, pod)
			}
		}
	}
	state := counters{}
	b.ReportAllocs()
	for b.Loop() {
		s, err := parseSummary(bytes.NewReader(body), "n")
		if err != nil {
			b.Fatal(err)
		}
		groups, err := parseCadvisor(bytes.NewReader(page.Bytes()), boot)
		if err != nil {
			b.Fatal(err)
		}
		_, _, state, _ = samples("n", s, groups, state)
	}
	b.ReportMetric(float64(len(body)), "summary-bytes")
	b.ReportMetric(float64(page.Len()), "cadvisor-bytes")
}
