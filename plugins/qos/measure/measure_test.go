// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package measure

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// server answers queries by what is in it.
type server struct {
	values map[string][]usage.PodValue
	errs   map[string]error
	slow   func() // before each answer
	asked  []string
}

func (s *server) AskPods(ctx context.Context, query string, _ time.Time, each func(usage.PodValue)) (drops usage.Drops, err error) {
	s.asked = append(s.asked, query)
	if s.slow != nil {
		s.slow()
	}
	for _, v := range s.values[query] {
		each(v)
	}
	drops[usage.Nameless]++
	if err := ctx.Err(); err != nil {
		return drops, err
	}
	return drops, s.errs[query]
}

func (s *server) PodWindow() time.Duration { return time.Minute }

// profile has pods that wait, by query.
type profile struct {
	queries []string
	waiting map[string]map[types.NamespacedName]types.UID
	told    []string
}

func (p *profile) Queries() []string                                    { return p.queries }
func (p *profile) Asked() map[string]map[types.NamespacedName]types.UID { return p.waiting }
func (p *profile) Answered(uid types.UID, query string, v float64, began time.Time) {
	p.told = append(p.told, fmt.Sprint(query, " ", uid, " ", v, " ", began.Unix()))
}

// wait has a pod of the namespace shop wait for what queries say of it.
func (p *profile) wait(name string, queries ...string) {
	for _, q := range queries {
		if p.waiting == nil {
			p.waiting = map[string]map[types.NamespacedName]types.UID{}
		}
		if p.waiting[q] == nil {
			p.waiting[q] = map[types.NamespacedName]types.UID{}
		}
		p.waiting[q][types.NamespacedName{Namespace: "shop", Name: name}] = types.UID("uid-" + name)
	}
}

type rig struct {
	*Reader
	server *server
	time   time.Time
	log    *ktesting.BufferTL
	ctx    context.Context
}

func newRig(t *testing.T, profiles ...*profile) *rig {
	r := &rig{server: &server{values: map[string][]usage.PodValue{}, errs: map[string]error{}}, time: time.Unix(1000, 0), log: &ktesting.BufferTL{}}
	r.Reader = New(r.server, 10*time.Second, func() time.Time { return r.time }, func() (all []Asking) {
		for _, p := range profiles {
			all = append(all, p)
		}
		return all
	})
	r.ctx = klog.NewContext(t.Context(), ktesting.NewLogger(r.log, ktesting.NewConfig()))
	return r
}

func value(name string, v float64) usage.PodValue {
	return usage.PodValue{Namespace: "shop", Name: name, Value: v}
}

// Each query is asked once, however many profiles have it, and each pod that waits gets what it says; a pod that it says two things of gets
// neither, and one that does not wait is passed over.
func TestPodsGetTheirValues(t *testing.T) {
	a, b := &profile{queries: []string{"p99", "errors"}}, &profile{queries: []string{"p99"}}
	r := newRig(t, a, b)
	a.wait("web", "p99", "errors")
	a.wait("twice", "p99")
	a.wait("new", "p99")
	b.wait("other", "p99")
	old := value("new", 9)
	old.UID = "uid-before"
	same := value("other", 3)
	same.UID = "uid-other"
	r.server.values["p99"] = []usage.PodValue{value("web", .2), value("twice", .1), value("twice", .1), old, same, value("stranger", 1), {Namespace: "evil", Name: "web", Value: 99}}
	r.server.values["errors"] = []usage.PodValue{value("web", .01), value("twice", .01)}
	r.Round(r.ctx)
	slices.Sort(a.told)
	if want := []string{"errors uid-web 0.01 940", "p99 uid-web 0.2 940"}; !slices.Equal(a.told, want) {
		t.Errorf("told %q, want %q", a.told, want)
	}
	if want := []string{"p99 uid-other 3 940"}; !slices.Equal(b.told, want) {
		t.Errorf("told %q, want %q", b.told, want)
	}
	if want := []string{"p99", "errors"}; !slices.Equal(r.server.asked, want) {
		t.Errorf("asked %q, want %q", r.server.asked, want)
	}
	want := Status{Answered: 1, Values: 2, Dropped: usage.Drops{usage.Duplicate: 2, usage.UnknownPod: 1, usage.Nameless: 1}}
	if s := r.Status("p99"); s != want {
		t.Errorf("%+v, want %+v", s, want)
	}
	if s := r.Status("no such"); s != (Status{}) {
		t.Errorf("of a query that was never asked: %+v", s)
	}
}

// A query is asked before a pod waits, so that its mistakes show, and then only while one does.
func TestNobodyWaits(t *testing.T) {
	p := &profile{queries: []string{"p99"}}
	r := newRig(t, p)
	for range 3 {
		r.Round(r.ctx)
	}
	if len(r.server.asked) != 1 {
		t.Errorf("asked %d times for nobody", len(r.server.asked))
	}
	p.wait("web", "p99")
	r.Round(r.ctx)
	if len(r.server.asked) != 2 {
		t.Errorf("asked %d times", len(r.server.asked))
	}
}

// A query that fails tells nobody anything, is asked ever less often, and is logged every ten minutes at most; the others go on.
func TestQueryFails(t *testing.T) {
	p := &profile{queries: []string{"bad", "good"}}
	r := newRig(t, p)
	p.wait("web", "bad", "good")
	r.server.values["bad"], r.server.values["good"] = []usage.PodValue{value("web", 1)}, []usage.PodValue{value("web", 2)}
	r.server.errs["bad"] = errors.New("parse error")
	for range 60 {
		r.Round(r.ctx)
		r.time = r.time.Add(10 * time.Second)
	}
	// At 0, 10, 30, 70 s and so on.
	if s := r.Status("bad"); s.Answered != 0 || s.Failed != 17 || s.Err == nil || s.Values != 0 {
		t.Errorf("%+v", s)
	}
	if s := r.Status("good"); s.Answered != 60 || s.Values != 60 {
		t.Errorf("%+v", s)
	}
	if slices.ContainsFunc(p.told, func(s string) bool { return strings.HasPrefix(s, "bad") }) {
		t.Errorf("told %q", p.told)
	}
	if n := strings.Count(r.log.String(), "fails"); n != 1 {
		t.Errorf("%d lines in the log of 10 minutes:\n%s", n, r.log.String())
	}
	r.server.errs["bad"] = nil
	r.time = r.time.Add(time.Minute)
	r.Round(r.ctx)
	if s := r.Status("bad"); s.Err != nil || s.Values != 1 || !strings.Contains(r.log.String(), "is answered again") {
		t.Errorf("%+v, and in the log\n%s", s, r.log.String())
	}
}

// Where a slow server leaves no time for all queries, those that were left out come first in the next round.
func TestSlowServer(t *testing.T) {
	p := &profile{queries: []string{"a", "b", "c"}}
	r := newRig(t, p)
	p.wait("web", "a", "b", "c")
	ctx, cancel := context.WithCancel(r.ctx)
	r.server.slow = cancel
	r.Round(ctx)
	ctx, cancel = context.WithCancel(r.ctx)
	r.server.slow = cancel
	r.Round(ctx)
	if want := []string{"a", "b"}; !slices.Equal(r.server.asked, want) {
		t.Errorf("asked %q, want %q", r.server.asked, want)
	}
}
