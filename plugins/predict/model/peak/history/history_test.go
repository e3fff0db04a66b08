// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var fiveMinutes = Grid{Interval: 5 * time.Minute}

// noise is a bursty series of usage with daily spikes.
func noise(seed uint64, hours int, scale float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]float64, hours*12)
	for i := range v {
		v[i] = scale * .1 * rng.Float64()
		if i/12%24 == 3 || rng.IntN(500) == 0 {
			v[i] += scale * .5 * rng.Float64()
		}
		v[i] = float64(Rounded(float32(v[i])))
	}
	return v
}

func feed(s *Series, v []float64) {
	for i, x := range v {
		s.Observe(int64(i)*300, x)
	}
}

// The maxima of a Summary are those of the raw samples.
func TestSummaryAgainstRawSamples(t *testing.T) {
	const hours = 400
	v := noise(1, hours, 8)
	s := NewSeries(fiveMinutes, 8)
	feed(s, v)
	raw := func(from, to int) float64 { // hours before now, both included
		m := 0.0
		for _, x := range v[(hours-to)*12 : (hours-from+1)*12] {
			m = max(m, x)
		}
		return m
	}
	for _, horizon := range []int{1, 24} {
		got := s.Summary(hours, horizon).v
		wide := 0
		if horizon == 1 {
			wide = 1
		}
		for name, want := range map[int]float64{
			hour1: raw(1, 1), hour2: raw(2, 2), max6h: raw(1, 6), max1d: raw(1, 24), max2d: raw(1, 48), max7d: raw(1, 168),
			window1: raw(24-horizon+1-wide, 24+wide), same1: raw(24-horizon+1, 24), last: v[len(v)-1],
		} {
			if math.Abs(got[name]-want) > 1e-6 {
				t.Errorf("horizon %d, entry %d: %v, want %v", horizon, name, got[name], want)
			}
		}
	}
}

// Another scale changes what is the unit and how finely it is told, not what was used; what was too large for the old scale is
// known again once it is used again.
func TestRescale(t *testing.T) {
	v := noise(1, 400, 8)
	for _, scale := range []float64{1, 4, 8, 64} {
		s, all := NewSeries(fiveMinutes, 8), NewSeries(fiveMinutes, scale)
		feed(s, v)
		feed(all, v)
		s.Rescale(scale)
		got, want := s.Summary(400, 24), all.Summary(400, 24)
		if got.Scale != want.Scale {
			t.Fatalf("scale %v, want %v", got.Scale, want.Scale)
		}
		for j := range got.v {
			if math.Abs(got.v[j]/want.v[j]-1) > .11 && got.v[j] != want.v[j] { // two buckets
				t.Errorf("from 8 to %v, entry %d: %v, want %v", scale, j, got.v[j], want.v[j])
			}
		}
	}
	s := NewSeries(fiveMinutes, 0) // of bytes, before the size was known
	for i := range 12 {
		s.Observe(int64(i)*300, 1e9)
	}
	for _, scale := range []float64{0, math.NaN(), math.Inf(1)} {
		if s.Rescale(scale); s.Scale() != 1 {
			t.Errorf("the scale %v was taken", scale)
		}
	}
	s.Rescale(4e9)
	s.Observe(3600, 1e9)
	if got := s.Summary(2, 1).v[p98]; got < 1e9 || got > 1.1e9 {
		t.Errorf("98 of 100 samples were below %v, want 1e9", got)
	}
}

// Of a past of a few hours, what asks for more says what there is, and the means are of known windows only.
func TestShortPast(t *testing.T) {
	s := NewSeries(fiveMinutes, 1)
	for i := range 30 * 12 {
		s.Observe(int64(i)*300, .5)
	}
	for _, horizon := range []int{1, 24} {
		got := s.Summary(30, horizon).v
		for _, j := range []int{second7d, median7d, min7d, top1, top2, top3, window1, window7, windowMean, windowWeek, same1, same7} {
			if math.Abs(got[j]-.5) > 1e-6 {
				t.Errorf("horizon %d, entry %d: %v", horizon, j, got[j])
			}
		}
		if got[windowDev] > 1e-6 {
			t.Errorf("deviation %v of a constant", got[windowDev])
		}
	}
}

// Members that never peak together come to less than the sum of their peaks, and at least to the largest.
func TestApart(t *testing.T) {
	var members []Summary
	largest, sum := 0.0, 0.0
	for k := range uint64(20) {
		s := NewSeries(fiveMinutes, 8)
		feed(s, noise(30+k, 400, 8))
		m := s.Summary(400, 24)
		members = append(members, m)
		largest, sum = max(largest, m.v[max7d]), sum+m.v[max7d]
	}
	x := Features(Summary{}, members, 1)
	plain := 0.0 // the twin
	usual := 0.0
	for _, m := range members {
		usual += m.v[windowMean]
		plain += m.v[windowDev] * m.v[windowDev]
	}
	if want := usual + 2*math.Sqrt(plain); math.Abs(x[apartSpread]-want) > 1e-9 {
		t.Errorf("apartSpread %v, want %v", x[apartSpread], want)
	}
	for _, j := range []int{apartWeek, apartSpread} {
		if x[j] < largest || x[j] > 1.01*sum {
			t.Errorf("feature %d: %v outside %v and %v", j, x[j], largest, sum)
		}
	}
}

// What is expected of the next hour is what came after hours like the last one, most of all at this time of day.
func TestAlike(t *testing.T) {
	after := func(hours int, use func(hour int) float64) [summaryLen]float64 {
		s := NewSeries(fiveMinutes, 1)
		for h := range hours {
			for i := range 12 {
				s.Observe(int64(h*12+i)*300, use(h))
			}
		}
		return s.Summary(int64(hours), 1).v
	}
	for hours := 200; hours < 207; hours++ {
		x := after(hours, func(h int) float64 { return []float64{.1, .1, .1, .1, .1, .4, .8}[h%7] }) // every .8 comes after a .4
		switch last := x[hour1]; {
		case last < .2 && x[alikeMean] > .25:
			t.Errorf("after quiet hours %v is expected", x[alikeMean])
		case last > .3 && last < .5 && (x[alikeMean] < .6 || x[alike95] < .79):
			t.Errorf("after an hour that announces .8, %v is expected, %v at most", x[alikeMean], x[alike95])
		}
	}
	daily := func(h int) float64 {
		if h%24 == 13 {
			return .9
		}
		return .1
	}
	if noon, evening := after(8*24+13, daily)[alike95], after(8*24+20, daily)[alike95]; noon < .8 || evening > .2 {
		t.Errorf("at most %v is expected of a daily peak, %v of the evening", noon, evening)
	}
}

// The same by a plain twin: each hour of the week, weighed by itself, with the percentile found by counting up.
func TestAlikeAsTwin(t *testing.T) {
	for seed := range uint64(20) {
		s := NewSeries(fiveMinutes, 8)
		past := noise(90+seed, 200, 8)
		feed(s, past)
		largest := func(hour int) float64 { return slices.Max(past[hour*12 : hour*12+12]) }
		const now = 200
		weigh := func(alike bool) (values, weights []float64) {
			sum := 0.
			for h := now - weekHours + 1; h < now; h++ {
				w := 1.
				if d := (now - h) % 24; d <= 2 || d >= 22 {
					w = 9
				}
				if alike {
					a, b := largest(h-1)+.16, largest(now-1)+.16
					w *= math.Pow(math.Min(a/b, b/a), 3)
				}
				values, weights, sum = append(values, largest(h)), append(weights, w), sum+w
			}
			for i := range weights {
				weights[i] /= sum
			}
			return values, weights
		}
		values, alike := weigh(true)
		_, anyhow := weigh(false)
		mean, high := 0., math.Inf(1)
		for i, v := range values {
			mean += (.9*alike[i] + .1*anyhow[i]) * v
			below := 0.
			for j, other := range values {
				if other <= v {
					below += .9*alike[j] + .1*anyhow[j]
				}
			}
			if below >= .95 {
				high = math.Min(high, v)
			}
		}
		got := s.Summary(now, 1).v
		if math.Abs(got[alikeMean]-mean) > 1e-4 || math.Abs(got[alike95]-high) > 1e-6*high {
			t.Errorf("mean %v and 95th percentile %v, want %v and %v", got[alikeMean], got[alike95], mean, high)
		}
	}
}

// The plain forecasts of the next hour are what members do, now or after hours like it, and their rises as those of independent
// terms; between that and the sum of their peaks, and never below what the node just came to.
func TestSoon(t *testing.T) {
	var members []Summary
	now, sum, usuals, hours, alikes := 0., 0., 0., 0., 0.
	for k := range uint64(20) {
		s := NewSeries(fiveMinutes, 8)
		feed(s, noise(60+k, 400, 8))
		m := s.Summary(400, 1)
		members = append(members, m)
		now, sum = now+m.v[hour1], sum+m.v[max7d]
		usuals += m.v[alikeMean]
		hours += math.Pow(math.Max(0, m.v[hours97]-m.v[hour1]), 2) // the twin
		alikes += math.Pow(math.Max(0, m.v[alike95]-m.v[alikeMean]), 2)
	}
	x := Features(Summary{}, members, 2)
	for k, want := range []float64{now + math.Sqrt(hours), usuals + 1.5*math.Sqrt(alikes)} {
		got := 2 * x[Soon()[k]]
		if math.Abs(got-want) > 1e-9 || got <= min(now, usuals) || got >= sum {
			t.Errorf("forecast %d: %v, want %v, between %v and %v", k, got, want, min(now, usuals), sum)
		}
	}
	var node Summary
	node.v[hour1] = 3 * sum
	for _, m := range [][]Summary{nil, members} {
		x = Features(node, m, 2)
		for _, j := range Soon() {
			if got := 2 * x[j]; got != 3*sum {
				t.Errorf("%v with %d members known, and the node came to %v", got, len(m), 3*sum)
			}
		}
	}
}

// The plain forecasts of a longer time are what the second of the busiest days came to, of the node and of each member, and what
// members' hours come to when each is busy alone.
func TestFar(t *testing.T) {
	const hours = 400
	secondDay := func(past []float64) float64 {
		var days []float64
		for h := 0; h < hours; h += 24 {
			days = append(days, slices.Max(past[h*12:min(hours, h+24)*12]))
		}
		slices.Sort(days)
		return days[len(days)-2]
	}
	var members []Summary
	means, highs, squares, seconds := 0., 0., 0., 0.
	sum := make([]float64, hours*12)
	for k := range uint64(20) {
		s := NewSeries(fiveMinutes, 8)
		past := noise(30+k, hours, 8)
		feed(s, past)
		members = append(members, s.Summary(hours, 24))
		var busy []float64
		for h := hours - weekHours; h < hours; h++ {
			busy = append(busy, slices.Max(past[h*12:h*12+12]))
		}
		slices.Sort(busy)
		mean, high := 0., busy[weekHours*97/100]
		for _, v := range busy {
			mean += v / weekHours
		}
		means, highs, squares = means+mean, highs+high, squares+(high-mean)*(high-mean)
		seconds += secondDay(past)
		for i, v := range past {
			sum[i] += v
		}
	}
	node := NewSeries(fiveMinutes, 160)
	feed(node, sum)
	x := Features(node.Summary(hours, 24), members, 2)
	far := Far()
	for j, want := range map[int]float64{
		far[0]: secondDay(sum), far[1]: seconds, far[2]: means + 2.5*math.Sqrt(squares), farHours: highs,
	} {
		if got := 2 * x[j]; math.Abs(got-want) > want/4096 {
			t.Errorf("feature %d: %v, want %v", j, got, want)
		}
	}
	// Of a node whose members are not known, and of one that was watched for hours only, they are not nothing.
	young := NewSeries(fiveMinutes, 8)
	feed(young, noise(1, 20, 8))
	for _, one := range []Summary{node.Summary(hours, 24), young.Summary(20, 24)} {
		x = Features(one, nil, 2)
		for _, j := range far {
			if got := 2 * x[j]; got < one.v[hoursMean]*(1-1e-9) {
				t.Errorf("feature %d: %v of a node that usually comes to %v", j, got, one.v[hoursMean])
			}
		}
	}
}

// One of many workloads of a kind had busy days: those of its kind may have them too, as shares of their size, and no others.
func TestKinds(t *testing.T) {
	var all []*Series
	add := func(scale, use float64, busyDays int) *Series {
		s := NewSeries(fiveMinutes, scale)
		for i := range 10 * 24 * 12 {
			v := use
			if i/(24*12) < busyDays && i%(24*12) < 12 {
				v = .9 * scale
			}
			s.Observe(int64(i)*300, v)
		}
		all = append(all, s)
		return s
	}
	const now = 240
	busy := add(8, 1.6, 3)
	twice := add(8, 1.6, 2) // not on a third day
	same, smaller := add(8, 1.6, 0), add(6.5, 1.3, 0)
	large, idle := add(64, 12.8, 0), add(8, .16, 0)
	kinds := KindsOf(slices.Values(all), now)
	for _, c := range []struct {
		what string
		of   *Series
		want float64
	}{
		{"the busy one", busy, 7.2}, {"one that was busy twice", twice, 7.2}, {"an equal one", same, 7.2},
		{"a somewhat smaller one", smaller, .9 * 6.5}, {"a far larger one", large, 12.8}, {"an idle one", idle, .16},
	} {
		s := c.of.Summary(now, 24)
		if own := s.v[top3]; s.similar != own {
			t.Errorf("%s goes by %v before it is told, its own third day was %v", c.what, s.similar, own)
		}
		kinds.Tell(&s)
		if math.Abs(s.similar-c.want) > 1e-3*c.want {
			t.Errorf("%s may come to %v, want %v", c.what, s.similar, c.want)
		}
		x := Features(Summary{}, []Summary{s}, 1)
		if got, want := x[Far()[3]], s.v[hoursMean]+2.5*(c.want-s.v[hoursMean]); math.Abs(got-want) > 1e-3*want {
			t.Errorf("%s: the plain forecast is %v, want %v", c.what, got, want)
		}
	}
	unknown := NewSeries(fiveMinutes, 1000).Summary(now, 24)
	if kinds.Tell(&unknown); unknown.similar != 0 {
		t.Errorf("one of an unknown kind may come to %v", unknown.similar)
	}
	// Among twenty of a kind, one alone counts for nothing, and a third of them do.
	for n, want := range map[int]float64{1: .2, 7: .9} {
		all = nil
		for i := range 20 {
			add(8, 1.6, map[bool]int{true: 3}[i < n])
		}
		s := all[19].Summary(now, 24)
		if KindsOf(slices.Values(all), now).Tell(&s); math.Abs(s.similar/8-want) > 1e-3 {
			t.Errorf("%d of 20 were busy: %v, want %v", n, s.similar/8, want)
		}
	}
}

// A histogram's percentile is within a bucket of the weighted percentile of the samples.
func TestHistogramAgainstSort(t *testing.T) {
	var h histogram
	for i := range 1000 {
		h.add(float64(i+1)/1000, math.Inf(1))
	}
	for _, q := range []float64{.1, .5, .9, .98} {
		if got := h.quantile(q); got < q || got > q*1.06+firstBucket {
			t.Errorf("p%v = %v", q, got)
		}
	}
}

// Twice the usage under twice the limit gives the same features: forecasts scale with the node.
func TestFeaturesScale(t *testing.T) {
	v := noise(2, 300, 1)
	var x [2][]float64
	for k, scale := range []float64{1, 2048} {
		s := NewSeries(fiveMinutes, scale)
		for i, u := range v {
			s.Observe(int64(i)*300, u*scale)
		}
		sum := s.Summary(300, 24)
		x[k] = Features(sum, []Summary{sum, sum}, 2*scale)
	}
	for j := range x[0] {
		if math.Abs(x[0][j]-x[1][j]) > 1e-6 {
			t.Errorf("feature %d: %v and %v", j, x[0][j], x[1][j])
		}
	}
}

// The time of day goes round: neighbouring hours are alike across midnight, noon and midnight are not, and days are equal.
func TestTimeOfDay(t *testing.T) {
	s := NewSeries(fiveMinutes, 1)
	feed(s, noise(4, 100, 1))
	if c := Features(s.Summary(100, 1), nil, 1)[Ratios:]; c[0] != .5 || c[1] != .5 {
		t.Errorf("of a short past the time of day is %v, want the centre", c)
	}
	feed(s, noise(4, 170, 1))
	clock := func(hour int64) []float64 { return Features(s.Summary(hour, 1), nil, 1)[Ratios:] }
	apart := func(a, b int64) float64 { return math.Hypot(clock(a)[0]-clock(b)[0], clock(a)[1]-clock(b)[1]) }
	if d := apart(167, 168); math.Abs(d-apart(179, 180)) > 1e-9 || d > .2 {
		t.Errorf("23 h and 0 h are %v apart, 11 h and 12 h %v", d, apart(179, 180))
	}
	if d := apart(168, 180); d < .9 {
		t.Errorf("midnight and noon are %v apart", d)
	}
	if d := apart(160, 184); d != 0 {
		t.Errorf("the same hour of two days is %v apart", d)
	}
}

// What was not measured is not zero: a gap leaves older maxima in place, and after a month of silence nothing is known.
func TestGaps(t *testing.T) {
	s := NewSeries(fiveMinutes, 1)
	feed(s, noise(3, 100, 1))
	before := s.Summary(100, 24).v[max7d]
	s.Observe(150*3600, .01)
	if got := s.Summary(151, 24).v[max7d]; got != before {
		t.Errorf("max7d after a gap = %v, want %v", got, before)
	}
	s.Observe(2000*3600, .01)
	got := s.Summary(2001, 24).v
	if math.Abs(got[max7d]-.01) > .01/4096 || math.Abs(got[top1]-.01) > .01/4096 || got[top2] != got[top1] {
		t.Errorf("max7d %v, top1 %v, top2 %v after a long gap", got[max7d], got[top1], got[top2])
	}
}

func TestObserveRefuses(t *testing.T) {
	s := NewSeries(fiveMinutes, 1)
	s.Observe(7200, 1)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 1e300} {
		if s.Observe(7300, v) {
			t.Errorf("took %v", v)
		}
	}
	if s.Observe(3599, 1) {
		t.Error("took a sample of a closed hour")
	}
}

// Whatever is observed, whenever, features are finite and not negative.
func FuzzSeries(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := NewSeries(Grid{Origin: 1000, Interval: time.Minute}, 4)
		now := int64(0)
		for len(b) >= 10 {
			at := int64(int16(binary.LittleEndian.Uint16(b))) * 977
			s.Observe(at, math.Float64frombits(binary.LittleEndian.Uint64(b[2:])))
			now = max(now, at/3600)
			b = b[10:]
		}
		for _, at := range []int64{now, now + 1, now + 100, now - 5} {
			for _, horizon := range []int{1, 24, 200} {
				sum := s.Summary(at, horizon)
				for j, x := range Features(sum, []Summary{sum, {}}, 4) {
					if !(x >= 0) || math.IsInf(x, 0) {
						t.Fatalf("feature %d is %v", j, x)
					}
				}
			}
		}
	})
}

func BenchmarkObserve(b *testing.B) {
	s := NewSeries(fiveMinutes, 8)
	v := noise(1, 400, 8)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Observe(int64(i)*300, v[i%len(v)])
	}
}

func BenchmarkSummary(b *testing.B) {
	s := NewSeries(fiveMinutes, 8)
	feed(s, noise(1, 400, 8))
	b.ReportAllocs()
	for b.Loop() {
		s.Summary(400, 1)
	}
}

// The busiest days are the last of all when sorted.
func TestBusiest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		values := make([]float64, rng.IntN(8))
		for i := range values {
			values[i] = float64(rng.IntN(5))
		}
		got := busiest(values)
		slices.Sort(values)
		for i, v := range got {
			want := 0.
			if n := len(values); n > 0 {
				want = values[max(0, n-1-i)]
			}
			if v != want {
				t.Fatalf("of %v: %v", values, got)
			}
		}
	}
}

func BenchmarkKinds(b *testing.B) {
	var all []*Series
	for k := range uint64(1000) {
		s := NewSeries(fiveMinutes, 8)
		feed(s, noise(k, 30*24, 8))
		all = append(all, s)
	}
	for b.Loop() {
		KindsOf(slices.Values(all), 30*24)
	}
}
