// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
)

// cluster is nodes that look alike, on which hogs hurt who is beside them. Nothing that a model sees tells the hogs.
type cluster struct {
	r    *rand.Rand
	hurt map[Class]float32
	all  []Class
}

func newCluster(seed uint64, classes, hogs int) *cluster {
	c := &cluster{r: rand.New(rand.NewPCG(seed, 2)), hurt: map[Class]float32{}}
	for i := range classes {
		class := Class{"ns", "Deployment", fmt.Sprint("w", i)}
		c.all = append(c.all, class)
		if i < hogs {
			c.hurt[class] = 2
		}
	}
	return c
}

// outcome of a pod beside four others.
func (c *cluster) outcome() *Lesson {
	l := &Lesson{Node: fmt.Sprint("n", c.r.IntN(50)), Workload: fmt.Sprint("t", c.r.IntN(2), "/Deployment/v", c.r.IntN(5)), Tenant: fmt.Sprint("t", c.r.IntN(2)), Model: -2}
	z := l.Model
	for _, i := range c.r.Perm(len(c.all))[:4] {
		l.Beside = append(l.Beside, Companion{c.all[i], 1})
		z += c.hurt[c.all[i]]
	}
	l.Violated = c.r.Float32() < quality.Probability(z)
	return l
}

// Classes that hurt are told from those that do not, and outcomes are foretold better for it, on clusters that nothing was tuned on.
func TestWhoHurts(t *testing.T) {
	now := time.Unix(0, 0)
	for seed := range uint64(5) {
		c, h := newCluster(seed, 20, 3), NewHistory(1000*time.Hour)
		var plain, risk, label []float64
		for i := range 1500 {
			l := c.outcome()
			if i >= 500 && i%50 == 0 || i == 500 {
				now = now.Add(time.Minute)
			}
			if i >= 500 {
				v := h.View(now)
				u, takes, burden := v.Workload(l.Workload), v.Takes(l.Workload), Burden{}
				n := v.Nodes[l.Node]
				for _, b := range l.Beside {
					hurt := v.Hurts[b.Class]
					burden.Add(&hurt)
				}
				z := l.Model + n.Vector.Dot(&u)
				plain, risk = append(plain, float64(quality.Probability(z))), append(risk, float64(quality.Probability(z+burden.Dot(&takes))))
				label = append(label, map[bool]float64{true: 1}[l.Violated])
			}
			h.Learn(l, now)
		}
		v := h.View(now)
		for _, class := range c.all {
			got := v.Hurts[class][0]
			if want := c.hurt[class]; want > 0 && !(got > .8 && got < 3) || want == 0 && got > .5 {
				t.Errorf("seed %d: %s hurts by %v, want %v", seed, class.Name, got, want)
			}
		}
		with, without := metrics.AUC(risk, label), metrics.AUC(plain, label)
		if with < without+.1 {
			t.Errorf("seed %d: AUC %.3f, and %.3f by nodes alone", seed, with, without)
		}
		if ours, nodes := metrics.ECE(risk, label), metrics.ECE(plain, label); ours > nodes {
			t.Errorf("seed %d: calibration error %.3f, and %.3f by nodes alone", seed, ours, nodes)
		}
		t.Logf("AUC %.3f, by nodes alone %.3f", with, without)
	}
}

// Where nobody hurts anybody, next to nothing is made of chance.
func TestNobodyHurts(t *testing.T) {
	now := time.Unix(0, 0)
	c, h := newCluster(9, 40, 0), NewHistory(time.Hour)
	for range 3000 {
		h.Learn(c.outcome(), now)
	}
	sum := float32(0)
	for _, b := range h.View(now).Hurts {
		sum += b[0]
	}
	if mean := sum / 40; mean > .1 {
		t.Errorf("on average a class is said to hurt by %v", mean)
	}
}

// What one tenant's pods say of others counts only where there is nobody else; what is not heard of again is forgotten.
func TestOneTenantsWord(t *testing.T) {
	now := time.Unix(0, 0)
	shop := Class{"shop", "Deployment", "web"}
	blame := func(h *History, tenant string) {
		for i := range 50 {
			h.Learn(&Lesson{Node: fmt.Sprint("n", i), Workload: tenant + "/Deployment/a", Tenant: tenant, Beside: []Companion{{shop, 1}}, Model: -2, Violated: true}, now)
		}
	}
	h := NewHistory(time.Hour)
	blame(h, "evil")
	if _, hurts := h.View(now).Hurts[shop]; !hurts {
		t.Error("the only tenant is not believed")
	}
	h.Learn(&Lesson{Node: "n", Workload: "shop/Deployment/web", Tenant: "shop", Model: -2}, now)
	if b, hurts := h.View(now).Hurts[shop]; hurts {
		t.Errorf("one tenant of two says that it hurts by %v", b)
	}
	blame(h, "other")
	if _, hurts := h.View(now).Hurts[shop]; !hurts {
		t.Error("two tenants are not believed")
	}
	if v := h.View(now.Add(100 * time.Hour)); len(v.Hurts) != 0 || len(h.company.classes) != 0 {
		t.Errorf("%v after a hundred half-lives", v.Hurts)
	}
}

// Past the bound the classes go whose last outcome is oldest.
func TestClassesAreBounded(t *testing.T) {
	h, now := NewHistory(time.Hour), time.Unix(0, 0)
	for i := range 2 * maxClasses {
		now = now.Add(time.Second)
		class := Class{"ns", "Deployment", fmt.Sprint("w", i)}
		h.Learn(&Lesson{Node: "n", Workload: fmt.Sprint("ns/Deployment/w", i), Tenant: "ns", Beside: []Companion{{class, 1}}}, now)
		if n := len(h.company.classes); n > maxClasses {
			t.Fatalf("%d classes", n)
		}
		if n := len(h.company.takes); n > maxClasses {
			t.Fatalf("%d workloads", n)
		}
	}
}

// A class with ten pods on the node is learned of without swinging: each outcome moves what they do together in its own direction, and
// no further than what it tells.
func TestManyPodsOfAClass(t *testing.T) {
	now, class := time.Unix(0, 0), Class{"ns", "Deployment", "web"}
	for _, model := range []float32{-5, -4.6, 0, 5} {
		h, r := NewHistory(1000*time.Hour), rand.New(rand.NewPCG(1, 2))
		together := func() float32 { return 10 * h.company.classes[class].burden[0] }
		before := float32(0)
		for i := range 200 {
			violated := r.Float32() < .4
			if i < 5 {
				violated = i%3 == 0
			}
			l := &Lesson{Node: fmt.Sprint("n", i), Workload: "a/Deployment/a", Tenant: "a", Beside: []Companion{{class, 10}}, Model: model, Violated: violated}
			h.Learn(l, now)
			if moved := together() - before; violated && moved < 0 || !violated && moved > 0 || moved > 4 || moved < -4 {
				t.Fatalf("%v, outcome %d, violated %v: moved by %v", model, i, violated, moved)
			}
			before = together()
		}
		takes := h.company.takesOf("a/Deployment/a")
		burden := h.company.beside([]Companion{{class, 10}})
		if p := quality.Probability(model + burden.Dot(&takes)); !(p > .2 && p < .6) {
			t.Errorf("%v: foretold %v, and four in ten were violated", model, p)
		}
		if v := h.company.classes[class].variance; !(v < .05) {
			t.Errorf("%v: variance %v after 200 outcomes", model, v)
		}
	}
}

// Many pods that hurt add no more than the most that is believed of a node, for whoever suffers by either entry.
func TestBurdensTogether(t *testing.T) {
	for _, b := range []Burden{{40, 40}, {4, 40}, {0, 40}} {
		if z := b.Dot(&Burden{1, 1}); z != mostTogether {
			t.Errorf("%v adds %v", b, z)
		}
		if z := b.Dot(&Burden{0, -1}); z != -mostTogether {
			t.Errorf("%v takes %v", b, z)
		}
	}
}

// How often it is asked what was learned does not change what is: an outcome that nobody foretold tells of a burden while the variance
// is what it was.
func TestViewsForgetNoBurdens(t *testing.T) {
	now, class := time.Unix(0, 0), Class{"ns", "Deployment", "web"}
	once, often := NewHistory(time.Hour), NewHistory(time.Hour)
	for i := range 4 {
		l := &Lesson{Node: fmt.Sprint("n", i), Workload: "a/Deployment/a", Tenant: "a", Beside: []Companion{{class, 1}}, Model: -8, Violated: true}
		once.Learn(l, now)
		often.Learn(l, now)
		often.View(now)
	}
	want, got := once.View(now).Hurts[class], often.View(now).Hurts[class]
	if want[0] < 1 || got != want {
		t.Errorf("hurts by %v where it is looked at each time, and by %v where once", got, want)
	}
}

// Odd outcomes leave finite numbers.
func FuzzLearn(f *testing.F) {
	f.Add(uint64(1), float32(-2), 3)
	f.Add(uint64(2), float32(1e30), 1<<30)
	f.Fuzz(func(t *testing.T, seed uint64, model float32, pods int) {
		if !(model >= -1e30 && model <= 1e30) || pods < 1 {
			t.Skip()
		}
		now := time.Unix(0, 0)
		c, h := newCluster(seed, 8, 2), NewHistory(time.Hour)
		for range 200 {
			l := c.outcome()
			l.Model, l.Beside[0].Pods = model, pods
			now = now.Add(time.Duration(c.r.Int64N(int64(time.Minute))))
			h.Learn(l, now)
		}
		for class, b := range h.View(now).Hurts {
			if !(b[0] > 0 && b[0] <= mostBurden) || b[1] != b[1] {
				t.Errorf("%v: %v", class, b)
			}
		}
	})
}

// The memory of 10,000 classes and as many workloads, and the time of a lesson.
func BenchmarkLearn(b *testing.B) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	c, h, now := newCluster(1, maxClasses, 10), NewHistory(1e6*time.Hour), time.Unix(0, 0)
	lessons := make([]*Lesson, 20000)
	for i := range lessons {
		lessons[i] = &Lesson{Node: fmt.Sprint("n", i%15000), Workload: fmt.Sprint("ns/Deployment/w", i), Tenant: "ns", Violated: i%7 == 0}
		for k := range 8 {
			lessons[i].Beside = append(lessons[i].Beside, Companion{c.all[(8*i+k)%maxClasses], 1})
		}
	}
	for _, l := range lessons {
		h.Learn(l, now)
	}
	for i := 0; b.Loop(); i++ {
		h.Learn(lessons[i%len(lessons)], now)
	}
	clear(lessons)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
	runtime.KeepAlive(h)
}
