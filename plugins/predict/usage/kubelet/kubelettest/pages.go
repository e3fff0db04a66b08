// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubelettest writes the pages of a kubelet for tests, with upstream's types and
// in upstream's form.
package kubelettest

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsapi "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
	"k8s.io/utils/ptr"
)

// Start of the times in the pages.
var Start = time.Now().Add(-time.Hour).Truncate(time.Second)

// Summary is what the kubelet of node answers at /stats/summary so long after Start: a
// node that uses 1.5 cores and 2 GB with one pod, of 0.25 cores and 100 MB, and another
// pod of which there are no figures. The kubelet's own CPU rates are twice that, so that
// a test can tell them.
func Summary(node string, elapsed time.Duration) *statsapi.Summary {
	at := metav1.NewTime(Start.Add(elapsed))
	nanos := uint64(1e12) + uint64(elapsed)
	cpu := func(cores float64) *statsapi.CPUStats {
		return &statsapi.CPUStats{
			Time: at, UsageNanoCores: ptr.To(uint64(cores * 2e9)), UsageCoreNanoSeconds: ptr.To(uint64(cores * float64(nanos))),
			PSI: Pressure(20, 5),
		}
	}
	memory := func(bytes uint64) *statsapi.MemoryStats {
		return &statsapi.MemoryStats{Time: at, WorkingSetBytes: &bytes, UsageBytes: ptr.To(bytes * 2), PSI: Pressure(2, 1)}
	}
	return &statsapi.Summary{
		Node: statsapi.NodeStats{NodeName: node, CPU: cpu(1.5), Memory: memory(2e9), IO: &statsapi.IOStats{Time: at, PSI: Pressure(4, 3)}},
		Pods: []statsapi.PodStats{
			{
				PodRef: statsapi.PodReference{Namespace: "ns", Name: "p", UID: "uid-p"}, CPU: cpu(0.25), Memory: memory(1e8),
				Containers: []statsapi.ContainerStats{{Name: "x", CPU: cpu(0.2), Memory: memory(9e7)}},
			},
			// A pod of which the kubelet has no figures: it writes zeros.
			{
				PodRef: statsapi.PodReference{Namespace: "ns", Name: "new", UID: "uid-new"},
				CPU:    &statsapi.CPUStats{Time: at, UsageNanoCores: ptr.To[uint64](0), UsageCoreNanoSeconds: ptr.To[uint64](0)},
				Memory: &statsapi.MemoryStats{Time: at, WorkingSetBytes: ptr.To[uint64](0)},
			},
		},
	}
}

// Pressure is that of a minute in per cent, beside other averages and totals.
func Pressure(some, full float64) *statsapi.PSIStats {
	return &statsapi.PSIStats{
		Some: statsapi.PSIData{Total: 123456, Avg10: 99, Avg60: some, Avg300: 99},
		Full: statsapi.PSIData{Total: 12345, Avg10: 99, Avg60: full, Avg300: 99},
	}
}

// Cadvisor is the page at /metrics/cadvisor of the same node, with times a quarter of a
// second later.
func Cadvisor(elapsed time.Duration) string {
	s := 1000 + elapsed.Seconds()
	ms := Start.Add(elapsed).UnixMilli() + 250
	var b strings.Builder
	line := func(metric, id, container, image, pod string, value float64) {
		namespace := ""
		if pod != "" {
			namespace = "ns"
		}
		cpu := ""
		if metric == "container_cpu_usage_seconds_total" {
			cpu = `cpu="total",`
		}
		fmt.Fprintf(&b, "%s{container=%q,%sid=%q,image=%q,name=\"\",namespace=%q,pod=%q} %v %d\n", metric, container, cpu, id, image, namespace, pod, value, ms)
	}
	b.WriteString("# HELP cadvisor_version_info A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.\n# TYPE cadvisor_version_info gauge\ncadvisor_version_info{cadvisorRevision=\"\",cadvisorVersion=\"\"} 1\n")
	const pod, x, pause = "/kubepods/burstable/poduid-p", "/kubepods/burstable/poduid-p/x", "/kubepods/burstable/poduid-p/pause"
	b.WriteString("# TYPE container_cpu_usage_seconds_total counter\n")
	line("container_cpu_usage_seconds_total", "/", "", "", "", 1.5*s)
	line("container_cpu_usage_seconds_total", pod, "", "", "p", 0.25*s)
	line("container_cpu_usage_seconds_total", x, "x", "img", "p", 0.2*s)
	line("container_cpu_usage_seconds_total", pause, "", "pause", "p", 0.001*s)
	b.WriteString("# TYPE container_pressure_cpu_waiting_seconds_total counter\n")
	line("container_pressure_cpu_waiting_seconds_total", "/", "", "", "", 0.4*s)
	line("container_pressure_cpu_waiting_seconds_total", pod, "", "", "p", 0.3*s)
	line("container_pressure_cpu_waiting_seconds_total", pause, "", "pause", "p", 0)
	line("container_pressure_cpu_stalled_seconds_total", "/", "", "", "", 0)
	line("container_pressure_cpu_stalled_seconds_total", pod, "", "", "p", 0.1*s)
	line("container_pressure_io_waiting_seconds_total", pod, "", "", "p", 0.05*s)
	b.WriteString("# TYPE container_cpu_cfs_periods_total counter\n")
	line("container_cpu_cfs_periods_total", x, "x", "img", "p", 10*s)
	line("container_cpu_cfs_throttled_periods_total", x, "x", "img", "p", 4*s)
	return b.String()
}
