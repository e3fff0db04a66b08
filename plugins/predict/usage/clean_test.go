// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"encoding/binary"
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func sampleAt(at time.Time, values map[Quantity]float64) Sample {
	s := Sample{Time: at, Window: time.Minute}
	for q, x := range values {
		s.Set(q, x)
	}
	return s
}

func small(node string) (Machine, bool) {
	if node == "unknown" {
		return Machine{}, false
	}
	return Machine{Cores: 4, Bytes: 16e9}, true
}

// Each thing that cannot be true is dropped for its own reason, and what is left of a
// sample is kept.
func TestCleanReasons(t *testing.T) {
	good := map[Quantity]float64{CPU: 1, Memory: 1e9}
	for name, c := range map[string]struct {
		sample  Sample
		node    string
		reason  Reason
		dropped uint64
		left    int
	}{
		"good":                     {sample: sampleAt(noon, good), left: 2},
		"zero is a value":          {sample: sampleAt(noon, map[Quantity]float64{CPU: 0}), left: 1},
		"NaN":                      {sample: sampleAt(noon, map[Quantity]float64{CPU: math.NaN(), Memory: 1}), reason: NotANumber, dropped: 1, left: 1},
		"+Inf":                     {sample: sampleAt(noon, map[Quantity]float64{CPU: math.Inf(1), Memory: 1}), reason: Infinite, dropped: 1, left: 1},
		"-Inf":                     {sample: sampleAt(noon, map[Quantity]float64{CPU: math.Inf(-1)}), reason: Infinite, dropped: 1},
		"negative":                 {sample: sampleAt(noon, map[Quantity]float64{CPU: -0.1, Memory: 1}), reason: Negative, dropped: 1, left: 1},
		"over the machine":         {sample: sampleAt(noon, map[Quantity]float64{CPU: 6.1, Memory: 1}), reason: Absurd, dropped: 1, left: 1},
		"a little over":            {sample: sampleAt(noon, map[Quantity]float64{CPU: 5.9}), left: 1},
		"memory over the machine":  {sample: sampleAt(noon, map[Quantity]float64{Memory: 25e9}), reason: Absurd, dropped: 1},
		"unknown machine":          {node: "unknown", sample: sampleAt(noon, map[Quantity]float64{CPU: 400}), left: 1},
		"kubernetes#114057":        {node: "unknown", sample: sampleAt(noon, map[Quantity]float64{CPU: 5213910257.021878}), reason: Absurd, dropped: 1},
		"share over one":           {sample: sampleAt(noon, map[Quantity]float64{CPUSome: 1.2}), reason: Absurd, dropped: 1},
		"old":                      {sample: sampleAt(noon.Add(-5*time.Minute-1), good), reason: Stale, dropped: 1},
		"just not old":             {sample: sampleAt(noon.Add(-5*time.Minute), good), left: 2},
		"without a time":           {sample: sampleAt(time.Time{}, good), reason: Stale, dropped: 1},
		"the epoch":                {sample: sampleAt(time.Unix(0, 0), good), reason: Stale, dropped: 1},
		"clock ahead":              {sample: sampleAt(noon.Add(30*time.Second), good), left: 2},
		"clock too far ahead":      {sample: sampleAt(noon.Add(30*time.Second+1), good), reason: Future, dropped: 1},
		"without a value":          {sample: sampleAt(noon, nil), reason: Empty, dropped: 1},
		"window that ends early":   {sample: Sample{Values: sampleAt(noon, good).Values, Time: noon, Window: -1}, reason: Negative, dropped: 1},
		"two values, two reasons?": {sample: sampleAt(noon, map[Quantity]float64{CPU: -1, Memory: -1}), reason: Negative, dropped: 2},
	} {
		if c.node == "" {
			c.node = "n"
		}
		for _, kind := range []string{"node", "pod"} {
			r := Reading{Nodes: []NodeSample{{Node: c.node, Sample: c.sample}}}
			if kind == "pod" {
				r = Reading{Pods: []PodSample{{Namespace: "ns", Name: "p", Node: c.node, Sample: c.sample}}}
			}
			got := NewCleaner(DefaultBounds(), small).Clean(noon, r)
			var want Drops
			want[c.reason] = c.dropped
			if got.Dropped != want {
				t.Errorf("%s, %s: dropped %v", kind, name, got.Dropped)
			}
			left := 0
			for _, s := range got.Nodes {
				left += s.Len()
			}
			for _, s := range got.Pods {
				left += s.Len()
			}
			if left != c.left || len(got.Nodes)+len(got.Pods) != min(left, 1) {
				t.Errorf("%s, %s: %d values left in %d samples", kind, name, left, len(got.Nodes)+len(got.Pods))
			}
		}
	}
}

// A share that is over one by no more than two clocks explain is one.
func TestCleanCapsShares(t *testing.T) {
	r := Reading{Nodes: []NodeSample{{Node: "n", Sample: sampleAt(noon, map[Quantity]float64{CPUSome: 1.05})}}}
	got := NewCleaner(DefaultBounds(), nil).Clean(noon, r)
	if x, ok := got.Nodes[0].Get(CPUSome); !ok || x != 1 {
		t.Errorf("got %v, %v", x, ok)
	}
}

func TestCleanNameless(t *testing.T) {
	s := sampleAt(noon, map[Quantity]float64{CPU: 1})
	got := NewCleaner(DefaultBounds(), nil).Clean(noon, Reading{
		Nodes: []NodeSample{{Sample: s}},
		Pods:  []PodSample{{Name: "p", Sample: s}, {Namespace: "ns", Sample: s}},
	})
	if len(got.Nodes)+len(got.Pods) != 0 || got.Dropped[Nameless] != 3 {
		t.Errorf("got %+v", got)
	}
}

// Samples of one object have to move on in time, over readings and within one. Pods
// that follow each other under one name are different objects.
func TestCleanOrder(t *testing.T) {
	c := NewCleaner(DefaultBounds(), nil)
	clean := func(uid string, seconds int) Drops {
		s := sampleAt(noon.Add(time.Duration(seconds)*time.Second), map[Quantity]float64{CPU: 1})
		return c.Clean(noon, Reading{Pods: []PodSample{{Namespace: "ns", Name: "p", UID: uid, Sample: s}}}).Dropped
	}
	for i, step := range []struct {
		uid     string
		seconds int
		reason  Reason
		dropped uint64
	}{
		{"a", 1, 0, 0}, {"a", 1, Duplicate, 1}, {"a", 0, OutOfOrder, 1}, {"b", 0, 0, 0}, {"a", 2, 0, 0},
		{"a", 60, Future, 1}, {"a", 3, 0, 0}, // What came from the future does not make the present old.
	} {
		var want Drops
		want[step.reason] = step.dropped
		if got := clean(step.uid, step.seconds); got != want {
			t.Errorf("step %d: dropped %v", i, got)
		}
	}
	s := sampleAt(noon.Add(-time.Second), map[Quantity]float64{CPU: 1})
	twice := c.Clean(noon, Reading{Nodes: []NodeSample{{Node: "n", Sample: s}, {Node: "n", Sample: s}}})
	if len(twice.Nodes) != 1 || twice.Dropped[Duplicate] != 1 {
		t.Errorf("twice in one reading: %+v", twice)
	}
}

// Pods that are gone are forgotten, and that lets no old sample through.
func TestCleanForgets(t *testing.T) {
	c := NewCleaner(DefaultBounds(), nil)
	s := sampleAt(noon, map[Quantity]float64{CPU: 1})
	c.Clean(noon, Reading{Pods: []PodSample{{Namespace: "ns", Name: "p", Sample: s}}, Nodes: []NodeSample{{Node: "n", Sample: s}}})
	if nodes, pods := c.Objects(); nodes != 1 || pods != 1 {
		t.Errorf("%d nodes, %d pods", nodes, pods)
	}
	later := noon.Add(11 * time.Minute)
	got := c.Clean(later, Reading{Pods: []PodSample{{Namespace: "ns", Name: "p", Sample: s}}})
	if nodes, pods := c.Objects(); nodes != 0 || pods != 0 {
		t.Errorf("later: %d nodes, %d pods", nodes, pods)
	}
	if got.Dropped[Stale] != 1 {
		t.Errorf("dropped %v", got.Dropped)
	}
}

// Without a limit of age, as for history, a cleaner forgets nothing.
func TestCleanHistory(t *testing.T) {
	c := NewCleaner(Bounds{MaxOverMachine: 2}, nil)
	for day := range 400 {
		s := sampleAt(noon.AddDate(0, 0, day-400), map[Quantity]float64{CPU: 1})
		if got := c.Clean(noon, Reading{Nodes: []NodeSample{{Node: "n", Sample: s}}}); len(got.Nodes) != 1 {
			t.Fatalf("day %d: dropped %v", day, got.Dropped)
		}
	}
}

func TestRate(t *testing.T) {
	at := func(total float64, seconds int) Count {
		return Count{Total: total, Time: noon.Add(time.Duration(seconds) * time.Second)}
	}
	if rate, window, _, ok := Rate(at(10, 0), at(25, 10)); !ok || rate != 1.5 || window != 10*time.Second {
		t.Errorf("got %v over %v, %v", rate, window, ok)
	}
	if rate, _, _, ok := Rate(at(10, 0), at(10, 10)); !ok || rate != 0 {
		t.Errorf("idle: got %v, %v", rate, ok)
	}
	for _, c := range []struct {
		after Count
		want  Reason
	}{{at(9, 10), CounterReset}, {at(math.NaN(), 10), CounterReset}, {at(11, 0), Duplicate}, {at(11, -1), OutOfOrder}} {
		if rate, _, reason, ok := Rate(at(10, 0), c.after); ok || reason != c.want || rate != 0 {
			t.Errorf("%+v: got %v, %v, %v", c.after, rate, reason, ok)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for r := range Reason(NumReasons) {
		seen[r.String()] = true
	}
	for q := range Quantity(NumQuantities) {
		seen[q.String()] = true
		if q.Unit() == "" {
			t.Errorf("%v has no unit", q)
		}
	}
	if len(seen) != NumReasons+NumQuantities || seen[""] || seen["unknown"] {
		t.Errorf("names: %v", seen)
	}
	if Reason(200).String() != "unknown" || Quantity(200).String() != "unknown" {
		t.Error("names of what does not exist")
	}
}

// Whatever comes in, what comes out is believable, nothing is lost without being
// counted, and a second pass finds only duplicates.
func FuzzClean(f *testing.F) {
	f.Add([]byte("some bytes, which are read as numbers of samples"))
	seed := binary.LittleEndian.AppendUint64(nil, math.Float64bits(math.NaN()))
	f.Add(append(seed, seed...))
	for q := range Quantity(NumQuantities) { // A timely sample of just the one quantity, over 1.
		f.Add(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 1<<(8+q)|1), math.Float64bits(16)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		next := func() uint64 {
			var b [8]byte
			data = data[copy(b[:], data):]
			return binary.LittleEndian.Uint64(b[:])
		}
		var r Reading
		samples := 0
		for len(data) > 0 && samples < 64 {
			samples++
			shape := next()
			s := Sample{Time: noon.Add(time.Duration(int64(next()))), Window: time.Duration(int64(next()))}
			if shape&1 != 0 {
				s.Time = noon.Add(time.Duration(shape % 1e11))
				s.Window = time.Minute
			}
			for q := range Quantity(NumQuantities) {
				if shape>>(8+q)&1 != 0 {
					s.Set(q, math.Float64frombits(next()))
				}
			}
			name := string(rune('a' + shape>>24%3))
			if shape&2 != 0 {
				r.Nodes = append(r.Nodes, NodeSample{Node: name, Sample: s})
			} else {
				r.Pods = append(r.Pods, PodSample{Namespace: "ns", Name: name, Node: name, Sample: s})
			}
		}
		values := 0
		for i := range r.Nodes {
			values += r.Nodes[i].Len()
		}
		for i := range r.Pods {
			values += r.Pods[i].Len()
		}
		c := NewCleaner(DefaultBounds(), small)
		got := c.Clean(noon, r)
		left := 0
		check := func(s *Sample) {
			left += s.Len()
			if s.Len() == 0 || s.Window < 0 || s.Time.Before(noon.Add(-5*time.Minute)) || s.Time.After(noon.Add(30*time.Second)) {
				t.Errorf("kept %+v", s)
			}
			for q := range Quantity(NumQuantities) {
				x, _ := s.Get(q)
				limit := 1.0
				switch q {
				case CPU:
					limit = 6
				case Memory:
					limit = 24e9
				case ResponseTime:
					limit = maxResponseTime
				}
				if !(x >= 0 && x <= limit) {
					t.Errorf("kept %v = %v", q, x)
				}
			}
		}
		for i := range got.Nodes {
			check(&got.Nodes[i].Sample)
		}
		for i := range got.Pods {
			check(&got.Pods[i].Sample)
		}
		kept := len(got.Nodes) + len(got.Pods)
		if (kept < samples || left < values) && got.Dropped.Total() == 0 {
			t.Errorf("%d of %d samples and %d of %d values are left, and nothing is counted", kept, samples, left, values)
		}
		if kept == samples && left == values && got.Dropped.Total() != 0 {
			t.Errorf("all is kept and %v is counted", got.Dropped)
		}
		got.Dropped = Drops{}
		again := c.Clean(noon, got)
		if len(again.Nodes)+len(again.Pods) != 0 || again.Dropped[Duplicate]+again.Dropped[OutOfOrder] != uint64(kept) {
			t.Errorf("again: %d samples, dropped %v of %d", len(again.Nodes)+len(again.Pods), again.Dropped, kept)
		}
	})
}

// A reading tells of an object once, whatever a source does: what is newest counts, in any order, and values that are not believed
// leave those that are.
func TestNewestOfAReading(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	sample := func(secondsAgo int, cores float64) Sample {
		s := Sample{Time: now.Add(-time.Duration(secondsAgo) * time.Second)}
		s.Set(CPU, cores)
		return s
	}
	for name, tc := range map[string]struct {
		samples []Sample
		want    float64
		drops   Drops
	}{
		"older first":           {[]Sample{sample(20, 1), sample(10, 2)}, 2, Drops{OutOfOrder: 1}},
		"newer first":           {[]Sample{sample(10, 2), sample(20, 1)}, 2, Drops{OutOfOrder: 1}},
		"twice the same":        {[]Sample{sample(10, 2), sample(10, 2)}, 2, Drops{Duplicate: 1}},
		"three times":           {[]Sample{sample(30, 1), sample(20, 2), sample(10, 3)}, 3, Drops{OutOfOrder: 2}},
		"the newest is no use":  {[]Sample{sample(20, 1), sample(10, -1)}, 1, Drops{Negative: 1}},
		"a bad one between two": {[]Sample{sample(30, 1), sample(20, -1), sample(10, 3)}, 3, Drops{Negative: 1, OutOfOrder: 1}},
	} {
		var r Reading
		for _, s := range tc.samples {
			r.Nodes = append(r.Nodes, NodeSample{Node: "a", Sample: s})
			r.Pods = append(r.Pods, PodSample{Namespace: "ns", Name: "p", Sample: s})
		}
		r = NewCleaner(DefaultBounds(), nil).Clean(now, r)
		if len(r.Nodes) != 1 || len(r.Pods) != 1 {
			t.Errorf("%s: %d nodes, %d pods", name, len(r.Nodes), len(r.Pods))
			continue
		}
		node, _ := r.Nodes[0].Get(CPU)
		pod, _ := r.Pods[0].Get(CPU)
		twice := tc.drops
		twice.Add(tc.drops)
		if node != tc.want || pod != tc.want || r.Dropped != twice {
			t.Errorf("%s: node %v, pod %v, dropped %v", name, node, pod, r.Dropped)
		}
	}
}
