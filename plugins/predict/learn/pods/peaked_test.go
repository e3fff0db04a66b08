// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// One sample that says twice as much as those around it, as of a series that is told twice, is no peak of the workload; two in turn are,
// and so is one of CPU that was averaged for minutes.
func TestPeaksNeedSupport(t *testing.T) {
	upper := func(window time.Duration, doubled ...int) forecast.Amounts {
		c := newCluster(100, 30*time.Second)
		c.run("StatefulSet", "web", "web-0")
		newcomer := c.run("StatefulSet", "web", "new")
		delete(c.pods, "new")
		for i := range 3 * 24 * 120 {
			c.now = c.now.Add(c.step)
			cores := 1.
			for _, d := range doubled {
				if i == d {
					cores = 2
				}
			}
			s := usage.PodSample{Namespace: "shop", Name: "web-0"}
			s.Time, s.Window = c.now, window
			s.Set(usage.CPU, cores)
			s.Set(usage.Memory, cores*(1<<30))
			c.Add(usage.Reading{End: c.now, Pods: []usage.PodSample{s}}, func(_, name string) *v1.Pod { return c.pods[name] })
		}
		var bounds forecast.Amounts
		f := c.publish().Pod(newcomer)
		for r := range bounds {
			bounds[r] = f.Peaks[forecast.Day][r].Upper
		}
		return bounds
	}
	const at = 2*24*120 + 1000
	clean := upper(15 * time.Second)
	if got := upper(15*time.Second, at); got != clean {
		t.Errorf("one doubled sample: %v, want %v", got, clean)
	}
	if got := upper(15*time.Second, at, at+1); got[forecast.CPU] <= clean[forecast.CPU] || got[forecast.Memory] <= clean[forecast.Memory] {
		t.Errorf("two in turn: %v, want more than %v", got, clean)
	}
	if got := upper(5*time.Minute, at); got[forecast.CPU] <= clean[forecast.CPU] || got[forecast.Memory] != clean[forecast.Memory] {
		t.Errorf("one of five minutes: %v, want more CPU than %v and the same memory", got, clean)
	}
}
