// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/lives"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// fleet is a cluster of nodes of ten pods each, and its readings.
type fleet struct {
	names   []string
	objects []*v1.Pod
	byName  map[string]*v1.Pod
	now     time.Time
}

func newFleet(nodes, workloads int) *fleet {
	f := &fleet{byName: map[string]*v1.Pod{}, now: time.Unix(1_700_006_400, 0)}
	yes := true
	for n := range nodes {
		name := fmt.Sprintf("node-%d", n)
		f.names = append(f.names, name)
		for i := range 10 {
			w := fmt.Sprintf("workload-%d", (n*10+i)%workloads)
			p := &v1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: "shop", Name: fmt.Sprintf("%s-%d-%d", w, n, i), UID: types.UID(fmt.Sprint(n, "-", i)),
					OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: w, Controller: &yes}},
				},
				Spec: v1.PodSpec{NodeName: name, Containers: []v1.Container{{Image: "registry/" + w + ":v1", Resources: v1.ResourceRequirements{
					Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse("200m"), v1.ResourceMemory: resource.MustParse("256Mi")}}}}},
			}
			f.objects = append(f.objects, p)
			f.byName[p.Name] = p
		}
	}
	return f
}

func (f *fleet) cluster() Cluster {
	return Cluster{
		Machines: func(string) (usage.Machine, bool) { return usage.Machine{Cores: 16, Bytes: 64 << 30}, true },
		Pod:      func(_, name string) *v1.Pod { return f.byName[name] },
		Nodes: func() (nodes []*v1.Node) {
			for _, name := range f.names {
				nodes = append(nodes, &v1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
			}
			return nodes
		},
	}
}

// read is what a source answers after so long: each pod uses so many cores and GiB, and each node one more.
func (f *fleet) read(after time.Duration, cores float64) usage.Reading {
	f.now = f.now.Add(after)
	r := usage.Reading{Start: f.now, End: f.now}
	set := func(s *usage.Sample, v float64) {
		s.Time = f.now
		s.Values.Set(usage.CPU, v)
		s.Values.Set(usage.Memory, v*(1<<30))
	}
	for _, p := range f.objects {
		s := usage.PodSample{Namespace: p.Namespace, Name: p.Name}
		set(&s.Sample, cores)
		r.Pods = append(r.Pods, s)
	}
	for _, name := range f.names {
		s := usage.NodeSample{Node: name}
		set(&s.Sample, 10*cores+1)
		r.Nodes = append(r.Nodes, s)
	}
	return r
}

func testLearner(f *fleet) *learner {
	a := args()
	a.Usage.Interval.Duration, a.Usage.Window.Duration, a.Usage.Expiry.Duration = 30*time.Second, 15*time.Minute, 5*time.Minute
	return newLearner(&a, f.cluster(), lives.New(mostWorkloads), false)
}

// When the source fails, nodes go down the ladder and the breaker trips, all visible in metrics; when it is back, so are they.
func TestSourceFailsAndRecovers(t *testing.T) {
	f := newFleet(4, 2)
	l := testLearner(f)
	check := func(what string, rung forecast.NodeRung, blind bool) {
		t.Helper()
		s, st := l.publish(f.now, false)
		if st.standing.Nodes[rung] != 4 || s.Blind() != blind {
			t.Errorf("%s: nodes on rungs %v, blind: %v; want 4 %v, %v", what, st.standing.Nodes, s.Blind(), rung, blind)
		}
	}
	if s, _ := l.publish(f.now, true); s != nil {
		t.Error("published when nothing was known")
	}
	for range 10 {
		l.learn(f.read(30*time.Second, .1), nil)
		l.publish(f.now, true)
	}
	check("read", forecast.Fresh, false)
	f.now = f.now.Add(30 * time.Minute)
	check("half an hour without", forecast.Stale, false)
	f.now = f.now.Add(25 * time.Hour)
	check("a day without", forecast.Blind, true)
	l.learn(f.read(30*time.Second, .1), nil)
	check("read again", forecast.Fresh, false)
	f.names = append(f.names, "new-1", "new-2", "new-3", "new-4", "new-5")
	check("most nodes are new", forecast.Fresh, true)
}

// A restart goes on where it was, with the same forecasts of pods at once.
func TestRestart(t *testing.T) {
	f := newFleet(4, 2)
	a := args()
	a.Checkpoint.Path = filepath.Join(t.TempDir(), "checkpoint")
	before := testLearner(f)
	if before.restore(t.Context(), &a, f.now) {
		t.Error("restored from nothing")
	}
	for range 150 {
		before.learn(f.read(time.Minute, .1), nil)
		before.publish(f.now, true)
	}
	before.save(t.Context(), &a)
	s, _ := before.publish(f.now, true)
	want := s.Pod(f.objects[0])

	after := testLearner(f)
	if !after.restore(t.Context(), &a, f.now) {
		t.Fatal("not restored")
	}
	s, st := after.publish(f.now, true)
	if got := s.Pod(f.objects[0]); got.Origin != forecast.FromOwner || math.Abs(got.Peaks[forecast.Hour][forecast.CPU].Upper-want.Peaks[forecast.Hour][forecast.CPU].Upper) > 1e-9 {
		t.Errorf("after the restart %+v, before %+v", got, want)
	}
	if st.standing.Nodes[forecast.Fresh] != 4 {
		t.Errorf("rungs %v", st.standing.Nodes)
	}

	// What is damaged is told and not read, and learning begins anew.
	data, err := os.ReadFile(a.Checkpoint.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Checkpoint.Path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	anew := testLearner(f)
	if anew.restore(t.Context(), &a, f.now) || anew.nodes.Len() != 0 || anew.loadFailures != 1 {
		t.Error("restored from half a checkpoint, or it is not counted")
	}
	anew.learn(f.read(time.Minute, .1), nil)
	a.Checkpoint.Path = filepath.Join(t.TempDir(), "nowhere", "checkpoint")
	anew.save(t.Context(), &a)
	if s, st := anew.publish(f.now, true); s == nil || st.saveFailures != 1 {
		t.Errorf("a failed save: %+v", st)
	}
	if anew.restore(t.Context(), &a, f.now); anew.saveFailures != 2 || anew.loadFailures != 1 {
		t.Errorf("a folder that is not there: %d saves and %d loads failed", anew.saveFailures, anew.loadFailures)
	}
}

// historian is a source that knows the past.
type historian struct {
	script
	f    *fleet
	fail error
}

func (h *historian) History(_ context.Context, from, to time.Time, step time.Duration, deliver func(usage.Reading) error) error {
	h.f.now = from.Add(-step)
	for at := from; !at.After(to); at = at.Add(step) {
		if err := deliver(h.f.read(step, .1)); err != nil {
			return err
		}
		if h.fail != nil {
			return h.fail
		}
	}
	return nil
}

// A source that knows the past teaches it, as far as it gets.
func TestBackfill(t *testing.T) {
	for _, fail := range []error{nil, errors.New("too slow")} {
		f := newFleet(2, 2)
		l := testLearner(f)
		a := args()
		a.Usage.Prometheus.Backfill.Duration = 26 * time.Hour
		l.backfill(t.Context(), &historian{f: f, fail: fail}, &a, f.now)
		s, _ := l.publish(f.now, true)
		origin := s.Pod(f.objects[0]).Origin
		if l.nodes.Len() != 2 || (origin == forecast.FromOwner) != (fail == nil) {
			t.Errorf("with the error %v: %d nodes, pods %v", fail, l.nodes.Len(), origin)
		}
	}
	l := testLearner(newFleet(1, 1))
	a := args()
	l.backfill(t.Context(), &historian{}, &a, time.Unix(1e9, 0)) // would panic if it asked
}

// Whatever a source says, what is published are numbers in order.
func FuzzGarbage(f *testing.F) {
	f.Add(1.0, 2.0, int64(30), 3.0, int64(30))
	f.Add(math.NaN(), -1.0, int64(-1e9), math.Inf(1), int64(1e12))
	f.Add(1e300, 0.0, int64(7200), 5e-324, int64(0))
	f.Fuzz(func(t *testing.T, podUse, nodeUse float64, dt1 int64, later float64, dt2 int64) {
		fl := newFleet(2, 1)
		l := testLearner(fl)
		bounds := usage.DefaultBounds()
		cleaner := usage.NewCleaner(bounds, fl.cluster().Machines)
		now := fl.now
		for i := range 8 {
			v, dt := podUse, dt1
			if i%2 == 1 {
				v, dt = later, dt2
			}
			r := fl.read(time.Duration(dt%1e5)*time.Second, v)
			for n := range r.Nodes {
				r.Nodes[n].Values.Set(usage.CPU, nodeUse)
			}
			now = now.Add(time.Minute)
			r.End = now
			l.learn(cleaner.Clean(now, r), nil)
			s, _ := l.publish(now, true)
			if s == nil {
				continue
			}
			pod := s.Pod(fl.objects[0])
			for h := range forecast.NumHorizons {
				for r := range forecast.NumResources {
					p := pod.Peaks[h][r]
					in := forecast.PeakWith(s.NodeForecast("node-0").Residual[h][r], forecast.Load{}, p, s.Combiner(forecast.Horizon(h), forecast.Resource(r)))
					if !(0 <= p.Lower && p.Lower <= p.Upper && 0 <= p.Mean && p.Mean <= p.Upper && 0 <= in.Lower && in.Lower <= in.Upper) {
						t.Fatalf("pod %+v, node with it %+v", p, in)
					}
				}
			}
		}
	})
}

// Every metric that is announced is also told, once something is known.
func TestMetricsAreTold(t *testing.T) {
	f := newFleet(4, 2)
	e := New(args(), clock.RealClock{})
	l := testLearner(f)
	l.learn(f.read(time.Minute, .1), nil)
	_, st := l.publish(f.now, true)
	e.status.Store(st)
	c, err := usage.NewCollector(&script{}, usage.NewCleaner(usage.DefaultBounds(), nil), usage.Schedule{Interval: time.Second}, e.clock)
	if err != nil {
		t.Fatal(err)
	}
	e.collector.Store(c)
	registry := metrics.NewKubeRegistry()
	registry.CustomMustRegister(NewMetrics(e))
	want := `
# HELP foresight_forecast_blind [ALPHA] 1 when too many nodes are without recent samples, and forecasts refuse and score nothing; else 0.
# TYPE foresight_forecast_blind gauge
foresight_forecast_blind 1
# HELP foresight_forecast_nodes [ALPHA] Nodes by where their forecast comes from: fresh, stale, profile or requests.
# TYPE foresight_forecast_nodes gauge
foresight_forecast_nodes{rung="fresh"} 0
foresight_forecast_nodes{rung="profile"} 0
foresight_forecast_nodes{rung="requests"} 4
foresight_forecast_nodes{rung="stale"} 0
# HELP foresight_history_objects [ALPHA] What is remembered: pods, workloads, classes of pods, nodes, and lives: workloads whose pods were seen to finish.
# TYPE foresight_history_objects gauge
foresight_history_objects{kind="classes"} 2
foresight_history_objects{kind="lives"} 0
foresight_history_objects{kind="nodes"} 4
foresight_history_objects{kind="pods"} 40
foresight_history_objects{kind="workloads"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "foresight_forecast_blind", "foresight_forecast_nodes", "foresight_history_objects"); err != nil {
		t.Error(err)
	}
}

// held returns a learner that has watched a cluster for an hour and a quarter, the memory that it holds with its snapshot and the one
// before, and what it says of that.
func held(f *fleet) (l *learner, s *forecast.Snapshot, heap, told uint64) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l = testLearner(f)
	for i := range 50 { // a first hour is over, and the windows are full
		step := 3 * time.Minute
		if i >= 20 {
			step = 30 * time.Second
		}
		l.learn(f.read(step, .1), s)
		s, _ = l.publish(f.now, true)
	}
	old := s
	s, st := l.publish(f.now, true)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(old)
	return l, s, after.HeapAlloc - before.HeapAlloc, st.bytes
}

// The metric of the memory says what is held, to a quarter, of clusters of many workloads and of few.
func TestBytesAreTrue(t *testing.T) {
	for _, c := range []struct{ nodes, workloads int }{{500, 5000}, {500, 50}, {2000, 100}} {
		f := newFleet(c.nodes, c.workloads)
		l, s, heap, told := held(f)
		t.Logf("%d nodes, %d workloads: %.1f MiB held, %.1f MiB told", c.nodes, c.workloads, float64(heap)/(1<<20), float64(told)/(1<<20))
		if ratio := float64(told) / float64(heap); ratio < .75 || ratio > 1.25 {
			t.Errorf("%d nodes, %d workloads: %d bytes are told of %d", c.nodes, c.workloads, told, heap)
		}
		runtime.KeepAlive(l)
		runtime.KeepAlive(s)
	}
}

// BenchmarkIngest is one reading of clusters up to the largest that is planned for, with ten pods a node, learned and published, and
// what is held then.
func BenchmarkIngest(b *testing.B) {
	for _, c := range []struct{ nodes, workloads int }{{100, 300}, {1000, 2000}, {5000, 10_000}, {15_000, 20_000}, {15_000, mostWorkloads}} {
		b.Run(fmt.Sprintf("nodes=%d/workloads=%d", c.nodes, c.workloads), func(b *testing.B) {
			f := newFleet(c.nodes, c.workloads)
			l, s, heap, told := held(f)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				r := f.read(30*time.Second, .1)
				b.StartTimer()
				l.learn(r, s)
				s, _ = l.publish(f.now, true)
			}
			b.ReportMetric(float64(heap)/(1<<20), "MiB-held")
			b.ReportMetric(float64(told)/(1<<20), "MiB-told")
			runtime.KeepAlive(l)
		})
	}
}

// BenchmarkSaveAndRestore is the checkpoint of that cluster.
func BenchmarkSaveAndRestore(b *testing.B) {
	f := newFleet(15_000, 20_000)
	l := testLearner(f)
	for range 3 {
		l.learn(f.read(30*time.Second, .1), nil)
	}
	a := config.PredictionArgs{Checkpoint: config.CheckpointArgs{Path: filepath.Join(b.TempDir(), "checkpoint")}}
	for b.Loop() {
		l.save(b.Context(), &a)
		if !testLearner(f).restore(b.Context(), &a, f.now) {
			b.Fatal("not restored")
		}
	}
	info, err := os.Stat(a.Checkpoint.Path)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB-file")
}

// The args name the quantities as sources do.
func TestQuantitiesOfArgs(t *testing.T) {
	var names []string
	for q := range usage.Quantity(usage.NumQuantities) {
		names = append(names, q.String())
	}
	if !slices.Equal(names, config.Quantities) {
		t.Errorf("args name %v, sources %v", config.Quantities, names)
	}
}

// Every metric stands in the documentation.
func TestMetricsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/plugins/prediction.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range metricNames() {
		if !strings.Contains(string(page), "`"+name) {
			t.Errorf("%s is not in docs/reference/plugins/prediction.md", name)
		}
	}
}

// metricNames are all that the engine announces.
func metricNames() map[string]bool {
	names := map[string]bool{}
	ch := make(chan *metrics.Desc, 100)
	NewMetrics(New(args(), clock.RealClock{})).DescribeWithStability(ch)
	close(ch)
	for d := range ch {
		names[regexp.MustCompile(`foresight_\w+`).FindString(d.String())] = true
	}
	return names
}
