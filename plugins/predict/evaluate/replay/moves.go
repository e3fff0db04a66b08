// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"fmt"
	"slices"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
	"github.com/foresight-scheduler/foresight/plugins/rebalance/packing"
)

// Movers by name.
const (
	// Rebalance is the rebalancer.
	Rebalance = "rebalance"
	// RebalanceOracle is the rebalancer with the usage of the next 24 h in place of forecasts.
	RebalanceOracle = "oracle"
	// Descheduler is the descheduler's LowNodeUtilization on measured use.
	Descheduler = "descheduler-low-node-utilization"
)

// Movers returns the names of what can move pods.
func Movers() []string { return []string{Rebalance, Descheduler, RebalanceOracle} }

// With returns the configuration with a mover that moves up to so many pods an hour.
func (c *Config) With(mover string, anHour int) *Config {
	with := *c
	with.Name, with.Base, with.Mover, with.Moves = c.Name+" + "+mover, c.Name, mover, anHour
	return &with
}

// Moved is what became of moves.
type Moved struct {
	// Moves of pods, and how many of them led a pod back to a node that it left.
	Moves float64 `json:"moves"`
	Back  float64 `json:"moves_back"`
	// Most is how often the pod was moved that was moved the most, and Soon the moves within 6 h of the pod's last.
	Most float64 `json:"most_moves_of_a_pod"`
	Soon float64 `json:"moves_within_6h"`
	// APodAndDay is the moves of a pod that may move, a day.
	APodAndDay float64 `json:"moves_a_pod_and_day"`
	// Packed is how many of the moves emptied nodes, and Emptied how many nodes that emptied.
	Packed  float64 `json:"moves_to_empty_nodes"`
	Emptied float64 `json:"nodes_emptied"`
	// Promised and Realised are the core minutes that moves were to save and did, as the mover sees it.
	Promised float64 `json:"promised_core_minutes"`
	Realised float64 `json:"realised_core_minutes"`
}

func (m *Moved) counts() []*float64 {
	return []*float64{&m.Moves, &m.Back, &m.Most, &m.Soon, &m.APodAndDay, &m.Packed, &m.Emptied, &m.Promised, &m.Realised}
}

// soon is within what time no pod should be moved again.
const soon = 6 * time.Hour

// history of a pod that was moved.
type wanderer struct {
	moves int
	last  time.Duration
	left  []int
}

// mover moves pods of a run.
type mover struct {
	run     *run
	anHour  int
	recent  []time.Duration // of the moves within an hour
	moved   map[int]*wanderer
	count   Moved
	movable float64 // pods that may move, times steps
	moving  int     // pod that is on its way; -1 is none
	next    func(ctx context.Context, most int) ([]int, error)
	engine  *learn.Engine
	step    *learn.Stepper // nil where the driver's engine serves
	planner *rebalance.Planner
	survey  rebalance.Survey
	ask     *evaluate.Evaluator
	packer  *packer // nil empties no nodes
}

// newMover returns what moves pods for a configuration, or nil.
func (r *run) newMover(c *Config) (*mover, error) {
	if c.Mover == "" || c.Moves == 0 {
		return nil, nil
	}
	m := &mover{run: r, anHour: c.Moves, moved: map[int]*wanderer{}, moving: -1, engine: r.driver.engine}
	switch c.Mover {
	case Descheduler:
		m.next = m.byThresholds
		return m, nil
	case Rebalance, RebalanceOracle:
		m.next = m.byPlan
	default:
		return nil, fmt.Errorf("mover %q: want one of %v", c.Mover, Movers())
	}
	if c.Mover == RebalanceOracle {
		m.next = m.byFuture
	}
	if m.engine == nil {
		args, err := defaultPrediction()
		if err != nil {
			return nil, err
		}
		m.engine, m.step = newEngine(r.world, args, r.driver, true)
	}
	args, err := c.rebalance()
	if err != nil {
		return nil, err
	}
	options := rebalance.OptionsOf(args)
	options.Hour = c.Moves
	m.survey = rebalance.SurveyOf(args, movable)
	m.planner = rebalance.NewPlanner(options, r.world.Begin.Add(r.now))
	if c.packs() {
		m.packer = newPacker(m, packing.OptionsOf(args))
		m.survey.Emptiable = m.packer.emptiable
	}

	profile := c.Kube.Profiles[0].DeepCopy()
	profile.SchedulerName = r.driver.name
	registry := plugins.Registry(plugins.Options{Engine: r.driver.engine, Uncounted: true})
	if err := registry.Merge(r.peers()); err != nil {
		return nil, err
	}
	next := r.driver.sched.NextEntity
	m.ask, err = evaluate.New(r.driver.ctx, r.driver.sched, []kubeschedulerconfig.KubeSchedulerProfile{*profile}, evaluate.Options{
		Candidates: 1, Read: r.driver.engine.Reader(), Registry: registry,
	})
	r.driver.sched.NextEntity = next // All happens in one goroutine, which waits for no turn.
	return m, err
}

// act moves pods at the end of a step.
func (m *mover) act(ctx context.Context) error {
	r := m.run
	if r.now >= r.options.From {
		for i := range r.pods {
			if p := &r.pods[i]; p.node >= 0 && p.object != nil && r.movable(i) {
				m.movable++
			}
		}
	}
	m.recent = slices.DeleteFunc(m.recent, func(at time.Duration) bool { return r.now-at >= time.Hour })
	// One at a time: the next is planned when its successor was measured.
	left := min(m.anHour-len(m.recent), max(1, m.anHour/hourSteps))
	if m.packer != nil {
		if err := m.packer.grow(); err != nil {
			return err
		}
	}
	if left <= 0 && m.packer == nil || r.now < time.Hour {
		return nil
	}
	chosen, err := m.next(ctx, max(0, left))
	if err != nil {
		return err
	}
	for _, i := range chosen {
		if err := m.evict(i); err != nil {
			return err
		}
	}
	return nil
}

// movable is every pod that a replay knows no reason against.
var movable = rebalance.Movable{MaxPriority: 1 << 30, Scheduler: func(string) bool { return true }}

// movable says whether anything may move a pod: one of a ReplicaSet or the like.
func (r *run) movable(i int) bool {
	if r.world.Pods[i].Pinned != "" || r.pods[i].object == nil {
		return false
	}
	return movable.FixedBy(r.pods[i].object) == ""
}

// evict takes a pod off its node, and has its successor placed.
func (m *mover) evict(i int) error {
	r := m.run
	p := &r.pods[i]
	old, from := p.object, p.node
	w := m.moved[i]
	if w == nil {
		w = &wanderer{}
		m.moved[i] = w
	}
	if counts := r.now >= r.options.From; counts {
		m.count.Moves++
		if w.moves > 0 && r.now-w.last < soon {
			m.count.Soon++
		}
	}
	w.moves, w.last, w.left = w.moves+1, r.now, append(w.left, from)
	m.count.Most = max(m.count.Most, float64(w.moves))
	if m.packer == nil || !m.packer.moves {
		m.recent = append(m.recent, r.now)
	}

	// 1. It goes.
	r.leave(i)
	delete(r.byKey, key(old.Namespace, old.Name))
	if err := r.driver.pods.remove(old); err != nil {
		return err
	}
	// 2. Another one comes in its place.
	object := *r.created(i)
	object.Name = fmt.Sprintf("%s-%d", r.world.Pods[i].Object.Name, w.moves)
	object.UID = types.UID(fmt.Sprintf("%s-%d", r.world.Pods[i].Object.UID, w.moves))
	object.CreationTimestamp = metav1.NewTime(r.driver.clock.now)
	p.object, p.node = &object, -1
	r.byKey[key(object.Namespace, object.Name)] = i
	if err := r.driver.pods.add(p.object); err != nil {
		return err
	}
	m.moving = i
	defer func() { m.moving = -1 }()
	if err := r.driver.schedule(r.bound); err != nil {
		return err
	}
	if p.node >= 0 && slices.Contains(w.left, p.node) && r.now >= r.options.From {
		m.count.Back++
	}
	if m.planner != nil {
		m.planner.Succeeded(&rebalance.Pod{UID: string(old.UID)}, string(object.UID))
	}
	return nil
}

// leave takes a pod off its node's sums.
func (r *run) leave(i int) {
	n, w := &r.nodes[r.pods[i].node], &r.world.Pods[i]
	n.pods = slices.DeleteFunc(n.pods, func(other int) bool { return other == i })
	asked := forecast.Asked(r.pods[i].object)
	n.requested[forecast.CPU] -= asked[forecast.CPU]
	n.requested[forecast.Memory] -= asked[forecast.Memory]
	r.repeat(n, i, -1)
	for k := world.Index(r.now + world.Step - 1); k < min(r.world.Steps, world.Index(w.End+world.Step-1)); k++ {
		n.future[k] -= w.CPU[k]
	}
}

// byPlan is the rebalancer as the scheduler has it.
func (m *mover) byPlan(ctx context.Context, most int) ([]int, error) {
	nodes, err := m.ask.Current(ctx)
	if err != nil {
		return nil, err
	}
	return m.plan(ctx, m.survey.Of(m.engine.Snapshot(), nodes, m.run.driver.clock.now), most)
}

func (m *mover) plan(ctx context.Context, c *rebalance.Cluster, most int) ([]int, error) {
	m.planner.Follow(c, world.Step)
	plan, err := m.planner.Plan(ctx, c, m, most)
	if err != nil {
		return nil, err
	}
	var out []int
	for _, move := range plan.Moves {
		m.planner.Moved(move)
		out = append(out, m.run.byKey[key(move.Pod.Namespace, move.Pod.Name)])
	}
	if m.packer == nil {
		return out, nil
	}
	move := m.packer.Look(ctx, c, m.planner, len(out) == 0)
	if m.packer.moves = move != nil; m.packer.moves {
		m.planner.Moved(*move)
		m.packer.Moved(move)
		if m.run.now >= m.run.options.From {
			m.count.Packed++
		}
		out = append(out, m.run.byKey[key(move.Pod.Namespace, move.Pod.Name)])
	}
	return out, nil
}

// Best asks the configuration.
func (m *mover) Best(ctx context.Context, pod *rebalance.Pod, _ string, moved []rebalance.Move) ([]string, error) {
	return m.Elsewhere(ctx, pod, nil, moved)
}

// Elsewhere asks likewise, as if some nodes were not there.
func (m *mover) Elsewhere(ctx context.Context, pod *rebalance.Pod, without []string, moved []rebalance.Move) ([]string, error) {
	ask := evaluate.Placement{Pod: m.object(pod), Profile: m.run.driver.name, Without: without}
	for i := range moved {
		ask.Moved = append(ask.Moved, evaluate.Moved{Pod: m.object(moved[i].Pod), To: moved[i].To})
	}
	nodes, err := m.ask.Current(ctx)
	if err != nil {
		return nil, err
	}
	return m.ask.Best(ctx, nodes, ask)
}

func (m *mover) object(pod *rebalance.Pod) *v1.Pod {
	return m.run.pods[m.run.byKey[key(pod.Namespace, pod.Name)]].object
}

// byFuture is the rebalancer with what will be in place of forecasts.
func (m *mover) byFuture(ctx context.Context, most int) ([]int, error) {
	r := m.run
	from := world.Index(r.now + world.Step - 1)
	steps := min(daySteps, r.world.Steps-from)
	if steps <= 0 {
		return nil, nil
	}
	c := &rebalance.Cluster{Now: r.driver.clock.now, Slots: make([]rebalance.Slot, steps)}
	for k := range c.Slots {
		c.Slots[k] = rebalance.Slot{Length: world.Step, Weight: 1}
	}
	for i := range r.nodes {
		n := &r.nodes[i]
		node := rebalance.Node{Name: r.world.Nodes[i].Name, Size: forecast.Amounts{n.cores, n.bytes}}
		for _, j := range n.pods {
			w, object := &r.world.Pods[j], r.pods[j].object
			p := &rebalance.Pod{
				UID: string(object.UID), Namespace: object.Namespace, Name: object.Name, Created: object.CreationTimestamp.Time,
				Use: make([]rebalance.Uses, steps), Now: forecast.Amounts{float64(w.CPU[from]), float64(w.Memory[from])}, Latest: float64(w.CPU[max(0, from-1)]), Measured: true,
			}
			if owner, ok := forecast.WorkloadOf(object); ok {
				p.Workload = fmt.Sprint(owner)
			}
			if !r.movable(j) {
				p.Fixed = rebalance.OfJob
			}
			for k := range min(steps, max(0, world.Index(w.End+world.Step-1)-from)) {
				p.Use[k] = rebalance.Uses{{Mean: float64(w.CPU[from+k])}, {Mean: float64(w.Memory[from+k])}}
			}
			node.Pods = append(node.Pods, p)
		}
		c.Nodes = append(c.Nodes, node)
	}
	return m.plan(ctx, c, most)
}

// measured hands what was measured to an engine of the mover's own.
func (m *mover) measured(ctx context.Context, r func() usage.Reading) error {
	if m.step == nil {
		return nil
	}
	return m.step.Step(ctx, r())
}

// outcome of all moves.
func (m *mover) outcome() *Moved {
	out := m.count
	if m.movable > 0 {
		out.APodAndDay = out.Moves / (m.movable / float64(daySteps))
	}
	if m.planner != nil {
		out.Promised, out.Realised, _ = m.planner.Realised()
	}
	return &out
}
