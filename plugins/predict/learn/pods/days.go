// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
)

const (
	// nowHalf is the half-life of the level of now: two thirds of its weight are in the last quarter of an hour.
	nowHalf = 8 * time.Minute
	// missHalf is the half-life of the weight of an hour's error.
	missHalf = 12 * time.Hour
	// wholeHour is how much of an hour must have been measured for its mean to count, in seconds.
	wholeHour = 2400
	// mostSize is how many times what the average pod of its workload uses a pod is taken to use at most; at least it is one part in as many.
	mostSize = 10
)

// days is what one pod did at the hours of its newest day, and how it was foreseen: about 350 bytes. CPU only, but for the level.
type days struct {
	now [forecast.NumResources]moments
	// Sums over the open hour: of seconds, and of CPU and its square times seconds.
	seconds, use, square float64
	// began is what was known when each of the last hours began, the newest first.
	began [ahead.Leads]known
	// persistence of what the level is beyond the mean.
	persistence ahead.Persistence
	// miss is the mean squared error of the forecast of the first hour; below 0 is not known.
	miss float32
	// day is replaced, not written to: snapshots hold it.
	day *ahead.Day
	// published is what the snapshot holds; nil when it has to be made anew.
	published *forecast.Ahead
}

// known is what a pod's forecasts were made from: the level, this hour's use of yesterday, the mean, the persistence and the size. A level below 0 is
// not known.
type known struct{ level, yesterday, mean, persistence, size float32 }

// follow takes a sample of a pod for what it will do.
func (h *Learned) follow(p *Pod, r int, v float64, unix, last int64) {
	if !h.options.Ahead {
		return
	}
	if p.days == nil {
		p.days = &days{miss: -1}
		for i := range p.days.began {
			p.days.began[i].level = -1
		}
	}
	d := p.days
	d.now[r].add(v, unix-last, nowHalf)
	d.published = nil
	if forecast.Resource(r) == forecast.CPU && last != 0 && (unix-1)/3600 == h.hour {
		seconds := float64(min(unix-last, unix-h.hour*3600))
		d.seconds, d.use, d.square = d.seconds+seconds, d.use+seconds*v, d.square+seconds*v*v
	}
}

// turnHour ends the open hour and begins another one.
func (h *Learned) turnHour(now int64) {
	// A sample of the last moment belongs to the hour that is over.
	hour := (now - 1) / 3600
	if !h.options.Ahead || hour == h.hour {
		return
	}
	over := h.hour
	h.hour = hour
	learned := false
	for u := range h.all {
		u.hourUse, u.hourPods = 0, 0
	}
	// In one order, so that sums come out the same.
	order := slices.SortedFunc(maps.Keys(h.pods), func(a, b key) int {
		return cmp.Or(cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	for _, k := range order {
		p := h.pods[k]
		d := p.days
		if d == nil {
			continue
		}
		if d.seconds >= wholeHour {
			use, square := d.use/d.seconds, d.square/d.seconds
			h.learnAhead(p, over, use, square)
			learned = true
			if p.workload != nil {
				p.workload.hourUse, p.workload.hourPods = p.workload.hourUse+use, p.workload.hourPods+1
			}
			d.day = d.day.With(over, use)
		}
		d.seconds, d.use, d.square, d.published = 0, 0, 0, nil
	}
	for _, u := range h.workloads {
		if u.hourPods > 0 {
			u.Day, u.Week = u.Day.With(over, u.hourUse/u.hourPods), u.Week.With(over, u.hourUse/u.hourPods)
		}
	}
	if learned {
		h.mixture.Solve()
	}
	// What is foreseen from here on.
	for _, p := range h.pods {
		d := p.days
		if d == nil {
			continue
		}
		copy(d.began[1:], d.began[:ahead.Leads-1])
		then := p.forecasting()
		in := then.Inputs(hour*3600, 0)
		d.began[0] = known{float32(in[0]), float32(in[2]), float32(in[3]), float32(then.Persistence), float32(then.Size)}
		if p.own[forecast.CPU].samples < early || hour != over+1 {
			d.began[0].level = -1
		}
	}
}

// forecasting is what the pod's CPU is forecast from now.
func (p *Pod) forecasting() ahead.Pod {
	f := ahead.Pod{Now: float64(p.days.now[forecast.CPU].mean), Mean: float64(p.own[forecast.CPU].mean), Day: p.days.day, Size: p.size(), Persistence: p.days.persistence.Of()}
	if p.workload != nil {
		f.Like, f.Week = p.workload.Day, p.workload.Week
	}
	return f
}

// size is how many times what the average pod of its workload uses the pod uses, by their means over half a day. It is 1 for a pod that came just
// now, whose mean is that of minutes.
func (p *Pod) size() float64 {
	if p.workload == nil || !(p.workload.Resources[forecast.CPU].Mean > 0) {
		return 1
	}
	times := float64(p.own[forecast.CPU].mean) / p.workload.Resources[forecast.CPU].Mean
	watched := 1 - math.Exp2(-float64(p.Newest-p.First)/meanHalf.Seconds())
	return max(1/mostSize, min(mostSize, 1+watched*(times-1)))
}

// learnAhead holds the hour that is over against what was foreseen of it.
func (h *Learned) learnAhead(p *Pod, over int64, use, square float64) {
	d := p.days
	that := ahead.Pod{Now: -1, Day: d.day} // the hour that is over, as yesterday had it
	if p.workload != nil {
		that.Like = p.workload.Day
	}
	yesterday := that.Inputs(over*3600, 0)[1]
	lastWeek, weekKnown := 0.0, false
	if p.workload != nil {
		lastWeek, weekKnown = p.workload.Week.Over(over * 3600)
	}
	for lead, then := range d.began {
		if then.level < 0 {
			continue
		}
		at := yesterday
		if at < 0 {
			at = float64(then.level)
		}
		weekBefore := at
		if weekKnown {
			weekBefore = lastWeek * float64(then.size)
		}
		in := ahead.InputsOf(float64(then.level), at, float64(then.yesterday), weekBefore, float64(then.mean), float64(then.persistence), lead)
		if lead == 0 {
			f := h.mixture.Forecast(in, 0)
			miss := max(0, square-2*use*f+f*f)
			if weight := 1 - math.Exp2(-float64(time.Hour)/float64(missHalf)); d.miss >= 0 {
				miss = float64(d.miss) + weight*(miss-float64(d.miss))
			}
			d.miss = float32(miss)
		}
		h.mixture.Learn(in, lead, use, square)
	}
	if then := &d.began[0]; then.level >= 0 {
		d.persistence.Saw(float64(then.level), float64(then.mean), use)
	}
}

// ahead is what the snapshot tells of the pod's next hours.
func (p *Pod) ahead() *forecast.Ahead {
	d := p.days
	if d == nil {
		return nil
	}
	if d.published == nil {
		a := &forecast.Ahead{Mean: float64(p.own[forecast.CPU].mean), Miss: float64(d.miss), Day: d.day, Latest: p.Use[forecast.CPU], Size: p.size(), Persistence: d.persistence.Of()}
		for r := range a.Now {
			a.Now[r] = float64(d.now[r].mean)
		}
		if p.workload != nil {
			a.Like, a.Week = p.workload.Day, p.workload.Week
		}
		d.published = a
	}
	return d.published
}
