// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	v1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

const (
	// trialPatience bounds how long a trial may take; what is decided by then is the answer.
	trialPatience = time.Minute
	// bodyPatience bounds how long a trial may take to come.
	bodyPatience = 10 * time.Second
)

// try decides on pods without doing it. There is one trial at a time, and it takes turns with other answers after each pod.
func (h *Handler) try(w http.ResponseWriter, r *http.Request) {
	tried, err := h.tried(w, r)
	if refused := (*refusal)(nil); errors.As(err, &refused) && refused.code == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	reply(w, r, tried, err)
}

func (h *Handler) tried(w http.ResponseWriter, r *http.Request) (*decision.Tried, error) {
	if err := h.leads(); err != nil {
		return nil, err
	}
	// A page of another site can have a browser post, with the credentials that a proxy adds, whatever a form can hold. This is not one.
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		return nil, &refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("a trial is application/json, and not %.64q", kind)}
	}
	select {
	case h.trying <- struct{}{}:
		defer func() { <-h.trying }()
	default:
		return nil, &refusal{http.StatusTooManyRequests, "the scheduler decides on one trial at a time, and another one is in progress: ask again in a few seconds"}
	}
	// Not every writer that wraps upstream's can do that. Then whoever may try can keep others from it.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyPatience))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, decision.MaxTrialBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("a trial may have %d bytes", decision.MaxTrialBytes)}
	}
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "reading the trial: " + err.Error()}
	}
	asked := &decision.Trial{}
	if strict, err := kjson.UnmarshalStrict(body, asked); err != nil || len(strict) > 0 {
		return nil, &refusal{http.StatusBadRequest, "the trial: " + decision.Cut(errors.Join(append(strict, err)...).Error())}
	}
	ctx, cancel := context.WithTimeout(r.Context(), trialPatience)
	defer cancel()
	trial, err := h.trial(asked)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	if len(asked.Configuration) > 0 {
		if trial.Profiles, trial.Otherwise, err = h.another(ctx, asked.Configuration); err != nil {
			return nil, err
		}
		defer trial.Profiles.Close()
	}
	tried, err := h.Evaluator.Try(ctx, trial)
	switch {
	case errors.Is(err, evaluate.ErrNoNode):
		return nil, &refusal{http.StatusNotFound, fmt.Sprintf("%v that the scheduler knows", err)}
	case errors.Is(err, evaluate.ErrTooMany), errors.Is(err, evaluate.ErrNoProfile):
		return nil, &refusal{http.StatusBadRequest, err.Error()}
	}
	return tried, err
}

// another makes profiles in a turn of its own: it costs about as much as a pod on a large cluster.
func (h *Handler) another(ctx context.Context, configuration []byte) (*evaluate.Profiles, string, error) {
	if h.Another == nil {
		return nil, "", &refusal{http.StatusBadRequest, "this scheduler tries no other configuration"}
	}
	if len(configuration) > decision.MaxTrialConfigurationBytes {
		return nil, "", &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("a configuration may have %d bytes", decision.MaxTrialConfigurationBytes)}
	}
	plain, err := bounded(configuration)
	if err != nil {
		return nil, "", &refusal{http.StatusBadRequest, "configuration: " + err.Error()}
	}
	done, err := h.pace(ctx)
	if err != nil {
		return nil, "", err
	}
	defer done()
	profiles, otherwise, err := h.Another(ctx, plain)
	if err != nil {
		return nil, "", &refusal{http.StatusBadRequest, "configuration: " + err.Error()}
	}
	return profiles, otherwise, nil
}

// trial reads what is asked.
func (h *Handler) trial(asked *decision.Trial) (*evaluate.Trial, error) {
	t := &evaluate.Trial{Without: asked.WithoutNodes, Compare: asked.Compare, Detail: asked.Detail, Otherwise: h.Profiles[0], Pace: h.pace}
	if len(asked.WithoutNodes) > decision.MaxTrialPods {
		return nil, fmt.Errorf("withoutNodes: at most %d", decision.MaxTrialPods)
	}
	containers := 0
	for i := range asked.Pods {
		pods, err := podsOf(&asked.Pods[i], decision.MaxTrialPods-len(t.Pods))
		if err != nil {
			return nil, fmt.Errorf("pods[%d]: %w", i, err)
		}
		if containers += len(pods[0].Spec.Containers) + len(pods[0].Spec.InitContainers); containers > decision.MaxTrialContainers {
			return nil, fmt.Errorf("pods[%d]: there are more than %d containers", i, decision.MaxTrialContainers)
		}
		t.Pods = append(t.Pods, pods...)
	}
	if len(t.Pods)+len(t.Without) == 0 {
		return nil, errors.New("there are neither pods to decide on nor nodes to do without")
	}
	if len(asked.Anew) > 0 {
		t.Anew = anew(asked.Anew)
	}
	return t, nil
}

// anew says of pods whether they are one of the workloads, or come from one.
func anew(workloads []decision.TrialWorkload) func(*v1.Pod) bool {
	set := make(map[forecast.Workload]bool, len(workloads))
	for _, w := range workloads {
		set[forecast.Workload(w)] = true
	}
	return func(pod *v1.Pod) bool {
		if w, ok := forecast.WorkloadOf(pod); ok {
			return set[w]
		}
		return set[forecast.Workload{Namespace: pod.Namespace, Kind: "Pod", Name: pod.Name}]
	}
}
