// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// world is a cluster of nodes of ten cores, as a ledger sees it.
type world struct {
	t      *testing.T
	ledger *Ledger
	pods   map[string]*v1.Pod
	now    time.Time
}

func newWorld(t *testing.T, decisions int, bytes int64) *world {
	w := &world{t: t, pods: map[string]*v1.Pod{}, now: begin}
	w.ledger = NewLedger(Options{
		Decisions: decisions, MaxBytes: bytes, Horizons: []time.Duration{time.Hour, 24 * time.Hour}, Gap: 10 * time.Minute,
		Machines: func(string) (usage.Machine, bool) { return usage.Machine{Cores: 10}, true },
		Pod:      func(namespace, name string) *v1.Pod { return w.pods[namespace+"/"+name] },
	}, begin)
	return w
}

func pod(name, owner string) *v1.Pod {
	p := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name)}}
	p.Spec.SchedulerName = "default-scheduler"
	if owner != "" {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "StatefulSet", Name: owner, Controller: ptr.To(true)}}
	}
	return p
}

// placed puts a pod on theirs, where ours would have been another node.
func (w *world) placed(name, owner, theirs, ours string) {
	p := pod(name, owner)
	p.Spec.NodeName = theirs
	w.pods["shop/"+name] = p
	w.ledger.Add(p, w.now, 0, 0, &decision.Placed{Node: ours, Nodes: 3, Feasible: 3, Alike: 1}, ours)
}

// measure lets the time pass and measures nodes and pods.
func (w *world) measure(after time.Duration, nodes, pods map[string]float64) {
	w.now = w.now.Add(after)
	r := usage.Reading{End: w.now}
	for name, cpu := range nodes {
		s := usage.NodeSample{Node: name, Sample: usage.Sample{Time: w.now}}
		s.Set(usage.CPU, cpu)
		r.Nodes = append(r.Nodes, s)
	}
	for name, cpu := range pods {
		s := usage.PodSample{Namespace: "shop", Name: name, UID: "uid-" + name, Sample: usage.Sample{Time: w.now}}
		s.Set(usage.CPU, cpu)
		r.Pods = append(r.Pods, s)
	}
	w.ledger.Follow(&r)
}

// A pod of 3 cores on a node that uses 9 of 10: without it that one would not be hot, and the other one, at 6, would be with it. At 4
// it would not.
func TestGain(t *testing.T) {
	w := newWorld(t, 100, 1<<20)
	w.placed("web-0", "web", "a", "b")
	w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 4}, map[string]float64{"web-0": 3})
	w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 6}, map[string]float64{"web-0": 3})
	h := w.ledger.Report(w.now, 10).Horizons[0]
	want := Came{
		Hours: 1, Minutes: 10, Theirs: Load{10, 10}, TheirsWithout: Load{0, 0}, Ours: Load{0, 0}, OursWith: Load{5, 5},
	}
	if h.Came != want || h.HotMinutes.Sum != 5 || h.OverCoreMinutes.Sum != 5 || h.Pods != 1 || h.Ongoing != 1 || h.Enough || h.HotMinutes.SumInterval != nil {
		t.Errorf("got %+v", h)
	}
}

// Nothing counts that was not measured: before the pod was, while a node was silent, or after the pod went.
func TestOnlyWhatIsMeasuredCounts(t *testing.T) {
	w := newWorld(t, 100, 1<<20)
	w.placed("web-0", "web", "a", "b")
	both := map[string]float64{"a": 9, "b": 4}
	w.measure(5*time.Minute, both, nil)
	w.measure(5*time.Minute, both, map[string]float64{"web-0": 3})
	w.measure(20*time.Minute, both, map[string]float64{"web-0": 3}) // The source was silent.
	w.measure(5*time.Minute, map[string]float64{"a": 9}, nil)       // What is 5 minutes old counts.
	w.measure(9*time.Minute, map[string]float64{"a": 9}, nil)       // What is 14 minutes old does not.
	delete(w.pods, "shop/web-0")
	w.measure(5*time.Minute, both, nil)
	r := w.ledger.Report(w.now, 10)
	if h := r.Horizons[1]; h.Minutes != 10 || h.Theirs.HotMinutes != 10 || h.Ongoing != 0 {
		t.Errorf("got %+v", h)
	}
	// One of the same name is another pod.
	w.placed("web-0", "web", "a", "b")
	w.pods["shop/web-0"].UID = "another"
	w.measure(5*time.Minute, both, map[string]float64{"web-0": 3})
	if h := w.ledger.Report(w.now, 10).Horizons[1]; h.Minutes != 10 {
		t.Errorf("with another pod's: %+v", h)
	}
}

// What is within the first hour counts for both horizons, what is after a day for none.
func TestHorizons(t *testing.T) {
	w := newWorld(t, 100, 1<<20)
	w.placed("web-0", "web", "a", "b")
	for range 26 * 12 {
		w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 4}, map[string]float64{"web-0": 3})
	}
	r := w.ledger.Report(w.now, 10)
	if hour, day := r.Horizons[0], r.Horizons[1]; hour.Minutes != 60 || day.Minutes != 24*60 || day.HotMinutes.Sum != 24*60 || day.Ongoing != 0 {
		t.Errorf("hour %+v, day %+v", hour, day)
	}
}

// Records are bounded by number and by bytes. What those that went had come to stays in the sums.
func TestBoundedAndSummed(t *testing.T) {
	for _, bound := range []struct {
		decisions int
		bytes     int64
	}{{200, 1 << 30}, {1 << 20, 1 << 17}} {
		w := newWorld(t, bound.decisions, bound.bytes)
		for i := range 1000 {
			w.placed(fmt.Sprint("web-", i), fmt.Sprint("web-", i%7), "a", "b")
			w.measure(time.Minute, map[string]float64{"a": 9, "b": 4}, map[string]float64{fmt.Sprint("web-", i): 3})
			if c := w.ledger.Counts(); c.Records > bound.decisions || c.Bytes > bound.bytes {
				t.Fatalf("%d records of %d bytes, want at most %+v", c.Records, c.Bytes, bound)
			}
		}
		r := w.ledger.Report(w.now, 3)
		if c := r.Counts; c.Decided != 1000 || c.Evicted != uint64(1000-c.Records) || c.CutShort == 0 || c.Records < 100 {
			t.Errorf("%+v", c)
		}
		// Each pod was measured when it came, and counts until its sample is ten minutes old.
		if h := r.Horizons[1]; h.Pods != 1000 || h.HotMinutes.Sum < 9000 || len(r.Workloads) != 3 || r.MoreWorkloads != 4 || r.Results[Differs] != 1000 {
			t.Errorf("%+v, %d workloads and %d more, %v", h, len(r.Workloads), r.MoreWorkloads, r.Results)
		}
		if got := w.ledger.Newest(2, ""); len(got) != 2 || got[0].Pod.Name != "web-999" || len(w.ledger.Newest(5, Same)) != 0 {
			t.Errorf("newest: %+v", got)
		}
	}
}

// The worked example of estimate's comment; and intervals hold what is true in 95 of 100 samples, where pods of one workload gain alike:
// an interval over pods would not.
func TestEstimate(t *testing.T) {
	e := estimate([]cluster{{1, Load{HotMinutes: 10}}, {1, Load{HotMinutes: 30}}}, Load.hotMinutes)
	if e.Sum != 40 || math.Abs(e.SumInterval[1]-40-12.706*20) > .1 || math.Abs(e.MeanInterval[0]-(20-12.706*10)) > .1 {
		t.Errorf("%+v, %v, %v", e, *e.SumInterval, *e.MeanInterval)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	const samples = 2000
	const truth = 2. // minutes a pod
	held := 0
	for range samples {
		var all []cluster
		for range 40 {
			pods, mean := 1+rng.IntN(5), truth+5*rng.NormFloat64()
			gain := 0.
			for range pods {
				gain += mean + rng.NormFloat64()
			}
			all = append(all, cluster{pods, Load{HotMinutes: gain}})
		}
		if i := estimate(all, Load.hotMinutes).MeanInterval; i[0] <= truth && truth <= i[1] {
			held++
		}
	}
	if share := float64(held) / samples; share < .92 || share > .98 {
		t.Errorf("intervals hold the truth in %.1f %% of samples, want 95", 100*share)
	}
}

// Pods are decided in the order in which they were placed, each with those that came later; what is too much is passed over and
// counted, and known to be there. Pods of other schedulers are none of its business.
func TestOnlooker(t *testing.T) {
	w := newWorld(t, 10_000, 1<<30)
	type decided struct {
		name  string
		later int
	}
	var lock sync.Mutex
	var got []decided
	gate, tried := make(chan struct{}), false
	w.pods["shop/p-2"] = pod("p-2", "")
	o := NewOnlooker([]string{"default-scheduler"}, 1, func(_ context.Context, p *v1.Pod, later func() []*v1.Pod, _ []Moved) (*decision.Placed, error) {
		if p.Name == "p-2" && !tried {
			tried = true
			return nil, decision.ErrNotYet // It is tried again.
		}
		<-gate
		lock.Lock()
		defer lock.Unlock()
		got = append(got, decided{p.Name, len(later())})
		if p.Name == "p-1" {
			return nil, fmt.Errorf("no")
		}
		return &decision.Placed{Node: "a", Feasible: 2, Alike: 2}, nil
	}, w.ledger)
	h := o.Handler()
	see := func(p *v1.Pod) {
		on := p.DeepCopy()
		on.Spec.NodeName = "a"
		h.OnUpdate(p, on)
		h.OnUpdate(on, on) // Whatever else changes is no placement.
	}
	const all = waiting + 10
	for i := range all {
		see(pod(fmt.Sprint("p-", i), ""))
	}
	foreign := pod("foreign", "")
	foreign.Spec.SchedulerName = "another"
	see(foreign)
	before := pod("before", "")
	before.Spec.NodeName = "a"
	h.OnAdd(before, true)  // It was there when the onlooker began.
	h.OnAdd(before, false) // It came with its node.
	mirror := before.DeepCopy()
	mirror.OwnerReferences = []metav1.OwnerReference{{Kind: "Node", Name: "a", Controller: ptr.To(true)}}
	h.OnAdd(mirror, false)

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { o.Run(ctx); close(done) }()
	for range waiting {
		gate <- struct{}{}
	}
	for w.ledger.Counts().Decided < waiting-1 {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("not all were decided")
		}
	}
	cancel()
	<-done
	if c := w.ledger.Counts(); c.Placed != all || c.Decided != waiting-1 || c.Failed != 1 || c.Passed != 10 || c.Unseen != 1 {
		t.Errorf("%+v", c)
	}
	for i, d := range got {
		if d.name != fmt.Sprint("p-", i) || d.later != all-1-i {
			t.Fatalf("decision %d is of %s with %d later ones", i, d.name, d.later)
		}
	}
	if a := w.ledger.Agreement(); a[AsGood] != waiting-1 {
		t.Errorf("%v", a)
	}
}

func TestResults(t *testing.T) {
	for want, p := range map[Result]decision.Placed{
		Same: {Node: "a", Feasible: 3, Alike: 1}, AsGood: {Node: "a", Feasible: 3, Alike: 2}, Only: {Node: "a", Feasible: 1, Alike: 1},
		Differs: {Node: "b", Feasible: 1, Alike: 1}, Nowhere: {},
	} {
		if got := resultOf("a", &p); got != want {
			t.Errorf("%+v is %s, want %s", p, got, want)
		}
	}
}

// A pod of 3 cores on a hot node is moved to a cool one, and what both come to goes with it; a second one that would be there too makes that
// one hot. One by one each would have helped.
func TestTogether(t *testing.T) {
	w := newWorld(t, 100, 1<<20)
	w.placed("web-0", "web", "a", "b")
	w.placed("web-1", "web", "a", "b")
	w.placed("web-2", "web", "b", "b")
	use := map[string]float64{"web-0": 3, "web-1": 3, "web-2": 1}
	for range 4 {
		w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 3}, use) // The first one begins.
	}
	r := w.ledger.Report(w.now, 10)
	if got := r.Together; got.Minutes != 15 || got.Moved != 2 || got.Now != 2 || got.Theirs != (Load{15, 15}) || got.Ours != (Load{15, 15}) || got.HotMinutes.Sum != 0 {
		t.Errorf("%+v", got)
	}
	if sum := r.Horizons[0].HotMinutes.Sum; sum != 40 {
		t.Errorf("one by one: %v", sum)
	}
	if moved := w.ledger.Moved(); len(moved) != 2 || moved[0].To != "b" || moved[0].Pod.Spec.NodeName != "a" {
		t.Errorf("%+v", moved)
	}
	// One that is gone takes nothing with it.
	delete(w.pods, "shop/web-1")
	w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 3}, use)
	if got := w.ledger.Report(w.now, 10).Together; got.HotMinutes.Sum != 5 || got.Now != 1 || got.Enough {
		t.Errorf("with one gone: %+v", got)
	}
}

// Batches are of four hours, and no more than can be kept: then they grow. Nothing is lost by that.
func TestBatches(t *testing.T) {
	w := newWorld(t, 100, 1<<20)
	w.placed("web-0", "web", "a", "b")
	step := func(days int) Together {
		for range days * 24 * 12 {
			w.measure(5*time.Minute, map[string]float64{"a": 9, "b": 3}, map[string]float64{"web-0": 3})
		}
		return w.ledger.Report(w.now, 10).Together
	}
	step(1)
	if n := len(w.ledger.own.batches); n != 6 {
		t.Errorf("%d batches a day", n)
	}
	got := step(99)
	if want := 100*24*60. - 5; got.Minutes != want || got.HotMinutes.Sum != want || len(w.ledger.own.batches) > mostBatches || w.ledger.own.length != 4*firstLength {
		t.Errorf("%+v in %d batches of %v", got, len(w.ledger.own.batches), w.ledger.own.length)
	}
	if i := got.HotMinutes.SumInterval; i == nil || i[0] > got.HotMinutes.Sum || i[1]-i[0] > .1*got.HotMinutes.Sum {
		t.Errorf("a gain that never changes has the interval %v", i)
	}
}
