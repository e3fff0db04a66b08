// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Stepper drives an engine by hand, at any time that the engine's clock tells. It does what Run
// does, in the caller's goroutine. When a step returns, everything that it teaches is learned,
// including the training of models. Use it instead of Run.
type Stepper struct {
	engine  *Engine
	learner *learner
	cleaner *usage.Cleaner
}

// Stepper returns a stepper of an engine on which Run is not called.
func (e *Engine) Stepper(cluster Cluster) *Stepper {
	bounds := usage.DefaultBounds()
	bounds.MaxAge = e.Expiry()
	l := newLearner(&e.args, cluster, e.lives, e.ahead)
	l.named = -1 // Nobody scrapes it.
	return &Stepper{engine: e, learner: l, cleaner: usage.NewCleaner(bounds, cluster.Machines)}
}

// Step learns from a reading, trains the models that are due, and publishes. The caller must not
// use the reading afterwards.
func (s *Stepper) Step(ctx context.Context, r usage.Reading) error {
	now := s.engine.clock.Now()
	s.learner.roster().Resolve(&r)
	s.learner.learn(s.cleaner.Clean(now, r), s.engine.snapshot.Load())
	err := s.learner.nodes.TrainDue(ctx)
	if snapshot, status := s.learner.publish(now, true); snapshot != nil {
		s.engine.status.Store(status)
		s.engine.snapshot.Store(snapshot)
	}
	return err
}
