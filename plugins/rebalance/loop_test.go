// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// small is a cluster of a hot node and a cool one, in which evictions are answered with an error or carried out; the successor runs once
// it is told to.
type small struct {
	places
	leads   bool
	answer  error
	pods    map[string][]*Pod // by node
	evicted []string
	told    []string
	blind   error // nothing is seen
}

func newSmall() *small {
	rest := pod("rest", 4)
	rest.Fixed = Unsafe
	return &small{
		places: places{"a": {"cool"}, "b": {"cool"}, "a-2": {"cool"}}, leads: true,
		pods: map[string][]*Pod{"hot": {pod("a", 3), pod("b", 3), rest}, "cool": nil},
	}
}

func (s *small) See(_ context.Context, now time.Time) (*Cluster, error) {
	if s.blind != nil {
		return nil, s.blind
	}
	c := cluster()
	c.Now = now
	for _, name := range []string{"cool", "hot"} {
		n := node(name)
		for _, p := range s.pods[name] {
			copied := *p
			n.Pods = append(n.Pods, &copied)
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c, nil
}

func (s *small) Elsewhere(ctx context.Context, p *Pod, _ []string, moved []Move) ([]string, error) {
	return s.Best(ctx, p, "", moved)
}

func (s *small) Leads() bool { return s.leads }

func (s *small) Evict(_ context.Context, p *Pod) error {
	s.evicted = append(s.evicted, p.UID)
	if s.answer == nil {
		s.pods["hot"] = slices.DeleteFunc(s.pods["hot"], func(other *Pod) bool { return other.UID == p.UID })
	}
	return s.answer
}

func (s *small) Tell(p *Pod, result, note string) {
	s.told = append(s.told, p.Name+" "+result+": "+note)
}

func (s *small) comes(name string, now time.Time) {
	successor := pod(name+"-2", 3)
	successor.Workload, successor.Created = "shop/Deployment/"+name, now
	s.pods["cool"] = append(s.pods["cool"], successor)
}

func newLoop(w World, evicts bool) *Loop {
	o := options()
	o.Again = time.Hour
	return &Loop{World: w, Options: o, Evicts: evicts, Count: NewMetrics()}
}

// One pod moves, is told of, and the next one waits for its successor.
func TestLoopMovesOneAtATime(t *testing.T) {
	s := newSmall()
	l := newLoop(s, true)
	l.Count.Register(metrics.NewKubeRegistry().MustRegister)
	l.Look(t.Context(), noon)
	if !slices.Equal(s.evicted, []string{"a"}) || len(s.told) != 1 || !strings.Contains(s.told[0], "a moved: hot is predicted at 10.0 of 8.0 cores at 12:00, and at 7.0 without a; moving it to cool saves") {
		t.Fatalf("evicted %v, told %v", s.evicted, s.told)
	}
	s.pods["hot"] = append(s.pods["hot"], pod("more", 3))
	l.Look(t.Context(), noon.Add(5*time.Minute))
	report, err := l.Report(t.Context(), noon.Add(5*time.Minute), false)
	if err != nil || len(s.evicted) != 1 || report.Refused[Awaits] != 1 {
		t.Errorf("evicted %v while the successor does not run; %+v, %v", s.evicted, report, err)
	}
	if n, err := testutil.GetCounterMetricValue(l.Count.refused.WithLabelValues("awaiting")); err != nil || n != 1 {
		t.Errorf("%v pods are counted that wait, %v", n, err)
	}
	s.comes("a", noon.Add(6*time.Minute))
	l.Look(t.Context(), noon.Add(10*time.Minute))
	report, _ = l.Report(t.Context(), noon.Add(10*time.Minute), false)
	if len(s.evicted) != 2 || len(report.Records) != 2 || report.Records[1].Successor != "a-2" || report.Records[1].On != "cool" || report.Records[0].Result != "moved" {
		t.Errorf("evicted %v, records %+v", s.evicted, report.Records)
	}
}

// An eviction that a PodDisruptionBudget refuses is told, and the workload left alone for longer each time.
func TestLoopBacksOff(t *testing.T) {
	s := newSmall()
	delete(s.places, "b")
	s.answer = apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
	l := newLoop(s, true)
	for minute := range 61 {
		l.Look(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
	}
	// At once, after 5, 10, 20 minutes more, and the next one after 40.
	if len(s.evicted) != 4 || len(s.told) != 4 || !strings.Contains(s.told[0], "a pdb: hot is predicted") {
		t.Errorf("%d evictions were tried in an hour, told %v", len(s.evicted), s.told)
	}
	report, _ := l.Report(t.Context(), noon, false)
	if r := report.Records[0]; r.Result != "pdb" || !strings.Contains(r.Why, "disruption budget") || report.Refused[Disrupts] == 0 {
		t.Errorf("%+v", report)
	}
}

// Suggest tells and does nothing, each move once.
func TestLoopSuggests(t *testing.T) {
	s := newSmall()
	l := newLoop(s, false)
	for minute := range 30 {
		l.Look(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
	}
	report, err := l.Report(t.Context(), noon, true)
	if err != nil || len(s.evicted) > 0 || len(s.told) != 2 || !strings.HasPrefix(s.told[0], "a suggested: ") || len(report.Records) != 2 || report.Records[0].Result != "suggested" {
		t.Errorf("evicted %v, told %v, %+v, %v", s.evicted, s.told, report, err)
	}
}

// Who does not lead does nothing; and who leads again does not move what another leader may have moved meanwhile.
func TestOnlyTheLeaderMoves(t *testing.T) {
	s := newSmall()
	l := newLoop(s, true)
	s.leads = false
	l.Look(t.Context(), noon)
	if len(s.evicted) > 0 {
		t.Fatalf("evicted %v", s.evicted)
	}
	for _, p := range s.pods["hot"] {
		p.Created = noon.Add(-10 * time.Minute)
	}
	s.leads = true
	l.Look(t.Context(), noon.Add(time.Minute))
	report, _ := l.Report(t.Context(), noon, false)
	if len(s.evicted) > 0 || report.Refused[TooSoon] == 0 {
		t.Fatalf("evicted %v, %+v", s.evicted, report)
	}
	l.Look(t.Context(), noon.Add(time.Hour))
	if len(s.evicted) != 1 {
		t.Errorf("evicted %v", s.evicted)
	}
}

// What a look now would find is not remembered.
func TestDryRunRemembersNothing(t *testing.T) {
	s := newSmall()
	l := newLoop(s, true)
	for range 3 {
		report, err := l.Report(t.Context(), noon, true)
		if err != nil || len(report.Moves) == 0 || report.Moves[0].Pod != "a" || len(report.Records) > 0 {
			t.Fatalf("%+v, %v", report, err)
		}
	}
	if l.Look(t.Context(), noon); len(s.evicted) != 1 {
		t.Errorf("evicted %v", s.evicted)
	}
}

// A pod is followed where it went: what it would have cost where it was, and what it costs where it is.
func TestExcess(t *testing.T) {
	n := node("n", pod("a", 4), pod("b", 2))
	n.Beyond[forecast.CPU].Mean = 1
	if got := excess(&n, 0); got < .59 || got > .61 {
		t.Errorf("7 of 8 cores, of which 6.4 run well: %v too many", got)
	}
	if got := excess(&n, -2); got != 0 {
		t.Errorf("5 of 8 cores: %v too many", got)
	}
}

// A pod is told of as what it is: moved, come in another's place, or staying with the reason; by its UID while it is there, by its name when it is gone.
func TestLoopTellsOfPods(t *testing.T) {
	s := newSmall()
	l := newLoop(s, true)
	l.Look(t.Context(), noon)
	if moves, stays, looked := l.OfPod("shop", "rest", "rest"); len(moves) > 0 || stays == nil || stays.Reason != Unsafe || !(stays.Cures > 0) || !looked.Equal(noon) {
		t.Errorf("%+v, %+v, %v", moves, stays, looked)
	}
	s.comes("a", noon.Add(time.Minute))
	for minute := 5; minute <= 15; minute += 5 {
		l.Look(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
	}
	for _, of := range []struct{ name, uid string }{{"a", "a"}, {"a", ""}, {"a-2", "a-2"}} {
		moves, _, _ := l.OfPod("shop", of.name, of.uid)
		// The ten minutes after it was found to run: 10 of 8 cores would have been 3.6 too many, and 7 are .6 too many until the other one went too.
		if len(moves) != 1 || moves[0].Pod != "a" || moves[0].Successor != "a-2" || moves[0].Realised == nil || !(*moves[0].Realised > 0) || moves[0].RealisedMinutes != 10 {
			t.Errorf("%v: %+v", of, moves)
		}
	}
	if moves, stays, _ := l.OfPod("elsewhere", "a", ""); len(moves) > 0 || stays != nil {
		t.Errorf("%+v, %+v", moves, stays)
	}
}

// handed is a cluster whose leaders are killed: evicted pods take minutes to go, and their successors minutes to run.
type handed struct {
	t       *testing.T
	now     time.Time
	pods    []*Pod // on the hot node
	going   map[*Pod]time.Time
	came    []*Pod // on the cool one
	runs    map[*Pod]time.Time
	evicted []time.Time
}

func (h *handed) See(_ context.Context, now time.Time) (*Cluster, error) {
	h.now = now
	for p, gone := range h.going {
		if now.Before(gone) {
			continue
		}
		delete(h.going, p)
		h.pods = slices.DeleteFunc(h.pods, func(other *Pod) bool { return other == p })
		successor := pod(p.Name+"+", 3)
		successor.Workload, successor.Created = p.Workload, gone
		h.came = append(h.came, successor)
		h.runs[successor] = gone.Add(time.Duration(len(h.came)%4) * time.Minute)
	}
	hot, cool := node("hot"), node("cool")
	cool.Size = forecast.Amounts{800, 3200 * gib}
	for _, p := range h.pods {
		copied := *p
		if _, going := h.going[p]; going {
			copied.Fixed = Deleting
		}
		hot.Pods = append(hot.Pods, &copied)
	}
	for _, p := range h.came {
		copied := *p
		if now.Before(h.runs[p]) {
			copied.Fixed = NotRunning
		}
		cool.Pods = append(cool.Pods, &copied)
	}
	c := cluster(hot, cool)
	c.Now = now
	return c, nil
}

func (h *handed) Best(context.Context, *Pod, string, []Move) ([]string, error) {
	return []string{"cool"}, nil
}
func (h *handed) Elsewhere(context.Context, *Pod, []string, []Move) ([]string, error) {
	return nil, nil
}
func (h *handed) Leads() bool               { return true }
func (h *handed) Tell(*Pod, string, string) {}

func (h *handed) Evict(_ context.Context, evicted *Pod) error {
	for p := range h.going {
		h.t.Errorf("%v: %s is evicted while %s goes", h.now, evicted.Name, p.Name)
	}
	for p, at := range h.runs {
		if h.now.Before(at) {
			h.t.Errorf("%v: %s is evicted while %s does not run", h.now, evicted.Name, p.Name)
		}
	}
	for _, p := range h.pods {
		if p.UID == evicted.UID {
			h.going[p] = h.now.Add(2 * time.Minute)
			h.evicted = append(h.evicted, h.now)
			return nil
		}
	}
	h.t.Errorf("%s is evicted again", evicted.Name)
	return nil
}

// Whenever leaders are killed, also between an eviction and its record: all of them together keep to the budget of an hour and to one pod at a time.
func TestLeadersTogetherHoldBudgets(t *testing.T) {
	for seed := range uint64(20) {
		lots := rand.New(rand.NewPCG(seed, 1))
		h := &handed{t: t, going: map[*Pod]time.Time{}, runs: map[*Pod]time.Time{}}
		for i := range 40 {
			h.pods = append(h.pods, pod(fmt.Sprintf("pod-%d", i), 3))
		}
		leader := func() *Loop {
			l := newLoop(h, true)
			l.Options.Again, l.Options.Node, l.Options.Namespace = 6*time.Hour, 100, 100
			return l
		}
		l := leader()
		for minute := range 8 * 60 {
			l.Look(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
			if lots.IntN(25) == 0 {
				l = leader()
			}
		}
		for i := range h.evicted {
			if n := l.Options.Hour; i >= n && h.evicted[i].Sub(h.evicted[i-n]) < time.Hour-5*time.Minute {
				t.Errorf("seed %d: more than %d pods are evicted in an hour: %v", seed, n, h.evicted[i-n:i+1])
			}
		}
		if len(h.evicted) < 10 {
			t.Errorf("seed %d: %d pods are evicted in 8 hours", seed, len(h.evicted))
		}
	}
}

// The metric says that moves are stopped for as long as they are, whether looks find something or fail.
func TestStoppedIsTold(t *testing.T) {
	s := newSmall()
	l := newLoop(s, true)
	l.Count.Register(metrics.NewKubeRegistry().MustRegister)
	l.Look(t.Context(), noon)
	l.planner.ledger.stopped = noon.Add(time.Hour)
	for minute, want := range map[int]float64{10: 1, 59: 1, 60: 0} {
		for _, s.blind = range []error{nil, errors.New("no answer")} {
			l.Look(t.Context(), noon.Add(time.Duration(minute)*time.Minute))
			if got, err := testutil.GetGaugeMetricValue(l.Count.stopped); err != nil || got != want {
				t.Errorf("after %d minutes with %v: %v, %v", minute, s.blind, got, err)
			}
		}
	}
	s.blind = nil
	l.Look(t.Context(), noon.Add(30*time.Minute))
	if report, err := l.Report(t.Context(), noon.Add(30*time.Minute), false); err != nil || report.Refused[Stopped] != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Where nothing is evicted no planner before this one moved a pod: budgets of the hour are whole from the start.
func TestSuggestInheritsNothing(t *testing.T) {
	for evicts, want := range map[bool]int{false: 1, true: 0} {
		s := newSmall()
		for i := range options().Hour {
			young := pod(fmt.Sprint("young-", i), .01)
			young.Created = noon.Add(-10 * time.Minute)
			s.pods["cool"] = append(s.pods["cool"], young)
		}
		l := newLoop(s, evicts)
		l.Look(t.Context(), noon)
		if len(s.told) != want {
			t.Errorf("evicts %v: told %v", evicts, s.told)
		}
	}
}

// Who asks while a look takes its time waits no longer than the request lasts.
func TestRequestsDoNotWaitForever(t *testing.T) {
	l := newLoop(newSmall(), false)
	if err := l.turn.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := l.Pack(ctx, noon); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err := l.Report(ctx, noon, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	l.turn.end()
	if _, err := l.Pack(t.Context(), noon); err != nil {
		t.Error(err)
	}
}
