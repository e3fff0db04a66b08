// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Service is what the plugins of all profiles share: where forecasts and pressure come from, and what metrics tell of.
type Service struct {
	snapshot predict.Reader
	pressure atomic.Pointer[pressures]
	lock     sync.Mutex
	plugins  []*PredictedQoS
}

// NewService returns a service that reads forecasts from snapshot, which may be nil.
func NewService(snapshot predict.Reader) *Service { return &Service{snapshot: snapshot} }

func (s *Service) add(ctx context.Context, p *PredictedQoS) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.plugins = append(s.plugins, p)
	context.AfterFunc(ctx, func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.plugins = slices.DeleteFunc(s.plugins, func(q *PredictedQoS) bool { return q == p })
	})
}

func (s *Service) all() []*PredictedQoS {
	s.lock.Lock()
	defer s.lock.Unlock()
	return slices.Clone(s.plugins)
}

func (s *Service) pressures() pressures {
	if m := s.pressure.Load(); m != nil {
		return *m
	}
	return nil
}

// Watch returns the source, with what it reads told to the service on the way: pressure of nodes, and what pods suffer.
func (s *Service) Watch(source usage.Source) usage.Source { return &watched{source, s} }

type watched struct {
	usage.Source
	service *Service
}

func (w *watched) Read(ctx context.Context) (usage.Reading, error) {
	r, err := w.Source.Read(ctx)
	if err == nil {
		w.service.observe(&r)
	}
	return r, err
}

func (s *Service) observe(r *usage.Reading) {
	nodes := make(pressures, len(r.Nodes))
	for i := range r.Nodes {
		if waited, ok := waiting(&r.Nodes[i].Values); ok {
			nodes[r.Nodes[i].Node] = float32(waited)
		}
	}
	s.pressure.Store(&nodes)
	plugins := s.all()
	for i := range r.Pods {
		sample := &r.Pods[i]
		waited, ok := waiting(&sample.Values)
		throttled, _ := sample.Get(usage.Throttled)
		if !ok || sample.UID == "" || !(throttled >= 0 && throttled <= 1) {
			continue
		}
		for _, p := range plugins {
			// A pod that hits its own limit waits, too, and no node is to blame for it.
			p.feedback.measured(types.UID(sample.UID), max(0, waited-throttled), throttled)
		}
	}
}

// waiting is the share of time in which a task waited for CPU, memory or I/O, the worst of the three; false where none
// was measured, or what was measured cannot be.
func waiting(v *usage.Values) (worst float64, measured bool) {
	for _, q := range []usage.Quantity{usage.CPUSome, usage.MemorySome, usage.IOSome} {
		x, ok := v.Get(q)
		if !ok {
			continue
		}
		if !(x >= 0 && x <= 1) {
			return 0, false
		}
		worst, measured = max(worst, x), true
	}
	return worst, measured
}
