// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package forecast

import (
	"math"
	"testing"
	"testing/quick"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak"
)

// owned is a pod of a controller.
func owned(kind, name string) *v1.Pod {
	yes := true
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "shop", Name: name + "-x",
		OwnerReferences: []metav1.OwnerReference{{Kind: "Other", Name: "other"}, {Kind: kind, Name: name, Controller: &yes}},
	}}
}

func withRequests(pod *v1.Pod, image, cpu, memory string) *v1.Pod {
	list := v1.ResourceList{}
	if cpu != "" {
		list[v1.ResourceCPU] = resource.MustParse(cpu)
	}
	if memory != "" {
		list[v1.ResourceMemory] = resource.MustParse(memory)
	}
	pod.Spec.Containers = append(pod.Spec.Containers, v1.Container{Image: image, Resources: v1.ResourceRequirements{Requests: list}})
	return pod
}

// Pods of one Deployment are one workload through all its roll-outs, those of a CronJob through all its runs.
func TestWorkloadOf(t *testing.T) {
	hashed := func(hash string, p *v1.Pod) *v1.Pod {
		p.Labels = map[string]string{"pod-template-hash": hash}
		return p
	}
	for name, tc := range map[string]struct {
		pod  *v1.Pod
		want Workload
	}{
		"deployment":           {hashed("5d4f", owned("ReplicaSet", "web-5d4f")), Workload{"shop", "Deployment", "web"}},
		"bare ReplicaSet":      {owned("ReplicaSet", "web-5d4f"), Workload{"shop", "ReplicaSet", "web-5d4f"}},
		"hash of another":      {hashed("abcd", owned("ReplicaSet", "web-5d4f")), Workload{"shop", "ReplicaSet", "web-5d4f"}},
		"nothing but the hash": {hashed("5d4f", owned("ReplicaSet", "5d4f")), Workload{"shop", "ReplicaSet", "5d4f"}},
		"empty hash":           {hashed("", owned("ReplicaSet", "web-")), Workload{"shop", "ReplicaSet", "web-"}},
		"cron job":             {owned("Job", "report-29412345"), Workload{"shop", "CronJob", "report"}},
		"job with a number":    {owned("Job", "report-2"), Workload{"shop", "Job", "report-2"}},
		"job of eight letters": {owned("Job", "report-abcdefgh"), Workload{"shop", "Job", "report-abcdefgh"}},
		"stateful set":         {owned("StatefulSet", "db"), Workload{"shop", "StatefulSet", "db"}},
		"mirror of static pod": {owned("Node", "node-1"), Workload{}},
		"pod without an owner": {&v1.Pod{}, Workload{}},
	} {
		got, ok := WorkloadOf(tc.pod)
		if got != tc.want || ok != (tc.want != Workload{}) {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, tc.want)
		}
	}
}

func TestClassOf(t *testing.T) {
	class := func(image string, cpu, memory float64) Class {
		return ClassOf(withRequests(&v1.Pod{}, image, "", ""), Amounts{cpu, memory})
	}
	same := class("registry:5000/team/web", .3, 300<<20)
	for _, image := range []string{"registry:5000/team/web:v1", "registry:5000/team/web@sha256:00", "registry:5000/team/web:v2@sha256:11"} {
		if got := class(image, .5, 500<<20); got != same {
			t.Errorf("%s: %v, want %v", image, got, same)
		}
	}
	for name, other := range map[string]Class{
		"image": class("registry:5000/team/api", .3, 300<<20), "cpu": class("registry:5000/team/web", .6, 300<<20),
		"memory": class("registry:5000/team/web", .3, 600<<20), "no request": class("registry:5000/team/web", 0, 300<<20),
		"garbage": class("registry:5000/team/web", math.Inf(1), math.NaN()),
	} {
		if other == same {
			t.Errorf("another %s, and still %v", name, other)
		}
	}
}

func forecast(mean, lower, upper float64) *PodForecast {
	f := &PodForecast{}
	for h := range f.Peaks {
		for r := range f.Peaks[h] {
			f.Peaks[h][r] = Peak{mean, lower, upper}
		}
	}
	return f
}

// Each pod is forecast from the best rung that knows it.
func TestPodRungs(t *testing.T) {
	owner, class, cluster := forecast(1, 2, 3), forecast(4, 5, 6), forecast(.5, .25, 2)
	owner.Origin, class.Origin = FromOwner, FromClass
	web := withRequests(owned("StatefulSet", "web"), "web:v2", "500m", "1Gi")
	twin := withRequests(owned("StatefulSet", "twin"), "web:v1", "400m", "900Mi")
	stranger := withRequests(owned("StatefulSet", "stranger"), "other", "2", "")
	c := Contents{
		Workloads: map[Workload]*PodForecast{{"shop", "StatefulSet", "web"}: owner},
		Classes:   map[Class]*PodForecast{ClassOf(twin, RequestsOf(twin).Asked): class},
	}
	for _, s := range []*Snapshot{nil, NewSnapshot(Contents{})} {
		f := s.Pod(stranger)
		// Upstream counts 200 MiB for a container that requests no memory.
		if f.Origin != FromRequest || f.Peaks[Hour] != [...]Peak{{2, 0, 2}, {200 << 20, 0, 200 << 20}} || f.Peaks[Day] != f.Peaks[Hour] {
			t.Errorf("from its request: %+v", f)
		}
	}
	s := NewSnapshot(c)
	if f := s.Pod(web); f != *owner {
		t.Errorf("of its owner: %+v", f)
	}
	if f := s.Pod(twin); f != *class {
		t.Errorf("of its class: %+v", f)
	}
	c.Cluster = cluster
	if f := NewSnapshot(c).Pod(stranger); f.Origin != FromCluster || f.Peaks[Day][CPU] != (Peak{1, .5, 4}) {
		t.Errorf("of the cluster: %+v", f)
	}
}

// A pod that is gone within the hour is judged for that hour.
func TestHorizonFollowsLife(t *testing.T) {
	job := owned("Job", "report-29412345")
	lives := map[Workload]time.Duration{{"shop", "CronJob", "report"}: 50 * time.Minute}
	s := NewSnapshot(Contents{Lives: lives})
	if f := s.Pod(job); f.Life != 50*time.Minute || f.Horizon() != Hour {
		t.Errorf("known to take 50 minutes: %v, %v", f.Life, f.Horizon())
	}
	long, brief, absurd := int64(7200), int64(60), int64(math.MaxInt64)
	other := owned("Job", "other")
	if f := s.Pod(other); f.Life != 0 || f.Horizon() != Day {
		t.Errorf("unknown: %v, %v", f.Life, f.Horizon())
	}
	for _, tc := range []struct {
		pod      *v1.Pod
		deadline *int64
		want     Horizon
	}{{other, &long, Day}, {other, &brief, Hour}, {other, &absurd, Day}, {job, &long, Hour}} {
		tc.pod.Spec.ActiveDeadlineSeconds = tc.deadline
		f := s.Pod(tc.pod)
		if got := f.Horizon(); got != tc.want {
			t.Errorf("%s with the deadline %d: horizon %v, want %v", tc.pod.Name, *tc.deadline, got, tc.want)
		}
	}
}

// Whatever the numbers: the interval is ordered and not negative, one more pod never lowers it, and garbage never spreads.
func TestPeakWith(t *testing.T) {
	if err := quick.Check(func(residual Interval, a, b, c Peak, rho float64) bool {
		small := func(v *float64) { *v = math.Mod(math.Abs(*v), 100) }
		for _, p := range []*Peak{&a, &b, &c} {
			small(&p.Mean)
			small(&p.Lower)
			small(&p.Upper)
		}
		residual.Lower, residual.Upper = math.Mod(residual.Lower, 100), math.Mod(residual.Upper, 100)
		small(&rho)
		together := peak.Combiner{Together: rho / 100}
		load := Load{}.Add(a).Add(b)
		// As it is defined.
		plain := residual.Upper + together.Peak(load.Add(c).Load)
		if got := PeakWith(residual, load, c, together).Upper; plain > load.Add(c).Sure && math.Abs(got-plain) > 1e-9*(1+plain) {
			t.Logf("upper %v, plainly %v", got, plain)
			return false
		}
		as, with := PeakWith(residual, load, Peak{}, together), PeakWith(residual, load, c, together)
		return 0 <= as.Lower && as.Lower <= as.Upper && 0 <= with.Lower && with.Lower <= with.Upper &&
			with.Upper >= as.Upper-1e-9 && with.Lower >= as.Lower-1e-9
	}, &quick.Config{MaxCount: 5000}); err != nil {
		t.Error(err)
	}
	load := Load{}.Add(Peak{1, 1.5, 2}).Add(Peak{math.NaN(), math.NaN(), math.Inf(1)})
	if got := PeakWith(Interval{}, load, Peak{1, 0, 3}, peak.Combiner{Together: 1}); got != (Interval{1, 5}) {
		t.Errorf("got %v, want what is sure, 1, to the sum, 5", got)
	}
}

func BenchmarkPeakWith(b *testing.B) {
	load := Load{}
	for i := range 10 {
		load = load.Add(Peak{float64(i), float64(i), float64(2 * i)})
	}
	b.ReportAllocs()
	var got Interval
	for b.Loop() {
		got = PeakWith(Interval{-1, 1}, load, Peak{1, 2, 3}, peak.Combiner{Together: .3})
	}
	_ = got
}

func BenchmarkSnapshotPod(b *testing.B) {
	web := withRequests(owned("ReplicaSet", "web-5d4f"), "web:v2", "500m", "1Gi")
	web.Labels = map[string]string{"pod-template-hash": "5d4f"}
	s := NewSnapshot(Contents{Workloads: map[Workload]*PodForecast{{"shop", "Deployment", "web"}: forecast(1, 2, 3)}})
	b.ReportAllocs()
	for b.Loop() {
		if f := s.Pod(web); f.Peaks[Hour][CPU].Upper != 3 {
			b.Fatal("unknown")
		}
	}
}
