// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// placed binds a pod of a workload, or without a controller in NAMESPACE/OBJECTIVE, that wants its answers within .1 s, and says how long those take and its tasks wait, where that is
// measured.
func (l *loop) placed(name, node, workload string, seconds, waited float64) *Decision {
	return l.placedBy("", name, node, workload, seconds, waited)
}

// placedBy does so for a pod whose seconds a query of the operator's tells, if there is one.
func (l *loop) placedBy(query, name, node, workload string, seconds, waited float64) *Decision {
	namespace, rest, _ := strings.Cut(workload, "/")
	if !strings.Contains(rest, "/") {
		workload = rest
	}
	d := &Decision{UID: types.UID(name), Namespace: namespace, Node: node, Workload: workload, Objective: objective.Latency, MayTake: .1, Model: -2}
	for _, other := range []string{"web-0", "web-1", "web-2"} {
		// Everybody is beside the shop's pods, and blames them for what it suffers.
		d.Beside = append(d.Beside, outcome.Companion{Class: outcome.Class{Namespace: "shop", Kind: "Deployment", Name: other}, Pods: 1})
	}
	d.Outcome.Node, d.Outcome.Objective, d.Outcome.Risk = node, "latency", .1
	if d.Query = query; query != "" {
		d.Pod, d.Named = name, "p99"
	}
	l.Bound(d)
	if query != "" {
		l.Answered(d.UID, query, seconds, l.time)
	}
	v := usage.Sample{Time: l.time.Add(time.Second), Window: time.Second}
	if !math.IsNaN(seconds) {
		v.Set(usage.ResponseTime, seconds)
	}
	if !math.IsNaN(waited) {
		v.Set(usage.CPUSome, waited)
	}
	l.Measured(d.UID, &v)
	return d
}

// A tenant whose pods crash, are killed or evicted at their own limits, or claim to answer slowly or quickly, by the query response_time or by that of an
// objective, moves the risk of no other workload by
// more than .02, on any node, for any objective.
func TestPoisonedTenant(t *testing.T) {
	nan := math.NaN()
	risks := func(poison, pressure bool) map[string]float32 {
		l := newLoop(t, args())
		waits := nan
		if pressure {
			waits = .01
		}
		for i := range 200 {
			node := fmt.Sprint("node-", i%5)
			l.placed(fmt.Sprint("honest-", i), node, fmt.Sprintf("shop/Deployment/web-%d", i%3), nan, waits)
			if poison {
				for k := range 4 {
					l.placed(fmt.Sprint("slow-", i, "-", k), node, fmt.Sprint("evil/Deployment/a", k), 9, waits)
				}
				l.placed(fmt.Sprint("alone-", i), node, "evil/latency", 9, waits)
				l.placed(fmt.Sprint("quick-", i), node, "evil/Deployment/b", .01, .9)
				l.placedBy("q", fmt.Sprint("forged-", i), node, "evil/Deployment/f", 9, waits)
				l.placedBy("q", fmt.Sprint("flattered-", i), node, "evil/Deployment/g", .01, .9)
				crashes := fmt.Sprint("crashes-", i)
				l.placed(crashes, node, "evil/Deployment/c", nan, waits)
				l.Observe(restarted(crashes))
				killed := fmt.Sprint("killed-", i)
				l.placed(killed, node, "evil/Deployment/d", nan, waits)
				p := pod(killed, v1.PodStatus{ContainerStatuses: []v1.ContainerStatus{{Name: "c", State: v1.ContainerState{Terminated: &v1.ContainerStateTerminated{Reason: "OOMKilled"}}}}})
				p.Spec.Containers = []v1.Container{{Name: "c", Resources: v1.ResourceRequirements{Limits: v1.ResourceList{v1.ResourceMemory: resource.MustParse("1Mi")}}}}
				l.Observe(p)
				full := fmt.Sprint("full-", i)
				l.placed(full, node, "evil/Deployment/e", nan, waits)
				p = evicted(full)
				p.Spec.Volumes = []v1.Volume{{VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("1Mi"))}}}}
				l.Observe(p)
			}
			l.wait(15 * time.Second)
		}
		l.wait(time.Hour)
		if c, _ := l.Report(); poison && (c.Violations["response_time"] != 1000 || c.Violations["query"] != 200 || c.Violations["restart"] != 200 || c.Violations["oom_kill"] != 200 || c.Violations["eviction"] != 200) {
			t.Errorf("%+v", c)
		}
		j := l.Judge()
		all := map[string]float32{}
		for n := range 5 {
			node := fmt.Sprint("node-", n)
			for _, w := range []string{"shop/Deployment/web-0", "shop/Deployment/new", "other/Job/batch", "latency"} {
				u, h := j.History.Workload(w), j.History.Nodes[node]
				takes, company := j.History.Takes(w), outcome.Burden{}
				for k := range 3 {
					hurt := j.History.Hurts[outcome.Class{Namespace: "shop", Kind: "Deployment", Name: fmt.Sprint("web-", k)}]
					company.Add(&hurt)
				}
				for o, offset := range j.Offset {
					for _, cpu := range []float32{.2, .85, 1} {
						all[fmt.Sprint(node, w, o, cpu)] = quality.Probability(j.Typical.LogOdds(cpu, float32(math.NaN())) + offset + h.Vector.Dot(&u) + company.Dot(&takes))
					}
				}
			}
		}
		return all
	}
	for _, pressure := range []bool{false, true} {
		clean, poisoned := risks(false, pressure), risks(true, pressure)
		for what, risk := range clean {
			if moved := math.Abs(float64(poisoned[what] - risk)); !(moved <= .02) {
				t.Errorf("pressure measured: %v: %s: %v became %v", pressure, what, risk, poisoned[what])
			}
		}
	}
}

// What pods say of themselves is learned from where it is borne out: their tasks were measured to wait, or another tenant's pods say the
// same of the node.
func TestSlowPodsAreBelievedTogether(t *testing.T) {
	for _, c := range []struct {
		what    string
		waited  float64
		tenants int
		learned bool
	}{
		{"measured to wait", .1, 1, true}, {"measured not to wait", .01, 3, false}, {"not measured, of one tenant", math.NaN(), 1, false},
		{"not measured, of two tenants", math.NaN(), 2, true},
	} {
		l := newLoop(t, args())
		for i := range 40 {
			l.placed(fmt.Sprint("p", i), "a", fmt.Sprintf("tenant-%d/Deployment/web", i%c.tenants), 1, c.waited)
		}
		l.wait(10 * time.Minute)
		if _, blamed := l.Judge().History.Nodes["a"]; blamed != c.learned {
			t.Errorf("%s: learned: %v", c.what, blamed)
		}
	}
}

// Pods without a controller share one name, and are of the tenant whose namespace they are in: beside its Deployment they are no second one.
func TestPodsWithoutControllerAreOfATenant(t *testing.T) {
	web := outcome.Class{Namespace: "shop", Kind: "Deployment", Name: "web-0"}
	for second, believed := range map[string]bool{"evil/latency": false, "other/latency": true} {
		l := newLoop(t, args())
		l.placed("shop", "b", "shop/Deployment/web-0", math.NaN(), math.NaN())
		for i := range 40 {
			workload := "evil/Deployment/a"
			if i%2 == 1 {
				workload = second
			}
			name := fmt.Sprint("p", i)
			l.placed(name, "a", workload, math.NaN(), math.NaN())
			l.Observe(evicted(name))
		}
		l.wait(10 * time.Minute)
		if _, hurts := l.Judge().History.Hurts[web]; hurts != believed {
			t.Errorf("evil/Deployment/a and %s were evicted beside the shop: it hurts: %v", second, hurts)
		}
	}
	for second, believed := range map[string]bool{"evil/latency": false, "other/latency": true} {
		l := newLoop(t, args())
		for i := range 40 {
			l.placed(fmt.Sprint("p", i), "a", []string{"evil/Deployment/a", second}[i%2], 1, math.NaN())
		}
		l.wait(10 * time.Minute)
		if _, blamed := l.Judge().History.Nodes["a"]; blamed != believed {
			t.Errorf("evil/Deployment/a and %s say that they are slow: learned: %v", second, blamed)
		}
	}
}
