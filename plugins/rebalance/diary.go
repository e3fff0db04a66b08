// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// mostRecords is the number of moves whose records are kept.
const mostRecords = 200

// These are the results of a move that was found, as records and metrics spell them. A refused
// eviction has its Reason instead.
const (
	Suggested = "suggested"
	Made      = "moved"
	Packed    = "packed" // moved so that its node is emptied
)

// Record is a move that was suggested or tried.
type Record struct {
	ID        int64     `json:"id"`
	Time      time.Time `json:"time"`
	Result    string    `json:"result"` // suggested, moved, packed, pdb or error
	Namespace string    `json:"namespace"`
	Pod       string    `json:"pod"`
	UID       string    `json:"uid"`
	From      string    `json:"from"`
	To        string    `json:"to"`
	// Why explains the move in a sentence.
	Why string `json:"why"`
	// Gain is in core minutes, after Cost, the cost of the move, was subtracted.
	Gain float64 `json:"gain_core_minutes"`
	Cost float64 `json:"cost_core_minutes"`
	// Successor is the pod that replaced the moved one, and On its node. Empty is unknown.
	Successor    string `json:"successor,omitempty"`
	SuccessorUID string `json:"successor_uid,omitempty"`
	On           string `json:"on,omitempty"`
	// Realised is what the move has brought so far, in core minutes, over RealisedMinutes. It is
	// absent until that was measured.
	Realised        *float64 `json:"realised_core_minutes,omitempty"`
	RealisedMinutes float64  `json:"realised_minutes,omitempty"`
}

// diary is what a loop reports. Its readers wait neither for a look nor for an eviction.
type diary struct {
	lock    sync.Mutex
	records []Record // the newest last
	plan    *Plan    // of the newest look; nobody writes to it
	time    time.Time
	sums    struct {
		promised, realised float64
		stopped            time.Time
	}
}

// looked stores the result of a look. brought returns what a pod's move has brought.
func (d *diary) looked(now time.Time, plan *Plan, promised, realised float64, stopped time.Time, brought func(uid string, at time.Time) (float64, time.Duration)) {
	d.lock.Lock()
	defer d.lock.Unlock()
	d.time, d.plan = now, plan
	d.sums.promised, d.sums.realised, d.sums.stopped = promised, realised, stopped
	for i := range d.records {
		r := &d.records[i]
		if r.Result != Made {
			continue
		}
		if gain, over := brought(r.UID, r.Time); over > 0 {
			r.Realised, r.RealisedMinutes = &gain, over.Minutes()
		}
	}
}

// add stores a record and sets its ID.
func (d *diary) add(r *Record) {
	d.lock.Lock()
	defer d.lock.Unlock()
	r.ID = 1
	if n := len(d.records); n > 0 {
		r.ID = d.records[n-1].ID + 1
	}
	d.records = append(d.records, *r)
	if len(d.records) > mostRecords {
		d.records = append([]Record(nil), d.records[1:]...)
	}
}

// succeeded stores which pod replaced one that was moved.
func (d *diary) succeeded(id int64, by *Pod, on string) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for i := range d.records {
		if r := &d.records[i]; r.ID == id {
			r.Successor, r.SuccessorUID, r.On = by.Name, by.UID, on
		}
	}
}

// newest returns the records for which want is true, the newest first.
func (d *diary) newest(want func(*Record) bool) []Record {
	d.lock.Lock()
	defer d.lock.Unlock()
	out := []Record{}
	for i := range slices.Backward(d.records) {
		if want(&d.records[i]) {
			out = append(out, d.records[i])
		}
	}
	return out
}

// record returns the record of a move.
func (c *Cluster) record(m *Move) Record {
	at := func(slot int) string { return c.Now.Add(c.Until(slot)).UTC().Format("15:04") }
	from, to := &m.Peak, &m.PeakTo
	if m.Empties {
		return Record{
			Time: c.Now, Namespace: m.Pod.Namespace, Pod: m.Pod.Name, UID: m.Pod.UID, From: m.From, To: m.To,
			Why: fmt.Sprintf("%s is being emptied, so that an autoscaler can remove it; %s would go to %s, and %d more pods leave after it", m.From, m.Pod.Name, m.To, m.Left),
		}
	}
	return Record{
		Time: c.Now, Namespace: m.Pod.Namespace, Pod: m.Pod.Name, UID: m.Pod.UID, From: m.From, To: m.To, Gain: m.Gain(), Cost: m.Cost,
		Why: fmt.Sprintf("%s is predicted at %s at %s, and at %s without %s; moving it to %s saves %.0f of %.0f core-minutes beyond what both run well at; after: %s is predicted at %s at most, at %s",
			m.From, from.of(from.Use), at(from.Slot), from.short(from.Less), m.Pod.Name, m.To, m.Gain(), m.Before, m.To, to.of(to.Use), at(to.Slot)),
	}
}

// short formats an amount of the peak's resource.
func (p *Peak) short(amount float64) string {
	if p.Resource == forecast.Memory {
		return fmt.Sprintf("%.1f GiB", amount/(1<<30))
	}
	return fmt.Sprintf("%.1f", amount)
}

// of formats an amount together with the node's size.
func (p *Peak) of(amount float64) string {
	if p.Resource == forecast.Memory {
		return fmt.Sprintf("%.1f of %.1f GiB of memory", amount/(1<<30), p.Size/(1<<30))
	}
	return fmt.Sprintf("%.1f of %.1f cores", amount, p.Size)
}
