// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"math"
	"math/rand/v2"
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
