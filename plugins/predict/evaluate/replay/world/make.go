// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// What a world of a trace is made of. The numbers are of a common cluster, not of any one.
const (
	nodeCores  = 16
	nodeBytes  = 64 << 30
	podsOfNode = 20 // of Deployments, on average

	// rollOutsADay is the median Deployment's; one in six has e times as many or more.
	rollOutsADay, rollOutSpread = .4, 1.0
	surge                       = 75 * time.Second // from a replica's roll-out to the next one's
	overlap                     = 30 * time.Second // for which the old pod stays beside the new one

	scaled     = .3 // of the Deployments have more replicas around their busiest hour
	hourly     = 4  // nodes to a CronJob that runs each hour or oftener
	daily      = 2  // nodes to one that runs a few times a day
	jobsOfNode = 1.0
	jobCPU     = 1.5 // of a job's pod, as a multiple of the average pod's

	replicaLevel, replicaNoise = .25, .12

	// No pod requests or uses more of the smallest node at any time. Workloads of a trace differ in size by more than pods of one
	// cluster do: the power of their mean that is kept.
	largestPod, keptSize = .3, .6
	// A request says little of use: ranks correlate so, and the median pod requests five times what it uses. All requests together
	// leave room on the nodes, else nobody could place anything.
	requestRank, requestSpread  = .5, .8
	usualRequest, mostRequested = 5, .78
	memoryRank, usualMemory     = .8, 1.5
)

// place is where pods follow each other: a replica of a Deployment, or one run after another of a job.
type place struct {
	cpu, memory []float32
	group       *group
}

// group is a workload.
type group struct {
	name, namespace string
	job             bool
	cpu, memory     float64 // requested by each of its pods: cores and bytes
	use             float64 // mean CPU of a pod
}

type stay struct {
	place      *place
	start, end time.Duration
	name, hash string
	owner      string
}

// maker draws a world.
type maker struct {
	options Options
	rng     *rand.Rand
	source  *source
	steps   int
	from    int // step of the source that the world begins with
	deck    []int
	decks   int
	world   *World
	places  []*place
	groups  []*group
	stays   []stay
}

// FromTrace makes the world that the seed draws from a trace.
func FromTrace(b *trace.Bundle, o Options) (*World, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s, err := newSource(b)
	if err != nil {
		return nil, err
	}
	m := &maker{options: o, rng: rand.New(rand.NewPCG(o.Seed, 0x5eed)), source: s, steps: Index(o.Length)}
	spare := max(1, s.steps/daySteps-int((o.Length+day-1)/day)+1)
	m.from = m.rng.IntN(spare) * daySteps
	m.world = &World{Name: b.Name, Seed: o.Seed, Begin: s.begin.Add(time.Duration(m.from) * Step), Steps: m.steps}
	m.world.Nodes = nodesOf(o.Nodes, o.Mixed)
	m.deployments()
	m.jobs()
	m.scale()
	m.request()
	m.pods()
	return m.world, nil
}

// nodesOf returns so many nodes, of which mixed ones differ in size.
func nodesOf(n int, mixed bool) (nodes []*v1.Node) {
	for i := range n {
		size := 1.0
		if mixed {
			size = [...]float64{.5, 1, 1.5}[i%3]
		}
		name := fmt.Sprintf("node-%03d", i)
		has := v1.ResourceList{
			v1.ResourceCPU:    *resource.NewMilliQuantity(int64(1000*nodeCores*size), resource.DecimalSI),
			v1.ResourceMemory: *resource.NewQuantity(int64(nodeBytes*size), resource.BinarySI),
			v1.ResourcePods:   *resource.NewQuantity(250, resource.DecimalSI),
		}
		nodes = append(nodes, &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name), ResourceVersion: "1", Labels: map[string]string{
				v1.LabelHostname: name, v1.LabelTopologyZone: "zone-" + string(rune('a'+i%3)),
			}},
			Status: v1.NodeStatus{Capacity: has, Allocatable: has, Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}},
		})
	}
	return nodes
}

// WithNodes returns the world with the same pods on another number of nodes.
func (w *World) WithNodes(n int, mixed bool) *World {
	other := *w
	other.Nodes = nodesOf(n, mixed)
	return &other
}

// draw takes a workload of the trace from a shuffled deck. When all were taken the next deck's are other days of theirs.
func (m *maker) draw() (cpu, memory []float32) {
	if len(m.deck) == 0 {
		m.deck = m.rng.Perm(len(m.source.cpu))
		m.decks++
	}
	i := m.deck[len(m.deck)-1]
	m.deck = m.deck[:len(m.deck)-1]
	from := m.from + (m.decks-1)*daySteps*7
	cpu = m.source.take(m.source.cpu[i], from, m.steps)
	if m.source.memory != nil {
		return cpu, m.source.take(m.source.memory[i], from, m.steps)
	}
	// The trace says nothing of memory: it goes with the level of CPU, and hardly moves.
	level := math.Sqrt(mean(cpu)+1e-3) * math.Exp(.4*m.rng.NormFloat64())
	memory = make([]float32, m.steps)
	for k := range memory {
		memory[k] = float32(level)
	}
	return cpu, replica(m.rng, memory, 0, .05)
}

func (m *maker) place(g *group, cpu, memory []float32) *place {
	p := &place{group: g, cpu: replica(m.rng, cpu, replicaLevel, replicaNoise), memory: replica(m.rng, memory, replicaLevel/2, replicaNoise/4)}
	m.places = append(m.places, p)
	return p
}

func (m *maker) group(kind string) *group {
	g := &group{name: fmt.Sprintf("%s-%03d", kind, len(m.groups)), namespace: "team-" + string(rune('a'+len(m.groups)%4))}
	m.groups = append(m.groups, g)
	return g
}

func (m *maker) deployments() {
	rng, left := m.rng, m.options.Nodes*podsOfNode
	for left > 0 {
		n := min(left, [...]int{1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 8}[rng.IntN(12)])
		left -= n
		cpu, memory := m.draw()
		g := m.group("app")
		// When its pods are replaced: at the roll-outs, which take a while.
		var rolls []time.Duration
		rate := rollOutsADay * math.Exp(rollOutSpread*rng.NormFloat64())
		for at := time.Hour; ; { // when all have started
			at += time.Duration(rng.ExpFloat64()/rate*float64(day)) + 2*surge*time.Duration(n)
			if at >= m.options.Length {
				break
			}
			rolls = append(rolls, at.Truncate(time.Second))
		}
		for r := range n {
			p := m.place(g, cpu, memory)
			start := time.Duration(rng.Int64N(int64(30 * time.Minute))).Truncate(time.Second)
			generation := 0
			for _, at := range append(rolls, m.options.Length) {
				at += time.Duration(r) * surge
				m.deploy(p, start, at+overlap, generation, r)
				start, generation = at, generation+1
			}
		}
		if rng.Float64() >= scaled {
			continue
		}
		around, half := time.Duration(busiest(cpu))*time.Hour, time.Duration(3+rng.IntN(3))*time.Hour
		half += time.Duration(rng.IntN(30)) * time.Minute
		for r := n; r < n+max(1, n*(50+rng.IntN(51))/100); r++ {
			p := m.place(g, cpu, memory)
			for d := -day; d < m.options.Length; d += day {
				start, end := d+around-half+time.Duration(rng.IntN(300))*time.Second, d+around+half+time.Duration(rng.IntN(300))*time.Second
				if start = max(0, start); end > start+Step && start < m.options.Length {
					generation := sort.Search(len(rolls), func(i int) bool { return rolls[i] > start })
					m.deploy(p, start, end, generation, 1000*r+int((d+day)/day))
				}
			}
		}
	}
}

func (m *maker) deploy(p *place, start, end time.Duration, generation, suffix int) {
	if start >= m.options.Length {
		return
	}
	hash := strconv.FormatUint(uint64(generation)*2654435761%(1<<31)+1<<31, 36)
	set := p.group.name + "-" + hash
	m.stays = append(m.stays, stay{place: p, start: start, end: end, name: fmt.Sprintf("%s-%05d", set, suffix), hash: hash, owner: set})
}

func (m *maker) jobs() {
	rng := m.rng
	cron := func(every time.Duration, long time.Duration) {
		cpu, memory := m.draw()
		g := m.group("cron")
		g.job = true
		p := m.place(g, cpu, memory)
		long = time.Duration(float64(long) * math.Exp(.5*rng.NormFloat64()))
		for at := time.Duration(rng.Int64N(int64(every))).Truncate(time.Minute); at < m.options.Length; at += every {
			took := max(2*Step, min(every-time.Minute, time.Duration(float64(long)*math.Exp(.2*rng.NormFloat64())))).Truncate(time.Second)
			name := fmt.Sprintf("%s-%d", g.name, m.world.Begin.Add(at).Unix()/60)
			m.stays = append(m.stays, stay{place: p, start: at, end: at + took, name: name + "-0", owner: name})
		}
	}
	for range max(1, m.options.Nodes/hourly) {
		cron(time.Duration(1+rng.IntN(2))*time.Hour, 20*time.Minute)
	}
	for range max(1, m.options.Nodes/daily) {
		cron(time.Duration(6+6*rng.IntN(4))*time.Hour, 90*time.Minute)
	}
	for at := time.Duration(0); ; {
		at += time.Duration(rng.ExpFloat64() / jobsOfNode / float64(m.options.Nodes) * float64(day))
		if at = at.Truncate(time.Second); at >= m.options.Length {
			break
		}
		cpu, memory := m.draw()
		g := m.group("job")
		g.job = true
		took := max(2*Step, min(day, time.Duration(float64(time.Hour)*math.Exp(rng.NormFloat64())))).Truncate(time.Second)
		m.stays = append(m.stays, stay{place: m.place(g, cpu, memory), start: at, end: at + took, name: g.name + "-0", owner: g.name})
	}
}

// scale gives the pods the CPU that makes the density, and memory of the same density.
func (m *maker) scale() {
	cores, bytes := m.world.Total()
	smallest := float64(nodeCores)
	if m.options.Mixed {
		smallest /= 2
	}
	for _, p := range m.places {
		if own := mean(p.cpu); own > 0 {
			by := float32(math.Pow(own, keptSize-1))
			for k := range p.cpu {
				p.cpu[k] *= by
			}
		}
	}
	// What jobs use is set against the average of the others.
	for _, of := range []func(*place) []float32{func(p *place) []float32 { return p.cpu }, func(p *place) []float32 { return p.memory }} {
		all, n := 0.0, 0
		for _, p := range m.places {
			if !p.group.job {
				all, n = all+mean(of(p)), n+1
			}
		}
		for _, p := range m.places {
			if own := mean(of(p)); p.group.job && own > 0 {
				by := float32(jobCPU * all / float64(n) / own * math.Exp(.5*m.rng.NormFloat64()))
				for k := range of(p) {
					of(p)[k] *= by
				}
			}
		}
	}
	m.fill(func(p *place) []float32 { return p.cpu }, m.options.Density*cores, largestPod*smallest)
	m.fill(func(p *place) []float32 { return p.memory }, m.options.Density*bytes, largestPod*smallest/nodeCores*nodeBytes)
	for _, p := range m.places {
		p.group.use += mean(p.cpu)
	}
	n := map[*group]int{}
	for _, p := range m.places {
		n[p.group]++
	}
	for g, places := range n {
		g.use /= float64(places)
	}
}

// fill multiplies all use so that it comes to the target on average from From on. A place whose highest use would pass most is
// multiplied by less, so that what it does keeps its shape.
func (m *maker) fill(of func(*place) []float32, target, most float64) {
	from := Index(m.options.From)
	type sum struct{ use, peak float64 }
	sums := make(map[*place]*sum, len(m.places))
	for _, p := range m.places {
		sums[p] = &sum{peak: float64(slices.Max(of(p)))}
	}
	for i := range m.stays {
		s := &m.stays[i]
		series, into := of(s.place), sums[s.place]
		for k := max(from, Index(s.start+Step-1)); k < min(m.steps, Index(s.end+Step-1)); k++ {
			into.use += float64(series[k])
		}
	}
	times := func(by float64, s *sum) float64 {
		if s.peak*by > most {
			return most / s.peak
		}
		return by
	}
	total := func(by float64) (all float64) {
		for _, p := range m.places {
			all += times(by, sums[p]) * sums[p].use
		}
		return all / float64(m.steps-from)
	}
	low, high := 0.0, 1.0
	for total(high) < target && high < 1e18 {
		high *= 2
	}
	for range 40 {
		if mid := (low + high) / 2; total(mid) < target {
			low = mid
		} else {
			high = mid
		}
	}
	for _, p := range m.places {
		series, by := of(p), float32(times(high, sums[p]))
		for k := range series {
			series[k] *= by
		}
	}
}

// request gives each group what its pods request.
func (m *maker) request() {
	cores, bytes := m.world.Total()
	byUse := slices.Clone(m.groups)
	slices.SortStableFunc(byUse, func(a, b *group) int { return cmp.Compare(a.use, b.use) })
	// Spearman's correlation of two normals is a little below Pearson's.
	rho := 2 * math.Sin(math.Pi/6*requestRank)
	for i, g := range byUse {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+.5)/float64(len(byUse))-1)
		g.cpu = math.Exp(requestSpread * (rho*z + math.Sqrt(1-rho*rho)*m.rng.NormFloat64()))
	}
	memory := map[*group]float64{}
	for _, p := range m.places {
		memory[p.group] = max(memory[p.group], mean(p.memory))
	}
	slices.SortStableFunc(byUse, func(a, b *group) int { return cmp.Compare(memory[a], memory[b]) })
	for _, g := range byUse {
		g.memory = memory[g] * math.Exp(.5*m.rng.NormFloat64())
	}
	medians := func(of func(*group) float64) float64 {
		all := make([]float64, 0, len(m.groups))
		for _, g := range m.groups {
			if v := of(g); v > 0 && !math.IsInf(v, 0) {
				all = append(all, v)
			}
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	cpuBy := usualRequest * medians(func(g *group) float64 { return g.use / g.cpu })
	memoryBy := usualMemory * medians(func(g *group) float64 { return memory[g] / g.memory })
	mostCPU, mostMemory := m.requested()
	smallest := 1.0
	if m.options.Mixed {
		smallest = .5
	}
	cpuBy = min(cpuBy, mostRequested*cores/mostCPU)
	memoryBy = min(memoryBy, mostRequested*bytes/mostMemory)
	for _, g := range m.groups {
		g.cpu = max(.01, min(g.cpu*cpuBy, largestPod*smallest*nodeCores))
		g.memory = max(16<<20, min(g.memory*memoryBy, largestPod*smallest*nodeBytes))
	}
}

// requested is the most that all pods request at any one time.
func (m *maker) requested() (cpu, memory float64) {
	type change struct {
		at          time.Duration
		cpu, memory float64
	}
	var changes []change
	for i := range m.stays {
		s := &m.stays[i]
		g := s.place.group
		changes = append(changes, change{s.start, g.cpu, g.memory}, change{s.end, -g.cpu, -g.memory})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	c, b := 0.0, 0.0
	for _, x := range changes {
		c, b = c+x.cpu, b+x.memory
		cpu, memory = max(cpu, c), max(memory, b)
	}
	return cpu, memory
}

func (m *maker) pods() {
	sets := map[string]bool{}
	for i := range m.stays {
		s := &m.stays[i]
		g := s.place.group
		pod := &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: g.namespace, Name: s.name, UID: types.UID(g.namespace + "/" + s.name), ResourceVersion: "1",
				Labels:            map[string]string{"app": g.name},
				CreationTimestamp: metav1.NewTime(m.world.Begin.Add(s.start)),
			},
			Spec: v1.PodSpec{
				RestartPolicy: v1.RestartPolicyAlways,
				Containers: []v1.Container{{Name: "main", Image: "registry.example/" + g.name + ":v1", Resources: v1.ResourceRequirements{
					Requests: v1.ResourceList{
						v1.ResourceCPU:    *resource.NewMilliQuantity(int64(1000*g.cpu), resource.DecimalSI),
						v1.ResourceMemory: *resource.NewQuantity(int64(g.memory), resource.BinarySI),
					},
				}}},
			},
			Status: v1.PodStatus{Phase: v1.PodPending},
		}
		owner := metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: s.owner, UID: types.UID(s.owner), Controller: ptr.To(true)}
		if g.job {
			owner.APIVersion, owner.Kind = "batch/v1", "Job"
			pod.Spec.RestartPolicy = v1.RestartPolicyNever
		} else {
			pod.Labels[appsv1.DefaultDeploymentUniqueLabelKey] = s.hash
			if !sets[s.owner] {
				sets[s.owner] = true
				m.world.ReplicaSets = append(m.world.ReplicaSets, &appsv1.ReplicaSet{
					ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: s.owner, UID: types.UID(s.owner), Labels: pod.Labels},
					Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: pod.Labels}},
				})
			}
		}
		pod.OwnerReferences = []metav1.OwnerReference{owner}
		m.world.Pods = append(m.world.Pods, Pod{Object: pod, Start: s.start, End: s.end, CPU: s.place.cpu, Memory: s.place.memory})
	}
	for _, g := range m.groups {
		if !g.job {
			m.world.Services = append(m.world.Services, &v1.Service{
				ObjectMeta: metav1.ObjectMeta{Namespace: g.namespace, Name: g.name},
				Spec:       v1.ServiceSpec{Selector: map[string]string{"app": g.name}},
			})
		}
	}
	m.world.Sort()
}
