// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/measure"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Service is what the plugins of all profiles share: where forecasts and pressure come from, and what metrics tell of.
type Service struct {
	views    *cycle.Views
	claims   *claims.Policy
	now      func() time.Time
	pressure atomic.Pointer[pressures]
	lock     sync.Mutex
	plugins  []*PredictedQoS
	running  sync.WaitGroup
	untold   bool
	measured atomic.Pointer[measure.Reader] // nil where no query is asked
}

// NewService returns a service that judges by views. policy says which pods may claim an
// objective; nil is none.
func NewService(views *cycle.Views, policy *claims.Policy) *Service {
	return &Service{views: views, claims: policy, now: time.Now}
}

// Views are what it judges by.
func (s *Service) Views() *cycle.Views { return s.views }

// Untold returns the service, whose plugins do not judge nodes only to tell of them, and judge by new forecasts at once, however long
// that takes. Call it before they are made.
func (s *Service) Untold() *Service {
	s.untold = true
	return s
}

// Measure asks the queries of the plugins' objectives at the interval, until ctx ends.
func (s *Service) Measure(ctx context.Context, source usage.PodAsker, interval time.Duration) {
	reader := measure.New(source, interval, s.now, func() (profiles []measure.Asking) {
		for _, p := range s.all() {
			profiles = append(profiles, asking{p.rules, p.feedback})
		}
		return profiles
	})
	s.measured.Store(reader)
	reader.Run(ctx)
}

// asking is a plugin as a measure.Reader sees it.
type asking struct {
	objective.Rules
	*feedback.Loop
}

// query is how a query fares.
func (s *Service) query(query string) (status measure.Status) {
	if reader := s.measured.Load(); reader != nil && query != "" {
		status = reader.Status(query)
	}
	return status
}

// Wait returns when the plugins have ended, which they do with their contexts, and have written their observations.
func (s *Service) Wait() { s.running.Wait() }

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

// Observe takes a clean reading: pressure of nodes, and what pods suffer. It writes nothing to it.
func (s *Service) Observe(r *usage.Reading) {
	nodes := make(pressures, len(r.Nodes))
	for i := range r.Nodes {
		if waited, ok := r.Nodes[i].Waiting(); ok {
			nodes[r.Nodes[i].Node] = float32(waited)
		}
	}
	s.pressure.Store(&nodes)
	plugins := s.all()
	for i := range r.Pods {
		for _, p := range plugins {
			p.feedback.Measured(types.UID(r.Pods[i].UID), &r.Pods[i].Sample)
		}
	}
}
