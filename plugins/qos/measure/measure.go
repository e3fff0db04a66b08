// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package measure asks the operator's queries which service pods really get, beside the scheduling path.
package measure

import (
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Asking is one profile, whose objectives have queries.
type Asking interface {
	// Queries of the profile's objectives.
	Queries() []string
	// Asked are the pods that wait for what a query says of them, by query.
	Asked() map[string]map[types.NamespacedName]types.UID
	// Answered takes what a query says of a pod, over a time that began then.
	Answered(uid types.UID, query string, value float64, began time.Time)
}

// Status is how a query fares.
type Status struct {
	// Answered and Failed count how often it was asked.
	Answered, Failed int
	// Values of pods that waited for one, and what was Dropped of the answers.
	Values  int
	Dropped usage.Drops
	// Err is why it failed last; nil where it was answered since.
	Err error

	again time.Time // not to be asked before, while it fails
	wait  time.Duration
	told  time.Time // when the log said that it fails
}

// Reader asks the queries of all profiles in turn, each once however many objectives have it.
type Reader struct {
	source   usage.PodAsker
	interval time.Duration
	now      func() time.Time
	profiles func() []Asking

	first  int // query of the next round: one that a slow server leaves no time for comes first then
	lock   sync.Mutex
	status map[string]*Status
}

// New returns a reader that asks the source at the interval for those profiles that there are then.
func New(source usage.PodAsker, interval time.Duration, now func() time.Time, profiles func() []Asking) *Reader {
	return &Reader{source: source, interval: interval, now: now, profiles: profiles, status: map[string]*Status{}}
}

// Run asks at the interval until ctx ends.
func (r *Reader) Run(ctx context.Context) {
	ticker := time.NewTicker(r.interval)
	defer ticker.Stop()
	for {
		r.Round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Status of a query; of one that was never asked, the zero Status.
func (r *Reader) Status(query string) Status {
	r.lock.Lock()
	defer r.lock.Unlock()
	if s := r.status[query]; s != nil {
		return *s
	}
	return Status{}
}

// waits is a pod of a profile that waits for an answer.
type waits struct {
	profile Asking
	uid     types.UID
}

// Round asks each query once that pods wait for, or that was never answered: so what is wrong with a query shows before the first pod. It
// takes at most the interval.
func (r *Reader) Round(ctx context.Context) {
	of, cancel := context.WithTimeout(ctx, r.interval)
	defer cancel()
	var queries []string
	waiting := map[string]map[types.NamespacedName][]waits{}
	for _, p := range r.profiles() {
		for _, q := range p.Queries() {
			if !slices.Contains(queries, q) {
				queries = append(queries, q)
			}
		}
		for q, pods := range p.Asked() {
			if waiting[q] == nil {
				waiting[q] = map[types.NamespacedName][]waits{}
			}
			for name, uid := range pods {
				waiting[q][name] = append(waiting[q][name], waits{p, uid})
			}
		}
	}
	for i := range queries {
		next := (r.first + i) % len(queries)
		if of.Err() != nil {
			r.first = next
			return
		}
		if q := queries[next]; r.due(q, len(waiting[q]) > 0) {
			r.ask(of, klog.FromContext(ctx), q, waiting[q])
		}
	}
}

// due says whether to ask a query now.
func (r *Reader) due(query string, waited bool) bool {
	r.lock.Lock()
	defer r.lock.Unlock()
	s := r.status[query]
	if s == nil {
		s = &Status{}
		r.status[query] = s
	}
	return (waited || s.Answered == 0) && !r.now().Before(s.again)
}

// tellAgain is how often the log says of a query that it fails.
const tellAgain = 10 * time.Minute

// ask asks one query, and hands what it says to those who wait. An answer that fails, or that is cut short, counts for nobody.
func (r *Reader) ask(ctx context.Context, logger klog.Logger, query string, waiting map[types.NamespacedName][]waits) {
	type value struct {
		v     float64
		times uint64
	}
	at := r.now()
	var others uint64
	values := map[types.UID]value{}
	drops, err := r.source.AskPods(ctx, query, at, func(v usage.PodValue) {
		for _, w := range waiting[types.NamespacedName{Namespace: v.Namespace, Name: v.Name}] {
			if v.UID != "" && v.UID != string(w.uid) {
				others++ // One of the same name, before this one.
				continue
			}
			values[w.uid] = value{v.Value, values[w.uid].times + 1}
		}
	})
	drops[usage.UnknownPod] += others
	r.lock.Lock()
	defer r.lock.Unlock()
	s := r.status[query]
	if now := r.now(); err != nil {
		s.Failed++
		s.wait = min(max(2*s.wait, r.interval), 4*r.interval)
		s.again, s.Err = now.Add(s.wait), err
		if s.told.IsZero() || now.Sub(s.told) >= tellAgain {
			s.told = now
			logger.Error(err, "A query of an objective fails; its pods are judged without it", "query", query)
		}
		return
	}
	if s.Err != nil {
		logger.Info("A query of an objective is answered again", "query", query)
	}
	s.Answered++
	s.Err, s.wait, s.again, s.told = nil, 0, time.Time{}, time.Time{}
	began := at.Add(-r.source.PodWindow())
	for _, pods := range waiting {
		for _, w := range pods {
			switch v := values[w.uid]; v.times {
			case 0:
			case 1:
				s.Values++
				w.profile.Answered(w.uid, query, v.v, began)
			default:
				// The query does not aggregate over what tells them apart, or somebody else tells of the pod, and which is meant nobody knows.
				drops[usage.Duplicate] += v.times
			}
		}
	}
	s.Dropped.Add(drops)
}
