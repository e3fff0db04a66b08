// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pages

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	statsapi "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// Summary is the part of statsapi.Summary that is read; containers, volumes and file
// systems are most of its bytes and are skipped.
type Summary struct {
	Node struct {
		NodeName string `json:"nodeName"`
		stats
	} `json:"node"`
	Pods []struct {
		PodRef statsapi.PodReference `json:"podRef"`
		stats
	} `json:"pods"`
}

// stats of the node's root cgroup or of a pod's.
type stats struct {
	CPU    *statsapi.CPUStats    `json:"cpu"`
	Memory *statsapi.MemoryStats `json:"memory"`
	IO     *statsapi.IOStats     `json:"io"`
}

// ParseSummary reads the answer of /stats/summary by the kubelet of node. An address
// that was given to another node since is an error and not that node's usage under this
// one's name.
func ParseSummary(page io.Reader, node string) (*Summary, error) {
	var s Summary
	if err := json.NewDecoder(page).Decode(&s); err != nil {
		return nil, fmt.Errorf("the summary is not JSON of the stats API: %w", err)
	}
	if s.Node.NodeName != node {
		return nil, fmt.Errorf("the summary is that of node %q", s.Node.NodeName)
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

// cpuTotal is the CPU time used so far in core-seconds, and when. The kubelet answers 0
// where it has no figure, and nothing that runs has used none.
func (s *stats) cpuTotal() (seconds float64, at time.Time, ok bool) {
	if s.CPU == nil || s.CPU.UsageCoreNanoSeconds == nil || *s.CPU.UsageCoreNanoSeconds == 0 {
		return 0, time.Time{}, false
	}
	return float64(*s.CPU.UsageCoreNanoSeconds) / 1e9, s.CPU.Time.Time, true
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
