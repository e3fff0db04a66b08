// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
)

// reading is how each key is read.
var reading = map[*Key]func(values map[string]string) error{
	&ServiceAffinity:     func(v map[string]string) error { _, err := (&Lists{}).Of(v, &ServiceAffinity, nil); return err },
	&ServiceAntiAffinity: func(v map[string]string) error { _, err := (&Lists{}).Of(v, &ServiceAntiAffinity, nil); return err },
	&PredictedCPU:        func(v map[string]string) error { _, _, err := Quantity(v, &PredictedCPU); return err },
	&PredictedMemory:     func(v map[string]string) error { _, _, err := Quantity(v, &PredictedMemory); return err },
	&Overcommit:          func(v map[string]string) error { _, err := Overcommits(v); return err },
	&ResponseTime:        func(v map[string]string) error { _, _, err := MayTake(v); return err },
	&MaxPredictedPeak:    func(v map[string]string) error { _, _, _, err := MaxPeak(v); return err },
	&QoS:                 func(v map[string]string) error { _, _, err := Objective(v); return err },
}

func allKeys() []*Key {
	keys := slices.Concat(PodAnnotations, PodLabels, NodeAnnotations)
	slices.SortFunc(keys, func(a, b *Key) int { return strings.Compare(a.Name, b.Name) })
	return keys
}

// cost of reading a text: what is allocated, in bytes. The least of three counts, since the runtime allocates beside it.
func cost(read func(map[string]string) error, values map[string]string) (allocated uint64, err error) {
	allocated = math.MaxUint64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = read(values)
		runtime.ReadMemStats(&after)
		allocated = min(allocated, after.TotalAlloc-before.TotalAlloc)
	}
	return allocated, err
}

// mostAllocated is for the longest lists, which are kept with what their parts are checked by.
const mostAllocated = 64 << 10

// texts are those that cost the most, by their length.
func texts(length int) []string {
	fill := func(piece string) string { return strings.Repeat(piece, length/len(piece)+1)[:length] }
	return []string{
		fill("9"), fill("-,"), fill(","), fill("a,"), fill(", "), fill("a/b,"), fill("\x00"), fill("\xff"), fill("é"), fill("\""), fill("1e"), "1e" + fill("9"), "1e-" + fill("9"),
		"0." + fill("0"), fill("cpu=80,"), fill("cpu="), fill("1h"), fill(" "), fill("true"), fill("."),
	}
}

// Whatever a text's length, no more of it is looked at than a key may have, and the error fits a condition.
func TestTextsCostNoMoreThanTheirKeyMayHave(t *testing.T) {
	if len(allKeys()) != len(reading) {
		t.Fatalf("%d keys, of which %d are tried", len(allKeys()), len(reading))
	}
	for _, key := range allKeys() {
		for _, length := range []int{1, 8, 32, 64, 2048, 2049, 256 << 10} {
			for _, text := range texts(length) {
				allocated, err := cost(reading[key], map[string]string{key.Name: text})
				if allocated > dropped*mostAllocated || len(text) > key.bytes && allocated > 4096 {
					t.Errorf("%s: %.20q… of %d bytes allocates %d bytes", key.Name, text, len(text), allocated)
				}
				if err == nil && len(text) > key.bytes {
					t.Errorf("%s: %.20q… of %d bytes is taken", key.Name, text, len(text))
				}
				checkError(t, key, text, err)
			}
		}
	}
}

func checkError(t *testing.T, key *Key, text string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	message := err.Error()
	if len(message) > 512 || !utf8.ValidString(message) || !strings.Contains(message, key.Name) {
		t.Errorf("%s: %.20q…: the error of %d bytes is no text for a condition: %.600s", key.Name, text, len(message), message)
	}
}

// A quantity of eleven bytes that takes upstream five seconds to round.
func TestQuantityWithAHugeExponent(t *testing.T) {
	for _, text := range []string{"1e-9999999", "1E-9999999", "9e+9999999", "1e-999", "1e0000001"} {
		if _, _, err := Quantity(map[string]string{PredictedCPU.Name: text}, &PredictedCPU); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
	for text, want := range map[string]float64{"1e3": 1000, "1E3": 1000, "2E": 2e18, "1Ei": 1 << 60, "1e-2": .01, "500m": .5, "0": 0} {
		if got, _, err := Quantity(map[string]string{PredictedCPU.Name: text}, &PredictedCPU); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
	}
}

// Any text under any key costs what its bytes within the key's bound cost, and an error that fits a condition.
func FuzzKeys(f *testing.F) {
	for i := range allKeys() {
		for _, length := range []int{4, 40} {
			for _, text := range texts(length) {
				f.Add(uint8(i), text, uint16(1))
				f.Add(uint8(i), text, uint16(2000))
			}
		}
	}
	for _, text := range []string{"cpu=80,memory=95", "none", "1h2m", "topology.kubernetes.io/zone, rack", "1e-99", "-1", "latency", "true"} {
		for i := range allKeys() {
			f.Add(uint8(i), text, uint16(1))
		}
	}
	f.Fuzz(func(t *testing.T, index uint8, piece string, times uint16) {
		key := allKeys()[int(index)%len(allKeys())]
		if len(piece)*int(times) > 1<<20 {
			return
		}
		text := strings.Repeat(piece, int(times))
		read := reading[key]
		allocated, err := cost(read, map[string]string{key.Name: text})
		// Fuzzing's own goroutines allocate beside it.
		if limit := uint64(dropped * (4096 + 64*min(len(text), key.bytes))); allocated > limit {
			if again, _ := cost(read, map[string]string{key.Name: text}); again > limit {
				t.Errorf("%s: %d bytes allocate %d", key.Name, len(text), again)
			}
		}
		if len(text) > key.bytes && err == nil {
			t.Errorf("%s: %d bytes are taken", key.Name, len(text))
		}
		checkError(t, key, text, err)
		// The clock only bounds what nothing else counts: big numbers, which a bound on allocations does not see.
		if begun := time.Now(); read(map[string]string{key.Name: text}) != nil && time.Since(begun) > time.Second {
			t.Errorf("%s: %.40q takes %s", key.Name, text, time.Since(begun))
		}
	})
}

// A list is parsed once, however many pods carry it, and what is remembered is bounded.
func TestListsAreParsedOnceAndBounded(t *testing.T) {
	l := &Lists{}
	values := map[string]string{ServiceAffinity.Name: "zone, rack"}
	first, err := l.Of(values, &ServiceAffinity, nil)
	if err != nil || !slices.Equal(first, []string{"zone", "rack"}) {
		t.Fatalf("%v, %v", first, err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = l.Of(values, &ServiceAffinity, nil) }); n != 0 {
		t.Errorf("a list that is known allocates %v times", n)
	}
	for i := range 10 * generation {
		if _, err := l.Of(map[string]string{ServiceAffinity.Name: fmt.Sprint("key-", i)}, &ServiceAffinity, nil); err != nil {
			t.Fatal(err)
		}
	}
	if kept := len(l.young) + len(l.old); kept > 2*generation {
		t.Errorf("%d lists are kept", kept)
	}
	// The same text under another key is that key's error.
	bad := map[string]string{ServiceAffinity.Name: "a b", ServiceAntiAffinity.Name: "a b"}
	for _, key := range []*Key{&ServiceAffinity, &ServiceAntiAffinity} {
		if _, err := l.Of(bad, key, nil); err == nil || !strings.Contains(err.Error(), key.Name+"]:") {
			t.Errorf("%s: %v", key.Name, err)
		}
	}
}

// recorder keeps the events.
type recorder struct{ notes []string }

func (r *recorder) Eventf(_, _ apiruntime.Object, _, reason, _, note string, args ...any) {
	r.notes = append(r.notes, reason+": "+fmt.Sprintf(note, args...))
}

// What has no effect is told in one event per pod, however often the pod is tried and whichever plugins the profile has; what
// others annotate is theirs.
func TestWhatHasNoEffectIsToldOnce(t *testing.T) {
	const prefix = "foresight-scheduler.dev/"
	type values = map[string]string
	for name, test := range map[string]struct {
		annotations, labels values
		want                string
	}{
		"read":             {annotations: values{prefix + "predicted-cpu": "1"}},
		"of others":        {annotations: values{"example.com/predicted-cup": "1"}},
		"an objective":     {labels: values{prefix + "qos": "realtime"}},
		"misspelt":         {annotations: values{prefix + "predicted-cup": "1"}, want: "UnknownAnnotation: annotation foresight-scheduler.dev/predicted-cup: nothing reads it here; what is read: foresight-scheduler.dev/overcommit, "},
		"of nodes":         {annotations: values{prefix + "max-predicted-peak": "1"}, want: "UnknownAnnotation: annotation foresight-scheduler.dev/max-predicted-peak: nothing reads it here"},
		"no annotation":    {annotations: values{prefix + "qos": "batch"}, want: "UnknownAnnotation: annotation foresight-scheduler.dev/qos: nothing reads it here; of a pod it is a label"},
		"no label":         {labels: values{prefix + "overcommit": "true"}, want: "UnknownAnnotation: label foresight-scheduler.dev/overcommit: nothing reads it here"},
		"no objective":     {labels: values{prefix + "qos": "real-time"}, want: `UnknownAnnotation: metadata.labels[foresight-scheduler.dev/qos]: "real-time": want latency, realtime, availability or batch`},
		"no duration":      {annotations: values{prefix + "response-time-objective": "fast"}, want: `UnknownAnnotation: metadata.annotations[foresight-scheduler.dev/response-time-objective]: "fast": is not a positive duration`},
		"long and unknown": {annotations: values{prefix + strings.Repeat("x", 63): strings.Repeat("y", 256<<10)}, want: "UnknownAnnotation: annotation foresight-scheduler.dev/xxx"},
	} {
		var told recorder
		teller := &Teller{}
		pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(name), Annotations: test.annotations, Labels: test.labels}}
		for i := range 5 {
			again := pod.DeepCopy()
			again.ResourceVersion = fmt.Sprint(i)
			teller.Tell(&told, again)
		}
		switch {
		case test.want == "" && len(told.notes) > 0, test.want != "" && len(told.notes) != 1:
			t.Errorf("%s: told %q, want %q once", name, told.notes, test.want)
		case test.want != "" && (!strings.HasPrefix(told.notes[0], test.want) || len(told.notes[0]) > 1024):
			t.Errorf("%s: told %q, want %q", name, told.notes[0], test.want)
		}
		pod.Annotations, pod.Labels = values{prefix + "another": ""}, nil
		if teller.Tell(&told, pod.DeepCopy()); !strings.Contains(told.notes[len(told.notes)-1], "/another") {
			t.Errorf("%s: a new fault is not told", name)
		}
	}
}

// What is remembered of pods is bounded.
func TestTellerForgets(t *testing.T) {
	var told recorder
	teller := &Teller{}
	for i := range 5 * tellings {
		teller.Tell(&told, &v1.Pod{ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprint(i)), Labels: map[string]string{QoS.Name: "none"}}})
	}
	if kept := len(teller.young) + len(teller.old); kept > 2*tellings {
		t.Errorf("%d are kept", kept)
	}
}
