// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// runs places a pod that runs since the beginning and requests so much CPU.
func (c *cluster) runs(pod, owner, node, cpu string) {
	c.place(pod, owner, node)
	p := c.pods[pod]
	p.Spec.Containers[0].Resources.Requests = v1.ResourceList{v1.ResourceCPU: resource.MustParse(cpu)}
	p.Status = v1.PodStatus{Phase: v1.PodRunning, StartTime: &metav1.Time{Time: c.now.Add(-time.Hour)}}
}

// between says what plugins read of the node's next hour, with the pods it has.
func (c *cluster) between(node string) forecast.Interval {
	s, _ := c.publish()
	load := forecast.Load{}
	for _, pod := range c.pods {
		if pod.Spec.NodeName == node {
			load = load.Add(s.Pod(pod).Peaks[forecast.Hour][forecast.CPU])
		}
	}
	return forecast.PeakWith(s.NodeForecast(node).Residual[forecast.Hour][forecast.CPU], load, forecast.Peak{}, s.Combiner(forecast.Hour, forecast.CPU))
}

// A node's pods that are not measured are in its measure: they count once, whether they use more or less than they request, with
// or without others that are measured. When they are gone, so is what they used.
func TestUnmeasuredPodsCountOnce(t *testing.T) {
	for _, c := range []struct {
		requested    string
		uses, system float64
		measured     int // of ten pods
	}{
		{"500m", .35, 0, 0}, {"500m", .3, .5, 0}, {"100m", .3, .5, 0}, {"2", .3, .5, 0}, {"0", .3, .5, 0}, {"500m", .3, .5, 5}, {"500m", .3, .5, 9},
	} {
		t.Run(fmt.Sprintf("%s,%v,%d", c.requested, c.uses, c.measured), func(t *testing.T) {
			f := newCluster(time.Minute)
			for i := range 10 {
				name := fmt.Sprint("p-", i)
				f.runs(name, "web", "a", c.requested)
				f.untold[name] = i >= c.measured
			}
			for range 60 {
				f.read([]string{"a"}, constant(c.uses), constant(c.system))
			}
			node := 10*c.uses + c.system
			// Of pods that are measured, what is sure is learned in hours.
			if got := f.between("a"); got.Lower > 1.01*node || got.Lower < .95*(node-float64(c.measured)*c.uses) || got.Upper < node-1e-6 || got.Upper > 1.1*node+float64(c.measured)*.5*c.uses {
				t.Errorf("a node that uses %v is said to come to %+v", node, got)
			}
			_, _, st := f.stand()
			if mute := c.measured == 0; st.Untold != 10-c.measured || (st.Mute == 1) != mute {
				t.Errorf("%d pods untold, %d nodes mute", st.Untold, st.Mute)
			}
			clear(f.pods)
			for range 10 {
				f.read([]string{"a"}, constant(0), constant(c.system))
			}
			if got := f.between("a").Lower; got > c.system+.35*c.uses*10 {
				t.Errorf("without pods the node uses %v, and is said to pass %v", c.system, got)
			}
		})
	}
}

// A pod that has just started is not measured yet, and uses little yet: it is no reason to count the node for less, so that all
// that comes after it goes there as well.
func TestYoungPodsAreNotTakenOff(t *testing.T) {
	c := newCluster(30 * time.Second)
	for range 60 {
		c.read([]string{"a"}, constant(0), constant(1))
	}
	c.runs("new", "web", "a", "2")
	c.untold["new"] = true
	c.pods["new"].Status.StartTime = &metav1.Time{Time: c.now}
	for range 4 { // two minutes
		c.read([]string{"a"}, constant(0), constant(1))
		if got := c.between("a").Upper; math.Abs(got-3) > .01 {
			t.Fatalf("a node that uses 1 and got a pod that requests 2 is said to come to %v", got)
		}
	}
}

// Whichever pods are measured, the node is forecast as where all are, or wider.
func FuzzSomePodsMeasured(f *testing.F) {
	f.Add(uint64(1), uint16(0))
	f.Add(uint64(7), uint16(0x155))
	f.Fuzz(func(t *testing.T, seed uint64, told uint16) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := newCluster(time.Minute)
		use := map[string]float64{}
		for i := range 10 {
			name := fmt.Sprint("p-", i)
			c.runs(name, fmt.Sprint("w", i%3), "a", fmt.Sprintf("%dm", r.IntN(1000)))
			c.untold[name] = told&(1<<i) == 0
			use[name] = r.Float64()
		}
		node := .2
		for _, name := range slices.Sorted(maps.Keys(use)) {
			node += use[name]
		}
		for range 40 {
			c.read([]string{"a"}, func(pod string) float64 { return use[pod] }, constant(.2))
		}
		if got := c.between("a"); got.Upper < node-1e-6 || got.Lower > node+1e-6 {
			t.Errorf("a node that uses %v is said to come to %+v", node, got)
		}
	})
}
