// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/foresight-scheduler/foresight/plugins/predict"
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

func (s *small) Leads() bool { return s.leads }

func (s *small) Evict(_ context.Context, p *Pod) error {
	s.evicted = append(s.evicted, p.UID)
	if s.answer == nil {
		s.pods["hot"] = slices.DeleteFunc(s.pods["hot"], func(other *Pod) bool { return other.UID == p.UID })
	}
	return s.answer
}

func (s *small) Tell(p *Pod, note string) { s.told = append(s.told, p.Name+": "+note) }

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
	l.Look(t.Context(), noon)
	if !slices.Equal(s.evicted, []string{"a"}) || len(s.told) != 1 || !strings.Contains(s.told[0], "a: hot is expected to use 10.0 of 8.0 cores at 12:00, and 7.0 without a: moving it to cool saves") {
		t.Fatalf("evicted %v, told %v", s.evicted, s.told)
	}
	s.pods["hot"] = append(s.pods["hot"], pod("more", 3))
	l.Look(t.Context(), noon.Add(5*time.Minute))
	report, err := l.Report(t.Context(), noon.Add(5*time.Minute), false)
	if err != nil || len(s.evicted) != 1 || report.Refused[Awaits] != 1 {
		t.Errorf("evicted %v while the successor does not run; %+v, %v", s.evicted, report, err)
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
	if len(s.evicted) != 4 || len(s.told) != 0 {
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
	if err != nil || len(s.evicted)+len(s.told) > 0 || len(report.Records) != 2 || report.Records[0].Result != "suggested" {
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
	n.Beyond[predict.CPU].Mean = 1
	if got := excess(&n, 0); got < .59 || got > .61 {
		t.Errorf("7 of 8 cores, of which 6.4 run well: %v too many", got)
	}
	if got := excess(&n, -2); got != 0 {
		t.Errorf("5 of 8 cores: %v too many", got)
	}
}
