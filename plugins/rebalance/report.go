// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"time"
)

// Report is what foresight rebalance shows.
type Report struct {
	Time    time.Time `json:"time"` // of the last look; zero is none
	Mode    string    `json:"mode"`
	Suffers float64   `json:"expected_core_minutes"`
	// Promised and Realised are those of about the last twenty moves, in core minutes.
	Promised float64        `json:"promised_core_minutes"`
	Realised float64        `json:"realised_core_minutes"`
	Stopped  *time.Time     `json:"stopped_until,omitempty"`
	Refused  map[Reason]int `json:"refused"`
	// Moves are those that a look now would make, and Closest the pods that were closest to moving.
	Moves   []Record   `json:"moves"`
	Closest []NotMoved `json:"closest"`
	// Resizes are requests that the owners of workloads should check.
	Resizes []Resize `json:"resizes"`
	Records []Record `json:"records"` // the newest first
}

// NotMoved is a pod that does not move, although that would help.
type NotMoved struct {
	Namespace string  `json:"namespace"`
	Pod       string  `json:"pod"`
	From      string  `json:"from"`
	To        string  `json:"to,omitempty"`
	Cures     float64 `json:"cures_core_minutes"`
	Gain      float64 `json:"gain_core_minutes"`
	Reason    Reason  `json:"reason"`
}

// Report returns what was found. If fresh is true, it looks at the cluster now, without making or
// remembering moves.
func (l *Loop) Report(ctx context.Context, now time.Time, fresh bool) (*Report, error) {
	r := &Report{Mode: "Suggest", Refused: map[Reason]int{}, Moves: []Record{}, Closest: []NotMoved{}, Resizes: []Resize{}}
	if l.Evicts {
		r.Mode = "Evict"
	}
	r.Records = l.told.newest(func(*Record) bool { return true })
	l.told.lock.Lock()
	plan := l.told.plan
	r.Time, r.Promised, r.Realised = l.told.time, l.told.sums.promised, l.told.sums.realised
	if stopped := l.told.sums.stopped; now.Before(stopped) {
		r.Stopped = &stopped
	}
	l.told.lock.Unlock()
	if fresh {
		var err error
		if plan, err = l.fresh(ctx, now, r); err != nil {
			return nil, err
		}
	}
	if plan == nil {
		return r, nil
	}
	r.Suffers, r.Refused = plan.Suffers, plan.Refused
	r.Resizes = append(r.Resizes, plan.Resizes...)
	for i := range plan.Closest[:min(len(plan.Closest), mostShown)] {
		r.Closest = append(r.Closest, plan.Closest[i].told())
	}
	return r, nil
}

// mostShown is the number of pods that do not move that a report names.
const mostShown = 10

// fresh returns what a look finds now.
func (l *Loop) fresh(ctx context.Context, now time.Time, r *Report) (*Plan, error) {
	if err := l.turn.take(ctx); err != nil {
		return nil, err
	}
	defer l.turn.end()
	c, err := l.World.See(ctx, now)
	if err != nil {
		return nil, err
	}
	planner := l.planner
	if planner == nil {
		planner = l.newPlanner(now)
	}
	plan, err := planner.Plan(ctx, c, l.World, l.Options.Hour)
	if err != nil {
		return nil, err
	}
	r.Time = now
	for i := range plan.Moves {
		r.Moves = append(r.Moves, c.record(&plan.Moves[i]))
	}
	return plan, nil
}

func (n *Refusal) told() NotMoved {
	return NotMoved{n.Pod.Namespace, n.Pod.Name, n.Node, n.To, n.Cures, n.Gain, n.Reason}
}

// OfPod returns what is known of one pod. moves are those that were suggested or tried with it, and
// those by which it replaced another pod, the newest first. stays tells why the look at that time
// did not move it, or is nil if moving it would have cured nothing. If uid is empty, the pod is
// gone and is found by its name.
func (l *Loop) OfPod(namespace, name, uid string) (moves []Record, stays *NotMoved, looked time.Time) {
	moves = l.told.newest(func(r *Record) bool {
		if uid == "" {
			return r.Namespace == namespace && r.Pod == name
		}
		return r.UID == uid || r.SuccessorUID == uid
	})
	l.told.lock.Lock()
	defer l.told.lock.Unlock()
	if l.told.plan == nil || uid == "" {
		return moves, nil, l.told.time
	}
	for i := range l.told.plan.Closest {
		if n := &l.told.plan.Closest[i]; n.Pod.UID == uid {
			told := n.told()
			return moves, &told, l.told.time
		}
	}
	return moves, nil, l.told.time
}
