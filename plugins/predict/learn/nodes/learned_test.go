// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/pods"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// cluster is nodes of 8 cores and 32 GiB whose pods use something, and the histories that learn from it.
type cluster struct {
	*Learned
	p    *pods.Learned
	now  time.Time
	step time.Duration
	// names of nodes that train made.
	names []string
	// pods by name, and where they run.
	pods map[string]*v1.Pod
	// sizes of nodes that are not as the others, as multiples of those; 0 is not known.
	sizes map[string]float64
	// untold pods use what they use, but no answer holds them.
	untold map[string]bool
}

func newCluster(step time.Duration) *cluster {
	grid := history.Grid{Interval: step}
	sizes := map[string]float64{}
	return &cluster{
		Learned: New(Options{Tau: .95, Expiry: 5 * time.Minute, Grid: grid}, func(node string) (usage.Machine, bool) {
			size, other := sizes[node]
			if !other {
				size = 1
			}
			return usage.Machine{Cores: 8 * size, Bytes: size * (32 << 30)}, size > 0
		}),
		sizes: sizes,
		p:     pods.New(pods.Options{Tau: .95, ColdStart: 15 * time.Minute, Most: 1000, Forget: 5 * time.Minute, Grid: grid}),
		now:   time.Unix(1_700_006_400, 0), step: step, pods: map[string]*v1.Pod{}, untold: map[string]bool{},
	}
}

func (c *cluster) place(pod, owner, node string) {
	yes := true
	c.pods[pod] = &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: pod, UID: types.UID(pod),
			OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", Name: owner, Controller: &yes}}},
		Spec: v1.PodSpec{NodeName: node, RestartPolicy: v1.RestartPolicyAlways, Containers: []v1.Container{{Image: owner}}},
	}
}

// read lets a step pass. of says what a pod uses in cores, own what a node uses beyond; the node's use is the sum.
func (c *cluster) read(nodes []string, of func(pod string) float64, own func(node string) float64) {
	c.now = c.now.Add(c.step)
	r := usage.Reading{End: c.now}
	sum := map[string]float64{}
	set := func(s *usage.Sample, cores float64) {
		s.Time = c.now
		s.Values.Set(usage.CPU, cores)
		s.Values.Set(usage.Memory, cores*(1<<30))
	}
	for name, pod := range c.pods {
		v := of(name)
		if c.untold[name] {
			sum[pod.Spec.NodeName] += v
			continue
		}
		s := usage.PodSample{Namespace: "shop", Name: name}
		set(&s.Sample, v)
		r.Pods = append(r.Pods, s)
		sum[pod.Spec.NodeName] += v
	}
	for _, name := range nodes {
		s := usage.NodeSample{Node: name}
		set(&s.Sample, sum[name]+own(name))
		r.Nodes = append(r.Nodes, s)
	}
	c.p.Add(r, func(_, name string) *v1.Pod { return c.pods[name] })
	c.p.Expect(slices.Collect(maps.Values(c.pods)), c.now)
	s, _ := c.publish()
	c.Add(r, c.p, s)
}

func (c *cluster) publish() (*forecast.Snapshot, forecast.Contents) {
	s, contents, _ := c.stand()
	return s, contents
}

// stand publishes, and says where forecasts come from.
func (c *cluster) stand() (*forecast.Snapshot, forecast.Contents, Standing) {
	var contents forecast.Contents
	c.p.Publish(&contents, nil)
	st := c.Publish(c.now, &contents)
	return forecast.NewSnapshot(contents), contents, st
}

func constant(v float64) func(string) float64 { return func(string) float64 { return v } }

// A node's forecast is what its system uses and its pods together; with another pod it is more by
// what that pod adds.
func TestResidualIsTheSystemsUse(t *testing.T) {
	c := newCluster(time.Minute)
	for i := range 4 {
		c.place(fmt.Sprint("web-", i), "web", "a")
	}
	for range 3 * 60 {
		c.read([]string{"a"}, constant(.5), constant(.25))
	}
	s, _ := c.publish()
	f := s.NodeForecast("a")
	if f.Rung != forecast.Fresh || f.Age != 0 {
		t.Fatalf("%+v", f)
	}
	web := s.Pod(c.pods["web-0"])
	load := forecast.NodeLoad{}
	for range 4 {
		load.Add(&web)
	}
	for h := range forecast.NumHorizons {
		residual, peak := f.Residual[h][forecast.CPU], web.Peaks[h][forecast.CPU]
		if math.Abs(residual.Lower-.25) > .01 || math.Abs(residual.Upper-.25) > .01 {
			t.Errorf("residual %+v, want .25", residual)
		}
		now := forecast.PeakWith(residual, load[h][forecast.CPU], forecast.Peak{}, s.Combiner(forecast.Horizon(h), forecast.CPU))
		with := forecast.PeakWith(residual, load[h][forecast.CPU], peak, s.Combiner(forecast.Horizon(h), forecast.CPU))
		if now.Lower > 2.25+1e-6 || now.Upper < 2.25-1e-6 || now.Upper > 4 {
			t.Errorf("horizon %d: %+v, want about 2.25 within", h, now)
		}
		// At least its mean, and less than its peak: that all peaks coincide is not what was ever seen.
		if grows := with.Upper - now.Upper; grows < peak.Mean || grows >= peak.Upper {
			t.Errorf("one more pod, of %v to %v, adds %v", peak.Mean, peak.Upper, grows)
		}
	}
}

// A pod that an answer leaves out has not used nothing: what it uses does not pass for the system's.
func TestPartialAnswers(t *testing.T) {
	c := newCluster(time.Minute)
	for i := range 4 {
		c.place(fmt.Sprint("web-", i), "web", "a")
	}
	own := func() float64 { return c.nodes["a"].Resources[forecast.CPU].Own.Mean }
	for range 10 {
		c.read([]string{"a"}, constant(.5), constant(.25))
	}
	c.untold = map[string]bool{"web-0": true, "web-1": true, "web-2": true, "web-3": true}
	for range 4 {
		c.read([]string{"a"}, constant(.5), constant(.25))
	}
	if v := own(); math.Abs(v-.25) > .01 {
		t.Errorf("without pods in the answer the system uses %v, want .25", v)
	}
	// Pods that are gone do count with nothing at once, though none of them is forgotten yet.
	c.untold, c.pods = nil, map[string]*v1.Pod{}
	c.read([]string{"a"}, constant(0), constant(.25))
	if v := own(); math.Abs(v-.25) > .01 {
		t.Errorf("without pods the system uses %v, want .25", v)
	}
}

// Without samples a node goes down the ladder, its interval widens on the way, and it comes back at once.
func TestLadder(t *testing.T) {
	c := newCluster(time.Minute)
	none := constant(0)
	if _, contents := c.publish(); contents.Forecasts["a"] != (forecast.NodeForecast{}) {
		t.Error("a forecast of no node")
	}
	c.read([]string{"a"}, none, constant(1))
	if s, _ := c.publish(); s.NodeForecast("a").Rung != forecast.Blind {
		t.Error("one sample is enough for a forecast")
	}
	for range 8 * 24 * 60 { // a week and a day, hot from 12 to 13 o'clock
		c.read([]string{"a"}, none, func(string) float64 {
			if c.now.UTC().Hour() == 12 {
				return 4
			}
			return 1
		})
	}
	s, _ := c.publish()
	fresh := s.NodeForecast("a")
	last, width := c.now, 0.0
	for _, step := range []struct {
		after time.Duration
		rung  forecast.NodeRung
	}{
		{0, forecast.Fresh}, {5 * time.Minute, forecast.Fresh}, {6 * time.Minute, forecast.Stale}, {time.Hour, forecast.Stale}, {12*time.Hour + time.Minute, forecast.Profile},
	} {
		c.now = last.Add(step.after)
		s, _, st := c.stand()
		f := s.NodeForecast("a")
		r := f.Residual[forecast.Hour][forecast.CPU]
		if f.Rung != step.rung || f.Age != step.after || st.Nodes[step.rung] != 1 || st.Ages[step.rung] != step.after {
			t.Errorf("after %v: %v, aged %v, nodes on rungs %v aged %v", step.after, f.Rung, f.Age, st.Nodes, st.Ages)
		}
		if now := r.Upper - r.Lower; now < width-1e-9 || step.rung == forecast.Stale && now <= width {
			t.Errorf("after %v: the interval is %v wide, before %v", step.after, now, width)
		} else {
			width = now
		}
		if step.rung == forecast.Profile && (r.Upper < 4 || f.Residual[forecast.Day][forecast.CPU].Lower > 1) {
			t.Errorf("at 12 o'clock: %+v", r)
		}
	}
	c.now = last.Add(24 * time.Hour)
	c.read([]string{"a"}, none, constant(1))
	if s, _ := c.publish(); s.NodeForecast("a").Rung != forecast.Fresh {
		t.Errorf("with a new sample: %v, before %v", s.NodeForecast("a").Rung, fresh.Rung)
	}
	c.now = c.now.Add(silentAfter)
	c.read([]string{"b"}, none, constant(1))
	c.Forget(c.now, nil)
	if c.Len() != 1 {
		t.Error("a node that is gone is remembered for ever")
	}
}

// train returns a cluster of 60 nodes, as of the beginning of an hour, that was watched for four days, and what lets a quarter of
// an hour pass. Each node runs a pod of each of four workloads, w0-I to w3-I on node-I.
func train(t *testing.T) (c *cluster, read func()) {
	c = newCluster(15 * time.Minute)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 60 {
		name := fmt.Sprint("node-", i)
		c.names = append(c.names, name)
		for j := range 4 {
			c.place(fmt.Sprintf("w%d-%d", j, i), fmt.Sprint("w", j), name)
		}
	}
	use := func(string) float64 { return .5 + .2*rng.ExpFloat64() }
	own := func(string) float64 { return .2 + .05*rng.Float64() }
	read = func() { c.read(c.names, use, own) }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Train(ctx, func(err error) { t.Error(err) })
	}()
	for h := range 24 * 4 {
		for range 4 {
			read()
		}
		for h > 24*2+12 && c.Training().Fits < 2 { // that of each resource
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	<-done
	return c, read
}

// Nodes whose pods do not peak together: a model is trained on what came, combiners learn ρ, the forecasts hold about as
// often as they say, and what is saved trains the same model again.
func TestTrains(t *testing.T) {
	c, step := train(t)
	if c.models[forecast.Hour][forecast.CPU].Load() == nil {
		t.Fatal("no model was trained")
	}
	if d := c.nodes["node-1"].direct[forecast.Hour][forecast.CPU]; !d.known || d.Upper < 2 || d.Upper > 8 {
		t.Errorf("the whole node's forecast is %+v", d)
	}
	if rho := c.combiners[forecast.Hour][forecast.CPU].Together; rho >= 1 {
		t.Errorf("ρ = %v: the peaks of independent pods coincide", rho)
	}
	r := c.Realised()
	all := r.Above[forecast.CPU] + r.Below[forecast.CPU] + r.Within[forecast.CPU]
	if share := float64(r.Above[forecast.CPU]) / float64(all); all < 3000 || share > .1 {
		t.Errorf("%v of %d node hours were above", share, all)
	}

	var file bytes.Buffer
	if err := c.Save(&file); err != nil {
		t.Fatal(err)
	}
	read := New(c.options, c.machines)
	if err := read.Load(bytes.NewReader(file.Bytes()), c.now); err != nil {
		t.Fatal(err)
	}
	if a, b := c.Training().Decisions, read.Training().Decisions; a != b || read.Len() != 60 {
		t.Errorf("%d decisions of %d were read, and %d nodes", b, a, read.Len())
	}
	select {
	case <-read.wake:
	default:
		t.Error("nothing is trained from what was read")
	}
	for n := 0; n < file.Len(); n += 1 + file.Len()/50 {
		if err := New(c.options, nil).Load(bytes.NewReader(file.Bytes()[:n]), c.now); err == nil {
			t.Errorf("read %d of %d bytes", n, file.Len())
		}
	}

	// What models say, when something changes. They are not trained once more for it: that takes a while.
	t.Run("PodsComeAndGo", func(t *testing.T) { podsComeAndGo(t, c, step) })
	t.Run("NodeIsResized", func(t *testing.T) { nodeIsResized(t, c, step) })
}

// A checkpoint of a binary that knew fewer features is read, without the decisions that no model can learn from any more.
func TestDecisionsOfOtherFeaturesAreLeftOut(t *testing.T) {
	c := newCluster(time.Minute)
	c.completed[forecast.Hour][forecast.CPU] = []*Decision{
		{Node: "a", Features: make([]float32, history.FeatureLen-2)},
		{Node: "b", Features: make([]float32, history.FeatureLen)},
	}
	var file bytes.Buffer
	if err := c.Save(&file); err != nil {
		t.Fatal(err)
	}
	read := New(c.options, c.machines)
	if err := read.Load(&file, c.now); err != nil {
		t.Fatal(err)
	}
	if got := read.completed[forecast.Hour][forecast.CPU]; len(got) != 1 || got[0].Node != "b" {
		t.Errorf("read %d decisions", len(got))
	}
}

// A node of a workload that was never busy is judged a day ahead by what another workload of its kind did three days long.
func TestKindsOfWorkloads(t *testing.T) {
	expected := func(busy float64) float64 {
		c := newCluster(15 * time.Minute)
		c.place("a", "busy", "node-1")
		c.place("b", "calm", "node-2")
		nodes := []string{"node-1", "node-2"}
		for step := range 5 * 24 * 4 {
			use := map[string]float64{"a": .2, "b": .2}
			if step < 3*24*4 && step%(24*4) < 4 {
				use["a"] = busy
			}
			c.read(nodes, func(pod string) float64 { return use[pod] }, constant(.1))
		}
		d := c.decide("node-2", c.nodes["node-2"], int(forecast.Day), int(forecast.CPU), c.hour)
		return d.Limit * float64(d.Features[history.Far()[3]])
	}
	if got := expected(.2); math.Abs(got-.3) > .01 {
		t.Errorf("where no workload was busy, %v cores are expected of the node, want .3", got)
	}
	if got, want := expected(2), .2+2.5*1.8; math.Abs(got-want) > .1 {
		t.Errorf("where one of its kind was busy, %v cores are expected of the node, want %v", got, want)
	}
}

// How peaks add up is learned from the first decision on, from the middle of what was ever seen, and roll-outs do not keep it from being
// learned: they once dropped every decision of a day.
func TestPeaksAddUpFromTheStart(t *testing.T) {
	c := newCluster(15 * time.Minute)
	if rho := c.combiners[forecast.Day][forecast.CPU].Together; rho <= 0 || rho >= .5 {
		t.Errorf("ρ = %v before anything was learned", rho)
	}
	for i := range 8 {
		c.place(fmt.Sprint("pod-", i), fmt.Sprint("w", i), "node-1")
	}
	before := c.combiners[forecast.Day][forecast.CPU].Together
	for step := range 4 * 24 * 4 {
		if step%(12*4) == 0 && step > 0 { // a roll-out of all of them, twice a day
			for i := range 8 {
				delete(c.pods, fmt.Sprint("pod-", i, "-", step/(12*4)-1))
				delete(c.pods, fmt.Sprint("pod-", i))
				c.place(fmt.Sprint("pod-", i, "-", step/(12*4)), fmt.Sprint("w", i), "node-1")
			}
		}
		// One of them works at a time.
		c.read([]string{"node-1"}, func(pod string) float64 {
			if int(pod[4]-'0') == step%8 {
				return 1
			}
			return .1
		}, constant(.1))
	}
	if n := len(c.completed[forecast.Day][forecast.CPU]); n < 24 {
		t.Fatalf("%d decisions of a day were completed in four days", n)
	}
	if rho := c.combiners[forecast.Day][forecast.CPU].Together; rho >= before {
		t.Errorf("ρ = %v, at first %v: the pods never work at the same time", rho, before)
	}
}
