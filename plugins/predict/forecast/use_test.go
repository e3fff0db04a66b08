// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"k8s.io/apimachinery/pkg/types"
)

// uses is a forecast of use, the same of each resource.
func uses(origin Origin, mean, variance float64) PodForecast {
	return PodForecast{Origin: origin, Use: [NumResources]Use{{mean, variance}, {mean, variance}}}
}

// resident is what Resident asks of a PodInfo.
type resident struct {
	fwk.PodInfo
	pod *v1.Pod
}

func (r resident) GetPod() *v1.Pod { return r.pod }

// Measurement outweighs hearsay: what looks like a hot pod and was seen to idle is idle, at once where strangers look alike, and
// with time where its own controller's other pods say otherwise.
func TestMeasuredResidents(t *testing.T) {
	idle := Measured{Use: [NumResources]Use{{.005, 0}, {1 << 20, 0}}}
	for _, tc := range []struct {
		origin      Origin
		after       time.Duration
		least, most float64
	}{
		{FromClass, 0, 4, 4}, {FromClass, time.Hour, 0, .6}, {FromCluster, time.Hour, 0, .6}, {FromRequest, time.Hour, 0, .6},
		{FromOwner, time.Hour, 2.9, 3.1}, {FromOwner, 24 * time.Hour, 0, .5},
	} {
		f := uses(tc.origin, 4, 9)
		idle.For = tc.after
		f.correct(&idle)
		if got := f.Use[CPU].Mean; got < tc.least || got > tc.most {
			t.Errorf("%v, measured for %v: %v cores, want %v to %v", tc.origin, tc.after, got, tc.least, tc.most)
		}
	}
	pod := owned("StatefulSet", "web")
	pod.UID = "web-0"
	idle.For = 48 * time.Hour
	s := NewSnapshot(Contents{Measured: map[types.UID]Measured{"web-0": idle}, Workloads: map[Workload]*PodForecast{{"shop", "StatefulSet", "web"}: forecast(4, 4, 4)}})
	s.c.Workloads[Workload{"shop", "StatefulSet", "web"}].Use = uses(FromOwner, 4, 9).Use
	if f := s.Resident(resident{pod: pod}, Amounts{CPU: 8, Memory: 1 << 35}); f.Use[CPU].Mean > .5 || f.Peaks[Day][CPU].Mean != 4 {
		t.Errorf("a resident that idles: %+v", f)
	}
	if f := s.Pod(pod); f.Use[CPU].Mean != 4 {
		t.Errorf("one that comes: %+v", f)
	}
}
