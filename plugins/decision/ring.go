// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"hash/maphash"
	"iter"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Ring keeps the newest records, bounded by their number and by their bytes. Who reads takes no lock, so no reader makes a writer
// wait; writers take one among themselves, and hold it for well under a microsecond.
type Ring struct {
	slots    []atomic.Pointer[Kept]
	maxBytes int64

	lock    sync.Mutex
	next    uint64 // number of the next record
	oldest  uint64 // number of the oldest one that is there
	bytes   int64
	evicted uint64

	written atomic.Uint64 // is next, for readers

	// latest has the newest record of each pod under a hash of its UID, as long as no other pod of that hash is decided on.
	latest [1 << 12]atomic.Pointer[Kept]
	seed   maphash.Seed
}

// Kept is a record in a ring.
type Kept struct {
	record     Record // never changes
	evaluation atomic.Pointer[Evaluation]
	outcome    atomic.Pointer[Outcome]
	ring       *Ring
	bytes      int64 // under the ring's lock
	gone       bool  // likewise
}

// NewRing returns a ring of so many records, which take no more than so many bytes together.
func NewRing(records int, bytes int64) *Ring {
	return &Ring{slots: make([]atomic.Pointer[Kept], records), maxBytes: bytes, seed: maphash.MakeSeed()}
}

// Add keeps a record, in the place of the oldest where there is no room.
func (r *Ring) Add(record Record) *Kept {
	k := &Kept{record: record, ring: r}
	k.bytes = sizeOf(&record)
	r.lock.Lock()
	defer r.lock.Unlock()
	n := uint64(len(r.slots))
	if r.next-r.oldest == n {
		r.evict()
	}
	r.slots[r.next%n].Store(k)
	r.latestOf(record.Pod.UID).Store(k)
	r.next++
	r.written.Store(r.next)
	r.bytes += k.bytes
	r.bound()
	return k
}

// bound evicts the oldest while there is too much. The newest stays, whatever it takes.
func (r *Ring) bound() {
	for r.bytes > r.maxBytes && r.next-r.oldest > 1 {
		r.evict()
	}
}

func (r *Ring) evict() {
	slot := &r.slots[r.oldest%uint64(len(r.slots))]
	k := slot.Load()
	slot.Store(nil)
	r.latestOf(k.record.Pod.UID).CompareAndSwap(k, nil)
	k.gone = true
	r.bytes -= k.bytes
	r.oldest++
	r.evicted++
}

func (r *Ring) latestOf(uid string) *atomic.Pointer[Kept] {
	return &r.latest[maphash.String(r.seed, uid)%uint64(len(r.latest))]
}

// Latest returns the newest record of the pod at once. It is nil where the pod has none, and where another pod of the same hash was decided
// on since: of pods that are on their way to their node, few are.
func (r *Ring) Latest(uid string) *Kept {
	if k := r.latestOf(uid).Load(); k != nil && k.record.Pod.UID == uid {
		return k
	}
	return nil
}

// Stats of a ring.
type Stats struct {
	Records int
	Bytes   int64
	// Written and Evicted count records since the start.
	Written, Evicted uint64
}

// Stats returns how full the ring is.
func (r *Ring) Stats() Stats {
	r.lock.Lock()
	defer r.lock.Unlock()
	return Stats{Records: int(r.next - r.oldest), Bytes: r.bytes, Written: r.next, Evicted: r.evicted}
}

// Evaluated adds an evaluation to the record, unless it is gone.
func (k *Kept) Evaluated(e *Evaluation) {
	k.ring.lock.Lock()
	defer k.ring.lock.Unlock()
	if k.gone || !k.evaluation.CompareAndSwap(nil, e) {
		return
	}
	more := sizeOfEvaluation(e)
	k.bytes += more
	k.ring.bytes += more
	k.ring.bound()
}

// Came replaces what has become of the decision. One goroutine calls it.
func (k *Kept) Came(o *Outcome) { k.outcome.Store(o) }

// Outcome is what has become of the decision so far; nil is not known.
func (k *Kept) Outcome() *Outcome { return k.outcome.Load() }

// Evaluation of the decision; nil where it was not evaluated yet. Nobody may write to it.
func (k *Kept) Evaluation() *Evaluation { return k.evaluation.Load() }

// Bare is the record as it was written. Nobody may write to it.
func (k *Kept) Bare() *Record { return &k.record }

// Record returns the record with what was added to it.
func (k *Kept) Record() Record {
	record := k.record
	record.Evaluation, record.Since = k.evaluation.Load(), k.outcome.Load()
	return record
}

// Newest yields what is kept, the newest first. What is written meanwhile may be missed, and nothing is yielded twice.
func (r *Ring) Newest() iter.Seq[*Kept] {
	return func(yield func(*Kept) bool) {
		n := uint64(len(r.slots))
		written := r.written.Load()
		for i := uint64(1); i <= min(n, written); i++ {
			// A slot that was written anew since holds a newer record than those before; a reader sees it next time.
			k := r.slots[(written-i)%n].Load()
			if k == nil {
				return
			}
			if r.written.Load() > written-i+n {
				return
			}
			if !yield(k) {
				return
			}
		}
	}
}

// Of returns the newest record of a pod, or nil. An empty uid is any.
func (r *Ring) Of(namespace, name, uid string) *Kept {
	for k := range r.Newest() {
		if p := &k.record.Pod; p.Name == name && p.Namespace == namespace && (uid == "" || p.UID == uid) {
			return k
		}
	}
	return nil
}

// Sizes are estimates: what a record itself takes, and the strings that nothing else keeps alive. Names of pods and nodes live in
// the scheduler's caches as long as the objects do, so they are counted too.

func sizeOf(r *Record) int64 {
	return int64(unsafe.Sizeof(Kept{})+unsafe.Sizeof(Outcome{})) + int64(len(r.Pod.Namespace)+len(r.Pod.Name)+len(r.Pod.UID)+len(r.Profile)+len(r.Node)+len(r.Why)+len(r.Waits))
}

func sizeOfEvaluation(e *Evaluation) int64 {
	size := int64(unsafe.Sizeof(*e)) + int64(len(e.Because)+len(e.Flip)) + int64(len(e.Weights))*int64(unsafe.Sizeof(Weight{}))
	for i := range e.Candidates {
		c := &e.Candidates[i]
		size += int64(unsafe.Sizeof(*c)) + int64(len(c.Node)+len(c.Refused)+len(c.Parts)*int(unsafe.Sizeof(Part{}))+len(c.Predicted)*int(unsafe.Sizeof(Predicted{})))
	}
	for i := range e.Refused {
		size += int64(unsafe.Sizeof(e.Refused[i])) + int64(len(e.Refused[i].Reason))
	}
	if e.Forecast != nil {
		size += int64(unsafe.Sizeof(*e.Forecast)) + int64(len(e.Forecast.Of))
	}
	for _, l := range e.Lacks {
		size += int64(len(l)) + int64(unsafe.Sizeof(l))
	}
	return size
}
