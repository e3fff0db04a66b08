// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

func record(i int) Record {
	return Record{Pod: Pod{Namespace: "n", Name: fmt.Sprint("pod-", i), UID: fmt.Sprint(i)}, Node: fmt.Sprint("node-", i%3)}
}

func names(r *Ring) (names []string) {
	for k := range r.Newest() {
		names = append(names, k.Bare().Pod.Name)
	}
	return names
}

func TestRingKeepsTheNewest(t *testing.T) {
	r := NewRing(3, 1<<20)
	if got := names(r); len(got) != 0 {
		t.Errorf("an empty ring holds %v", got)
	}
	for i := range 5 {
		r.Add(record(i))
	}
	if got := fmt.Sprint(names(r)); got != "[pod-4 pod-3 pod-2]" {
		t.Errorf("kept %s", got)
	}
	if r.Of("n", "pod-1", "") != nil || r.Of("n", "pod-3", "another") != nil || r.Of("m", "pod-3", "") != nil || r.Of("n", "pod-3", "3") == nil {
		t.Error("pods are not found by their names and UID")
	}
	if s := r.Stats(); s.Records != 3 || s.Written != 5 || s.Evicted != 2 {
		t.Errorf("stats %+v", s)
	}
}

// Evaluations come later, and count; a record that is gone takes none.
func TestRingIsBoundedByBytes(t *testing.T) {
	const bound = 16 << 10
	r := NewRing(1000, bound)
	large := &Evaluation{Candidates: make([]Candidate, 20)}
	var first *Kept
	for i := range 500 {
		k := r.Add(record(i))
		if first == nil {
			first = k
		}
		k.Evaluated(large)
		if s := r.Stats(); s.Bytes > bound {
			t.Fatalf("after %d records: %d bytes, want %d at most", i, s.Bytes, bound)
		}
	}
	was := r.Stats()
	first.Evaluated(large)
	if s := r.Stats(); s != was || was.Records < 2 || was.Records > 20 {
		t.Errorf("%+v, then %+v", was, s)
	}
	if k := r.Of("n", "pod-499", ""); k == nil || len(k.Record().Evaluation.Candidates) != 20 {
		t.Error("the newest has lost its evaluation")
	}
}

// Decisions without end take no more than their bound: in what the ring says, and of the heap.
func TestRingStaysBounded(t *testing.T) {
	const decisions = 10_000_000
	r := NewRing(10_000, 1<<20)
	held := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	one, before := record(7), held()
	for range decisions {
		one.Pod.Name = string(append([]byte(nil), "pod-of-its-own"...)) // Each record has memory of its own.
		r.Add(one)
	}
	if after := held(); after > before+4<<20 {
		t.Errorf("%d bytes are held, before %d", after, before)
	}
	if s := r.Stats(); s.Bytes > 1<<20 || s.Records > 10_000 || s.Written != decisions || s.Evicted != decisions-uint64(s.Records) {
		t.Errorf("%+v", s)
	}
}

// Readers take no lock and see whole records, newest first, while others write.
func TestReadersDoNotWait(t *testing.T) {
	r := NewRing(64, 1<<20)
	var writing sync.WaitGroup
	for w := range 2 {
		writing.Go(func() {
			for i := range 20_000 {
				k := r.Add(record(w*100_000 + i))
				k.Evaluated(&Evaluation{Nodes: i})
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	reads := 0
	for running := true; running; reads++ {
		select {
		case <-done:
			running = false
		default:
		}
		seen := map[*Kept]bool{}
		for k := range r.Newest() {
			if seen[k] || k.Record().Pod.Namespace != "n" {
				t.Fatal("a record is yielded twice, or torn")
			}
			seen[k] = true
		}
	}
	if got := len(names(r)); got != 64 || reads < 2 {
		t.Errorf("%d records at the end, after %d reads", got, reads)
	}
}

// What becomes of a decision is the largest use since, of its node and of its own pod, for a day.
func TestFollow(t *testing.T) {
	r := NewRing(10, 1<<20)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	placed := record(0)
	placed.Time = begin
	waiting := record(1)
	waiting.Node = ""
	k, w := r.Add(placed), r.Add(waiting)
	machines := func(string) (usage.Machine, bool) { return usage.Machine{Cores: 2}, true }
	read := func(after time.Duration, node, pod float64, uid string) {
		var n, p usage.Values
		n.Set(usage.CPU, node)
		n.Set(usage.Memory, 100*node)
		p.Set(usage.CPU, pod)
		at := begin.Add(after)
		Follow(r, machines, &usage.Reading{
			Nodes: []usage.NodeSample{{Node: "node-0", Sample: usage.Sample{Values: n, Time: at}}},
			Pods:  []usage.PodSample{{Namespace: "n", Name: "pod-0", UID: uid, Sample: usage.Sample{Values: p, Time: at}}},
		})
	}
	read(-time.Minute, 9, 9, "0") // before it
	if k.Outcome() != nil {
		t.Fatal("what was before the decision counts")
	}
	read(time.Minute, 2, .5, "0")
	read(2*time.Minute, 1, .2, "0")
	read(3*time.Minute, 1, 7, "another")
	read(2*time.Hour, 3, .1, "0")
	read(25*time.Hour, 8, 8, "0")
	if got := *k.Outcome(); got != (Outcome{Until: begin.Add(2 * time.Hour), NodeCPU: 3, NodeMemory: 300, NodeHourCPU: 2, NodeHourMemory: 200, PodCPU: .5, Minutes: 1}) {
		t.Errorf("came to %+v", got)
	}
	// The node has 2 cores, of which 1.6 are hot; what passed between readings that are far apart is not known.
	read(2*time.Hour+5*time.Minute, 1.8, .1, "0")
	read(2*time.Hour+6*time.Minute, 1.8, .1, "another")
	read(2*time.Hour+9*time.Minute, 1.7, .1, "0")
	if got := k.Outcome(); got.Minutes != 9 || got.HotMinutes != 8 || math.Abs(got.BeyondCoreMinutes-(5*.2+3*.1)) > 1e-9 {
		t.Errorf("came to %+v", got)
	}
	if w.Outcome() != nil {
		t.Error("a pod that waits has an outcome")
	}
}

func TestAmounts(t *testing.T) {
	for _, tc := range []struct {
		resource string
		v        float64
		short    string
		long     string
	}{
		{"cpu", .06, "0.06", "0.06 cores"}, {"cpu", 7.62, "7.6", "7.6 cores"}, {"cpu", 1, "1", "1 core"}, {"cpu", 128.4, "128", "128 cores"},
		{"memory", 3.25 * (1 << 30), "3.3 GiB", "3.3 GiB"}, {"memory", 0, "0 B", "0 B"}, {"memory", 512 << 20, "512 MiB", "512 MiB"},
	} {
		if short, long := Amount(tc.resource, tc.v), AmountOf(tc.resource, tc.v); short != tc.short || long != tc.long {
			t.Errorf("%s %v: %q, %q, want %q, %q", tc.resource, tc.v, short, long, tc.short, tc.long)
		}
	}
	if got := Cut(string(make([]byte, 600))); len(got) != 512 {
		t.Errorf("cut to %d bytes", len(got))
	}
}

func BenchmarkRecord(b *testing.B) {
	r := NewRing(10_000, 16<<20)
	one := record(7)
	b.ReportAllocs()
	for b.Loop() {
		r.Add(one)
	}
}

// The newest record of a pod is found by its UID until it is evicted; what is found is never another pod's.
func TestLatest(t *testing.T) {
	const kept = 100
	ring := NewRing(kept, 1<<30)
	found := 0
	for i := range 10_000 {
		uid := fmt.Sprint("uid-", i)
		ring.Add(Record{Pod: Pod{Name: "first", UID: uid}})
		k := ring.Add(Record{Pod: Pod{Name: fmt.Sprint("pod-", i), UID: uid}})
		if got := ring.Latest(uid); got != k {
			t.Fatalf("%s: %+v", uid, got)
		}
		if i < kept {
			continue
		}
		if got := ring.Latest(fmt.Sprint("uid-", i-kept)); got != nil {
			t.Fatalf("an evicted record is there still: %+v", got.Bare())
		}
		if got := ring.Latest(fmt.Sprint("uid-", i-10)); got != nil {
			found++
			if got.Bare().Pod.Name != fmt.Sprint("pod-", i-10) {
				t.Fatalf("of uid-%d: %+v", i-10, got.Bare())
			}
		}
	}
	if found < 9_000 {
		t.Errorf("%d of 10,000 records that are ten pods old are found", found)
	}
	if ring.Latest("nobody's") != nil {
		t.Error("a pod that was never decided on has a record")
	}
}
