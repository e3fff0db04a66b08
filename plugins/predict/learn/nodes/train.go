// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"context"
	"errors"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// Training tells of the training of models.
type Training struct {
	// Fits and Failures count trainings.
	Fits, Failures uint64
	// Seconds of the last one.
	Seconds float64
	// Decisions that are kept.
	Decisions int
}

// Train fits models when there is something new to learn, until ctx ends. It runs beside everything else.
func (h *Learned) Train(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.wake:
		}
		if err := h.TrainDue(ctx); err != nil && ctx.Err() == nil {
			failed(err)
		}
	}
}

// TrainDue fits the models that have enough new to learn from, and returns when they are fitted.
func (h *Learned) TrainDue(ctx context.Context) error {
	var failures []error
	for horizon := range h.models {
		for r := range h.models[horizon] {
			failures = append(failures, h.train(ctx, horizon, r))
		}
	}
	return errors.Join(failures...)
}

func (h *Learned) train(ctx context.Context, horizon, r int) error {
	h.mu.Lock()
	due := h.fresh[horizon][r] >= trainEvery
	all := append([]*Decision(nil), h.completed[horizon][r]...)
	if due {
		h.fresh[horizon][r] = 0
	}
	h.mu.Unlock()
	if !due {
		return nil
	}
	begun := time.Now()
	model, err := fit(ctx, all, forecast.Horizon(horizon), h.options.Tau)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.trained.Fits++
		h.trained.Seconds = time.Since(begun).Seconds()
		h.models[horizon][r].Store(model)
	case errors.Is(err, peak.ErrFewDecisions):
		return nil
	default:
		h.trained.Failures++
	}
	return err
}

func fit(ctx context.Context, all []*Decision, horizon forecast.Horizon, tau float64) (*peak.Model, error) {
	t, err := peak.NewTrainer(peak.TrainerOptions{Horizon: horizon.Hours(), Taus: []float64{tau}, Capacity: mostDecisions, Seed: 1})
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		t.Complete(d.input(), d.Peak)
	}
	return t.Fit(ctx)
}

// Training returns how training fares; it may be called at any time.
func (h *Learned) Training() Training {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.trained
	for horizon := range h.completed {
		for r := range h.completed[horizon] {
			t.Decisions += len(h.completed[horizon][r])
		}
	}
	return t
}
