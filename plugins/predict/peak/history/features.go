// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"math"
	"slices"
)

// Summary is what one series says at one moment about one horizon, in the series' unit.
type Summary struct {
	Scale float64
	v     [summaryLen]float64
}

// The entries of a Summary. A window is the same time of day on an earlier day: the horizon itself for
// horizons of several hours, and one hour to either side of it for one hour.
const (
	last        = iota // last sample
	hour1              // maximum of the last hour
	hour2              // maximum of the hour before that
	max6h              // maximum of the last 6 hours
	max1d              // maximum of the last 24 hours
	max2d              // maximum of the last 2 days
	max7d              // maximum of the last 7 days
	second7d           // second largest maximum of the last 7 days
	median7d           // median of the last 7 daily maxima
	min7d              // smallest of the last 7 daily maxima
	mean1d             // decayed mean, half-life 12 h
	dev1d              // decayed standard deviation, half-life 12 h
	mean7d             // decayed mean, half-life 3 days
	dev7d              // decayed standard deviation, half-life 3 days
	p90                // 90th percentile of the decayed histogram, half-life 24 h
	p98                // 98th percentile of it
	hours90            // 90th percentile of the hourly maxima of 7 days
	hours97            // 97th percentile of them
	window1            // window of yesterday
	window7            // largest window of the last 7 days
	windowMean         // mean window of the last 7 days
	windowWeek         // window of a week ago
	same1              // the very hours of yesterday
	same7              // the largest of the very hours of the last 7 days
	top1               // largest daily maximum of 28 days
	top2               // second largest
	top3               // third largest
	record             // by how much a day passed the maximum of the 7 days before it, at most
	recordRatio        // the same as a ratio, times max7d
	jump               // largest ratio of an hour to the day before it, times max1d
	summaryLen
)

// Summary returns what the series knows at the beginning of hour now about the next horizon hours. Unknown
// maxima are zero.
func (s *Series) Summary(now int64, horizon int) Summary {
	out := Summary{Scale: s.scale}
	v := &out.v
	// The ring in order, newest first, so that the many windows are plain loops.
	var past [weekHours + 1]float32
	known := make([]float32, 0, weekHours)
	for k := 1; k <= weekHours; k++ {
		past[k] = s.ago(now, k)
		if past[k] >= 0 {
			known = append(known, past[k])
		}
	}
	m := func(from, to int) float64 {
		largest := float32(0)
		for k := max(from, 1); k <= min(to, weekHours); k++ {
			largest = max(largest, past[k])
		}
		return float64(largest)
	}
	v[last] = float64(s.last)
	v[hour1], v[hour2] = m(1, 1), m(2, 2)
	v[max6h] = max(v[hour1], v[hour2], m(3, 6))

	var daily [7]float64
	for d := range daily {
		daily[d] = m(24*d+1, 24*d+24)
	}
	v[max1d] = daily[0]
	v[max2d] = max(daily[0], daily[1])
	slices.Sort(daily[:])
	v[min7d], v[median7d], v[second7d], v[max7d] = daily[0], daily[3], daily[5], daily[6]

	v[mean1d], v[dev1d] = s.day.mean(), s.day.deviation()
	v[mean7d], v[dev7d] = s.week.mean(), s.week.deviation()
	v[p90], v[p98] = s.hist.quantile(.90)*s.scale, s.hist.quantile(.98)*s.scale

	if n := len(known); n > 0 {
		slices.Sort(known)
		v[hours90], v[hours97] = float64(known[n*90/100]), float64(known[n*97/100])
	}

	wide := 0
	if horizon == 1 {
		wide = 1
	}
	for d := 1; d <= 7; d++ {
		from, to := 24*d-horizon+1, 24*d
		w := m(from-wide, to+wide)
		same := m(from, to)
		v[window7] = max(v[window7], w)
		v[windowMean] += w / 7
		v[same7] = max(v[same7], same)
		switch d {
		case 1:
			v[window1], v[same1] = w, same
		case 7:
			v[windowWeek] = w
		}
	}
	s.longMemory(now, v)
	v[jump] = float64(s.jump) * v[max1d]
	return out
}

// longMemory fills what the daily maxima tell.
func (s *Series) longMemory(now int64, v *[summaryLen]float64) {
	ratio := 1.0
	var day [dayRing]float64 // newest first
	n := 0
	today := floorDiv(now-1, 24)
	for k := int64(0); k < dayRing; k++ {
		// A slot belongs to day today-k only when the series has not moved on or stopped short of it.
		if d := today - k; s.begun && d <= floorDiv(s.open, 24) && floorDiv(s.open, 24)-d < dayRing {
			if x := s.days[mod(d, dayRing)]; x >= 0 {
				day[n] = float64(x)
				n++
			}
		}
	}
	for k := 0; k+3 < n; k++ {
		before := 0.0
		for j := k + 1; j < n && j <= k+7; j++ {
			before = max(before, day[j])
		}
		v[record] = max(v[record], day[k]-before)
		if before > 0 {
			ratio = max(ratio, day[k]/before)
		}
	}
	slices.Sort(day[:n])
	for i, at := range [...]int{top1, top2, top3} {
		if n > i {
			v[at] = day[n-1-i]
		}
	}
	v[recordRatio] = ratio * v[max7d]
}

// The entries of a feature vector are those of the node's own Summary, then these.
const (
	sumHour1 = summaryLen + iota
	sumMax6h
	sumMax1d
	sumMax2d
	sumMax7d
	sumSecond7d
	sumTop2
	sumP90
	sumP98
	sumWindow1
	sumWindow7
	sumWindowMean
	sumWindowWeek
	sumRecord
	rootDeviation // square root of Σ (max7d − mean7d)²: how far members pass their means if they do so alone
	maxDeviation  // the largest max7d − mean7d of a member
	rootDev7d     // square root of Σ dev7d²
	headroom      // Σ (scale − max7d)·max7d/scale: room to grow of members that do use something
	rootScale     // square root of Σ scale²: small for many equal members, large for few
	maxHeadroom   // the largest scale − max7d of a member
	// FeatureLen is the length of a feature vector.
	FeatureLen
)

// Features describes a node to the models as a vector of FeatureLen ratios to limit, which makes every forecast
// scale with its node. node is the summary of the node's own usage, members are those of its workloads at the
// same moment. A limit that is not positive yields zeros.
func Features(node Summary, members []Summary, limit float64) []float64 {
	x := make([]float64, FeatureLen)
	if !(limit > 0) {
		return x
	}
	copy(x, node.v[:])
	for i := range members {
		m := &members[i].v
		for _, p := range [...][2]int{
			{sumHour1, hour1}, {sumMax6h, max6h}, {sumMax1d, max1d}, {sumMax2d, max2d}, {sumMax7d, max7d},
			{sumSecond7d, second7d}, {sumTop2, top2}, {sumP90, p90}, {sumP98, p98}, {sumWindow1, window1},
			{sumWindow7, window7}, {sumWindowMean, windowMean}, {sumWindowWeek, windowWeek}, {sumRecord, record},
		} {
			x[p[0]] += m[p[1]]
		}
		deviation := max(0, m[max7d]-m[mean7d])
		room := max(0, members[i].Scale-m[max7d])
		x[rootDeviation] += deviation * deviation
		x[maxDeviation] = max(x[maxDeviation], deviation)
		x[rootDev7d] += m[dev7d] * m[dev7d]
		if members[i].Scale > 0 {
			x[headroom] += room * m[max7d] / members[i].Scale
		}
		x[rootScale] += members[i].Scale * members[i].Scale
		x[maxHeadroom] = max(x[maxHeadroom], room)
	}
	for _, j := range [...]int{rootDeviation, rootDev7d, rootScale} {
		x[j] = math.Sqrt(x[j])
	}
	for j := range x {
		x[j] /= limit
	}
	return x
}

// Typical returns a robust level of recent peaks within a feature vector, relative to the limit: what a forecast
// is expressed against. It is never below one in a million.
func Typical(x []float64) float64 {
	return max(1e-6, (x[max7d]+x[sumP98])/2)
}

// Rough returns three plain forecasts within a feature vector, relative to the limit: the node's 7-day maximum,
// its 98th percentile, and the sum of its members' 98th percentiles. Models start from their geometric mean.
func Rough() [3]int { return [...]int{max7d, p98, sumP98} }
