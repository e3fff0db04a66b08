// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"sync"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// mostWorkloads are told apart; of more than these the later ones are told as one.
const mostWorkloads = 10_000

// others stands for the workloads beyond mostWorkloads.
var others = Workload{Name: "(others)"}

// Options of a ledger.
type Options struct {
	// Decisions that are kept, and the bytes that they take together.
	Decisions int
	MaxBytes  int64
	// Horizons up to which what becomes of decisions is summed, ascending; one at least.
	Horizons []time.Duration
	// Gap is the longest time between two readings that counts.
	Gap time.Duration
	// Machines tells the sizes of nodes.
	Machines usage.Machines
	// Pod returns the object of a pod, or nil when it is gone.
	Pod func(namespace, name string) *v1.Pod
}

// Ledger keeps decisions and what becomes of them. The oldest make room for the newest; what they came to stays in the sums.
type Ledger struct {
	options Options
	since   time.Time

	lock    sync.Mutex
	records []*entry // the oldest first
	bytes   int64
	watched map[podKey]*entry // those whose pods are followed
	nodes   map[string]measured
	sums    map[Workload]*sums // of all decisions, what became of those that are not kept any more included
	counts  Counts
	own     own
}

type podKey struct{ namespace, name string }

// entry is a record that is kept.
type entry struct {
	Record
	last time.Time // until when it was followed
	pod  measured
}

// measured CPU, in cores.
type measured struct {
	cpu  float64
	time time.Time
}

// sums of a workload.
type sums struct {
	results [5]int // in the order of Results
	gone    []Came // by horizon, of records that are not kept any more
	pods    []int  // of those that were measured
}

// Counts of pods since the beginning.
type Counts struct {
	// Placed by the other schedulers while this one looked on.
	Placed uint64 `json:"placed"`
	// Decided are those with a decision. Passed were too many at a time, and Failed could not be evaluated.
	Decided uint64 `json:"decided"`
	Passed  uint64 `json:"passed"`
	Failed  uint64 `json:"failed"`
	// Unseen got their node while the watch was down, or from who made them.
	Unseen uint64 `json:"unseen"`
	// Evicted decisions made room for newer ones, and CutShort of them before what became of them was followed to the end.
	Evicted  uint64 `json:"evicted"`
	CutShort uint64 `json:"cutShort"`
	// Foresaw counts decisions for which something was predicted of the nodes; the others went by requests.
	Foresaw uint64 `json:"foresaw"`
	// Records and Bytes that are kept.
	Records int   `json:"records"`
	Bytes   int64 `json:"bytes"`
}

// NewLedger returns an empty one.
func NewLedger(o Options, now time.Time) *Ledger {
	return &Ledger{options: o, since: now, watched: map[podKey]*entry{}, nodes: map[string]measured{}, sums: map[Workload]*sums{},
		own: own{moves: map[podKey]*move{}, length: firstLength}}
}

func (l *Ledger) count(n *uint64) {
	l.lock.Lock()
	defer l.lock.Unlock()
	*n++
}

func (l *Ledger) passed() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Placed++
	l.counts.Passed++
}

func (l *Ledger) failed() {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Placed++
	l.counts.Failed++
}

func (l *Ledger) unseen() { l.count(&l.counts.Unseen) }

// Add keeps a decision: the pod with its node, when it was seen there, how much later it was decided, how many pods had been placed behind
// it by then, what was decided, and which node would have been chosen, had all pods before been placed by this scheduler.
func (l *Ledger) Add(p *v1.Pod, at time.Time, lag time.Duration, behind int, placed *decision.Placed, together string) {
	e := &entry{last: at, Record: Record{
		Pod: decision.Pod{Namespace: p.Namespace, Name: p.Name, UID: string(p.UID)}, Workload: workloadOf(p), Scheduler: p.Spec.SchedulerName,
		Time: at, LagMilliseconds: lag.Milliseconds(), Behind: behind, Theirs: p.Spec.NodeName, Result: resultOf(p.Spec.NodeName, placed), Ours: *placed, Together: together,
	}}
	l.lock.Lock()
	defer l.lock.Unlock()
	l.counts.Placed++
	l.counts.Decided++
	if placed.Expected > 0 || placed.TheirExpected > 0 {
		l.counts.Foresaw++
	}
	for i, r := range Results {
		if r == e.Result {
			l.of(e.Workload).results[i]++
		}
	}
	l.own.moveTo(p, together, at, l.options.Decisions)
	if e.Result == Differs {
		e.Came = make([]Came, len(l.options.Horizons))
		for i, h := range l.options.Horizons {
			e.Came[i].Hours = h.Hours()
		}
		l.watched[podKey{p.Namespace, p.Name}] = e
	} else {
		e.Ended = true
	}
	l.records = append(l.records, e)
	l.bytes += sizeOf(e)
	for len(l.records) > l.options.Decisions || l.bytes > l.options.MaxBytes && len(l.records) > 1 {
		l.evict()
	}
}

// evict lets go of the oldest record.
func (l *Ledger) evict() {
	e := l.records[0]
	l.records[0] = nil
	l.records = l.records[1:]
	l.bytes -= sizeOf(e)
	l.counts.Evicted++
	if !e.Ended {
		l.counts.CutShort++
		l.forget(e)
	}
	s := l.of(e.Workload)
	for i := range e.Came {
		s.add(i, &e.Came[i], len(e.Came))
	}
}

// forget ends that a pod is followed.
func (l *Ledger) forget(e *entry) {
	e.Ended = true
	if key := (podKey{e.Pod.Namespace, e.Pod.Name}); l.watched[key] == e {
		delete(l.watched, key)
	}
}

// add what one record came to within a horizon.
func (s *sums) add(horizon int, c *Came, horizons int) {
	if s.gone == nil {
		s.gone, s.pods = make([]Came, horizons), make([]int, horizons)
	}
	if c.Minutes > 0 {
		s.gone[horizon].Hours = c.Hours
		s.gone[horizon].plus(c)
		s.pods[horizon]++
	}
}

func (l *Ledger) of(w Workload) *sums {
	s := l.sums[w]
	if s == nil && len(l.sums) >= mostWorkloads {
		w = others
		s = l.sums[w]
	}
	if s == nil {
		s = &sums{}
		l.sums[w] = s
	}
	return s
}

// Newest returns at most so many records, the newest first, of those with the result; an empty one is any.
func (l *Ledger) Newest(limit int, result Result) []Record {
	l.lock.Lock()
	defer l.lock.Unlock()
	out := []Record{}
	for i := len(l.records) - 1; i >= 0 && len(out) < limit; i-- {
		e := l.records[i]
		if result != "" && e.Result != result {
			continue
		}
		r := e.Record
		r.Came = append([]Came(nil), e.Came...)
		out = append(out, r)
	}
	return out
}

// Counts returns how much was seen and is kept.
func (l *Ledger) Counts() Counts {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.counted()
}

func (l *Ledger) counted() Counts {
	c := l.counts
	c.Records, c.Bytes = len(l.records), l.bytes
	return c
}

// Agreement counts decisions by their result.
func (l *Ledger) Agreement() map[Result]int {
	l.lock.Lock()
	defer l.lock.Unlock()
	out := map[Result]int{}
	for _, s := range l.sums {
		for i, r := range Results {
			out[r] += s.results[i]
		}
	}
	return out
}

// workloadOf is the pod's workload; a pod without one is its own.
func workloadOf(p *v1.Pod) Workload {
	if w, ok := forecast.WorkloadOf(p); ok {
		return Workload(w)
	}
	return Workload{Namespace: p.Namespace, Kind: "Pod", Name: p.Name}
}

// sizeOf estimates what a record takes, the names that only it keeps alive included.
func sizeOf(e *entry) int64 {
	return int64(unsafe.Sizeof(*e)) + int64(len(e.Came))*int64(unsafe.Sizeof(Came{})) +
		int64(len(e.Pod.Namespace)+len(e.Pod.Name)+len(e.Pod.UID)+len(e.Workload.Name)+len(e.Theirs)+len(e.Ours.Node)+len(e.Together)+len(e.Ours.TheirsRefused)) +
		64 // its places in the list and the map
}
