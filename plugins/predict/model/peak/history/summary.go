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
	hour  int // of the day at which the horizon begins, 0 to 23, or unknown
	v     [summaryLen]float64
	// What Kinds told of the busy days of series like it; by itself, its own third busiest day.
	similar float64
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
	hoursMean          // mean of them
	alikeMean          // mean of the hours that came after hours like the last one
	alike95            // 95th percentile of them
	window1            // window of yesterday
	window7            // largest window of the last 7 days
	windowMean         // mean window of the last 7 days
	windowDev          // standard deviation of the windows of the last 7 days
	windowWeek         // window of a week ago
	same1              // the very hours of yesterday
	same7              // the largest of the very hours of the last 7 days
	top1               // largest daily maximum of 28 days
	top2               // second largest, or of a single day that one's
	top3               // third largest, or of fewer days the smallest of them
	record             // by how much a day passed the maximum of the 7 days before it, at most
	recordRatio        // the same as a ratio, times max7d
	jump               // largest ratio of an hour to the day before it, times max1d
	summaryLen
)

// settled is how many hours of the last week have to be known for the time of day to say something: of one or two days, what
// was the hour's doing and what was the day's cannot be told apart.
const settled = 6 * 24

// Summary returns what the series knows at the beginning of hour now about the next horizon hours. A window or day without
// samples does not count in means, medians and minima; where a single one is asked for, the maximum of the last day stands
// in for it. So a short past gives forecasts that are plainer, not lower. Without any samples all is zero.
func (s *Series) Summary(now int64, horizon int) Summary {
	out := Summary{Scale: s.scale, hour: int(mod(now, 24))}
	v := &out.v
	// The ring in order, newest first, so that the many windows are plain loops.
	var past [weekHours + 1]float32
	hours := make([]float32, 0, weekHours)
	for k := 1; k <= weekHours; k++ {
		past[k] = s.ago(now, k)
		if past[k] >= 0 {
			hours = append(hours, past[k])
		}
	}
	if len(hours) < settled {
		out.hour = unknown
	}
	m := func(from, to int) float64 { // unknown when there is no sample
		largest := float32(unknown)
		for k := max(from, 1); k <= min(to, weekHours); k++ {
			largest = max(largest, past[k])
		}
		return float64(largest)
	}
	v[last] = float64(s.last)
	v[hour1], v[hour2] = max(0, m(1, 1)), max(0, m(2, 2))
	v[max6h] = max(v[hour1], v[hour2], m(3, 6))

	daily := make([]float64, 0, 7)
	for d := range 7 {
		x := m(24*d+1, 24*d+24)
		if d == 0 {
			v[max1d] = max(0, x)
		}
		if d < 2 {
			v[max2d] = max(v[max2d], x)
		}
		if x >= 0 {
			daily = append(daily, x)
		}
	}
	if n := len(daily); n > 0 {
		slices.Sort(daily)
		v[min7d], v[median7d], v[second7d], v[max7d] = daily[0], daily[n/2], daily[max(0, n-2)], daily[n-1]
	}

	v[mean1d], v[dev1d] = s.day.mean(), s.day.deviation()
	v[mean7d], v[dev7d] = s.week.mean(), s.week.deviation()
	v[p90], v[p98] = s.hist.quantile(.90)*s.scale, s.hist.quantile(.98)*s.scale

	if n := len(hours); n > 0 {
		slices.Sort(hours)
		v[hours90], v[hours97] = float64(hours[n*90/100]), float64(hours[n*97/100])
		for _, x := range hours {
			v[hoursMean] += float64(x) / float64(n)
		}
	}
	v[alikeMean], v[alike95] = v[hoursMean], v[hours97]
	if horizon == 1 {
		s.alike(&past, len(hours) >= settled, v)
	}

	wide := 0
	if horizon == 1 {
		wide = 1
	}
	v[window1], v[same1], v[windowWeek] = v[max1d], v[max1d], v[max1d]
	known, squares := 0., 0.
	for d := 1; d <= 7; d++ {
		from, to := 24*d-horizon+1, 24*d
		w, same := m(from-wide, to+wide), m(from, to)
		if w < 0 {
			continue
		}
		known++
		squares += w * w
		v[windowMean] += w
		v[window7] = max(v[window7], w)
		v[same7] = max(v[same7], same)
		switch d {
		case 1:
			v[window1], v[same1] = w, max(0, same)
		case 7:
			v[windowWeek] = w
		}
	}
	if known > 0 {
		v[windowMean] /= known
		v[windowDev] = math.Sqrt(max(0, squares/known-v[windowMean]*v[windowMean]))
	} else {
		v[windowMean], v[window7], v[same7] = v[max1d], v[max1d], v[max1d]
	}
	s.longMemory(now, v)
	v[jump] = float64(s.jump) * v[max1d]
	out.similar = v[top3]
	return out
}

const (
	// alikeFloor is the share of the scale below which levels are alike.
	alikeFloor = .02
	// Hours up to sameTimeHours from the hour's time of day count sameTime times as much as others.
	sameTimeHours, sameTime = 2, 9
	// anyHour is the share of the weights that goes to hours whatever they came after: what has come once can come again.
	anyHour = .1
)

// alike fills what came after hours like the last one, the forecast by analogues (Lorenz, Atmospheric predictability as
// revealed by naturally occurring analogues, 1969). An hour counts by the cube of the ratio of the hour before it to the last
// one, or the inverse. past holds the maximum of the hour k hours ago at k.
func (s *Series) alike(past *[weekHours + 1]float32, settled bool, v *[summaryLen]float64) {
	floor := float32(alikeFloor * s.scale)
	now := max(0, past[1]) + floor
	var weight, plain [weekHours]float32 // of the hour k hours ago
	var weights, plains float32
	var order [weekHours]uint64 // the hours by their maxima: the bits of numbers of at least zero are ordered as the numbers are
	n := 0
	for k := 1; k < weekHours; k++ {
		if past[k] < 0 || past[k+1] < 0 {
			continue
		}
		plain[k] = 1
		if settled && min(k%24, 24-k%24) <= sameTimeHours {
			plain[k] = sameTime
		}
		before := past[k+1] + floor
		ratio := min(now, before) / max(now, before)
		weight[k] = ratio * ratio * ratio * plain[k]
		weights += weight[k]
		plains += plain[k]
		order[n] = uint64(math.Float32bits(max(0, past[k])))<<32 | uint64(k)
		n++
	}
	if !(weights > 0) {
		return
	}
	slices.Sort(order[:n])
	mean, below := 0., 0.
	for _, key := range order[:n] {
		k := int(uint32(key))
		w := float64((1-anyHour)*weight[k]/weights + anyHour*plain[k]/plains)
		mean += w * float64(past[k])
		if below < .95 {
			v[alike95] = float64(past[k])
		}
		below += w
	}
	v[alikeMean] = mean
}

// longMemory fills what the daily maxima tell.
func (s *Series) longMemory(now int64, v *[summaryLen]float64) {
	ratio := 1.0
	var day [dayRing]float64
	n := s.daily(now, &day)
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
	top := busiest(day[:n])
	v[top1], v[top2], v[top3] = top[0], top[1], top[2]
	v[recordRatio] = ratio * v[max7d]
}

// daily fills in the known daily maxima of four weeks, newest first, and returns how many there are.
func (s *Series) daily(now int64, day *[dayRing]float64) int {
	if !s.begun {
		return 0
	}
	n := 0
	newest := floorDiv(s.open, 24)
	// A slot belongs to the day only when the series has not moved on or stopped short of it.
	today := floorDiv(now-1, 24)
	oldest := max(today, newest) - dayRing
	today = min(today, newest)
	for d := today; d > oldest; d-- {
		if x := s.days.At(d, dayRing); x >= 0 {
			day[n] = float64(x)
			n++
		}
	}
	return n
}

// busiest returns the three largest values, the smallest in place of those that are missing, and zeros of none.
func busiest(values []float64) (top [3]float64) {
	for i, x := range values {
		switch {
		case i == 0:
			top = [...]float64{x, x, x}
		case x > top[0]:
			top = [...]float64{x, top[0], top[1]}
		case x > top[1] || i == 1:
			top = [...]float64{top[0], x, top[1]}
		case x > top[2] || i == 2:
			top[2] = x
		}
	}
	if n := len(values); n == 2 {
		top[2] = top[1]
	}
	return top
}
