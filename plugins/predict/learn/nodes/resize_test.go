// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// A node that is resized is forecast as one of its size from the next reading on: what is said of it as a share of the machine
// grows with it, what it used stays what it was.
func TestResizedNode(t *testing.T) {
	c := newCluster(time.Minute)
	width := func() float64 {
		c.now = c.now.Add(30 * time.Minute) // It is stale then, and its interval half of leastWidth wider on either side.
		s, _ := c.publish()
		in := s.NodeForecast("a").Residual[forecast.Hour][forecast.CPU]
		if middle := (in.Lower + in.Upper) / 2; math.Abs(middle-1) > .01 {
			t.Errorf("%+v, want 1 in the middle", in)
		}
		return in.Upper - in.Lower
	}
	for _, size := range []float64{1, 4, .5} {
		c.sizes["a"] = size
		for range enough {
			c.read([]string{"a"}, constant(0), constant(1))
		}
		if got, want := width(), leastWidth*8*size; math.Abs(got-want) > 1e-6 {
			t.Errorf("a stale interval of a node of %v cores is %v wide, want %v", 8*size, got, want)
		}
	}
	// So it is when the scheduler was away meanwhile.
	var file bytes.Buffer
	if err := c.Save(&file); err != nil {
		t.Fatal(err)
	}
	c.sizes["a"] = 2
	c.Learned = New(c.options, c.machines)
	if err := c.Load(&file, c.now); err != nil {
		t.Fatal(err)
	}
	if got, want := width(), 2*leastWidth*8*2; math.Abs(got-want) > 1e-6 { // It has aged an hour by now.
		t.Errorf("a stale interval of a node that had 4 cores and has 16 is %v wide, want %v", got, want)
	}
}

// The forecast of a whole node, too, is for the size it has now, and models learn nothing from a machine that turned into another
// one. A node whose size was not known at first is forecast in whole once it is.
func nodeIsResized(t *testing.T, c *cluster, read func()) {
	c.names, c.sizes["late"] = append(c.names, "late"), 0
	for j := range 4 {
		c.place(fmt.Sprint("late-", j), fmt.Sprint("w", j), "late")
	}
	hour := func() {
		for range 4 {
			read()
		}
	}
	for range settledHours + 1 {
		hour()
	}
	c.sizes["late"] = 1
	pressure, judged := c.upper("node-11")/8, c.judged()
	c.sizes["node-11"] = .5
	read()
	if now := c.upper("node-11") / 4; math.Abs(now/pressure-2) > .2 {
		t.Errorf("on half the machine the pressure is %v, before %v", now, pressure)
	}
	hour()
	if got := c.judged() - judged; got != 59 {
		t.Errorf("%d nodes were judged, want all but the one that changed and the one that was not forecast", got)
	}
	for horizon := range c.open {
		for _, d := range c.open[horizon][forecast.CPU] {
			if d.Node == "node-11" && d.Limit != 4 {
				t.Errorf("horizon %d: learning from a forecast for %v cores", horizon, d.Limit)
			}
		}
	}
	if d := c.nodes["late"].direct[forecast.Hour][forecast.CPU]; !d.known || math.Abs(d.Upper/c.upper("node-12")-1) > .3 {
		t.Errorf("the whole node's forecast is %+v; node-12 uses at most %v", d, c.upper("node-12"))
	}
}

// judged is how many node hours were.
func (h *Learned) judged() uint64 {
	r := h.Realised()
	return r.Above[forecast.CPU] + r.Below[forecast.CPU] + r.Within[forecast.CPU]
}
