// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package lives learns how long pods run.
package lives

import (
	"encoding/gob"
	"fmt"
	"io"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/engine/quantile"
)

// Lives learns how long pods run that end by themselves. What a controller replaces, a roll-out say, tells nothing about
// how long its successor stays. Its methods may be called by several goroutines: informers tell it of ends.
type Lives struct {
	most int

	mu    sync.Mutex
	known map[predict.Workload]*quantile.Sketch
}

// New returns a Lives that remembers up to so many workloads.
func New(most int) *Lives { return &Lives{most: most, known: map[predict.Workload]*quantile.Sketch{}} }

const lifeHalf = 30 * 24 * time.Hour

// Ended tells of a pod that is not there any more, as it was last seen and at what time. The scheduler watches pods that
// are not finished, so one that finishes leaves its caches as it was before; one that is deleted was marked so before.
// What did not end by itself is passed over.
func (l *Lives) Ended(pod *v1.Pod, at time.Time) {
	if pod.Spec.RestartPolicy == v1.RestartPolicyAlways || pod.DeletionTimestamp != nil || pod.Status.StartTime == nil ||
		pod.Status.Phase != v1.PodRunning {
		return
	}
	w, ok := predict.WorkloadOf(pod)
	life := at.Sub(pod.Status.StartTime.Time)
	if !ok || life < 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.known[w]
	if s == nil {
		for other := range l.known { // any one goes: Go's order is random
			if len(l.known) < l.most {
				break
			}
			delete(l.known, other)
		}
		s = &quantile.Sketch{}
		l.known[w] = s
	}
	s.Add(at.Unix(), max(1, life.Seconds()), lifeHalf)
}

// Len returns of how many workloads something is known.
func (l *Lives) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.known)
}

// All returns the life of each workload: nine in ten of its pods finish sooner.
func (l *Lives) All() map[predict.Workload]time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[predict.Workload]time.Duration, len(l.known))
	for w, s := range l.known {
		all[w] = time.Duration(s.Upper(.9) * float64(time.Second))
	}
	return all
}

// Save writes what is learned.
func (l *Lives) Save(w io.Writer) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return gob.NewEncoder(w).Encode(l.known)
}

// Load reads what Save wrote; what is known already stays.
func (l *Lives) Load(r io.Reader) error {
	var known map[predict.Workload]*quantile.Sketch
	if err := gob.NewDecoder(r).Decode(&known); err != nil {
		return fmt.Errorf("lives: %w", err)
	}
	for _, s := range known {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("lives: %w", err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for w, s := range known {
		if l.known[w] == nil && len(l.known) < l.most {
			l.known[w] = s
		}
	}
	return nil
}
