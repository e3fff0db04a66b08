// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// day is the upper bound of the pod's CPU over the day to come, as plugins read it.
func (c *cluster) day(pod *v1.Pod) float64 {
	f := c.publish().Pod(pod)
	return f.Upper(forecast.Day)[forecast.CPU]
}

// Of single pods that were watched for a few hours of the night, about as many stay below the bound of their day as it says. Three
// in ten are steady, most use two to four times as much by day, and one in ten idles until its batch comes.
func TestDayOfPodsThatWereWatchedForHours(t *testing.T) {
	c := newCluster(1000, 15*time.Minute)
	c.options.ColdStart = 15 * time.Minute
	rng := rand.New(rand.NewPCG(1, 1))
	const pods = 400
	night, busy := map[string]float64{}, map[string]float64{}
	for i := range pods {
		name := fmt.Sprint("p", i)
		c.run("StatefulSet", name, name)
		night[name] = .02 + .2*rng.Float64()
		switch {
		case i%10 == 0:
			night[name], busy[name] = .02, rng.Float64()
		case i%10 > 3:
			busy[name] = night[name] * (2 + 2*rng.Float64())
		default:
			busy[name] = night[name]
		}
	}
	hours, last := 0, 1.0
	for _, watched := range []int{1, 4, 10} {
		for ; hours < watched; hours++ {
			for range 4 {
				c.read(func(pod string) float64 { return night[pod] * (.9 + .1*rng.Float64()) })
			}
		}
		s, above, reserved := c.publish(), 0.0, 0.0
		for name, peak := range busy {
			f := s.Pod(c.pods[name])
			upper := f.Upper(forecast.Day)[forecast.CPU]
			reserved += upper / pods
			if peak > upper {
				above += 1. / pods
			}
		}
		if above > .09 {
			t.Errorf("watched for %d hours, %.3f of the pods pass the bound of their day, want about .05", watched, above)
		}
		if reserved > .9*last {
			t.Errorf("watched for %d hours, %.3f of what they request is reserved, before %.3f", watched, reserved, last)
		}
		last = reserved
	}
}

// What a pod requests is reserved for its day at first, and ever less of it, until its days tell; its next hour needs none of it.
func TestDaySettles(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	c.options.ColdStart = 15 * time.Minute
	p := c.run("StatefulSet", "web", "web-0")
	watch := func(hours int) float64 {
		for range 12 * hours {
			c.read(func(string) float64 { return .1 })
		}
		return c.day(p)
	}
	if upper := watch(1); upper != 1 {
		t.Errorf("after an hour the day's bound is %v, want its request of 1", upper)
	}
	f := c.publish().Pod(p)
	if upper := f.Upper(forecast.Hour)[forecast.CPU]; upper > .15 {
		t.Errorf("after an hour of .1 the bound of the next one is %v", upper)
	}
	if upper := watch(15); upper < .3 || upper > .5 {
		t.Errorf("after 16 hours the day's bound is %v, want a part of its request", upper)
	}
	if upper := watch(34); upper > .15 {
		t.Errorf("after two days of .1 the day's bound is %v", upper)
	}
	// Another workload of its class is judged by what pods of the class came to, not by its request.
	twin := c.run("StatefulSet", "web", "twin")
	twin.OwnerReferences[0].Name = "other"
	watch(1)
	if upper := c.day(twin); upper > .2 {
		t.Errorf("a workload of one hour, of a class of two days, has the bound %v", upper)
	}
}

// Memory is never reserved beyond the limit of a pod, where all of its containers have one.
func TestMemoryLimit(t *testing.T) {
	limited := v1.ResourceList{v1.ResourceMemory: resource.MustParse("1200Mi")}
	for name, test := range map[string]struct {
		change func(*v1.PodSpec)
		want   float64 // GiB
	}{
		"none":      {func(*v1.PodSpec) {}, earlyMargin},
		"container": {func(s *v1.PodSpec) { s.Containers[0].Resources.Limits = limited }, 1200. / 1024},
		"pod":       {func(s *v1.PodSpec) { s.Resources = &v1.ResourceRequirements{Limits: limited} }, 1200. / 1024},
		"one of two containers": {func(s *v1.PodSpec) {
			s.Containers[0].Resources.Limits = limited
			s.Containers = append(s.Containers, v1.Container{})
		}, earlyMargin},
	} {
		c := newCluster(100, time.Minute)
		p := c.run("StatefulSet", "web", "web-0")
		test.change(&p.Spec)
		for range early {
			c.read(func(string) float64 { return 1 })
		}
		for h := range forecast.Horizon(forecast.NumHorizons) {
			f := c.publish().Pod(p)
			if got := f.Upper(h)[forecast.Memory] / (1 << 30); got != test.want {
				t.Errorf("limit of %s, %v: %v GiB are reserved, want %v", name, h, got, test.want)
			}
		}
	}
}
