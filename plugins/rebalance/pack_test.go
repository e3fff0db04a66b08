// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// roomy puts a pod on the nodes with the most room, by requests of at most 8 cores.
type roomy struct{ c *Cluster }

func (r *roomy) Elsewhere(_ context.Context, pod *Pod, without []string, moved []Move) ([]string, error) {
	free := map[string]float64{}
	home := ""
	for i := range r.c.Nodes {
		n := &r.c.Nodes[i]
		free[n.Name] = 8
		for _, p := range n.Pods {
			free[n.Name] -= p.Asked
			if p == pod {
				home = n.Name
			}
		}
	}
	for _, m := range moved {
		free[m.From] += m.Pod.Asked
		free[m.To] -= m.Pod.Asked
	}
	free[home] += pod.Asked
	best := []string{}
	for name, room := range free {
		switch {
		case slices.Contains(without, name) || room < pod.Asked:
		case len(best) == 0 || room > free[best[0]]:
			best = []string{name}
		case room == free[best[0]]:
			best = append(best, name)
		}
	}
	slices.Sort(best)
	return best, nil
}

func asking(cores float64, p *Pod) *Pod {
	p.Asked = cores
	return p
}

// The node whose pods request the least is emptied first, if no other suffers from it and each pod can go; and said why not otherwise.
func TestPack(t *testing.T) {
	fixed := func(reason Reason, p *Pod) *Pod { p.Fixed = reason; return p }
	for name, test := range map[string]struct {
		nodes []Node
		want  string
		kept  Reason
	}{
		"one has room for the other's": {[]Node{node("a", asking(1, pod("a1", 1)), fixed(OfDaemonSet, asking(1, pod("d", .1)))), node("b", asking(3, pod("b1", 2)))}, "a: shop/a1 to b", Takes},
		"no other has":                 {[]Node{node("a", asking(2, pod("a1", 1))), node("b", asking(7, pod("b1", 2)))}, "", NoNode},
		"the other would suffer":       {[]Node{node("a", asking(1, pod("a1", 3))), node("b", asking(1.5, pod("b1", 5)))}, "", Harms},
		"a pod may not go":             {[]Node{node("a", asking(1, pod("a1", 1)), fixed(Unsafe, pod("s", .1))), node("b", asking(3, fixed(Bare, pod("b1", 2))))}, "", Unsafe},
		"nobody knows it":              {[]Node{{Name: "a", Unknown: true, Size: node("").Size, Pods: []*Pod{asking(1, pod("a1", 1))}}, node("b", asking(3, fixed(Bare, pod("b1", 2))))}, "", Unsure},
		"two into the third": {[]Node{node("a", asking(1, pod("a1", 1))), node("b", asking(1.5, pod("b1", 1))), node("c", asking(2, pod("c1", 1))), node("d", asking(2, fixed(Bare, pod("d1", 1))))},
			"a: shop/a1 to b; c: shop/c1 to d", Takes},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(test.nodes...)
			got, err := NewPlanner(options(), noon).Pack(t.Context(), c, &roomy{c})
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, e := range got.Emptied {
				for _, m := range e.Moves {
					said = append(said, fmt.Sprintf("%s: %s to %s", e.Node, m.Pod, m.To))
				}
			}
			if s := strings.Join(said, "; "); s != test.want || got.Kept[test.kept] == 0 {
				t.Errorf("%q, want %q; kept %v, want %s", s, test.want, got.Kept, test.kept)
			}
		})
	}
}

// Whatever the cluster: emptied nodes have no pod left that could move and take none, no pod moves that may not, and all nodes together suffer no more than what is told.
func TestPackHolds(t *testing.T) {
	emptied := 0
	for seed := range uint64(50) {
		lots := rand.New(rand.NewPCG(seed, 7))
		c := cluster()
		for i := range 8 {
			n := node(fmt.Sprint("n", i))
			for j := range lots.IntN(5) {
				p := asking(.5+lots.Float64(), pod(fmt.Sprintf("p%d-%d", i, j), 2*lots.Float64()))
				if lots.IntN(12) == 0 {
					p.Fixed = []Reason{OfDaemonSet, Unsafe}[lots.IntN(2)]
				}
				n.Pods = append(n.Pods, p)
			}
			c.Nodes = append(c.Nodes, n)
		}
		o := options()
		got, err := NewPlanner(o, noon).Pack(t.Context(), c, &roomy{c})
		if err != nil {
			t.Fatal(err)
		}
		to := map[string]string{}
		gone, harm := map[string]bool{}, 0.0
		for _, e := range got.Emptied {
			gone[e.Node] = true
			harm += e.Harm
			if e.Harm > o.MinGain {
				t.Errorf("seed %d: %s harms by %v", seed, e.Node, e.Harm)
			}
			for _, m := range e.Moves {
				to[m.Pod] = m.To
			}
		}
		emptied += len(gone)
		after, before := map[string]*Node{}, 0.0
		for i := range c.Nodes {
			n := c.Nodes[i]
			before += c.suffers(&n, c.sumOf(&n))
			n.Pods = nil
			after[n.Name] = &n
		}
		for i := range c.Nodes {
			n := &c.Nodes[i]
			for _, p := range n.Pods {
				target, moves := to[p.Namespace+"/"+p.Name]
				switch {
				case moves && p.Fixed != "" || !moves && gone[n.Name] && p.Fixed != OfDaemonSet || moves && gone[target] || moves && !gone[n.Name]:
					t.Errorf("seed %d: %s on %s (%s) goes to %q", seed, p.Name, n.Name, p.Fixed, target)
				case moves:
					after[target].Pods = append(after[target].Pods, p)
				default:
					after[n.Name].Pods = append(after[n.Name].Pods, p)
				}
			}
		}
		now := 0.0
		for _, n := range after {
			now += c.suffers(n, c.sumOf(n))
		}
		if now > before+harm+1e-6 {
			t.Errorf("seed %d: all nodes suffer %v, before %v, told %v", seed, now, before, harm)
		}
	}
	if emptied < 20 {
		t.Errorf("%d nodes are emptied", emptied)
	}
}

// A node with more pods than may be asked about does not keep the others from being tried.
func TestPackPassesOverCrowdedNodes(t *testing.T) {
	crowded := node("crowded")
	for i := range mostPackAsks + 1 {
		p := asking(0, pod(fmt.Sprint("best-effort-", i), .001))
		for k := range p.Use {
			p.Use[k][forecast.Memory] = forecast.Use{}
		}
		crowded.Pods = append(crowded.Pods, p)
	}
	c := cluster(crowded, node("a", asking(1, pod("a1", 1))), node("b", asking(3, pod("b1", 2))))
	got, err := NewPlanner(options(), noon).Pack(t.Context(), c, &roomy{c})
	if err != nil || len(got.Emptied) == 0 || got.Emptied[0].Node != "a" || got.Kept[Many] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// late answers until the deadline has passed.
type late struct {
	roomy
	answers int
}

func (l *late) Elsewhere(ctx context.Context, pod *Pod, without []string, moved []Move) ([]string, error) {
	if l.answers--; l.answers < 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return l.roomy.Elsewhere(ctx, pod, without, moved)
}

// What was found before the time ended is told.
func TestPackIsPartial(t *testing.T) {
	c := cluster(node("a", asking(1, pod("a1", 1))), node("b", asking(2, pod("b1", 1))), node("c", asking(3, pod("c1", 1))), node("d", asking(1.5, pod("d1", 1))))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	got, err := NewPlanner(options(), noon).Pack(ctx, c, &late{roomy: roomy{c}, answers: 1})
	if err != nil || !got.Partial || len(got.Emptied) != 1 || got.Tried != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}
