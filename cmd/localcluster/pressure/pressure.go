// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pressure reads pressure stall information (PSI) of nodes and pods out of the
// control groups of cgroup v2, also where v2 is only mounted beside v1: there kubelet
// reports zeros, but runc puts containers into v2's tree all the same.
package pressure

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// ErrNone says that no tree of cgroup v2 is mounted, or that its kernel has no PSI.
var ErrNone = errors.New("this machine measures no pressure: that takes cgroup v2, at least beside v1, and a kernel with PSI")

// Of returns the pressure of the node whose control group is at dir in the tree of cgroup
// v2, and of its pods, which are known by UID, in the form of kubelet's Summary API.
func Of(dir, node string, now time.Time) (*stats.Summary, error) {
	at := metav1.NewTime(now)
	cpu, memory, io, err := group(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	summary := &stats.Summary{Node: stats.NodeStats{
		NodeName: node,
		CPU:      &stats.CPUStats{Time: at, PSI: cpu},
		Memory:   &stats.MemoryStats{Time: at, PSI: memory},
		IO:       &stats.IOStats{Time: at, PSI: io},
	}}
	for _, class := range []string{"", "burstable", "besteffort"} {
		pods, err := filepath.Glob(filepath.Join(dir, "kubepods", class, "pod*"))
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			cpu, memory, io, err := group(pod)
			if errors.Is(err, fs.ErrNotExist) {
				continue // It ended meanwhile.
			}
			if err != nil {
				return nil, err
			}
			summary.Pods = append(summary.Pods, stats.PodStats{
				PodRef: stats.PodReference{UID: strings.TrimPrefix(filepath.Base(pod), "pod")},
				CPU:    &stats.CPUStats{Time: at, PSI: cpu},
				Memory: &stats.MemoryStats{Time: at, PSI: memory},
				IO:     &stats.IOStats{Time: at, PSI: io},
			})
		}
	}
	return summary, nil
}

func group(dir string) (cpu, memory, io *stats.PSIStats, err error) {
	for name, to := range map[string]**stats.PSIStats{"cpu": &cpu, "memory": &memory, "io": &io} {
		data, err := os.ReadFile(filepath.Join(dir, name+".pressure"))
		if err != nil {
			return nil, nil, nil, err
		}
		if *to, err = Parse(data); err != nil {
			return nil, nil, nil, fmt.Errorf("reading %s.pressure of %s: %w", name, dir, err)
		}
	}
	return cpu, memory, io, nil
}

// Parse reads the kernel's form (Documentation/accounting/psi.rst): shares of time in
// percent, a total in microseconds, which the Summary API has in nanoseconds.
func Parse(data []byte) (*stats.PSIStats, error) {
	var psi stats.PSIStats
	for scanner := bufio.NewScanner(bytes.NewReader(data)); scanner.Scan(); {
		kind, rest, _ := strings.Cut(scanner.Text(), " ")
		to := map[string]*stats.PSIData{"some": &psi.Some, "full": &psi.Full}[kind]
		if to == nil {
			continue // A kind that a later kernel has.
		}
		for field := range strings.FieldsSeq(rest) {
			key, value, _ := strings.Cut(field, "=")
			number, err := strconv.ParseFloat(value, 64)
			if err != nil || number < 0 {
				return nil, fmt.Errorf("%q is not a number of PSI", field)
			}
			switch key {
			case "avg10":
				to.Avg10 = number
			case "avg60":
				to.Avg60 = number
			case "avg300":
				to.Avg300 = number
			case "total":
				to.Total = uint64(number) * uint64(time.Microsecond)
			}
		}
	}
	return &psi, nil
}
