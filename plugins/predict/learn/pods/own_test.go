// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"math"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// What each pod was measured at is published for itself, beside what its workload uses, and goes with the pod.
func TestPodsAreMeasured(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	c.run("ReplicaSet", "web", "hot")
	c.run("ReplicaSet", "web", "idle")
	c.run("ReplicaSet", "web", "wavering")
	readings := 0
	read := func(n int) {
		for range n {
			readings++
			c.read(func(pod string) float64 {
				return map[string]float64{"hot": 7.5, "idle": 0, "wavering": 1 + float64(readings%2)}[pod]
			})
		}
	}
	var contents forecast.Contents
	read(2)
	c.Publish(&contents, nil)
	if len(contents.Measured) != 0 {
		t.Errorf("after two readings: %v", contents.Measured)
	}
	read(48)
	c.Publish(&contents, nil)
	for pod, want := range map[string]forecast.Use{"hot": {Mean: 7.5}, "idle": {}, "wavering": {Mean: 1.5, Variance: .25}} {
		m := contents.Measured[c.pods[pod].UID]
		for r, unit := range [forecast.NumResources]float64{1, 1 << 30} {
			if got := m.Use[r]; math.Abs(got.Mean/unit-want.Mean) > .05 || math.Abs(got.Variance/unit/unit-want.Variance) > .05 {
				t.Errorf("%s, %v: %+v, want %+v", pod, forecast.Resource(r), got, want)
			}
		}
		if m.For < 3*time.Hour || m.For > 5*time.Hour {
			t.Errorf("%s was watched for %v", pod, m.For)
		}
	}
	// Of the workload: the mean over its pods, and how far they are from it.
	of := contents.Workloads[forecast.Workload{Namespace: "shop", Kind: "ReplicaSet", Name: "web"}].Use[forecast.CPU]
	if math.Abs(of.Mean-3) > .1 || math.Abs(of.Variance-(7.5*7.5+2.5)/3+9) > .5 {
		t.Errorf("the workload uses %+v", of)
	}
	delete(c.pods, "hot")
	read(4)
	c.Publish(&contents, nil)
	if _, still := contents.Measured["hot"]; still || len(contents.Measured) != 2 {
		t.Errorf("after one is gone: %v", contents.Measured)
	}
}

// A pod that began to work an hour or two ago is expected to go on for a while: more than its long mean says, and less than it does now. One
// that is as it always was is expected to stay so.
func TestWhatPodsDoNowCounts(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	c.run("ReplicaSet", "web", "risen")
	c.run("ReplicaSet", "web", "fallen")
	c.run("ReplicaSet", "web", "steady")
	use := map[string]float64{"risen": 1, "fallen": 5, "steady": 3}
	read := func(hours int) map[types.UID]forecast.Measured {
		for range 12 * hours {
			c.read(func(pod string) float64 { return use[pod] })
		}
		var contents forecast.Contents
		c.Publish(&contents, nil)
		return contents.Measured
	}
	read(48)
	use["risen"], use["fallen"] = 5, 1
	measured := read(2)
	mean := func(pod string) float64 { return measured[c.pods[pod].UID].Use[forecast.CPU].Mean }
	// Two hours are 1 − 2⁻² of what is recent, and 1 − 2^(−1/6) of the long mean: (1 + 4·.75 + 1 + 4·.109) / 2.
	if got := mean("risen"); math.Abs(got-2.72) > .05 {
		t.Errorf("who has risen from 1 to 5 is expected at %v, want 2.72", got)
	}
	if got := mean("fallen"); math.Abs(got-3.28) > .05 {
		t.Errorf("who has fallen from 5 to 1 is expected at %v, want 3.28", got)
	}
	if got := measured[c.pods["risen"].UID].Use[forecast.Memory].Mean / (1 << 30); math.Abs(got-1.44) > .05 {
		t.Errorf("the memory of who has risen from 1 to 5 is expected at %v, want its long mean, 1.44", got)
	}
	if got := mean("steady"); math.Abs(got-3) > 1e-6 {
		t.Errorf("who is at 3 is expected at %v", got)
	}
}
