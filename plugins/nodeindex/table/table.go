// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package table keeps what a scheduler asks of nodes in rows and columns: one row a node,
// brought up to date where a node changed and nowhere else. What depends on more than the
// numbers of a node – topology values, images, matching pods – is kept in columns that the
// first pod that asks creates and the least used of which are forgotten.
//
// A Table belongs to one goroutine: the one that schedules.
package table

import (
	"hash/maphash"
	"maps"
	"math"
	"slices"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/postings"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// Row is what most pods ask of a node, in two or three cache lines: a scan is as fast as
// with one, since the CPU fetches ahead, and what is found beforehand is not found for each pod. CPU is in millicores,
// all else in bytes.
type Row struct {
	AllocCPU, ReqCPU, NonZeroCPU int64
	AllocMem, ReqMem, NonZeroMem int64
	// What is allocatable and not requested, and what is so as NonZero counts.
	FreeCPU, FreeMem, FreeEph int64
	LeftCPU, LeftMem          int64
	// Per of AllocCPU and of AllocMem, and the percentages of them that are requested, to 1e-12 where they are no more than 100.
	PerCPU, PerMem         float64
	PercentCPU, PercentMem float64
	// Balance of CPU and memory as requested, 50–100.
	Balance int64
	// Room is how many pods more the node admits; a free row has none.
	Room int64
}

// Table of the nodes of one snapshot. A row is free where Infos has nil; free rows are
// used again.
type Table struct {
	Rows  []Row
	Infos []fwk.NodeInfo
	// Classes of taints by row: an index of Taints.
	Classes []int32
	Taints  []TaintClass
	// Classified counts how often a row was given a class.
	Classified int
	// Labels finds the rows that a selector selects.
	Labels *postings.Index
	// Used counts the rows that are not free.
	Used int

	// changed rows in the order of the changes, after the first forgotten ones.
	changed   []int32
	forgotten int

	generations []int64
	audited     int
	nodes       []*v1.Node
	pods        [][]fwk.PodInfo
	// hashes of the labels of a row's pods. A counter that is new looks through them, since
	// looking at every pod would miss the caches several times for each.
	hashes [][]uint32
	seed   maphash.Seed
	byName map[string]int32
	free   []int32

	taintIDs   map[string]int32
	images     cache[*Image]
	imageNodes map[string]int // by name, how often nodes have it
	imageIDs   int64
	most       int // columns of each kind, where not 0
	topologies cache[*Topology]
	nowhere    []int32 // values of a label that no node has
	counters   cache[*Counter]
	byPod      pairIndex[*Counter]
	terms      map[string]*Term
	byIncoming pairIndex[*Term]
}

// New returns an empty table.
func New() *Table {
	t := &Table{
		Labels: postings.New(), byName: map[string]int32{}, taintIDs: map[string]int32{}, terms: map[string]*Term{},
		seed: maphash.MakeSeed(), byPod: newPairIndex[*Counter](), byIncoming: newPairIndex[*Term](),
	}
	t.images.init(0, nil)
	t.imageNodes = map[string]int{}
	t.topologies.init(maxTopologies, nil)
	t.counters.init(maxCounters, func(c *Counter) { t.byPod.remove(c.namespaces, c.selector, c) })
	return t
}

// Begin begins the question of another pod.
func (t *Table) Begin() { t.topologies.begin() }

// Keep bounds what is kept to n columns of each kind, where n is not 0.
func (t *Table) Keep(n int) {
	t.most = n
	t.topologies.limit, t.counters.limit = n, n
	t.Labels.Keep(n)
}

// Most is what Keep bounds to; 0 is no bound.
func (t *Table) Most() int { return t.most }

// Row returns the row of a node, and whether it has one.
func (t *Table) Row(name string) (int32, bool) {
	r, ok := t.byName[name]
	return r, ok
}

// Name returns the name of the node in a row that is not free.
func (t *Table) Name(row int32) string { return t.nodes[row].Name }

// Judged is a row that is not free as plugins are shown it.
func (t *Table) Judged(row int32) judge.Row {
	return judge.Row{NodeInfo: t.Infos[row], At: row, Generation: t.generations[row]}
}

// Update brings the named nodes up to date with the lister: new ones get a row, those that
// are gone lose it. Names that neither knows are passed over.
func (t *Table) Update(lister fwk.NodeInfoLister, names map[string]struct{}) {
	for name := range names {
		if info, err := lister.Get(name); err == nil && info != nil {
			t.set(info, info.GetGeneration(), info.GetPods())
		} else if row, ok := t.byName[name]; ok {
			t.remove(row)
		}
	}
}

// Try is Update of a node that upstream tries pods out on: it adds them to the NodeInfo in place, takes them off again, and
// leaves the generation as it was. Until the next Update nothing that is kept of the node by its generation counts.
func (t *Table) Try(lister fwk.NodeInfoLister, name string) {
	if info, err := lister.Get(name); err == nil && info != nil {
		t.set(info, untold, slices.Clone(info.GetPods()))
	}
}

// untold in place of a generation: it says nothing. No NodeInfo has it.
const untold = 0

// Rebuild makes the table hold what the lister lists and nothing else.
func (t *Table) Rebuild(lister fwk.NodeInfoLister) error {
	infos, err := lister.List()
	if err != nil {
		return err
	}
	listed := make(map[string]struct{}, len(infos))
	for _, info := range infos {
		name := info.Node().Name
		listed[name] = struct{}{}
		if row, ok := t.byName[name]; !ok || t.Infos[row] != info || t.generations[row] != info.GetGeneration() {
			t.set(info, info.GetGeneration(), info.GetPods())
		}
	}
	for name, row := range t.byName {
		if _, ok := listed[name]; !ok {
			t.remove(row)
		}
	}
	return nil
}

// Audit looks at one row, another one with each call, and says whether it is up to date with
// its NodeInfo. It finds in time what Update was not told of.
func (t *Table) Audit() bool {
	if len(t.Rows) == 0 {
		return true
	}
	t.audited = (t.audited + 1) % len(t.Rows)
	info := t.Infos[t.audited]
	generation := t.generations[t.audited]
	return info == nil || generation == untold || generation == info.GetGeneration()
}

// Generation of the node in a row that is not free; 0 says nothing.
func (t *Table) Generation(row int32) int64 { return t.generations[row] }

func (t *Table) set(info fwk.NodeInfo, generation int64, pods []fwk.PodInfo) {
	node := info.Node()
	row, known := t.byName[node.Name]
	if !known {
		row = t.takeRow()
		t.byName[node.Name] = row
		t.Used++
	}
	t.noteChange(row)
	r := &t.Rows[row]
	alloc, req, nonZero := info.GetAllocatable(), info.GetRequested(), info.GetNonZeroRequested()
	r.AllocCPU, r.ReqCPU, r.NonZeroCPU = alloc.GetMilliCPU(), req.GetMilliCPU(), nonZero.GetMilliCPU()
	r.AllocMem, r.ReqMem, r.NonZeroMem = alloc.GetMemory(), req.GetMemory(), nonZero.GetMemory()
	r.FreeEph = alloc.GetEphemeralStorage() - req.GetEphemeralStorage()
	r.Derive()
	r.Room = int64(alloc.GetAllowedPodNumber()) - int64(len(pods))
	t.Infos[row] = info
	t.generations[row] = generation

	// A node's object is replaced, never changed, so an equal pointer is an equal node.
	if old := t.nodes[row]; old != node {
		t.nodes[row] = node
		t.countImages(old, node)
		if old == nil || old.Spec.Unschedulable != node.Spec.Unschedulable || !slices.Equal(old.Spec.Taints, node.Spec.Taints) {
			t.setTaints(row, old != nil)
		}
		if old == nil || !maps.Equal(old.Labels, node.Labels) {
			t.setLabels(row)
		}
	}
	t.setPods(row, pods)
}

// Derive sets what follows from CPU and memory.
func (r *Row) Derive() {
	r.FreeCPU, r.FreeMem = r.AllocCPU-r.ReqCPU, r.AllocMem-r.ReqMem
	r.LeftCPU, r.LeftMem = r.AllocCPU-r.NonZeroCPU, r.AllocMem-r.NonZeroMem
	r.PerCPU, r.PerMem = Per(r.AllocCPU), Per(r.AllocMem)
	r.PercentCPU, r.PercentMem = float64(r.ReqCPU)*r.PerCPU, float64(r.ReqMem)*r.PerMem
	r.Balance = Balance(r.ReqCPU, r.AllocCPU, r.ReqMem, r.AllocMem)
}

// Per is 100 / capacity, less one part in 2⁴⁹: four roundings of a product with it, each of one in 2⁵³ at most, do not make it more
// than the quotient. Of no capacity it is 0, so that equal rows are equal.
func Per(capacity int64) float64 {
	if capacity == 0 {
		return 0
	}
	return 100 * (1 - 1./(1<<49)) / float64(capacity)
}

// Clock counts the changes of rows.
func (t *Table) Clock() int { return t.forgotten + len(t.changed) }

// ChangedSince returns the rows that changed since the clock had that value, some more than
// once, or false where that is no longer known. The slice is valid until the next change.
func (t *Table) ChangedSince(clock int) ([]int32, bool) {
	if clock < t.forgotten {
		return nil, false
	}
	return t.changed[clock-t.forgotten:], true
}

func (t *Table) noteChange(row int32) {
	if len(t.changed) > 2*len(t.Rows)+1024 {
		half := len(t.changed) / 2
		t.forgotten += half
		t.changed = t.changed[:copy(t.changed, t.changed[half:])]
	}
	t.changed = append(t.changed, row)
}

func (t *Table) takeRow() int32 {
	if n := len(t.free); n > 0 {
		row := t.free[n-1]
		t.free = t.free[:n-1]
		return row
	}
	t.Rows = append(t.Rows, Row{})
	t.Classes = append(t.Classes, 0)
	t.Infos = append(t.Infos, nil)
	t.generations = append(t.generations, 0)
	t.nodes = append(t.nodes, nil)
	t.pods = append(t.pods, nil)
	t.hashes = append(t.hashes, nil)
	t.nowhere = append(t.nowhere, NoValue)
	for _, k := range t.topologies.all() {
		k.Values = append(k.Values, NoValue)
	}
	return int32(len(t.Rows) - 1)
}

func (t *Table) remove(row int32) {
	t.noteChange(row)
	t.setPods(row, nil)
	for _, k := range t.topologies.all() {
		k.set(row, "", false)
	}
	t.countImages(t.nodes[row], nil)
	t.Labels.Remove(row, t.nodes[row].Name)
	t.releaseTaints(t.Classes[row])
	delete(t.byName, t.nodes[row].Name)
	t.nodes[row], t.Infos[row] = nil, nil
	t.Rows[row] = Row{}
	t.free = append(t.free, row)
	t.Used--
}

func (t *Table) setLabels(row int32) {
	node := t.nodes[row]
	t.Labels.Put(row, node.Name, node.Labels)
	for _, k := range t.topologies.all() {
		value, ok := node.Labels[k.Key]
		k.set(row, value, ok)
	}
}

// Balance is balancedResourceScore of
// pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go for CPU and memory:
// 100 where both are used to the same share, 50 where one is full and the other unused.
func Balance(reqCPU, allocCPU, reqMem, allocMem int64) int64 {
	deviation := 0.
	if allocCPU != 0 && allocMem != 0 {
		cpu, mem := float64(reqCPU)/float64(allocCPU), float64(reqMem)/float64(allocMem)
		deviation = math.Abs((min(cpu, 1) - min(mem, 1)) / 2)
	}
	return int64((1 - deviation) * float64(fwk.MaxScore))
}
