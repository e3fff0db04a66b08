// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/kubelettest"
)

func parse(t testing.TB, page string) *Summary {
	t.Helper()
	s, err := ParseSummary(strings.NewReader(page), "n")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func node(time string, coreSeconds float64, nanoCores string) string {
	return fmt.Sprintf(`{"node":{"nodeName":"n","cpu":{"time":%s,"usageNanoCores":%s,"usageCoreNanoSeconds":%.0f},"memory":{"time":"2026-11-29T16:12:08Z","workingSetBytes":4294967296}}}`,
		time, nanoCores, coreSeconds*1e9)
}

func nodeCPU(time string, coreSeconds float64, nanoCores string) string {
	return fmt.Sprintf(`{"node":{"nodeName":"n","cpu":{"time":%s,"usageNanoCores":%s,"usageCoreNanoSeconds":%.0f}}}`, time, nanoCores, coreSeconds*1e9)
}

// A time that is none is no beginning of a window: CPU of 0 over 57 or 292 years was told of a busy node.
func TestZeroTimes(t *testing.T) {
	at := time.Date(2026, 11, 29, 16, 12, 8, 0, time.UTC)
	for _, zero := range []string{`"0001-01-01T00:00:00Z"`, `"1970-01-01T00:00:00Z"`, `"1970-01-01T00:00:07Z"`, `null`, `"yesterday"`, `""`, `0`} {
		s := parse(t, node(zero, 6000180, "0"))
		n, _, state, drops := Samples("n", s, nil, Counters{})
		if n.Has(usage.CPU) || !n.Has(usage.Memory) || drops[usage.Stale] != 1 {
			t.Errorf("%s: %+v, dropped %v", zero, n, drops)
		}
		n, _, state, _ = Samples("n", parse(t, node(`"2026-11-29T16:12:08Z"`, 6000240, "0")), nil, state)
		if n.Has(usage.CPU) || !n.Time.Equal(at) {
			t.Errorf("%s, then a time: %+v", zero, n)
		}
		if n, _, _, _ = Samples("n", parse(t, node(`"2026-11-29T16:12:38Z"`, 6000300, "0")), nil, state); n.Window != 30*time.Second {
			t.Errorf("%s, then two times: %+v", zero, n)
		}

		line := "container_cpu_usage_seconds_total{id=\"/\"} %g %d\n"
		empty := parse(t, `{"node":{"nodeName":"n"}}`)
		state = Counters{}
		for i, millis := range []int64{0, at.UnixMilli(), at.UnixMilli() + 1000} {
			groups, err := ParseCadvisor(strings.NewReader(fmt.Sprintf(line, 6000180+float64(i), millis)), at)
			if err != nil {
				t.Fatal(err)
			}
			n, _, state, _ = Samples("n", empty, groups, state)
			if cpu, ok := n.Get(usage.CPU); ok != (i == 2) || cpu != float64(i/2) {
				t.Errorf("cAdvisor, answer %d: %+v", i, n)
			}
		}
	}
}

// A clock that is set does not end the measurement until it has caught up, nor makes a rate of a window that nobody waited for. The
// answer after the next one has a rate again.
func TestClockOfTheNode(t *testing.T) {
	start := time.Date(2026, 11, 29, 16, 0, 0, 0, time.UTC)
	for name, shifts := range map[string][]time.Duration{
		"was two hours ahead":  {2 * time.Hour, 2 * time.Hour, 0, 0, 0},
		"was two hours behind": {-2 * time.Hour, -2 * time.Hour, 0, 0, 0},
		"was years behind":     {-20 * 365 * 24 * time.Hour, -20 * 365 * 24 * time.Hour, 0, 0, 0},
	} {
		state := Counters{}
		for i, shift := range shifts {
			asked := start.Add(time.Duration(i) * 30 * time.Second)
			s := parse(t, nodeCPU(`"`+asked.Add(shift).Format(time.RFC3339)+`"`, 1000+45*float64(i), "0"))
			s.Received = asked
			var n usage.NodeSample
			n, _, state, _ = Samples("n", s, nil, state)
			if cpu, ok := n.Get(usage.CPU); ok != (i == 1 || i > 2) || ok && cpu != 1.5 {
				t.Errorf("%s, answer %d: %v cores, %v, over %v", name, i, cpu, ok, n.Window)
			}
		}
	}
	// Without a clock of ours, and after a long silence, two hours bound the window.
	_, _, state, _ := Samples("n", parse(t, nodeCPU(`"2026-11-29T16:00:00Z"`, 1000, "0")), nil, Counters{})
	if n, _, _, _ := Samples("n", parse(t, nodeCPU(`"2026-11-30T16:00:00Z"`, 2000, "700000000")), nil, state); n.Window != Window {
		t.Errorf("after a day: %+v, want the kubelet's own rate", n)
	}
}

// A pod and its successor of the same name have cgroups of their own, whatever order the page or a map has: it was 4 cores for .1 in
// one of twelve readings.
func TestSuccessorsCgroup(t *testing.T) {
	const old, young = "11111111-2222-3333-4444-555555555555", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	for _, form := range []func(uid string) string{
		func(uid string) string { return "/kubepods/burstable/pod" + uid },
		func(uid string) string {
			return "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice"
		},
		func(uid string) string {
			return "/docker/ab12/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + strings.ReplaceAll(uid, "-", "_") + ".slice"
		},
	} {
		for range 60 {
			state := Counters{}
			var pods []usage.PodSample
			for i := range 2 {
				at := kubelettest.Start.Add(time.Duration(i) * 30 * time.Second)
				var page strings.Builder
				for uid, cores := range map[string]float64{old: 4, young: .1} {
					for container, id := range map[string]string{"": form(uid), "web": form(uid) + "/c"} {
						fmt.Fprintf(&page, "container_cpu_usage_seconds_total{container=%q,id=%q,namespace=\"ns\",pod=\"web-0\"} %g %d\n", container, id, 1000+30*cores*float64(i), at.UnixMilli())
						fmt.Fprintf(&page, "container_cpu_cfs_periods_total{container=%q,id=%q,namespace=\"ns\",pod=\"web-0\"} %d %d\n", container, id, 300*i, at.UnixMilli())
						fmt.Fprintf(&page, "container_cpu_cfs_throttled_periods_total{container=%q,id=%q,namespace=\"ns\",pod=\"web-0\"} %g %d\n", container, id, 30*cores*float64(i), at.UnixMilli())
					}
				}
				groups, err := ParseCadvisor(strings.NewReader(page.String()), at)
				if err != nil {
					t.Fatal(err)
				}
				s := parse(t, `{"node":{"nodeName":"n"},"pods":[{"podRef":{"namespace":"ns","name":"web-0","uid":"`+young+`"}}]}`)
				_, pods, state, _ = Samples("n", s, groups, state)
			}
			cpu, _ := pods[0].Get(usage.CPU)
			throttled, _ := pods[0].Get(usage.Throttled)
			if len(pods) != 1 || cpu < .099 || cpu > .101 || throttled < .0099 || throttled > .0101 {
				t.Fatalf("%s: %+v", form(young), pods)
			}
		}
	}
}

// Figures that are none leave the others, and a pod that is told twice is told once.
func TestOddFigures(t *testing.T) {
	s := parse(t, `{"node":{"nodeName":"n","cpu":{"time":"2026-11-29T16:00:00Z","usageNanoCores":-1,"usageCoreNanoSeconds":18446744073709551616},
		"memory":{"time":"2026-11-29T16:00:00Z","workingSetBytes":1024}},
		"pods":[{"podRef":{"namespace":"ns","name":"p","uid":"u"},"memory":{"time":"2026-11-29T15:59:00Z","workingSetBytes":5}},
		{"podRef":{"namespace":"ns","name":"p","uid":"u"},"memory":{"time":"2026-11-29T16:00:00Z","workingSetBytes":7}},
		{"podRef":7},{"podRef":{"namespace":"ns","name":"q","uid":"v"},"cpu":7,"memory":{"time":"2026-11-29T16:00:00Z","workingSetBytes":"x"}}]}`)
	n, pods, _, drops := Samples("n", s, nil, Counters{})
	if n.Has(usage.CPU) || !n.Has(usage.Memory) || len(pods) != 2 || drops[usage.Nameless] != 1 || drops[usage.Duplicate] != 1 {
		t.Fatalf("%+v, %+v, dropped %v", n, pods, drops)
	}
	if bytes, _ := pods[0].Get(usage.Memory); bytes != 7 || pods[1].Len() != 0 {
		t.Errorf("%+v", pods)
	}
	// A virtual kubelet that knows rates only.
	s = parse(t, `{"node":{"nodeName":"n"},"pods":[{"podRef":{"namespace":"ns","name":"p","uid":"u"},"cpu":{"time":"2026-11-29T16:00:00Z","usageNanoCores":250000000}}]}`)
	_, pods, _, _ = Samples("n", s, nil, Counters{})
	if cpu, _ := pods[0].Get(usage.CPU); cpu != .25 {
		t.Errorf("%+v", pods)
	}
}

// What pages cost is bounded by their length.
func FuzzPagesAllocate(f *testing.F) {
	body, err := json.Marshal(kubelettest.Summary("n", 0))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body, []byte(kubelettest.Cadvisor(0)))
	f.Add([]byte(`{"pods":[`+strings.Repeat("{},", 5000)+`{}]}`), []byte(strings.Repeat("container_cpu_usage_seconds_total{id=\"a\"} 1\n", 100)))
	f.Fuzz(func(t *testing.T, summary, cadvisor []byte) {
		boundedtest.Allocates(t, len(summary)+len(cadvisor), func() {
			s, err := ParseSummary(bytes.NewReader(summary), "n")
			if err != nil {
				s = &Summary{}
			}
			groups, err := ParseCadvisor(bytes.NewReader(cadvisor), kubelettest.Start)
			if err != nil {
				return
			}
			_, _, state, _ := Samples("n", s, groups, Counters{})
			_, _, _, _ = Samples("n", s, groups, state)
		})
	})
}
