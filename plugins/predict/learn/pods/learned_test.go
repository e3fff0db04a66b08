// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// cluster is pods that run, and a history that learns from them.
type cluster struct {
	*Learned
	pods map[string]*v1.Pod
	now  time.Time
	step time.Duration
}

func newCluster(most int, step time.Duration) *cluster {
	return &cluster{
		Learned: New(Options{Tau: .95, ColdStart: 20 * time.Minute, Most: most, Forget: 10 * time.Minute, Grid: history.Grid{Interval: step}}),
		pods:    map[string]*v1.Pod{}, now: time.Unix(1_700_006_400, 0), step: step, // an hour and a day begin
	}
}

func (c *cluster) run(kind, owner, pod string) *v1.Pod {
	yes := true
	requests := v1.ResourceList{v1.ResourceCPU: resource.MustParse("1"), v1.ResourceMemory: resource.MustParse("1Gi")}
	p := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: pod, UID: types.UID(pod),
			OwnerReferences: []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: &yes}},
		},
		Spec: v1.PodSpec{NodeName: "node", RestartPolicy: v1.RestartPolicyAlways,
			Containers: []v1.Container{{Image: owner + ":v1", Resources: v1.ResourceRequirements{Requests: requests}}}},
	}
	c.pods[pod] = p
	return p
}

// read lets a step pass in which each pod uses so many cores and as many GiB.
func (c *cluster) read(use func(pod string) float64) {
	c.now = c.now.Add(c.step)
	r := usage.Reading{End: c.now}
	for name := range c.pods {
		v := use(name)
		if v < 0 {
			continue
		}
		s := usage.PodSample{Namespace: "shop", Name: name}
		s.Time = c.now
		s.Values.Set(usage.CPU, v)
		s.Values.Set(usage.Memory, v*(1<<30))
		r.Pods = append(r.Pods, s)
	}
	c.Add(r, func(_, name string) *v1.Pod { return c.pods[name] })
}

func (c *cluster) publish() *forecast.Snapshot {
	var contents forecast.Contents
	c.Publish(&contents, nil)
	return forecast.NewSnapshot(contents)
}

// A workload's pods teach what one of them needs: its upper bound holds for about as many pod hours as it says, and is
// not the sum of them.
func TestLearnsOnePod(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	for i := range 30 {
		c.run("StatefulSet", "web", fmt.Sprint("web-", i))
	}
	newcomer := c.run("StatefulSet", "web", "new")
	delete(c.pods, "new")
	rng := rand.New(rand.NewPCG(1, 1))
	above, hours := 0, 0
	for h := range 4 * 24 {
		upper := c.publish().Pod(newcomer).Peaks[forecast.Hour][forecast.CPU].Upper
		peaks := map[string]float64{}
		for range 12 {
			c.read(func(pod string) float64 {
				v := .2 + .1*rng.ExpFloat64()
				peaks[pod] = max(peaks[pod], v)
				return v
			})
		}
		for _, p := range peaks {
			if h > 24 {
				hours++
				if p > upper {
					above++
				}
			}
		}
	}
	f := c.publish().Pod(newcomer)
	if f.Origin != forecast.FromOwner {
		t.Fatalf("origin %v", f.Origin)
	}
	if share := float64(above) / float64(hours); share > .06 || share < .02 {
		t.Errorf("%v of the pod hours were above, want about .05", share)
	}
	hour, day := f.Peaks[forecast.Hour][forecast.CPU], f.Peaks[forecast.Day][forecast.CPU]
	if math.Abs(hour.Mean-.3) > .03 || hour.Lower < hour.Mean || day.Upper < hour.Upper || day.Upper > 2 {
		t.Errorf("hour %+v, day %+v", hour, day)
	}
	if memory := f.Peaks[forecast.Hour][forecast.Memory]; math.Abs(memory.Upper/(1<<30)/hour.Upper-1) > .06 {
		t.Errorf("memory %+v, cpu %+v", memory, hour)
	}
}

// What little is known makes a cautious forecast, and nothing known makes none.
func TestColdStart(t *testing.T) {
	c := newCluster(100, time.Minute)
	p := c.run("StatefulSet", "web", "web-0")
	if f := c.publish().Pod(p); f.Origin != forecast.FromRequest {
		t.Errorf("before any sample: %v", f.Origin)
	}
	idle := func(readings int) forecast.Peak {
		for range readings {
			c.read(func(string) float64 { return .1 })
		}
		return c.publish().Pod(p).Peaks[forecast.Hour][forecast.CPU]
	}
	if f := idle(early); math.Abs(f.Upper-.9) > 1e-9 || f.Lower != 0 || f.Mean != .1 {
		t.Errorf("two of twenty minutes idle: %+v, want nine tenths of its request of 1 as the upper bound", f)
	}
	if f := idle(10); math.Abs(f.Upper-.4) > 1e-9 {
		t.Errorf("twelve minutes idle: %+v, want four tenths", f)
	}
	if f := idle(8); math.Abs(f.Upper-.1*earlyMargin) > 1e-9 {
		t.Errorf("twenty minutes idle: %+v, want what it uses, with a margin", f)
	}
	c.read(func(string) float64 { return 3 })
	if f := c.publish().Pod(p).Peaks[forecast.Day][forecast.CPU]; f.Upper < 3*1.5 {
		t.Errorf("after a peak of 3: %+v", f)
	}
	// Another workload of the same image and size is judged by it.
	twin := c.run("StatefulSet", "web", "twin")
	twin.OwnerReferences[0].Name = "other"
	if f := c.publish().Pod(twin); f.Origin != forecast.FromClass {
		t.Errorf("twin: %v", f.Origin)
	}
}

// A pod of the name of one that is gone is another pod; one without samples is soon forgotten.
func TestPodsComeAndGo(t *testing.T) {
	c := newCluster(100, time.Minute)
	c.run("StatefulSet", "db", "db-0")
	c.read(func(string) float64 { return 9 })
	first := c.Learned.pods[key{"shop", "db-0"}].First
	c.run("StatefulSet", "db", "db-0").UID = "another"
	c.read(func(string) float64 { return 1 })
	p := c.Learned.pods[key{"shop", "db-0"}]
	if p.First == first || p.peaks[forecast.Hour][forecast.CPU] != 1 {
		t.Errorf("the successor has its predecessor's past: %+v", p)
	}
	for range 12 {
		c.read(func(string) float64 { return -1 })
	}
	if n := c.Status().Pods; n != 0 {
		t.Errorf("%d pods are remembered", n)
	}
}

// The memory is bounded: those seen least recently go, and are counted.
func TestWorkloadsAreBounded(t *testing.T) {
	c := newCluster(10, time.Minute)
	for i := range 50 {
		name := fmt.Sprint("w", i)
		c.run("StatefulSet", name, name)
		c.read(func(pod string) float64 {
			if pod == name || pod == "w0" {
				return 1
			}
			return -1
		})
	}
	s := c.Status()
	if s.Workloads > 10 || s.Classes > 10 || s.Evicted < 2*40 {
		t.Errorf("%+v, want 10 of each at most, and the others counted", s)
	}
	if c.workloads[forecast.Workload{Namespace: "shop", Kind: "StatefulSet", Name: "w0"}] == nil {
		t.Error("the one that is there all the time was forgotten")
	}
}

// What is saved makes the same forecasts when it is read; what is cut or not ours is refused.
func TestSaveAndLoad(t *testing.T) {
	c := newCluster(100, 5*time.Minute)
	for i := range 3 {
		c.run("StatefulSet", fmt.Sprint("w", i), fmt.Sprint("w", i))
	}
	rng := rand.New(rand.NewPCG(2, 1))
	for range 30 * 12 {
		c.read(func(string) float64 { return rng.Float64() })
	}
	var file bytes.Buffer
	if err := c.Save(&file); err != nil {
		t.Fatal(err)
	}
	read := New(c.options)
	if err := read.Load(bytes.NewReader(file.Bytes())); err != nil {
		t.Fatal(err)
	}
	// Without the pods that are there now.
	for u := range c.all {
		u.sum = [forecast.NumResources]cycle{}
	}
	var before, after forecast.Contents
	c.Publish(&before, nil)
	read.Publish(&after, nil)
	if len(before.Measured) != 3 || len(after.Measured) != 0 {
		t.Errorf("%d pods are measured before, %d after", len(before.Measured), len(after.Measured))
	}
	before.Measured, after.Measured = nil, nil
	if len(after.Workloads) != 3 || !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	for n := 0; n < file.Len(); n += 1 + file.Len()/50 {
		if err := New(c.options).Load(bytes.NewReader(file.Bytes()[:n])); err == nil {
			t.Errorf("read %d of %d bytes", n, file.Len())
		}
	}
}
