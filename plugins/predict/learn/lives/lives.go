// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lives learns how long pods run.
package lives

import (
	"cmp"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/forget"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/quantile"
)

// Lives learns how long pods run that end by themselves. What a controller replaces, a roll-out say, tells nothing about
// how long its successor stays. Its methods may be called by several goroutines: informers tell it of ends.
type Lives struct {
	most int

	mu    sync.Mutex
	known map[forecast.Workload]*life
}

// life of a workload's pods. Fields are exported to be saved.
type life struct {
	Lengths quantile.Sketch
	// Heard is when a pod of it ended last, Unix seconds.
	Heard int64
}

// New returns a Lives that remembers up to so many workloads, those whose pods ended last.
func New(most int) *Lives { return &Lives{most: most, known: map[forecast.Workload]*life{}} }

const lifeHalf = 30 * 24 * time.Hour

// Ended tells of a pod that is not there any more and was not evicted, as it was last seen and at what time. The scheduler watches
// pods that are not finished, so one that finishes leaves its caches as it was before; one that is deleted was marked so before.
// What did not end by itself is passed over.
func (l *Lives) Ended(pod *v1.Pod, at time.Time) {
	if pod.Spec.RestartPolicy == v1.RestartPolicyAlways || pod.DeletionTimestamp != nil || pod.Status.StartTime == nil ||
		pod.Status.Phase != v1.PodRunning {
		return
	}
	w, ok := forecast.WorkloadOf(pod)
	lasted := at.Sub(pod.Status.StartTime.Time)
	if !ok || lasted < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.known[w]
	if s == nil {
		if len(l.known) >= l.most {
			forget.Oldest(l.known, len(l.known)-l.most+forget.Batch(l.most), func(a, b *life) int {
				return cmp.Or(cmp.Compare(a.Heard, b.Heard), cmp.Compare(a.Lengths.Count, b.Lengths.Count))
			}, nil)
		}
		s = &life{}
		l.known[w] = s
	}
	s.Lengths.Add(at.Unix(), max(1, lasted.Seconds()), lifeHalf)
	s.Heard = at.Unix()
}

// Len returns of how many workloads something is known.
func (l *Lives) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// Bytes estimates the memory of what is known, and of what All returns.
func (l *Lives) Bytes() (n uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	const names = 64
	perLife := names + uint64(unsafe.Sizeof(life{})) + 2*uint64(unsafe.Sizeof(forecast.Workload{})+unsafe.Sizeof(uintptr(0)))*3/2
	for _, s := range l.known {
		n += perLife + 4*uint64(cap(s.Lengths.Weights))
	}
	return n
}

// All returns the life of each workload: nine in ten of its pods finish sooner.
func (l *Lives) All() map[forecast.Workload]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[forecast.Workload]time.Duration, len(l.known))
	for w, s := range l.known {
		all[w] = time.Duration(s.Lengths.Upper(.9) * float64(time.Second))
	}
	return all
}

// heard is when workloads were heard of. It stands in a value of its own, which files lacked once.
type heard map[forecast.Workload]int64

// Save writes what is learned.
func (l *Lives) Save(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	lengths, at := make(map[forecast.Workload]*quantile.Sketch, len(l.known)), make(heard, len(l.known))
	for w, s := range l.known {
		lengths[w], at[w] = &s.Lengths, s.Heard
	}
	return errors.Join(gob.NewEncoder(w).Encode(lengths), gob.NewEncoder(w).Encode(at))
}

// Load reads what Save wrote; what is known already stays.
func (l *Lives) Load(r io.Reader) error {
	var lengths map[forecast.Workload]*quantile.Sketch
	var at heard
	if err := gob.NewDecoder(r).Decode(&lengths); err != nil {
		return fmt.Errorf("lives: %w", err)
	}
	if err := gob.NewDecoder(r).Decode(&at); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("lives: %w", err)
	}
	for _, s := range lengths {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("lives: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for w, s := range lengths {
		if l.known[w] == nil && len(l.known) < l.most {
			l.known[w] = &life{Lengths: *s, Heard: at[w]}
		}
	}
	return nil
}
