// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const gib = 1 << 30

// lab is a cluster of nodes with 8 cores, in which what is asked of the API server is done at once: a pod that is evicted comes anew on the node with the
// most room by requests, on one that is marked only if it fits nowhere else.
type lab struct {
	t       testing.TB
	leads   bool
	nodes   []*rebalance.Node
	now     time.Time
	waiting bool
	guarded map[string]bool // pods by name, whose budget is zero
	answer  error           // of evictions
	refuses error           // of marks
	evicted []string
	told    []string // of nodes
	marks   int      // that were put there
}

func newLab(t testing.TB, nodes ...*rebalance.Node) *lab {
	return &lab{t: t, leads: true, nodes: nodes, now: noon, guarded: map[string]bool{}}
}

func node(name string, pods ...*rebalance.Pod) *rebalance.Node {
	return &rebalance.Node{Name: name, Size: forecast.Amounts{8, 32 * gib}, Packed: true, Pods: pods}
}

// pod that requests so many cores, and uses half of them.
func pod(name string, cores float64) *rebalance.Pod {
	p := &rebalance.Pod{
		UID: name, Namespace: "shop", Name: name, Workload: "shop/ReplicaSet/" + name, Created: noon.Add(-48 * time.Hour),
		Asked: cores, AskedBytes: gib, Latest: cores / 2, Now: forecast.Amounts{cores / 2, gib}, Measured: true, Use: make([]rebalance.Uses, 3),
	}
	for k := range p.Use {
		p.Use[k] = rebalance.Uses{{Mean: cores / 2}, {Mean: gib}}
	}
	return p
}

func fixed(reason rebalance.Reason, p *rebalance.Pod) *rebalance.Pod {
	p.Fixed = reason
	return p
}

func (l *lab) find(name string) *rebalance.Node {
	i := slices.IndexFunc(l.nodes, func(n *rebalance.Node) bool { return n.Name == name })
	return l.nodes[i]
}

func requested(n *rebalance.Node) (cores float64) {
	for _, p := range n.Pods {
		cores += p.Asked
	}
	return cores
}

func (l *lab) See(_ context.Context, now time.Time) (*rebalance.Cluster, error) {
	l.now = now
	c := &rebalance.Cluster{Now: now, Slots: []rebalance.Slot{{Length: time.Hour, Weight: 1}, {Length: time.Hour, Weight: .8}, {Length: time.Hour, Weight: .64}}}
	for _, n := range l.nodes {
		copied := *n
		copied.Pods, copied.Requested = nil, forecast.Amounts{requested(n), float64(len(n.Pods)) * gib}
		for _, p := range n.Pods {
			p := *p
			copied.Pods = append(copied.Pods, &p)
		}
		c.Nodes = append(c.Nodes, copied)
	}
	return c, nil
}

// Elsewhere is what the scheduler answers: the node with the most room by requests, marked ones last.
func (l *lab) Elsewhere(_ context.Context, p *rebalance.Pod, without []string, moved []rebalance.Move) ([]string, error) {
	free := map[string]float64{}
	for _, n := range l.nodes {
		free[n.Name] = n.Size[forecast.CPU] - requested(n)
		if slices.ContainsFunc(n.Pods, func(other *rebalance.Pod) bool { return other.UID == p.UID }) {
			free[n.Name] += p.Asked
		}
	}
	for _, m := range moved {
		free[m.From] += m.Pod.Asked
		free[m.To] -= m.Pod.Asked
	}
	best, room := "", -1e9
	for _, n := range l.nodes {
		f := free[n.Name]
		if slices.Contains(without, n.Name) || f < p.Asked || n.Kept == NotReady {
			continue
		}
		if !n.Marked.IsZero() {
			f -= 1000
		}
		if f > room {
			best, room = n.Name, f
		}
	}
	if best == "" {
		return nil, nil
	}
	return []string{best}, nil
}

func (l *lab) Best(ctx context.Context, p *rebalance.Pod, _ string, moved []rebalance.Move) ([]string, error) {
	return l.Elsewhere(ctx, p, nil, moved)
}

func (l *lab) Leads() bool { return l.leads }

func (l *lab) Evict(ctx context.Context, p *rebalance.Pod) error {
	if l.answer != nil {
		return l.answer
	}
	l.evicted = append(l.evicted, p.Name)
	for _, n := range l.nodes {
		i := slices.IndexFunc(n.Pods, func(other *rebalance.Pod) bool { return other.UID == p.UID })
		if i < 0 {
			continue
		}
		if n.Pods[i].Fixed != "" || n.Marked.IsZero() {
			l.t.Errorf("%s (%s) is evicted from %s, marked %v", p.Name, n.Pods[i].Fixed, n.Name, n.Marked)
		}
		n.Pods = slices.Delete(n.Pods, i, i+1)
		again := *p
		again.UID, again.Name, again.Created = p.UID+"'", p.Name+"'", l.now.Add(time.Second)
		best, _ := l.Elsewhere(ctx, &again, nil, nil)
		if len(best) == 0 || best[0] == n.Name {
			l.t.Errorf("%s goes to %v", again.Name, best)
			return nil
		}
		to := l.find(best[0])
		to.Pods = append(to.Pods, &again)
		return nil
	}
	return apierrors.NewNotFound(v1Pods, p.Name)
}

func (l *lab) Tell(*rebalance.Pod, string, string) {}

func (l *lab) Mark(_ context.Context, name string, on bool, now time.Time) error {
	if l.refuses != nil {
		return l.refuses
	}
	n := l.find(name)
	if n.Marked = (time.Time{}); on {
		n.Marked = now.Truncate(time.Second)
		l.marks++
	}
	return nil
}

func (l *lab) Protected(p *rebalance.Pod) bool { return l.guarded[p.Name] }
func (l *lab) Waiting() bool                   { return l.waiting }
func (l *lab) TellNode(node, result, note string) {
	l.told = append(l.told, node+" "+result+": "+note)
}

func (l *lab) marked() (names []string) {
	for _, n := range l.nodes {
		if !n.Marked.IsZero() {
			names = append(names, n.Name)
		}
	}
	return names
}

func options() Options {
	return Options{Evicts: true, Keep: 1, Headroom: .1, MaxPods: 10, GiveUp: 3 * time.Hour, Hold: time.Hour, Again: 6 * time.Hour, Workload: 1, Namespace: 4}
}

// loop returns a leader of the lab.
func (l *lab) loop(o Options) *rebalance.Loop {
	return &rebalance.Loop{
		World: l, Evicts: true, Count: rebalance.NewMetrics(),
		Options: rebalance.Options{MinGain: 8, MinShare: .3, Again: 6 * time.Hour, Hour: 4, Node: 2, Workload: 1, Namespace: 4, Asks: 8, MaxHarm: 8, EmptyingHour: 12},
		Packer:  &Emptier{World: l, Options: o, Count: NewMetrics()},
	}
}

// look so often, five minutes apart.
func (l *lab) look(loop *rebalance.Loop, times int) {
	for range times {
		loop.Look(l.t.Context(), l.now.Add(5*time.Minute))
		if m := l.marked(); len(m) > 1 {
			l.t.Fatalf("%v are marked", m)
		}
	}
}

func (l *lab) said() string { return strings.Join(l.told, "\n") }

// The node whose pods request the least is marked, emptied one pod at a time, and stays marked until it is removed.
func TestEmpty(t *testing.T) {
	l := newLab(t, node("a", pod("a1", .5), pod("a2", 1), fixed(rebalance.OfDaemonSet, pod("log", .1))), node("b", pod("b1", 3)), node("c", pod("c1", 2)))
	loop := l.loop(options())
	l.look(loop, 1)
	if m := l.marked(); len(m) != 1 || m[0] != "a" || len(l.evicted) > 0 || !strings.HasPrefix(l.said(), "a marked: a can be emptied: its 2 pods would go to other nodes (shop/a2 first, to c)") {
		t.Fatalf("marked %v, evicted %v, %s", m, l.evicted, l.said())
	}
	l.look(loop, 1)
	if !slices.Equal(l.evicted, []string{"a2"}) {
		t.Fatalf("evicted %v", l.evicted)
	}
	l.look(loop, 3)
	if !slices.Equal(l.evicted, []string{"a2", "a1"}) || !strings.Contains(l.said(), "a emptied: a is empty, 2 pods were moved off it") {
		t.Fatalf("evicted %v, %s", l.evicted, l.said())
	}
	l.nodes = l.nodes[1:]
	l.look(loop, 1)
	if !strings.Contains(l.said(), "a removed: a was removed") {
		t.Error(l.said())
	}
	out, err := loop.Pack(t.Context(), l.now)
	if err != nil || out.Mode != "Evict" || out.Now != "" || len(out.Records) != 3 || out.Records[0].Result != Removed {
		t.Errorf("%+v, %v", out, err)
	}
}

// Nobody removes the empty node: it is used again after a while, and not tried again at once.
func TestNobodyRemovesIt(t *testing.T) {
	l := newLab(t, node("a", pod("a1", .5)), node("b", pod("b1", 3)), node("c", fixed(rebalance.Unsafe, pod("c1", 2))))
	l.nodes[1].Kept = KeptByOwner
	loop := l.loop(options())
	l.look(loop, 12)
	if m := l.marked(); len(m) != 1 {
		t.Fatal(m, l.said())
	}
	l.look(loop, 6)
	if m := l.marked(); len(m) != 0 || !strings.Contains(l.said(), "given-up: a is not emptied (not-removed); 1 pods") {
		t.Error(m, l.said())
	}
}

// What keeps a node from being chosen. Nothing is marked, and nothing evicted.
func TestNotChosen(t *testing.T) {
	for name, change := range map[string]func(l *lab, o *Options){
		"its owner keeps it":      func(l *lab, _ *Options) { l.nodes[0].Kept = KeptByOwner },
		"it is not selected":      func(l *lab, _ *Options) { l.nodes[0].Packed = false },
		"a pod may not go":        func(l *lab, _ *Options) { l.nodes[0].Pods[0].Fixed = rebalance.LocalData },
		"a budget is zero":        func(l *lab, _ *Options) { l.guarded["a1"] = true },
		"a pod fits nowhere else": func(l *lab, _ *Options) { l.nodes[0].Pods[0].Asked = 6.5 },
		"the second fits nowhere with the first": func(l *lab, o *Options) {
			l.nodes[0].Pods[0].Asked, o.Headroom = 4, 0
			l.nodes[0].Pods = append(l.nodes[0].Pods, pod("a2", 4))
			l.nodes[1].Pods = append(l.nodes[1].Pods, fixed(rebalance.Bare, pod("b2", 3)))
		},
		"the others would suffer": func(l *lab, _ *Options) {
			for k := range l.nodes[0].Pods[0].Use {
				l.nodes[0].Pods[0].Use[k][forecast.CPU].Mean = 6
				l.nodes[1].Pods[0].Use[k][forecast.CPU].Mean = 6
				l.nodes[2].Pods[0].Use[k][forecast.CPU].Mean = 6
			}
		},
		"too few would be left":   func(_ *lab, o *Options) { o.Keep = 3 },
		"headroom would be short": func(_ *lab, o *Options) { o.Headroom = .7 },
		"too many pods":           func(_ *lab, o *Options) { o.MaxPods = 0 },
		"pods wait for room":      func(l *lab, _ *Options) { l.waiting = true },
		"it is young that came":   func(l *lab, _ *Options) { l.nodes[0].Pods[0].Created = noon.Add(-time.Minute) },
		"budgets are too slow": func(l *lab, _ *Options) {
			for i := range 4 {
				p := pod(fmt.Sprint("web", i), .1)
				p.Workload = "shop/ReplicaSet/web"
				l.nodes[0].Pods = append(l.nodes[0].Pods, p)
			}
		},
		"nothing is known of it": func(l *lab, _ *Options) { l.nodes[0].Unknown = true },
		"another leads":          func(l *lab, _ *Options) { l.leads = false },
		"it only suggests":       func(_ *lab, o *Options) { o.Evicts = false },
		"it is off":              func(_ *lab, o *Options) { o.Off, o.Evicts = true, false },
	} {
		t.Run(name, func(t *testing.T) {
			l, o := newLab(t, node("a", pod("a1", .5)), node("b", fixed(rebalance.Bare, pod("b1", 3))), node("c", fixed(rebalance.Bare, pod("c1", 2)))), options()
			change(l, &o)
			l.look(l.loop(o), 10)
			if l.marks > 0 || len(l.evicted) > 0 {
				t.Errorf("marked %d times, evicted %v: %s", l.marks, l.evicted, l.said())
			}
			if suggests := name == "it only suggests"; suggests != (len(l.told) == 1 && strings.HasPrefix(l.told[0], "a suggested:")) {
				t.Error(l.said())
			}
		})
	}
	// With none of these it is chosen.
	l := newLab(t, node("a", pod("a1", .5)), node("b", fixed(rebalance.Bare, pod("b1", 3))), node("c", fixed(rebalance.Bare, pod("c1", 2))))
	if l.look(l.loop(options()), 10); l.marks != 1 || len(l.evicted) != 1 {
		t.Error(l.said())
	}
}

// What has a node given up in the middle: the mark is taken off, and why is told. Nothing more is evicted.
func TestGivenUp(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(l *lab)
		why    rebalance.Reason
	}{
		"a budget becomes zero":  {func(l *lab) { l.guarded["a1"] = true }, rebalance.Disrupts},
		"the API server refuses": {func(l *lab) { l.answer = apierrors.NewTooManyRequests("disruption budget", 0) }, rebalance.Disrupts},
		"the API server fails":   {func(l *lab) { l.answer = errors.New("broken") }, rebalance.Failed},
		"a pod comes": {func(l *lab) {
			p := pod("new", .1)
			p.Created = l.now.Add(time.Second)
			l.nodes[0].Pods = append(l.nodes[0].Pods, p)
		}, Came},
		"its owner wants to keep it":     {func(l *lab) { l.nodes[0].Kept = KeptByOwner }, KeptByOwner},
		"somebody cordons it":            {func(l *lab) { l.nodes[0].Kept = NotReady }, NotReady},
		"a pod may not go any more":      {func(l *lab) { l.nodes[0].Pods[0].Fixed = rebalance.Unsafe }, rebalance.Unsafe},
		"there is no room any more":      {func(l *lab) { l.nodes[1].Kept, l.nodes[2].Kept = NotReady, NotReady }, rebalance.NoNode},
		"somebody takes the mark off":    {func(l *lab) { l.nodes[0].Marked = time.Time{} }, Unmarked},
		"nothing is left for the others": {func(l *lab) { l.nodes[1].Packed, l.nodes[2].Packed = false, false }, TooFew},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, node("a", pod("a1", .5), pod("a2", 1)), node("b", fixed(rebalance.Bare, pod("b1", 3))), node("c", fixed(rebalance.Bare, pod("c1", 2))))
			loop := l.loop(options())
			l.look(loop, 2)
			if len(l.evicted) != 1 || len(l.marked()) != 1 {
				t.Fatalf("evicted %v, marked %v", l.evicted, l.marked())
			}
			tc.change(l)
			l.look(loop, 12)
			if len(l.evicted) != 1 || len(l.marked()) > 0 || !strings.Contains(l.said(), fmt.Sprintf("a given-up: a is not emptied (%s); 1 pods were moved off it", tc.why)) {
				t.Errorf("evicted %v, marked %v: %s", l.evicted, l.marked(), l.said())
			}
		})
	}
}

// While pods wait for room, or the scheduler would put the pod back, none goes; the time bounds it.
func TestTimeEnds(t *testing.T) {
	l := newLab(t, node("a", pod("a1", .5)), node("b", fixed(rebalance.Bare, pod("b1", 3))), node("c", fixed(rebalance.Bare, pod("c1", 2))))
	loop := l.loop(options())
	l.look(loop, 1)
	l.waiting = true
	l.look(loop, 36)
	if len(l.evicted) > 0 || len(l.marked()) > 0 || !strings.Contains(l.said(), "(time)") {
		t.Errorf("evicted %v, marked %v: %s", l.evicted, l.marked(), l.said())
	}
}

// A mark that cannot be taken off at once is taken off later, and told once.
func TestMarkIsTakenOffLater(t *testing.T) {
	l := newLab(t, node("a", pod("a1", .5)), node("b", fixed(rebalance.Bare, pod("b1", 3))), node("c", fixed(rebalance.Bare, pod("c1", 2))))
	loop := l.loop(options())
	l.look(loop, 1)
	l.guarded["a1"], l.refuses = true, errors.New("the API server is gone")
	l.look(loop, 5)
	if len(l.marked()) != 1 {
		t.Fatal(l.said())
	}
	l.refuses = nil
	l.look(loop, 1)
	if len(l.marked()) > 0 || len(l.told) != 2 {
		t.Error(l.marked(), l.said())
	}
}

// The leader dies between two pods. Who leads next goes on with the same node, evicts nothing twice and marks no other; where it empties no nodes, it takes
// the mark off; and it does so too where the time is over.
func TestSuccessor(t *testing.T) {
	begun := func() *lab {
		l := newLab(t, node("a", pod("a1", .5), pod("a2", 1)), node("b", pod("b1", 3)), node("c", pod("c1", 2)))
		l.look(l.loop(options()), 2)
		if len(l.evicted) != 1 || len(l.marked()) != 1 {
			t.Fatalf("evicted %v, marked %v", l.evicted, l.marked())
		}
		return l
	}
	l := begun()
	l.look(l.loop(options()), 20)
	if !slices.Equal(l.evicted, []string{"a2", "a1"}) || l.marks != 1 || !strings.Contains(l.said(), "a emptied") {
		t.Errorf("evicted %v, %d marks: %s", l.evicted, l.marks, l.said())
	}
	for name, change := range map[string]func(*Options){
		"off": func(o *Options) { o.Off, o.Evicts = true, false }, "suggests": func(o *Options) { o.Evicts = false },
	} {
		l, o := begun(), options()
		change(&o)
		l.look(l.loop(o), 1)
		if len(l.marked()) > 0 || len(l.evicted) != 1 || !strings.Contains(l.said(), "a given-up: a was marked as being emptied at") {
			t.Errorf("%s: marked %v, evicted %v: %s", name, l.marked(), l.evicted, l.said())
		}
	}
	l = begun()
	l.now = l.now.Add(5 * time.Hour)
	l.nodes[0].Kept = KeptByOwner // else it would be chosen again
	l.look(l.loop(options()), 1)
	if m := l.marked(); slices.Contains(m, "a") || len(l.evicted) != 1 {
		t.Errorf("marked %v, evicted %v: %s", m, l.evicted, l.said())
	}
}

// Whatever the cluster, and whenever leaders change: no node is asked for more than it has, only pods that may move are evicted (lab.Evict), from the marked node, of which there
// is one at most, and onto no marked one; a node that is told to be empty is; in the end no mark is left.
func TestEmptyingHolds(t *testing.T) {
	emptied, gaveUp := 0, 0
	for seed := range uint64(60) {
		lots := rand.New(rand.NewPCG(seed, 11))
		l := newLab(t)
		for i := range 8 {
			n := node(fmt.Sprint("n", i))
			for j := range lots.IntN(5) {
				p := pod(fmt.Sprintf("p%d-%d", i, j), .3+1.2*lots.Float64())
				if lots.IntN(12) == 0 {
					p.Fixed = []rebalance.Reason{rebalance.OfDaemonSet, rebalance.Unsafe}[lots.IntN(2)]
				}
				n.Pods = append(n.Pods, p)
			}
			l.nodes = append(l.nodes, n)
		}
		o := options()
		o.Keep = 3
		loop := l.loop(o)
		for range 100 {
			if lots.IntN(15) == 0 {
				loop = l.loop(o)
			}
			if lots.IntN(10) == 0 {
				l.guarded[fmt.Sprintf("p%d-%d", lots.IntN(8), lots.IntN(5))] = lots.IntN(2) == 0
			}
			told := len(l.told)
			l.look(loop, 1)
			for _, n := range l.nodes {
				if requested(n) > n.Size[forecast.CPU] {
					t.Fatalf("seed %d: %s is asked for %v cores", seed, n.Name, requested(n))
				}
			}
			for _, said := range l.told[told:] {
				name, rest, _ := strings.Cut(said, " ")
				result, _, _ := strings.Cut(rest, ":")
				switch pods, reason := l.find(name).Leaving(); {
				case result == Emptied && (reason != "" || len(pods) > 0):
					t.Fatalf("seed %d: %s, and it has %d pods", seed, said, len(pods))
				case result == Emptied:
					emptied++
				case result == GivenUp:
					gaveUp++
				}
			}
		}
		o.Off, o.Evicts = true, false
		l.look(l.loop(o), 1)
		if m := l.marked(); len(m) > 0 {
			t.Errorf("seed %d: %v are marked", seed, m)
		}
	}
	if emptied < 60 || gaveUp < 20 {
		t.Errorf("%d nodes were emptied, %d given up", emptied, gaveUp)
	}
}
