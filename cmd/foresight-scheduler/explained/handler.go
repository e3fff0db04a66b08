// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package explained serves what the scheduler decided and predicts, as JSON. Whoever gets through to its handler may read all of it:
// package front asks the API server first.
package explained

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/cmd/internal/page"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/decision/serving"
)

const (
	// patience bounds how long an answer may take.
	patience = 20 * time.Second
	// mostDecisions in one answer.
	mostDecisions = 1000
	// asked is the share of a CPU that answers may take together, 1/asked: who may read must not be able to keep a CPU busy.
	asked = 4
)

// Handler answers.
type Handler struct {
	Ring      *decision.Ring
	Evaluator *evaluate.Evaluator
	Pods      corelisters.PodLister
	// Profiles that there are; the first one stands in for pods of other schedulers.
	Profiles []string
	// Leads says whether this scheduler decides; another replica has no decisions.
	Leads func() bool
	// Judged adds how forecasts came out, of all nodes and of each, with the last misses if asked for; nil is not known.
	Judged func(nodes *decision.Nodes, misses bool)
	// Moves tells what the rebalancer did, or did not, with a pod; without a UID with one of that name that is gone. Nil is no rebalancer.
	Moves func(namespace, name, uid string) ([]decision.Move, *decision.Stays)
	// More paths below serving.Prefix, with what answers them.
	More map[string]Answer
	// Another makes the profiles of a KubeSchedulerConfiguration in JSON for a trial, and says which one stands in for pods of other
	// schedulers.
	Another func(ctx context.Context, configuration []byte) (*evaluate.Profiles, string, error)

	mux    *http.ServeMux
	turn   chan struct{}
	trying chan struct{}
}

// Answer to a request: what is written as JSON, or an error.
type Answer func(context.Context, *http.Request) (any, error)

// Ready makes the handler's paths.
func (h *Handler) Ready() http.Handler {
	h.turn, h.trying = make(chan struct{}, 1), make(chan struct{}, 1)
	h.mux = http.NewServeMux()
	h.mux.HandleFunc("POST "+serving.Prefix+"try", h.try)
	h.mux.Handle("GET "+serving.Prefix+"ui/", http.StripPrefix(serving.Prefix+"ui", h.page()))
	answers := map[string]Answer{"decisions": h.decisions, "explain": h.explain, "nodes": h.nodes, "workloads": h.workloads}
	maps.Copy(answers, h.More)
	for path, answer := range answers {
		h.mux.HandleFunc("GET "+serving.Prefix+path, func(w http.ResponseWriter, r *http.Request) { h.answer(w, r, answer) })
	}
	return h.mux
}

// page is the page of all this. A standby says that it is one, so that a proxy before all replicas asks the next.
func (h *Handler) page() http.Handler {
	served := page.Schedulers()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.leads(); err != nil {
			reply(w, r, nil, err)
			return
		}
		served.ServeHTTP(w, r)
	})
}

// refusal is an error with the status to answer with.
type refusal struct {
	code int
	text string
}

func (r *refusal) Error() string { return r.text }

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, answer func(context.Context, *http.Request) (any, error)) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	v, err := h.work(ctx, r, answer)
	reply(w, r, v, err)
}

// reply writes the answer, or why there is none.
func reply(w http.ResponseWriter, r *http.Request, v any, err error) {
	var body []byte
	if err == nil {
		body, err = json.Marshal(v)
	}
	if err != nil {
		code := http.StatusInternalServerError
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			code = refused.code
		case errors.Is(err, context.DeadlineExceeded):
			code = http.StatusServiceUnavailable
		}
		http.Error(w, err.Error(), code)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if _, err := w.Write(body); err != nil {
		klog.FromContext(r.Context()).V(4).Info("An answer was not taken", "path", r.URL.Path, "reason", err.Error())
	}
}

// work makes the answer. One is made at a time, with pauses.
func (h *Handler) work(ctx context.Context, r *http.Request, answer func(context.Context, *http.Request) (any, error)) (any, error) {
	if err := h.leads(); err != nil {
		return nil, err
	}
	done, err := h.pace(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return answer(ctx, r)
}

func (h *Handler) leads() error {
	if h.Leads != nil && !h.Leads() {
		return &refusal{http.StatusServiceUnavailable, "this scheduler does not lead: ask the holder of the Lease"}
	}
	return nil
}

// pace waits for the turn to work, which ends a while after done is called.
func (h *Handler) pace(ctx context.Context) (done func(), err error) {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	start := time.Now()
	return func() {
		pause := (asked - 1) * time.Since(start)
		time.AfterFunc(pause, func() { <-h.turn })
	}, nil
}

// decisions are the newest records, of one pod or of all.
func (h *Handler) decisions(_ context.Context, r *http.Request) (any, error) {
	limit, err := Number(r, "limit", 100, mostDecisions)
	if err != nil {
		return nil, err
	}
	namespace, pod := r.URL.Query().Get("namespace"), r.URL.Query().Get("pod")
	records := []decision.Record{}
	for k := range h.Ring.Newest() {
		if p := &k.Bare().Pod; namespace != "" && p.Namespace != namespace || pod != "" && p.Name != pod {
			continue
		}
		if records = append(records, k.Record()); len(records) == limit {
			break
		}
	}
	return records, nil
}

// Number is a parameter of a request, from 1 to most; an error refuses the request.
func Number(r *http.Request, name string, otherwise, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &refusal{http.StatusBadRequest, fmt.Sprintf("%s %.20q: must be 1 to %d", name, text, most)}
	}
	return n, nil
}

// explain says why one pod is where it is.
func (h *Handler) explain(ctx context.Context, r *http.Request) (any, error) {
	namespace, name := r.URL.Query().Get("namespace"), r.URL.Query().Get("pod")
	pod, err := h.Pods.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		if h.Moves != nil {
			if moves, _ := h.Moves(namespace, name, ""); len(moves) > 0 {
				x := &decision.Explanation{Gone: true, Moves: moves}
				if k := h.Ring.Of(namespace, name, ""); k != nil {
					tell(x, k.Record())
					x.Node = x.Record.Node
				}
				return x, nil
			}
		}
		return nil, &refusal{http.StatusNotFound, fmt.Sprintf("pod %.253s/%.253s: the scheduler knows none of that name", namespace, name)}
	}
	if err != nil {
		return nil, err
	}
	x := &decision.Explanation{Node: pod.Spec.NodeName, Scheduler: pod.Spec.SchedulerName, Profile: pod.Spec.SchedulerName}
	if !slices.Contains(h.Profiles, x.Profile) {
		x.Profile = h.Profiles[0]
	}
	if h.Moves != nil {
		x.Moves, x.Stays = h.Moves(namespace, name, string(pod.UID))
	}
	if k := h.Ring.Of(namespace, name, string(pod.UID)); k != nil {
		tell(x, k.Record())
		if x.Record.Node != pod.Spec.NodeName && pod.Spec.NodeName != "" {
			x.Record, x.Evaluation = nil, nil // Another one bound it.
		}
	}
	if x.Evaluation != nil && r.URL.Query().Get("now") != "true" {
		return x, nil
	}
	if done(pod) {
		return nil, &refusal{http.StatusConflict, fmt.Sprintf("pod %s/%s has ended (%s)", namespace, name, pod.Status.Phase)}
	}
	x.Evaluation, err = h.Evaluator.Evaluate(ctx, evaluate.Question{Pod: pod, Profile: x.Profile, Chosen: pod.Spec.NodeName})
	return x, err
}

// tell adds a record to an explanation, its evaluation beside it.
func tell(x *decision.Explanation, record decision.Record) {
	x.Record, x.Profile, x.Evaluation = &record, record.Profile, record.Evaluation
	x.Record.Evaluation = nil
}

func done(pod *v1.Pod) bool {
	return pod.Status.Phase == v1.PodSucceeded || pod.Status.Phase == v1.PodFailed
}

// nodes are all nodes, or those that are named.
func (h *Handler) nodes(ctx context.Context, r *http.Request) (any, error) {
	nodes, err := h.Evaluator.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	if err := only(nodes, query["node"]); err != nil {
		return nil, err
	}
	if h.Judged != nil {
		h.Judged(nodes, query.Get("misses") == "true")
	}
	return nodes, nil
}

// only leaves the nodes that are named, in that order; no name leaves all.
func only(nodes *decision.Nodes, names []string) error {
	if len(names) == 0 {
		return nil
	}
	chosen := make([]decision.Node, 0, len(names))
	for _, name := range names {
		i, found := slices.BinarySearchFunc(nodes.Nodes, name, func(n decision.Node, name string) int { return cmp.Compare(n.Name, name) })
		if !found {
			return &refusal{http.StatusNotFound, fmt.Sprintf("node %.253q: the scheduler knows none of that name", name)}
		}
		chosen = append(chosen, nodes.Nodes[i])
	}
	nodes.Nodes = chosen
	return nil
}

func (h *Handler) workloads(ctx context.Context, _ *http.Request) (any, error) {
	return h.Evaluator.Workloads(ctx)
}
