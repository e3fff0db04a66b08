// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

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
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsapi "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/kubelettest"
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
		if _, err := ParseCadvisor(strings.NewReader("# a comment\n"+page), time.Now()); err == nil || !strings.HasPrefix(err.Error(), "line 2, ") {
			t.Errorf("%s: error %v", page, err)
		}
	}
}

func TestParseCadvisorSkips(t *testing.T) {
	groups, err := ParseCadvisor(strings.NewReader("\n\n# HELP x y\nother{a=\"b\"} broken\r\ncontainer_cpu_usage_seconds_total 1\n"+
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
		groups, err := ParseCadvisor(strings.NewReader(page.String()), now)
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
	f.Add([]byte(kubelettest.Cadvisor(0)), []byte(kubelettest.Cadvisor(time.Minute)))
	f.Add([]byte(kubelettest.Cadvisor(time.Minute)), []byte(kubelettest.Cadvisor(0)))
	f.Add([]byte(`container_pressure_cpu_waiting_seconds_total{id="/"} NaN`), []byte(`container_pressure_cpu_waiting_seconds_total{id="/"} -Inf 9223372036854775807`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		body, err := json.Marshal(kubelettest.Summary("n", 0))
		if err != nil {
			t.Fatal(err)
		}
		s, err := ParseSummary(bytes.NewReader(body), "n")
		if err != nil {
			t.Fatal(err)
		}
		state := Counters{}
		for _, page := range [][]byte{first, second} {
			groups, err := ParseCadvisor(bytes.NewReader(page), kubelettest.Start)
			if err != nil {
				return
			}
			var n usage.NodeSample
			var pods []usage.PodSample
			n, pods, state, _ = Samples("n", s, groups, state)
			noNegative(t, n.Values)
			for _, p := range pods {
				noNegative(t, p.Values)
			}
		}
	})
}

// Any two summaries, one after the other, make samples or an error.
func FuzzSummary(f *testing.F) {
	for _, elapsed := range []time.Duration{0, time.Minute} {
		body, err := json.Marshal(kubelettest.Summary("n", elapsed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body, body)
	}
	f.Add([]byte(`{"node":{"nodeName":"n","cpu":{"time":"2026-01-01T00:00:00Z","usageCoreNanoSeconds":5},"memory":null},"pods":[{"podRef":{"uid":"u"},"io":{"psi":{"some":{"avg60":1e300}}}}]}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		state := Counters{}
		for _, body := range [][]byte{first, second} {
			s, err := ParseSummary(bytes.NewReader(body), "n")
			if err != nil {
				return
			}
			var n usage.NodeSample
			var pods []usage.PodSample
			n, pods, state, _ = Samples("n", s, nil, state)
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
	answer := kubelettest.Summary("n", 0)
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
	state := Counters{}
	b.ReportAllocs()
	for b.Loop() {
		s, err := ParseSummary(bytes.NewReader(body), "n")
		if err != nil {
			b.Fatal(err)
		}
		groups, err := ParseCadvisor(bytes.NewReader(page.Bytes()), kubelettest.Start)
		if err != nil {
			b.Fatal(err)
		}
		_, _, state, _ = Samples("n", s, groups, state)
	}
	b.ReportMetric(float64(len(body)), "summary-bytes")
	b.ReportMetric(float64(page.Len()), "cadvisor-bytes")
}

func TestCounterReset(t *testing.T) {
	at := func(seconds int, total uint64) *Summary {
		s := &Summary{}
		s.Node.CPU = &statsapi.CPUStats{
			Time: metav1.NewTime(kubelettest.Start.Add(time.Duration(seconds) * time.Second)), UsageNanoCores: ptr.To[uint64](1e9), UsageCoreNanoSeconds: &total,
		}
		return s
	}
	_, _, state, _ := Samples("n", at(0, 100e9), nil, Counters{})
	n, _, state, drops := Samples("n", at(10, 3e9), nil, state)
	if n.Has(usage.CPU) || drops[usage.CounterReset] != 1 {
		t.Errorf("after the reset: %+v, dropped %v", n, drops)
	}
	n, _, _, drops = Samples("n", at(20, 13e9), nil, state)
	if cpu, ok := n.Get(usage.CPU); !ok || cpu != 1 || drops.Total() != 0 {
		t.Errorf("one later: %+v, dropped %v", n, drops)
	}
}

// On cgroup v1 the kubelet writes zeros for pressure, which are no measurement.
func TestNoPressureOnCgroupV1(t *testing.T) {
	answer := kubelettest.Summary("n", 0)
	zero := &statsapi.PSIStats{}
	answer.Node.CPU.PSI, answer.Node.Memory.PSI, answer.Node.IO.PSI = zero, zero, zero
	answer.Pods[0].CPU.PSI, answer.Pods[0].Memory.PSI = zero, zero
	body, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseSummary(bytes.NewReader(body), "n")
	if err != nil {
		t.Fatal(err)
	}
	n, pods, _, _ := Samples("n", s, nil, Counters{})
	if n.Len() != 2 || pods[0].Len() != 2 {
		t.Errorf("node %+v, pods %+v", n, pods)
	}

	// One pod that ever waited shows that the zeros of the others are zeros.
	answer.Pods[0].CPU.PSI = kubelettest.Pressure(0, 0)
	if body, err = json.Marshal(answer); err != nil {
		t.Fatal(err)
	}
	if s, err = ParseSummary(bytes.NewReader(body), "n"); err != nil {
		t.Fatal(err)
	}
	n, _, _, _ = Samples("n", s, nil, Counters{})
	if x, ok := n.Get(usage.CPUSome); !ok || x != 0 {
		t.Errorf("node %+v", n)
	}
}
