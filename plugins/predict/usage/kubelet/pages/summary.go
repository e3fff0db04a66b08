// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsapi "k8s.io/kubelet/pkg/apis/stats/v1alpha1"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// Summary is the part of statsapi.Summary that is read; containers, volumes and file
// systems are most of its bytes and are skipped.
type Summary struct {
	Node struct {
		NodeName string
		stats
	}
	Pods []Pod
	// Received is when the summary came in, by the clock of this process; zero is not known. Where it is known for two answers in
	// turn, a node's clock that jumped between them shows.
	Received time.Time
}

// Pod of a summary.
type Pod struct {
	PodRef statsapi.PodReference
	stats
}

// stats of the node's root cgroup or of a pod's.
type stats struct {
	CPU    *statsapi.CPUStats
	Memory *statsapi.MemoryStats
	IO     *statsapi.IOStats
}

// figures are stats as they are written.
type figures struct {
	CPU *struct {
		Time                 stamp              `json:"time"`
		UsageNanoCores       number             `json:"usageNanoCores"`
		UsageCoreNanoSeconds number             `json:"usageCoreNanoSeconds"`
		PSI                  *statsapi.PSIStats `json:"psi"`
	} `json:"cpu"`
	Memory *struct {
		Time            stamp              `json:"time"`
		WorkingSetBytes number             `json:"workingSetBytes"`
		PSI             *statsapi.PSIStats `json:"psi"`
	} `json:"memory"`
	IO *struct {
		PSI *statsapi.PSIStats `json:"psi"`
	} `json:"io"`
}

func (f *figures) stats() (s stats) {
	if c := f.CPU; c != nil {
		s.CPU = &statsapi.CPUStats{Time: metav1.Time(c.Time), UsageNanoCores: c.UsageNanoCores.value, UsageCoreNanoSeconds: c.UsageCoreNanoSeconds.value, PSI: c.PSI}
	}
	if m := f.Memory; m != nil {
		s.Memory = &statsapi.MemoryStats{Time: metav1.Time(m.Time), WorkingSetBytes: m.WorkingSetBytes.value, PSI: m.PSI}
	}
	if f.IO != nil {
		s.IO = &statsapi.IOStats{PSI: f.IO.PSI}
	}
	return s
}

// stamp is a time, zero where it is none.
type stamp metav1.Time

func (s *stamp) UnmarshalJSON(data []byte) error {
	s.Time, _ = time.Parse(time.RFC3339, string(bytes.Trim(data, `"`)))
	return nil
}

// number is a whole number of 64 bits, nil where it is none: virtual kubelets and kubelets of Windows have written numbers below
// zero and above.
type number struct{ value *uint64 }

func (n *number) UnmarshalJSON(data []byte) error {
	if x, err := strconv.ParseUint(string(data), 10, 64); err == nil {
		n.value = &x
	}
	return nil
}

// lenient takes a field of another type for one that is not there.
func lenient(err error) error {
	if other := (*json.UnmarshalTypeError)(nil); errors.As(err, &other) {
		return nil
	}
	return err
}

// maxPods of one node. Kubelets take 110 by default, and nobody runs more than some hundred.
const maxPods = 4096

// ParseSummary reads the answer of /stats/summary by the kubelet of node, pod by pod, so that memory is used for what is read
// of it, and for no more pods than a node has. An address that was given to another node since is an error and not that node's
// usage under this one's name. A figure or a time that is none is left out, and nothing else for its sake.
func ParseSummary(page io.Reader, node string) (*Summary, error) {
	var s Summary
	d := bounded.NewDecoder(page)
	err := d.Object(func(name string) error {
		switch name {
		case "node":
			var n struct {
				NodeName string `json:"nodeName"`
				figures
			}
			if err := lenient(d.Decode(&n)); err != nil {
				return err
			}
			s.Node.NodeName, s.Node.stats = n.NodeName, n.stats()
			return nil
		case "pods":
			return d.Array(func() error {
				var p struct {
					PodRef statsapi.PodReference `json:"podRef"`
					figures
				}
				if err := lenient(d.Decode(&p)); err != nil {
					return err
				}
				if len(s.Pods) == maxPods {
					return fmt.Errorf("%w: more than %d pods", bounded.ErrTooLarge, maxPods)
				}
				s.Pods = append(s.Pods, Pod{p.PodRef, p.stats()})
				return nil
			})
		}
		return d.Skip()
	})
	if err != nil {
		return nil, fmt.Errorf("the summary is not JSON of the stats API: %w", err)
	}
	if s.Node.NodeName != node {
		return nil, fmt.Errorf("the summary is that of node %.253q", s.Node.NodeName)
	}
	if !s.measuresPressure() {
		s.Node.forgetPressure()
		for i := range s.Pods {
			s.Pods[i].forgetPressure()
		}
	}
	return &s, nil
}

// measuresPressure says whether any of the pressure counters has ever moved. On cgroup
// v1 and on kernels without PSI the kubelet answers zeros, which mean that nothing was
// measured. Where it is measured, some task has waited some time since the boot.
func (s *Summary) measuresPressure() bool {
	if s.Node.hasPressure() {
		return true
	}
	for i := range s.Pods {
		if s.Pods[i].hasPressure() {
			return true
		}
	}
	return false
}

func (s *stats) hasPressure() bool {
	for _, psi := range s.pressures() {
		if psi != nil && (psi.Some.Total > 0 || psi.Full.Total > 0) {
			return true
		}
	}
	return false
}

// pressures of CPU, memory and I/O; nil where there is none.
func (s *stats) pressures() (psi [3]*statsapi.PSIStats) {
	if s.CPU != nil {
		psi[0] = s.CPU.PSI
	}
	if s.Memory != nil {
		psi[1] = s.Memory.PSI
	}
	if s.IO != nil {
		psi[2] = s.IO.PSI
	}
	return psi
}

func (s *stats) forgetPressure() {
	if s.CPU != nil {
		s.CPU.PSI = nil
	}
	if s.Memory != nil {
		s.Memory.PSI = nil
	}
	if s.IO != nil {
		s.IO.PSI = nil
	}
}

// known says whether a time can be that of a measurement. Zeros of Go, of Unix and of a clock that no battery keeps are not.
func known(t time.Time) bool {
	unix := t.Unix()
	return unix >= year2000 && unix < year10000
}

// In seconds since 1970.
const (
	year2000  = 946684800
	year10000 = 253402300800
)

// cpuTotal is the CPU time used so far in core-seconds, and when. The kubelet answers 0
// where it has no figure, and nothing that runs has used none.
func (s *stats) cpuTotal() (seconds float64, at time.Time, ok bool) {
	if s.CPU == nil || s.CPU.UsageCoreNanoSeconds == nil || *s.CPU.UsageCoreNanoSeconds == 0 {
		return 0, time.Time{}, false
	}
	return float64(*s.CPU.UsageCoreNanoSeconds) / 1e9, s.CPU.Time.Time, true
}

// at is when the figures are of.
func (s *stats) at() time.Time {
	switch {
	case s.CPU != nil:
		return s.CPU.Time.Time
	case s.Memory != nil:
		return s.Memory.Time.Time
	}
	return time.Time{}
}

// cpuNow is the kubelet's own rate, in cores. Its 0 may be the stand-in for no figure.
func (s *stats) cpuNow() (cores float64, at time.Time, ok bool) {
	if s.CPU == nil || s.CPU.UsageNanoCores == nil || *s.CPU.UsageNanoCores == 0 {
		return 0, time.Time{}, false
	}
	return float64(*s.CPU.UsageNanoCores) / 1e9, s.CPU.Time.Time, true
}

// workingSet is the memory in use, in bytes. The kubelet answers 0 where it has no
// figure.
func (s *stats) workingSet() (bytes float64, at time.Time, ok bool) {
	if s.Memory == nil || s.Memory.WorkingSetBytes == nil || *s.Memory.WorkingSetBytes == 0 {
		return 0, time.Time{}, false
	}
	return float64(*s.Memory.WorkingSetBytes), s.Memory.Time.Time, true
}
