// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
)

// Ahead is what tells of the next hours of a pod that runs.
type Ahead struct {
	// Now is the level over the last quarter of an hour, in cores and bytes.
	Now [NumResources]float64
	// Mean is that of CPU over half a day, and Miss the mean squared error of its forecast for the first hour; below 0 is not known.
	Mean, Miss float64
	// Persistence of what CPU is beyond its Mean, 0–1.
	Persistence float64
	// Day is the CPU at each hour of its newest day, and Like that of its workload's pods; nil is not known.
	Day, Like *ahead.Day
	// Week is the CPU of its workload's pods at each hour of their newest week; nil is not known. Size is how many times that it uses.
	Week *ahead.Week
	Size float64
	// Latest is the CPU of its newest sample.
	Latest float64
}

// Ahead returns what a pod that runs will use in each of the next hours, the first of which begins now, and false where its use is not
// known. Memory stays at its level. It writes to and returns the given slice, whose length says how many hours; more than ahead.Leads
// make no sense.
func (s *Snapshot) Ahead(uid types.UID, now time.Time, hours [][NumResources]Use) bool {
	m, ok := s.MeasuredOf(uid)
	if !ok || m.Ahead == nil || s.c.Mixture == nil {
		return false
	}
	a := m.Ahead
	pod := ahead.Pod{Now: a.Now[CPU], Mean: a.Mean, Day: a.Day, Like: a.Like, Week: a.Week, Size: a.Size, Persistence: a.Persistence}
	miss := a.Miss
	if miss < 0 {
		miss = m.Use[CPU].Variance
	}
	for lead := range hours {
		hours[lead][CPU] = Use{Mean: s.c.Mixture.Forecast(pod.Inputs(now.Unix(), lead), lead), Variance: miss * s.c.Mixture.Wider(lead)}
		hours[lead][Memory] = Use{Mean: a.Now[Memory], Variance: m.Use[Memory].Variance}
	}
	return true
}
