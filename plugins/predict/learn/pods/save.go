// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"unsafe"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// saved is what is kept of Learned. Pods are met again, for an hour at most their peaks are lost.
type saved struct {
	Workloads map[forecast.Workload]*Use
	Classes   map[forecast.Class]*Use
	Cluster   *Use
}

// Save writes what is learned of workloads.
func (h *Learned) Save(w io.Writer) error {
	return gob.NewEncoder(w).Encode(saved{h.workloads, h.classes, &h.cluster})
}

// Load reads what Save wrote, in place of what is known. Its errors leave the history unusable.
func (h *Learned) Load(r io.Reader) error {
	var s saved
	if err := gob.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("workloads: %w", err)
	}
	if s.Cluster == nil {
		return errors.New("workloads: the cluster is missing")
	}
	h.workloads, h.classes, h.cluster = map[forecast.Workload]*Use{}, map[forecast.Class]*Use{}, *s.Cluster
	for w, u := range s.Workloads {
		for i := range u.Resources {
			if u.Resources[i].Typical == nil {
				u.Resources[i].Typical = history.NewSeries(h.options.Grid, 2*u.Resources[i].Requested)
			}
		}
		h.workloads[w] = u
	}
	for c, u := range s.Classes {
		h.classes[c] = u
	}
	for u := range h.all {
		if !h.options.Ahead {
			u.Day, u.Week = nil, nil
		}
		if err := u.validate(); err != nil {
			return fmt.Errorf("workloads: %w", err)
		}
		if u.First == 0 {
			u.First = min(u.Seen, 1) // Files did not say it once; what is known was watched long enough.
		}
	}
	h.evict()
	return nil
}

func (u *Use) validate() error {
	if !u.Day.Valid() || !u.Week.Valid() {
		return errors.New("a day or week with hours that are no numbers")
	}
	for i := range u.Resources {
		s := &u.Resources[i]
		for _, v := range [...]float64{s.Mean, s.Square, s.Readings, s.Largest, s.Requested, s.Limit} {
			if !(v >= 0) || math.IsInf(v, 0) {
				return fmt.Errorf("a use of %v", v)
			}
		}
		for h := range s.Peaks {
			if err := s.Peaks[h].Validate(); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry is what an entry of a map with keys and values of so many bytes takes: Go's maps are two thirds full on average.
func entry(bytes uintptr) uint64 { return uint64(bytes) * 3 / 2 }

// names is what the strings of a key take that no object holds any more.
const names = 64

// Bytes estimates the memory of the history, with what Publish made of it: the current snapshot, and the one before, which cycles may
// still hold.
func (h *Learned) Bytes() uint64 {
	const pointer = unsafe.Sizeof(uintptr(0))
	ofPod := uint64(unsafe.Sizeof(Pod{})) + entry(unsafe.Sizeof(key{})+pointer) + 2*entry(unsafe.Sizeof("")+unsafe.Sizeof(forecast.Measured{}))
	if h.options.Ahead {
		ofPod += uint64(unsafe.Sizeof(days{}) + 2*unsafe.Sizeof(ahead.Day{}) + 2*unsafe.Sizeof(forecast.Ahead{}))
	}
	ofWorkload := names + 3*entry(unsafe.Sizeof(forecast.Workload{})+pointer)
	ofClass := names + 3*entry(unsafe.Sizeof(forecast.Class{})+pointer)
	n := uint64(len(h.pods))*ofPod + uint64(len(h.workloads))*ofWorkload + uint64(len(h.classes))*ofClass
	for u := range h.all {
		n += u.bytes()
	}
	return n
}

// bytes of what is learned of one workload or class.
func (u *Use) bytes() uint64 {
	n := uint64(unsafe.Sizeof(*u))
	if u.forecast != nil {
		n += 2 * uint64(unsafe.Sizeof(*u.forecast))
	}
	if u.Day != nil {
		n += 2 * uint64(unsafe.Sizeof(*u.Day))
	}
	if u.Week != nil {
		n += 2 * uint64(unsafe.Sizeof(*u.Week))
	}
	for i := range u.Resources {
		r := &u.Resources[i]
		for k := range r.Peaks {
			n += uint64(cap(r.Peaks[k].Weights)) * uint64(unsafe.Sizeof(r.Peaks[k].Weights[0]))
			if r.summaries[k] != nil {
				n += uint64(unsafe.Sizeof(*r.summaries[k]))
			}
		}
		if r.Typical != nil {
			n += uint64(r.Typical.Bytes())
		}
	}
	return n
}
