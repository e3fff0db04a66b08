// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/ahead"
)

// Pods that are busy at noon are foreseen to be so in the morning, each at its own level; one that came today goes by its workload's day.
// Where the engine was not asked to look ahead, nothing is kept.
func TestLookAhead(t *testing.T) {
	for _, on := range []bool{true, false} {
		c := newCluster(100, 5*time.Minute)
		c.options.Ahead = on
		for i := range 20 {
			c.run("ReplicaSet", fmt.Sprint("web", i), fmt.Sprint("web", i, "-a"))
		}
		level := func(pod string) float64 {
			var i int
			if _, err := fmt.Sscanf(pod, "web%d-", &i); err != nil {
				t.Fatal(err)
			}
			return 1 + float64(i)/10
		}
		use := func(pod string) float64 {
			if hour := c.now.Add(-time.Second).UTC().Hour(); hour >= 12 && hour < 15 {
				return 5 * level(pod)
			}
			return level(pod)
		}
		for range 4*288 + 12*6 { // four days and six hours
			c.read(use)
		}
		c.run("ReplicaSet", "web3", "web3-b")
		for range 12 * 5 { // it is eleven
			c.read(use)
		}
		s := c.publish()
		var hours [4][forecast.NumResources]forecast.Use
		for _, pod := range []string{"web0-a", "web19-a", "web3-b"} {
			known := s.Ahead(c.pods[pod].UID, c.now, hours[:])
			if known != on {
				t.Fatalf("%s is foreseen: %v", pod, known)
			}
			if !on {
				continue
			}
			for lead, want := range []float64{1, 5, 5, 5} {
				if got := hours[lead][forecast.CPU].Mean / level(pod); math.Abs(got-want) > .2*want {
					t.Errorf("%s, %d hours ahead: %.2f times its level, want %v", pod, lead, got, want)
				}
			}
			if m, _ := s.MeasuredOf(c.pods[pod].UID); math.Abs(m.Ahead.Latest-level(pod)) > .01 {
				t.Errorf("%s was measured at %v", pod, m.Ahead.Latest)
			}
		}
	}
}

// An hour that was hardly measured teaches nothing, and neither does a pod of another UID go on with its predecessor's day.
func TestLookAheadForgets(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	c.options.Ahead = true
	c.run("ReplicaSet", "web", "a")
	for k := range 36 {
		c.read(func(string) float64 {
			if k >= 12 && k < 24 && k > 15 {
				return -1 // The second hour is measured for twenty minutes.
			}
			return 2
		})
	}
	if day := c.Learned.pods[key{"shop", "a"}].days.day; day != nil {
		hour := c.now.Add(-2*time.Hour).Unix() / 3600 % ahead.HoursOfDay
		if day[hour] >= 0 {
			t.Errorf("an hour that was measured for twenty minutes came to %v", day[hour])
		}
	}
	c.run("ReplicaSet", "web", "a").UID = "another"
	c.read(func(string) float64 { return 2 })
	if day := c.Learned.pods[key{"shop", "a"}].days.day; day != nil {
		t.Errorf("the successor has a day: %v", *day)
	}
}
