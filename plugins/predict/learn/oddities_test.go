// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"fmt"
	"hash/fnv"
	"math"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/lives"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// oddity is what is wrong with what is told of one node, from some time on.
type oddity struct {
	name string
	// of changes the sample of the node, and pod that of one of its pods; false leaves it out. Either may be nil.
	of  func(f *fleet, step int, s *usage.NodeSample) bool
	pod func(f *fleet, step int, s *usage.PodSample) bool
	// rungs of CPU and memory at the end.
	rungs [forecast.NumResources]forecast.NodeRung
}

var bothFresh = [forecast.NumResources]forecast.NodeRung{forecast.Fresh, forecast.Fresh}

const (
	stepsADay = 24 * 12
	lastSteps = 2*stepsADay - 7 // half an hour and a little before the end
)

var oddities = []oddity{
	{name: "no pod is told", rungs: bothFresh, pod: func(*fleet, int, *usage.PodSample) bool { return false }},
	{name: "every other pod is told", rungs: bothFresh, pod: func(_ *fleet, _ int, s *usage.PodSample) bool { return hash(s.Name)%2 == 0 }},
	{name: "pods have the UIDs of others", rungs: bothFresh, pod: func(_ *fleet, _ int, s *usage.PodSample) bool { s.UID = "other"; return true }},
	{name: "static pods", rungs: bothFresh, pod: func(_ *fleet, _ int, s *usage.PodSample) bool { s.UID = "file-" + s.Name; return true }},
	{name: "named by address and port", rungs: bothFresh, of: func(_ *fleet, _ int, s *usage.NodeSample) bool { s.Node = "ip-of-" + s.Node + ":9100"; return true }},
	{name: "every third answer is missing", rungs: bothFresh, of: func(_ *fleet, step int, _ *usage.NodeSample) bool { return step%3 != 1 }},
	{name: "memory only", rungs: [...]forecast.NodeRung{forecast.Blind, forecast.Fresh}, of: func(_ *fleet, _ int, s *usage.NodeSample) bool { s.Unset(usage.CPU); return true }},
	{name: "CPU is lost in the end", rungs: [...]forecast.NodeRung{forecast.Stale, forecast.Fresh}, of: func(_ *fleet, step int, s *usage.NodeSample) bool {
		if step > lastSteps {
			s.Unset(usage.CPU)
		}
		return true
	}},
	// Of an hour of the week that it was never seen in, there is no profile.
	{name: "a clock two hours ahead from the second day on", rungs: [...]forecast.NodeRung{forecast.Blind, forecast.Blind}, of: func(_ *fleet, step int, s *usage.NodeSample) bool {
		if step > stepsADay {
			s.Time = s.Time.Add(2 * time.Hour)
		}
		return true
	}},
	{name: "times of 1970 in the end", rungs: [...]forecast.NodeRung{forecast.Stale, forecast.Stale}, of: func(_ *fleet, step int, s *usage.NodeSample) bool {
		if step > lastSteps {
			s.Time = time.Unix(0, 0)
		}
		return true
	}},
}

func hash(s string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return h.Sum32()
}

// simulate watches a hundred nodes for two days, of which one in ten is odd, or none, and returns what is said of each then.
func simulate(t *testing.T, odd bool) (map[string][forecast.NumResources]forecast.Interval, *status) {
	f := newFleet(100, 40)
	for _, p := range f.objects {
		p.Annotations = map[string]string{"kubernetes.io/config.hash": "file-" + p.Name}
		p.Status = v1.PodStatus{Phase: v1.PodRunning, StartTime: &metav1.Time{Time: f.now.Add(-time.Hour)}}
	}
	cluster := f.cluster()
	nodes := cluster.Nodes()
	for _, n := range nodes {
		n.Status.Addresses = []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "ip-of-" + n.Name}}
	}
	cluster.Nodes = func() []*v1.Node { return nodes }
	cluster.Pods = func() []*v1.Pod { return f.objects }
	a := args()
	a.Usage.Interval.Duration, a.Usage.Window.Duration, a.Usage.Expiry.Duration = 5*time.Minute, 30*time.Minute, 20*time.Minute
	l := newLearner(&a, cluster, lives.New(100), false)
	bounds := usage.DefaultBounds()
	bounds.MaxAge = 20 * time.Minute
	cleaner := usage.NewCleaner(bounds, cluster.Machines)
	of := map[string]*oddity{}
	for i := range oddities {
		of[fmt.Sprint("node-", 10*i)] = &oddities[i]
	}
	node := map[string]string{}
	for _, p := range f.objects {
		node[p.Name] = p.Spec.NodeName
	}
	var s *forecast.Snapshot
	var st *status
	for step := range 2 * stepsADay {
		r := f.read(5*time.Minute, .2)
		sums := map[string]float64{}
		pods, all := r.Pods[:0], r.Nodes[:0]
		for _, p := range r.Pods {
			day := math.Sin(2 * math.Pi * float64(step) / stepsADay)
			v := .3 + .1*day + .1*float64(hash(fmt.Sprint(p.Name, step))%1000)/1000
			sums[node[p.Name]] += v
			p.Set(usage.CPU, v)
			p.Set(usage.Memory, v*(1<<30))
			p.UID = string(f.byName[p.Name].UID)
			p.Node = node[p.Name]
			if o := of[p.Node]; odd && o != nil && o.pod != nil && !o.pod(f, step, &p) {
				continue
			}
			pods = append(pods, p)
		}
		for _, n := range r.Nodes {
			v := sums[n.Node] + .5 + .1*float64(hash(fmt.Sprint(n.Node, step))%1000)/1000
			n.Set(usage.CPU, v)
			n.Set(usage.Memory, v*(1<<30))
			if o := of[n.Node]; odd && o != nil && o.of != nil && !o.of(f, step, &n) {
				continue
			}
			all = append(all, n)
		}
		if odd { // A node that lies about the pods of others, and names that nobody has.
			lie := usage.PodSample{Namespace: "shop", Name: f.objects[15].Name, UID: string(f.objects[15].UID), Node: "node-90", Sample: usage.Sample{Time: f.now}}
			lie.Set(usage.CPU, 16)
			pods = append(pods, lie)
			for i := range 20 {
				n := usage.NodeSample{Node: fmt.Sprintf("10.9.9.%d:9100", i), Sample: usage.Sample{Time: f.now}}
				n.Set(usage.CPU, 8)
				all = append(all, n)
			}
		}
		r.Pods, r.Nodes = pods, all
		l.learn(cleaner.Clean(f.now, l.through(t, r)), s)
		s, st = l.publish(f.now, true)
	}
	said := map[string][forecast.NumResources]forecast.Interval{}
	for _, n := range f.names {
		var load forecast.NodeLoad
		for _, p := range f.objects {
			if p.Spec.NodeName == n {
				pod := s.Pod(p)
				load.Add(&pod)
			}
		}
		var in [forecast.NumResources]forecast.Interval
		for r := range in {
			in[r] = forecast.PeakWith(s.NodeForecast(n).Residual[forecast.Hour][r], load[forecast.Hour][r], forecast.Peak{}, s.Combiner(forecast.Hour, forecast.Resource(r)))
		}
		said[n] = in
	}
	return said, st
}

// Two days of a hundred nodes, of which one in ten is told of oddly: the others are forecast as where none is, the odd ones never more
// surely than that, and each stands on the rung that what is told of it allows.
func TestTwoDaysOfOddities(t *testing.T) {
	clean, _ := simulate(t, false)
	odd, st := simulate(t, true)
	var want [forecast.NumResources][forecast.NumNodeRungs]int
	for r := range want {
		want[r][forecast.Fresh] = 100 - len(oddities)
		for _, o := range oddities {
			want[r][o.rungs[r]]++
		}
	}
	if st.standing.Resources != want {
		t.Errorf("nodes on rungs, by resource: %v, want %v", st.standing.Resources, want)
	}
	for name, was := range clean {
		var o *oddity
		for i := range oddities {
			if name == fmt.Sprint("node-", 10*i) {
				o = &oddities[i]
			}
		}
		for r, c := range was {
			is := odd[name][r]
			switch {
			case o == nil:
				if math.Abs(is.Upper-c.Upper) > .05*c.Upper || math.Abs(is.Lower-c.Lower) > .05*c.Upper {
					t.Errorf("%s, %v: %+v among odd nodes, %+v without", name, forecast.Resource(r), is, c)
				}
			case o.rungs[r] == forecast.Blind: // No verdict goes by it.
			case is.Upper-is.Lower < .95*(c.Upper-c.Lower): // to what chance does to deviations
				t.Errorf("%s, %v (%s): %+v is narrower than %+v", name, forecast.Resource(r), o.name, is, c)
			}
		}
	}
}
