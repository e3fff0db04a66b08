// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
)

// Ahead is what a running pod's use in the next hours is forecast from.
type Ahead struct {
	// Now is the average use over the last 15 minutes, in cores and bytes.
	Now [NumResources]float64
	// Mean is the average CPU over half a day, in cores. Miss is the mean squared error of the CPU
	// forecast for the first hour, in cores²; a value below 0 means that it is unknown.
	Mean, Miss float64
	// Persistence is how much of the difference between CPU and Mean lasts, from 0 to 1.
	Persistence float64
	// Day is the CPU at each hour of the pod's newest day, and Like that of its workload's pods. A
	// nil Day is unknown.
	Day, Like *ahead.Day
	// Week is the CPU of its workload's pods at each hour of their newest week; nil is unknown.
	// Size is the pod's use as a multiple of that.
	Week *ahead.Week
	Size float64
	// Latest is the CPU of the pod's newest sample, in cores.
	Latest float64
}

// Ahead forecasts a running pod's use in each of the next hours, of which the first begins now. It
// fills in hours, whose length is the number of hours to forecast, at most ahead.Leads. Memory is
// forecast to stay at its level. Ahead returns false if the pod's use is not known.
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
