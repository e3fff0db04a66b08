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

// Service is the state that the plugins of all profiles share: the sources of forecasts and
// pressure, and the plugins that metrics report on.
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

// NewService returns a service that judges by views. policy tells which pods may claim an
// objective; if nil, none may.
func NewService(views *cycle.Views, policy *claims.Policy) *Service {
	return &Service{views: views, claims: policy, now: time.Now}
}

// Views returns the views that the plugins judge by.
func (s *Service) Views() *cycle.Views { return s.views }

// Untold changes the service and returns it. Its plugins then judge no nodes for the export, and
// judge by new forecasts at once, however long that takes. Call it before plugins are made.
func (s *Service) Untold() *Service {
	s.untold = true
	return s
}

// Measure asks the queries of the plugins' objectives at the interval until ctx ends.
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

// asking is a plugin in the form that a measure.Reader needs.
type asking struct {
	objective.Rules
	*feedback.Loop
}

// query returns the state of a query.
func (s *Service) query(query string) (status measure.Status) {
	if reader := s.measured.Load(); reader != nil && query != "" {
		status = reader.Status(query)
	}
	return status
}

// Wait returns when the plugins have ended and have written their observations. They end with their
// contexts.
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

// Observe takes the pressure of nodes and the measurements of pods from a clean reading, which it
// does not change.
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
