// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import "math"

// The entries of a feature vector are those of the node's own Summary, then these.
const (
	sumHour1 = summaryLen + iota
	sumMax6h
	sumMax1d
	sumMax2d
	sumMax7d
	sumSecond7d
	sumTop2 // not below the node's hoursMean
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
	// What the sum comes to when members do what they did, but not on the same days: sums of what is usual plus the root of
	// the sum of squares of what is not, as deviations of independent terms add up.
	apartRecord // Σ p98 and √Σ (top1 − p98)²
	apartWeek   // Σ windowMean and 1.5·√Σ (max7d − windowMean)²
	apartDay    // Σ max1d and .5·√Σ (max7d − max1d)²
	apartSpread // Σ windowMean and 2·√Σ windowDev²
	// The same from where members are now, never below what the node came to in the last hour.
	soonHours // Σ hour1 and √Σ (hours97 − hour1)²
	// What came after hours like the last one: Σ alikeMean and 1.5·√Σ (alike95 − alikeMean)², and not below the last hour.
	soonAlike
	// What hours come to, when members' busy hours are the same and when they are not; the latter, as what follows, not below the
	// mean of the node's.
	farHours // Σ hours97
	farApart // Σ hoursMean and 2.5·√Σ (hours97 − hoursMean)²
	// What members come to when each alone has a day as its like have had: Σ hoursMean and 2.5·√Σ (similar − hoursMean)².
	farSimilar
	// Ratios is how many entries of a feature vector, from the first, are ratios to the limit.
	Ratios
)

const (
	// The time of day as a point on a circle, each coordinate from 0 to 1: 23 h is next to 0 h. The centre when it is unknown.
	clockSine = Ratios + iota
	clockCosine
	// FeatureLen is the length of a feature vector.
	FeatureLen
)

// Features describes a node to the models as a vector of ratios to limit, which makes every forecast scale with its
// node, and the time of day. node is the summary of the node's own usage, members are those of its workloads at the
// same moment. A limit that is not positive yields zeros.
func Features(node Summary, members []Summary, limit float64) []float64 {
	x := make([]float64, FeatureLen)
	if !(limit > 0) {
		return x
	}
	copy(x, node.v[:])
	alikes, means := 0., 0.
	for i := range members {
		m := &members[i].v
		for _, p := range [...][2]int{
			{sumHour1, hour1}, {sumMax6h, max6h}, {sumMax1d, max1d}, {sumMax2d, max2d}, {sumMax7d, max7d},
			{sumSecond7d, second7d}, {sumTop2, top2}, {sumP90, p90}, {sumP98, p98}, {sumWindow1, window1},
			{sumWindow7, window7}, {sumWindowMean, windowMean}, {sumWindowWeek, windowWeek}, {sumRecord, record},
		} {
			x[p[0]] += m[p[1]]
		}
		for _, a := range [...]struct{ at, above, below int }{
			{apartRecord, top1, p98}, {apartWeek, max7d, windowMean}, {apartDay, max7d, max1d},
			{soonHours, hours97, hour1}, {soonAlike, alike95, alikeMean}, {farApart, hours97, hoursMean},
		} {
			d := max(0, m[a.above]-m[a.below])
			x[a.at] += d * d
		}
		x[apartSpread] += m[windowDev] * m[windowDev]
		beyond := max(0, members[i].similar-m[hoursMean])
		x[farSimilar] += beyond * beyond
		alikes += m[alikeMean]
		means += m[hoursMean]
		x[farHours] += m[hours97]
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
	x[apartRecord] = x[sumP98] + math.Sqrt(x[apartRecord])
	x[apartWeek] = x[sumWindowMean] + 1.5*math.Sqrt(x[apartWeek])
	x[apartDay] = x[sumMax1d] + .5*math.Sqrt(x[apartDay])
	x[apartSpread] = x[sumWindowMean] + 2*math.Sqrt(x[apartSpread])
	x[soonHours] = max(node.v[hour1], x[sumHour1]+math.Sqrt(x[soonHours]))
	x[soonAlike] = max(node.v[hour1], alikes+1.5*math.Sqrt(x[soonAlike]))
	// What of the node is not its known members' is at least what it usually comes to beyond them.
	usual := node.v[hoursMean]
	x[sumTop2] = max(usual, x[sumTop2])
	x[farApart] = max(usual, means+2.5*math.Sqrt(x[farApart]))
	x[farSimilar] = max(usual, means+2.5*math.Sqrt(x[farSimilar]))
	for j := range Ratios {
		x[j] /= limit
	}
	x[clockSine], x[clockCosine] = .5, .5
	if node.hour != unknown {
		sine, cosine := math.Sincos(2 * math.Pi * float64(node.hour) / 24)
		x[clockSine], x[clockCosine] = (1+sine)/2, (1+cosine)/2
	}
	return x
}

// Typical returns a robust level of coming peaks within a feature vector, relative to the limit: what a forecast is expressed
// against. It is the geometric mean of four plain forecasts, and never below one in a million.
func Typical(x []float64) float64 {
	product := 1.
	for _, j := range [...]int{apartRecord, apartWeek, max7d, sumP98} {
		product *= min(1e6, max(1e-6, x[j]))
	}
	return math.Pow(product, .25)
}

// Soon returns two plain forecasts of the next hour within a feature vector, relative to the limit, that need no training but a
// level: what members do now, and what came after hours like it, with the rises they are known for, each alone.
func Soon() [2]int { return [...]int{soonHours, soonAlike} }

// Far returns plain forecasts of a longer time within a feature vector, relative to the limit, that need no training but a level:
// what the node came to on the second of its busiest days of four weeks, the sum of what its members came to on theirs, what
// members' hours of the last week come to when each is busy alone, and days like those of their like.
func Far() [4]int { return [...]int{top2, sumTop2, farApart, farSimilar} }
