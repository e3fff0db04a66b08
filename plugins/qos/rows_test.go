// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	schedulermetrics "k8s.io/kubernetes/pkg/scheduler/metrics"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// harm is the plain twin of harmOn: the weight of the pod times its harm, and of each resident times what its harm rises by.
func (c *podCycle) harm(v *view) float32 {
	at := quality.At(c.after(v).upper, v.pressure)
	before := c.judge.Typical.In(quality.At(v.before, v.pressure))
	hurt := float32(0)
	for o, weight := range v.residents {
		hurt += weight * c.burden * quality.Probability(before+c.judge.Offset[o])
	}
	return c.weight*quality.Harm(c.corrected(c.slab.In(at), v)) + c.suffer(&v.residents, at) - v.suffered + hurt
}

// close says whether harms on a node are equal: they are of sums over residents in floats of 24 bits, which may be large.
func (v *view) close(got, want float32) bool {
	scale := 1 + math.Abs(float64(want)) + float64(v.suffered)
	for _, weight := range v.residents {
		scale += float64(weight)
	}
	return math.Abs(float64(got-want)) < 1e-4*scale
}

// world is a scheduler's cache in which everything changes that the plugin reads.
type world struct {
	*scheduler
	r        *rand.Rand
	cache    cache.Cache
	snapshot *cache.Snapshot
	nodes    []*v1.Node
	pods     []*v1.Pod // assumed
	names    int
	contents forecast.Contents
}

func newWorld(t *testing.T, seed uint64) *world {
	schedulermetrics.Register() // The cache counts.
	w := &world{
		scheduler: newScheduler(t, args(), nil), r: rand.New(rand.NewPCG(seed, 1)),
		cache: cache.New(t.Context(), nil, false, false), snapshot: cache.NewEmptySnapshot(),
	}
	for range 5 {
		w.addNode()
	}
	w.forecast()
	return w
}

func (w *world) name(prefix string) string {
	w.names++
	return fmt.Sprint(prefix, w.names)
}

func anyObjective(r *rand.Rand) objective.Objective {
	return objective.Objective(r.IntN(objective.Count))
}

func (w *world) pod() *v1.Pod {
	cpu := fmt.Sprint(10+w.r.IntN(500), "m")
	if w.r.IntN(4) == 0 {
		cpu = fmt.Sprint(1 + w.r.IntN(3)) // beyond what rows keep
	}
	p := pod(w.name("pod-"), anyObjective(w.r).String(), cpu)
	if class := w.r.IntN(5); class > 0 {
		p = of(p, fmt.Sprint("workload-", class))
	}
	return p
}

// of makes a pod one of a StatefulSet.
func of(p *v1.Pod, name string) *v1.Pod {
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: name, Controller: new(true)}}
	return p
}

// company is the plain twin of what a view says of a node's pods.
func (c *podCycle) company(n fwk.NodeInfo) (sum outcome.Burden) {
	for _, p := range n.GetPods() {
		owner := metav1.GetControllerOf(p.GetPod())
		if owner == nil {
			continue
		}
		burden := c.judge.History.Hurts[outcome.Class{Namespace: p.GetPod().Namespace, Kind: owner.Kind, Name: owner.Name}]
		for k := range sum {
			sum[k] += burden[k]
		}
	}
	return sum
}

func (w *world) addNode() {
	n := node(w.name("node-"))
	w.nodes = append(w.nodes, n)
	w.cache.AddNode(klog.Background(), n)
}

// forecast has an engine publish what it learned.
func (w *world) forecast() {
	w.contents.Epoch++
	w.contents.Forecasts = map[string]forecast.NodeForecast{}
	together := w.r.Float64()
	for h := range w.contents.Combiners {
		for r := range w.contents.Combiners[h] {
			w.contents.Combiners[h][r].Together = together
		}
	}
	all := forecast.PodForecast{}
	for h := range all.Peaks {
		for r := range all.Peaks[h] {
			all.Peaks[h][r] = forecast.Peak{Mean: .2 + .3*w.r.Float64(), Lower: .4, Upper: .5 + w.r.Float64()}
		}
	}
	w.contents.Cluster = &all
	pressed := pressures{}
	for _, n := range w.nodes {
		var f forecast.NodeForecast
		f.Residual[horizon][forecast.CPU] = forecast.Interval{Lower: -.2, Upper: w.r.Float64() - .2}
		f.Residual[horizon][forecast.Memory] = forecast.Interval{Upper: w.r.Float64() * (15 << 30)}
		w.contents.Forecasts[n.Name] = f
		if w.r.IntN(2) == 0 {
			pressed[n.Name] = w.r.Float32()
		}
	}
	w.service.pressure.Store(&pressed)
	w.publish(w.contents)
}

func (w *world) change() {
	logger := klog.Background()
	n := w.r.IntN(len(w.nodes))
	switch w.r.IntN(8) {
	case 0:
		w.addNode()
	case 1:
		if len(w.nodes) > 2 {
			w.must(w.cache.RemoveNode(logger, w.nodes[n]))
			w.nodes = slices.Delete(w.nodes, n, n+1)
		}
	case 2:
		was := w.nodes[n]
		w.nodes[n] = was.DeepCopy()
		w.nodes[n].Status.Allocatable[v1.ResourceCPU] = resource.MustParse(fmt.Sprint(1 + w.r.IntN(8)))
		w.cache.UpdateNode(logger, was, w.nodes[n])
	case 3:
		if len(w.pods) > 0 {
			p := w.r.IntN(len(w.pods))
			w.must(w.cache.ForgetPod(logger, w.pods[p]))
			w.pods = slices.Delete(w.pods, p, p+1)
		}
	case 4:
		w.forecast()
	case 5:
		w.learn(w.nodes[n].Name, anyObjective(w.r), w.r.IntN(2) == 0)
		for range 3 {
			w.learnBeside(w.nodes[n].Name, fmt.Sprint("workload-", 1+w.r.IntN(4)), w.r.IntN(3) > 0)
		}
		w.wait(10 * time.Minute)
	default:
		p := on(w.nodes[n].Name, w.pod())
		w.must(w.cache.AssumePod(logger, p))
		w.pods = append(w.pods, p)
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// list is the scheduler's snapshot of now, some of the nodes in some order.
func (w *world) list() []fwk.NodeInfo {
	w.t.Helper()
	w.must(w.cache.UpdateSnapshot(klog.Background(), w.snapshot))
	all, err := w.snapshot.NodeInfos().List()
	w.must(err)
	nodes := slices.Clone(all)
	if w.r.IntN(2) == 0 {
		w.r.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		nodes = nodes[:1+w.r.IntN(len(nodes))]
	}
	return nodes
}

// judge takes a pod through a cycle and compares what is read from rows with what a fresh look at each node says.
func (w *world) judge(nodes []fwk.NodeInfo, group bool) {
	w.t.Helper()
	p, state := w.pod(), framework.NewCycleState()
	if group {
		state.SetPodGroupSchedulingCycle(framework.NewCycleState())
	}
	w.PreFilter(w.t.Context(), state, p, nodes)
	w.PreScore(w.t.Context(), state, p, nodes)
	c, best := cycleIn(state), notInHand
	plain := make([]float32, len(nodes))
	for i, n := range nodes {
		v := w.add(c.frame, hold(n), nil)
		if want := c.company(n); v.company != want {
			w.t.Fatalf("%s: the burden of its pods is %v, want %v", n.Node().Name, v.company, want)
		}
		plain[i] = c.harm(v)
		best = min(best, plain[i])
	}
	for i, n := range nodes {
		if got := c.harms[c.rows[n]]; !w.add(c.frame, hold(n), nil).close(got, plain[i]) {
			w.t.Fatalf("%s: harm %v, want %v", n.Node().Name, got, plain[i])
		}
		got, _ := w.Score(w.t.Context(), state, p, n)
		if want := 100 * math.Exp(float64((best-plain[i])/c.weight)); math.Abs(float64(got)-want) > 2 {
			w.t.Fatalf("%s: score %d, want %v", n.Node().Name, got, want)
		}
	}
	judged := 0
	for _, h := range c.harms {
		if h != notInHand {
			judged++
		}
	}
	if judged != len(nodes) {
		w.t.Fatalf("%d nodes are judged of %d in hand", judged, len(nodes))
	}
}

// Rows say what a fresh look does, whatever has changed since they were written, also in and after the cycle of a pod group,
// in which upstream puts pods on nodes and gives these their old generation.
func TestRows(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, seed)
		for range 100 {
			for range w.r.IntN(4) {
				w.change()
			}
			nodes := w.list()
			w.judge(nodes, false)
			if w.r.IntN(4) > 0 {
				continue
			}
			n := nodes[w.r.IntN(len(nodes))].(*framework.NodeInfo)
			generation, member := n.Generation, on(n.Node().Name, w.pod())
			n.AddPod(member)
			n.Generation = generation
			w.judge(nodes, true)
			w.must(n.RemovePod(klog.Background(), member))
			n.Generation = generation
			w.judge(nodes, false)
		}
	}
}

// Rows of nodes that are gone make room.
func TestRowsAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	for range 300 {
		w.addNode()
		w.must(w.cache.RemoveNode(klog.Background(), w.nodes[0]))
		w.nodes = w.nodes[1:]
		w.judge(w.list(), false)
	}
	if n := len(w.frame.Load().kept.rows); n > 120 {
		t.Errorf("%d rows of 5 nodes", n)
	}
}

// With all else equal a node that will use more never ranks better, and beyond what models have seen it ranks worse: by the
// prior, and by a model that is sure of all such nodes.
func TestMoreUseNeverRanksBetter(t *testing.T) {
	a := args()
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	r := rand.New(rand.NewPCG(8, 9))
	for _, rung := range []feedback.Rung{feedback.RungUtilisation, feedback.RungModel} {
		if rung == feedback.RungModel {
			writeModel(t, a.ModelFile)
		}
		for range 40 {
			residents := make([]*v1.Pod, r.IntN(8))
			for i := range residents {
				residents[i] = on("a", pod(fmt.Sprint("r", i), anyObjective(r).String(), fmt.Sprint(r.IntN(300), "m")))
			}
			s := newScheduler(t, a, residents, node("a"))
			if got := s.feedback.Judge().Rung; got != rung {
				t.Fatalf("judged by %v", got)
			}
			p := pod("p", anyObjective(r).String(), fmt.Sprint(r.IntN(1000), "m"))
			by := s.service.views.Of(framework.NewCycleState(), p, 1)
			c := s.newCycle(s.frameOf(by.Snapshot), &by, p, s.nodes)
			newcomer := c.newcomer()
			// used is the node when it uses a share of its CPU beside what its pods do.
			used := func(share float64) (harm float32, v *view) {
				v = s.add(c.frame, hold(s.nodes[0]), nil)
				v.cpu.residual.Upper = share / float64(v.cpu.per)
				v.before = v.cpu.with(forecast.Peak{}, c.combiners[forecast.CPU]).upper
				v.suffered = c.suffer(&v.residents, quality.At(v.before, v.pressure))
				c.kept.rows, c.kept.memory, c.kept.rest = make([]row, 1), make([]memory, 1), make([]rest, 1)
				c.kept.set(c.frame, 0, v)
				return c.harmOn(0, &newcomer), v
			}
			for range 20 {
				share := 3 * r.Float64()
				less, v := used(share)
				more, w := used(share + .03 + .5*r.Float64())
				if plain := c.harm(w); !w.close(more, plain) {
					t.Fatalf("harm %v, want %v", more, plain)
				}
				if more < less && !w.close(more, less) {
					t.Fatalf("%v: a node that uses %v does %v harm, one that uses %v less: %v", rung, v.before, less, w.before, more)
				}
				c.best = less
				if better, worse := c.score(less), c.score(more); worse > better || share > .8 && p.Labels[objective.Key] == "latency" && worse == better {
					t.Fatalf("%v: a node that uses %v scores %d, one that uses %v %d", rung, v.before, better, w.before, worse)
				}
			}
		}
	}
}

// A new epoch is prepared while pods are placed by the last one. When it serves, it has a row of every node as it was looked at
// last, and judges as a fresh look does.
func TestEpochChangesBesideCycles(t *testing.T) {
	w := newWorld(t, 3)
	for range 30 {
		w.change()
	}
	w.judge(w.list(), false)
	stop := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				w.renew()
			}
		}
	})
	for round := range 100 {
		// Nodes and forecasts change, and upstream writes to the NodeInfos that frames were made from.
		contents := w.contents
		contents.Epoch = uint64(1000 + round)
		w.forecasts.Store(forecast.NewSnapshot(contents))
		p := on(w.nodes[w.r.IntN(len(w.nodes))].Name, w.pod())
		w.must(w.cache.AssumePod(klog.Background(), p))
		w.pods = append(w.pods, p)
		w.judge(w.list(), false)
	}
	close(stop)
	others.Wait()
	w.must(w.cache.UpdateSnapshot(klog.Background(), w.snapshot))
	nodes, err := w.snapshot.NodeInfos().List()
	w.must(err)
	w.judge(nodes, false)
	was := w.latest()
	w.forecast()
	f := w.latest()
	if f == was {
		t.Fatal("the forecasts are new, and the frame is not")
	}
	for _, n := range nodes {
		k, ok := f.kept.index[n]
		if !ok || f.kept.rows[k].generation != n.GetGeneration() {
			t.Errorf("%s is left to be added up when a pod waits", n.Node().Name)
		}
	}
	w.judge(nodes, false)
}

// Cycles may overlap: each reads the harms of its own pod.
func TestRowsAreShared(t *testing.T) {
	w := newWorld(t, 2)
	for range 30 {
		w.change()
	}
	nodes := w.list()
	var wg sync.WaitGroup
	for i := range 4 {
		p := pod(fmt.Sprint("p", i), objective.Objective(i).String(), "300m")
		wg.Go(func() {
			for range 50 {
				state := framework.NewCycleState()
				w.PreFilter(t.Context(), state, p, nodes)
				w.PreScore(t.Context(), state, p, nodes)
				c := cycleIn(state)
				for _, n := range nodes {
					v := w.add(c.frame, hold(n), nil)
					if got, want := c.harms[c.rows[n]], c.harm(v); !v.close(got, want) {
						t.Errorf("%s: harm %v, want %v", n.Node().Name, got, want)
					}
				}
			}
		})
	}
	wg.Wait()
}

// A row comes to what forecast.PeakWith comes to, in shares of the node.
func TestRowAfter(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	peak := func() forecast.Peak {
		p := forecast.Peak{Mean: r.Float64(), Lower: r.Float64(), Upper: 2 * r.Float64()}
		if r.IntN(10) == 0 {
			p.Upper = []float64{math.NaN(), -1, 0}[r.IntN(3)]
		}
		return p
	}
	for range 2000 {
		c := &podCycle{frame: &frame{judge: &feedback.Judge{}}, resident: &quality.Slab{}}
		c.own.Peaks[horizon][forecast.CPU] = peak()
		c.combiners[forecast.CPU].Together = r.Float64()
		v := view{cpu: demand{residual: forecast.Interval{Upper: r.Float64() - .5}, per: 1 / float32(1+r.IntN(64))}}
		for range r.IntN(4) {
			v.cpu.load = v.cpu.load.Add(peak())
		}
		var row row
		row.set(c.frame, &v)
		pod := c.newcomer()
		if got, want := row.after(&pod), c.after(&v).upper; !(math.Abs(float64(got-want)) < 1e-4) {
			t.Fatalf("%+v with %+v: %v, want %v", v.cpu, c.own.Peaks[horizon][forecast.CPU], got, want)
		}
	}
}

// Where a node's memory is ample it adds nothing to the odds, however peaks add up; and it is ample on most nodes that are half full.
func TestAmpleMemoryDoesNoHarm(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	const node = 64 << 30
	peak := func() forecast.Peak {
		upper := r.Float64() * node / 4
		return forecast.Peak{Mean: r.Float64() * upper, Lower: r.Float64() * upper, Upper: upper}
	}
	halfFull, ample := 0, 0
	for range 20_000 {
		c := &podCycle{frame: &frame{judge: &feedback.Judge{}}, resident: &quality.Slab{}, objective: objective.Availability}
		c.own.Peaks[horizon][forecast.Memory] = peak()
		c.combiners[forecast.Memory].Together = r.Float64()
		v := view{memory: demand{residual: forecast.Interval{Upper: (r.Float64() - .5) * node / 4}, per: 1. / node}}
		for range r.IntN(6) {
			v.memory.load = v.memory.load.Add(peak())
		}
		c.kept.append(row{})
		c.kept.set(c.frame, 0, &v)
		pod := c.newcomer()
		harm := c.outOfMemory(&v.memory)
		if c.kept.memory[0].ample(pod.memory) {
			if ample++; harm > 0 {
				t.Fatalf("%+v with %+v: ample, and adds %v to the log-odds", v.memory, c.own.Peaks[horizon][forecast.Memory], harm)
			}
		}
		if harm == 0 {
			halfFull++
		}
	}
	if 2*ample < halfFull {
		t.Errorf("ample in %d of %d cases in which memory adds nothing", ample, halfFull)
	}
}

// counted is a node that counts how often its pods are added up.
type counted struct {
	fwk.NodeInfo
	times *int
}

func (c counted) GetPods() []fwk.PodInfo {
	*c.times++
	return c.NodeInfo.GetPods()
}

// The node index asks of each node once for a pod of a group, and its pods are added up once.
func TestLookAddsUpOnce(t *testing.T) {
	w := newWorld(t, 4)
	for range 20 {
		w.change()
	}
	p, state, looks := w.pod(), framework.NewCycleState(), 0
	state.SetPodGroupSchedulingCycle(framework.NewCycleState())
	var nodes []fwk.NodeInfo
	var rows []judge.Row
	for i, n := range w.list() {
		nodes = append(nodes, counted{n, &looks})
		rows = append(rows, judge.Row{NodeInfo: nodes[i], At: int32(i), Generation: n.GetGeneration()})
	}
	w.PreFilter(t.Context(), state, p, nodes)
	j, _ := w.Judge(state, p)
	for range 2 {
		looks = 0
		verdicts := make([]judge.Verdict, len(rows))
		j.Look(rows, verdicts)
		if looks != len(rows) {
			t.Errorf("%d nodes were added up %d times", len(rows), looks)
		}
		c := cycleIn(state)
		for i, n := range nodes {
			if v := w.add(c.frame, hold(n), nil); !v.close(harmIn(verdicts[i].Raw), c.harm(v)) {
				t.Errorf("%s: harm %v, want %v", n.Node().Name, harmIn(verdicts[i].Raw), c.harm(v))
			}
		}
	}
}
