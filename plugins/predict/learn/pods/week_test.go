// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
)

// working is a cluster of forty pods that are busy from noon to six, each at its own level, and rest at weekends.
func working(t *testing.T) (c *cluster, level, use func(pod string) float64) {
	c = newCluster(100, 10*time.Minute)
	c.options.Ahead = true
	for i := range 40 {
		c.run("ReplicaSet", "web", fmt.Sprint("web", i))
	}
	level = func(pod string) float64 {
		var i int
		if _, err := fmt.Sscanf(pod, "web%d", &i); err != nil {
			t.Fatal(err)
		}
		return 1 + float64(i)/10
	}
	use = func(pod string) float64 {
		at := c.now.Add(-time.Second).UTC()
		if day := at.Weekday(); day != time.Saturday && day != time.Sunday && at.Hour() >= 12 && at.Hour() < 18 {
			return 2.5 * level(pod)
		}
		return level(pod)
	}
	return c, level, use
}

// readTo lets steps pass until a day and hour of the week.
func (c *cluster) readTo(day time.Weekday, hour int, use func(pod string) float64) {
	for first := true; first || c.now.Weekday() != day || c.now.Hour() != hour || c.now.Minute() != 0; first = false {
		c.read(use)
		c.now = c.now.UTC()
	}
}

// ahead of a pod are so many hours of CPU.
func (c *cluster) aheadOf(t *testing.T, pod string) []float64 {
	var hours [4][forecast.NumResources]forecast.Use
	if !c.publish().Ahead(c.pods[pod].UID, c.now, hours[:]) {
		t.Fatalf("%s is not foreseen", pod)
	}
	cpu := make([]float64, len(hours))
	for lead := range hours {
		cpu[lead] = hours[lead][forecast.CPU].Mean
	}
	return cpu
}

// After two weeks pods are foreseen to rest on Saturday, though they were busy the day before, and to be busy on Monday: also one that came on
// Saturday, and after a checkpoint. A twin that forgets weeks foresees the same until there is a week, and is wrong then.
func TestLookAheadKnowsWeekends(t *testing.T) {
	c, level, use := working(t)
	twin, _, twinUse := working(t)
	twinRead := func() {
		twin.read(twinUse)
		for _, u := range twin.workloads {
			u.Week = nil
		}
	}
	began := c.now
	for c.now.Sub(began) < 7*24*time.Hour {
		c.read(use)
		twinRead()
		if c.now.Minute() == 0 && c.now.Hour()%6 == 0 && c.now.Sub(began) < 7*24*time.Hour-5*time.Hour {
			if a, b := c.aheadOf(t, "web19"), twin.aheadOf(t, "web19"); fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("after %v %v is foreseen, where weeks are not kept %v", c.now.Sub(began), a, b)
			}
		}
	}
	check := func(what, pod string, level float64, want ...float64) {
		t.Helper()
		for lead, got := range c.aheadOf(t, pod) {
			if got /= level; math.Abs(got-want[lead]) > .4*want[lead] {
				t.Errorf("%s, %s, %d hours ahead: %.2f times its level, want %v", what, pod, lead, got, want[lead])
			}
		}
	}
	for range 2 {
		c.readTo(time.Saturday, 11, use)
	}
	for twin.now.Before(c.now) {
		twinRead()
	}
	check("Saturday", "web0", 1, 1, 1, 1, 1)
	check("Saturday", "web19", level("web19"), 1, 1, 1, 1)
	if got := twin.aheadOf(t, "web19")[2]; got < 1.7*level("web19") {
		t.Errorf("without weeks Saturday is foreseen at %v", got)
	}
	// In place of one.
	delete(c.pods, "web2")
	newcomer := c.run("ReplicaSet", "web", "web2-b")
	c.readTo(time.Monday, 11, use)
	check("Monday", "web0", 1, 1, 2.5, 2.5, 2.5)
	check("Monday", "web19", level("web19"), 1, 2.5, 2.5, 2.5)
	check("Monday", newcomer.Name, level("web2"), 1, 2.5, 2.5, 2.5)

	var b bytes.Buffer
	if err := c.Save(&b); err != nil {
		t.Fatal(err)
	}
	for _, on := range []bool{true, false} {
		o := c.options
		o.Ahead = on
		h := New(o)
		if err := h.Load(bytes.NewReader(b.Bytes())); err != nil {
			t.Fatal(err)
		}
		for w, u := range h.workloads {
			if (u.Week != nil) != on || on && *u.Week != *c.workloads[w].Week {
				t.Errorf("looking ahead %v, the week that was saved came back as %v", on, u.Week)
			}
		}
	}
	for _, u := range c.workloads {
		week := *u.Week
		week[7] = float32(math.NaN())
		u.Week = &week
	}
	b.Reset()
	if err := c.Save(&b); err != nil {
		t.Fatal(err)
	}
	if err := New(c.options).Load(&b); err == nil {
		t.Error("a week with NaN is loaded")
	}
}

// A clock that jumps, hours without samples and absurd ones leave forecasts that are numbers, and within what was seen; two weeks later they are right.
func TestLookAheadSurvivesClocks(t *testing.T) {
	c, level, use := working(t)
	for range 2 {
		c.readTo(time.Saturday, 11, use)
	}
	for _, jump := range []time.Duration{77 * time.Hour, 40 * 24 * time.Hour, -50 * time.Hour, -60 * 24 * time.Hour, 90 * time.Minute} {
		c.now = c.now.Add(jump)
		for k := range 60 {
			c.read(func(pod string) float64 {
				switch {
				case k > 20 && k < 30:
					return -1
				case k == 40:
					return 1e6
				}
				return use(pod)
			})
			var hours [ahead.Leads][forecast.NumResources]forecast.Use
			for _, p := range c.pods {
				if !c.publish().Ahead(p.UID, c.now, hours[:]) {
					continue
				}
				for lead := range hours {
					if got := hours[lead][forecast.CPU].Mean; !(got >= 0 && got <= 1e7) {
						t.Fatalf("after a jump of %v, %d hours ahead: %v", jump, lead, got)
					}
				}
			}
		}
	}
	for range 3 {
		c.readTo(time.Saturday, 11, use)
	}
	for lead, got := range c.aheadOf(t, "web19") {
		if math.Abs(got-level("web19")) > .5*level("web19") {
			t.Errorf("weeks later, %d hours ahead: %v, want %v", lead, got, level("web19"))
		}
	}
}
