// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package record writes readings as a trace bundle: the folder of trace.json,
// workloads.csv, cpu.csv and memory.csv that backtests replay.
//
// A bundle has a column per workload, and workloads come and go while it is recorded, so
// it cannot be appended to. What is measured is appended to a journal beside the folder,
// one line per step, and the bundle is made of the journal. So a recording survives the
// end of its process at any moment: it loses the steps that were not complete.
package record

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// Workload is a column of the bundle.
type Workload struct {
	// Name without commas, quotes and line breaks, such as namespace/name.
	Name string
	// Cores and Bytes are the limits of CPU and memory, above 0. Usage is written in
	// per-mille of them and may pass them. What has no limit needs a nominal one, such as
	// its node's size. The limits of a workload are those at its first sample.
	Cores, Bytes float64
}

// Options say what is recorded.
type Options struct {
	// Name of the trace.
	Name string
	// Interval of the steps, whole seconds that divide an hour. Samples of one step are
	// averaged.
	Interval time.Duration
	// Pod returns the workload of a pod, and false for pods that are not recorded. The
	// usage of several pods of one workload is summed. nil records no pods.
	Pod func(usage.PodSample) (Workload, bool)
	// Node does for nodes what Pod does for pods.
	Node func(usage.NodeSample) (Workload, bool)
	// Origin and Cite say where the trace comes from and how to cite it.
	Origin, Cite string
}

func (o *Options) validate() error {
	switch {
	case o.Name == "":
		return errors.New("the trace has no name")
	case o.Interval < time.Second || o.Interval%time.Second != 0 || time.Hour%o.Interval != 0:
		return fmt.Errorf("interval %v: must be whole seconds that divide an hour", o.Interval)
	case o.Pod == nil && o.Node == nil:
		return errors.New("neither pods nor nodes are recorded")
	}
	return nil
}

// The resources of a bundle.
const (
	cpu = iota
	memory
	numResources
)

var quantities = [numResources]usage.Quantity{usage.CPU, usage.Memory}

// Counts say what a recorder did.
type Counts struct {
	// Steps in the journal, and Workloads in it.
	Steps, Workloads int
	// Late counts samples that came after their step was written.
	Late uint64
	// Refused counts samples of workloads with a name or a limit that no bundle can hold,
	// and samples from ahead of their reading.
	Refused uint64
}

// Recorder records readings. It is not safe for concurrent use, and a folder has one
// recorder at a time.
type Recorder struct {
	options Options
	dir     string
	journal *journal
	// index of each workload in the journal, by name.
	index map[string]int
	// pending steps, which are not in the journal yet.
	pending map[int64]map[object]*mean
	counts  Counts
}

// object is a pod or a node of a workload.
type object struct {
	workload                   int
	namespace, name, uid, node string
}

// mean averages the samples of an object in a step, per resource.
type mean struct {
	sum   [numResources]float64
	count [numResources]int
}

// Open starts a recording into the folder dir, or goes on with the one that is there, of
// the same name and interval. Where dir, or one of the files and folders that a recording has beside it, holds anything else,
// Open returns an error and changes nothing.
func Open(dir string, options Options) (*Recorder, error) {
	if err := options.validate(); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	// "traces/" must not have its journal in itself, nor "." beside nothing.
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}

	// 1. All that is there is of this recording, or nothing is touched.
	j, err := openJournal(dir+".journal", options)
	if err != nil {
		return nil, err
	}
	if err := j.checkFolders(dir); err != nil {
		return nil, errors.Join(err, j.abandon())
	}

	// 2. Go on where it ended.
	if err := repair(dir); err != nil {
		return nil, errors.Join(err, j.close())
	}
	r := &Recorder{options: options, dir: dir, journal: j, index: map[string]int{}, pending: map[int64]map[object]*mean{}}
	for i, w := range j.workloads {
		r.index[w.Name] = i
	}
	return r, nil
}

// Counts returns what was recorded so far.
func (r *Recorder) Counts() Counts {
	c := r.counts
	c.Steps, c.Workloads = int(r.journal.next), len(r.journal.workloads)
	return c
}

// Add records a clean reading. Steps are written when they have ended and one interval
// more, because samples come late.
func (r *Recorder) Add(reading usage.Reading) error {
	if r.options.Node != nil {
		for i := range reading.Nodes {
			s := &reading.Nodes[i]
			if w, ok := r.options.Node(*s); ok {
				if err := r.add(w, object{node: s.Node}, &s.Sample, reading.End); err != nil {
					return err
				}
			}
		}
	}
	if r.options.Pod != nil {
		for i := range reading.Pods {
			s := &reading.Pods[i]
			if w, ok := r.options.Pod(*s); ok {
				if err := r.add(w, object{namespace: s.Namespace, name: s.Name, uid: s.UID}, &s.Sample, reading.End); err != nil {
					return err
				}
			}
		}
	}
	if !r.journal.started {
		return nil
	}
	return r.write(r.step(reading.End) - 1)
}

// add adds a sample to its step: that of the middle of its window, because a value over
// the last five minutes is about those and not about the next ones.
func (r *Recorder) add(w Workload, o object, s *usage.Sample, now time.Time) error {
	at := s.Time.Add(-s.Window / 2)
	if !r.journal.started {
		if !s.Has(usage.CPU) && !s.Has(usage.Memory) {
			return nil
		}
		if err := r.journal.start(at.Truncate(r.options.Interval)); err != nil {
			return err
		}
	}
	step := r.step(at)
	if step < r.journal.next {
		r.counts.Late++
		return nil
	}
	if step > r.step(now)+1 || step >= maxSteps {
		r.counts.Refused++ // The steps until then would be rows without a value.
		return nil
	}
	var err error
	if o.workload, err = r.workload(w); err != nil {
		return err
	}
	if o.workload < 0 {
		r.counts.Refused++
		return nil
	}
	means := r.pending[step]
	if means == nil {
		means = map[object]*mean{}
		r.pending[step] = means
	}
	m := means[o]
	if m == nil {
		m = &mean{}
		means[o] = m
	}
	for i, q := range quantities {
		if x, ok := s.Get(q); ok {
			m.sum[i] += x
			m.count[i]++
		}
	}
	return nil
}

// step that contains t.
func (r *Recorder) step(t time.Time) int64 {
	return int64(math.Floor(t.Sub(r.journal.begin).Seconds() / r.options.Interval.Seconds()))
}

// workload returns the index of w, or -1 when no bundle can hold it.
func (r *Recorder) workload(w Workload) (int, error) {
	if i, ok := r.index[w.Name]; ok {
		return i, nil
	}
	if !w.fits() {
		return -1, nil
	}
	if err := r.journal.addWorkload(w); err != nil {
		return 0, err
	}
	i := len(r.journal.workloads) - 1
	r.index[w.Name] = i
	return i, nil
}

// fits says whether a bundle can hold the workload.
func (w *Workload) fits() bool {
	return w.Name != "" && !strings.ContainsAny(w.Name, ",\"\r\n") && limit(w.Cores) && limit(w.Bytes)
}

// limit says whether x may be one: beside it all that is used has to be a number.
func limit(x float64) bool {
	return x >= 1e-9 && x <= trace.Largest
}

// write writes the pending steps before end to the journal.
func (r *Recorder) write(end int64) error {
	var steps []int64
	for step := range r.pending {
		if step < end {
			steps = append(steps, step)
		}
	}
	sort.Slice(steps, func(i, j int) bool { return steps[i] < steps[j] })
	for _, step := range steps {
		if err := r.journal.addStep(step, rows(r.pending[step])); err != nil {
			return err
		}
		delete(r.pending, step)
	}
	return nil
}

// row is what a workload used in a step; NaN is not known.
type row struct {
	workload int
	used     [numResources]float64
}

// rows sums the means of the objects of each workload. Where one of the objects has no
// value, the sum of the others is not the workload's usage. A pod that was replaced in
// the midst of a step counts together with its successor, as if they had run side by
// side: which of them ran for how long the samples do not tell.
func rows(means map[object]*mean) []row {
	sums := map[int]*row{}
	for o, m := range means {
		s := sums[o.workload]
		if s == nil {
			s = &row{workload: o.workload}
			sums[o.workload] = s
		}
		for i := range m.sum {
			s.used[i] += m.sum[i] / float64(m.count[i]) // 0/0 is NaN.
		}
	}
	out := make([]row, 0, len(sums))
	for _, s := range sums {
		out = append(out, *s)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].workload < out[j].workload })
	return out
}

// Flush makes the bundle of the steps in the journal. Before there are any, it makes
// none.
func (r *Recorder) Flush() error {
	return r.journal.bundle(r.dir)
}

// Close writes what is pending, makes the bundle and ends the recording. Open goes on
// with it.
func (r *Recorder) Close() error {
	err := r.write(math.MaxInt64)
	if err == nil {
		err = r.Flush()
	}
	return errors.Join(err, r.journal.close())
}
