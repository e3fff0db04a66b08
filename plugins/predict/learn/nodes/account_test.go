// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Each node has an account of the hours that were judged, with the last misses; it adds up to the cluster's, is bounded, and survives
// a restart.
func TestEachNodeHasItsAccount(t *testing.T) {
	c := newCluster(10 * time.Minute)
	names := []string{"calm", "wild"}
	c.place("web-0", "web", "wild")
	use := .5
	hour := func() {
		for range 6 {
			c.read(names, constant(use), constant(.2))
		}
	}
	for range 5 {
		hour()
	}
	if a := c.Accounts()["calm"]; a == nil || a.Within[forecast.CPU] == 0 || a.Above[forecast.CPU] != 0 || len(a.Misses) != 0 {
		t.Fatalf("the calm node: %+v", a)
	}

	// 1. An hour that nobody foretold.
	begins := c.now
	use = 6
	hour()
	use = .5
	hour()
	a := c.Accounts()["wild"]
	if a.Above[forecast.CPU] != 1 || len(a.Misses) != 2 { // of each resource
		t.Fatalf("the wild node: %+v", a)
	}
	m := a.Misses[0]
	if m.Resource != forecast.CPU || math.Abs(float64(m.Came)-6.2) > 1e-5 || m.Upper < .7 || m.Upper >= m.Came || m.Lower > m.Upper {
		t.Errorf("the miss: %+v", m)
	}
	if at := time.Unix(m.Begin, 0); at.Minute() != 0 || at.Sub(begins).Abs() > time.Hour {
		t.Errorf("the hour that was missed began at %v, want about %v", at, begins)
	}
	if calm := c.Accounts()["calm"]; len(calm.Misses) != 0 {
		t.Errorf("the calm node missed %+v", calm.Misses)
	}

	// 2. All accounts together are the cluster's.
	var sum [3]uint64
	for _, a := range c.Accounts() {
		for i, n := range []uint32{a.Within[forecast.Memory], a.Above[forecast.Memory], a.Below[forecast.Memory]} {
			sum[i] += uint64(n)
		}
	}
	all := c.Realised()
	if want := [3]uint64{all.Within[forecast.Memory], all.Above[forecast.Memory], all.Below[forecast.Memory]}; sum != want {
		t.Errorf("accounts add up to %v, the cluster's is %v", sum, want)
	}

	// 3. A node that misses all day is remembered by its last misses only; what was handed out does not change.
	kept := *a
	use = 8
	for range 2 * mostMisses {
		use *= 4
		hour()
	}
	if got := c.Accounts()["wild"]; len(got.Misses) != mostMisses || got.Misses[mostMisses-1].Begin <= m.Begin {
		t.Errorf("%d misses are kept, the last %+v", len(got.Misses), got.Misses[len(got.Misses)-1])
	}
	if !reflect.DeepEqual(*a, kept) {
		t.Error("an account that was handed out has changed")
	}

	// 4. What is saved is read, and what cannot be is refused.
	var file bytes.Buffer
	if err := c.Save(&file); err != nil {
		t.Fatal(err)
	}
	read := New(c.options, c.machines)
	if err := read.Load(&file, c.now); err != nil || !reflect.DeepEqual(read.Accounts(), c.Accounts()) {
		t.Errorf("read %+v, %v", read.Accounts()["wild"], err)
	}
	for _, bad := range []Miss{{Resource: forecast.Resource(forecast.NumResources)}, {Came: float32(math.NaN())}, {Upper: float32(math.Inf(1))}, {Begin: -1}} {
		file.Reset()
		c.nodes["wild"].Account = &Account{Misses: []Miss{bad}}
		if err := c.Save(&file); err != nil {
			t.Fatal(err)
		}
		if err := New(c.options, c.machines).Load(&file, c.now); err == nil {
			t.Errorf("a miss %+v is believed", bad)
		}
	}
}

// What metrics tell of a node is what plugins read of it.
func TestOutlooks(t *testing.T) {
	c := newCluster(time.Minute)
	c.place("web-0", "web", "a")
	for range 60 {
		c.read([]string{"a"}, constant(.5), constant(.25))
	}
	want := c.upper("a")
	_, contents := c.publish()
	all := c.Outlooks(&contents)
	if len(all) != 1 || all[0].Node != "a" || math.Abs(all[0].Upper[forecast.Hour][forecast.CPU]-want) > 1e-9 || all[0].Upper[forecast.Day][forecast.CPU] < want-1e-9 {
		t.Errorf("%+v, want an hour's bound of %v", all, want)
	}
	// Long after its last sample nothing is known of it.
	c.now = c.now.Add(2 * 24 * time.Hour)
	_, contents = c.publish()
	if all = c.Outlooks(&contents); contents.Forecasts["a"].Rung != forecast.Blind || !math.IsNaN(all[0].Upper[forecast.Hour][forecast.CPU]) {
		t.Errorf("on the rung %v it is %+v", contents.Forecasts["a"].Rung, all)
	}
}
