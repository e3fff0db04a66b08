// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"syscall"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

const (
	// maxLine is how many bytes a line may have: 150,000 pods in a step come to 9 MB.
	maxLine = 64 << 20
	// maxSteps of a recording: a year of seconds. What a step says that it is would be as many rows of the bundle.
	maxSteps = 1 << 25
)

// entry is a line of the journal. One of its parts is there.
type entry struct {
	Trace    *traceEntry    `json:"trace,omitempty"`
	Workload *workloadEntry `json:"workload,omitempty"`
	Step     *stepEntry     `json:"step,omitempty"`
}

// traceEntry is the first line.
type traceEntry struct {
	Name            string `json:"name"`
	IntervalSeconds int64  `json:"interval_seconds"`
	StartUnix       int64  `json:"start_unix"`
}

// workloadEntry is before the first step of its workload. Workloads are numbered in the
// order of their lines, from 0.
type workloadEntry struct {
	Name  string  `json:"name"`
	Cores float64 `json:"cores"`
	Bytes float64 `json:"bytes"`
}

// stepEntry holds what was measured in a step.
type stepEntry struct {
	Step int64 `json:"n"`
	// Used holds [workload, cores, bytes] per workload; null is not known.
	Used [][1 + numResources]*float64 `json:"used"`
}

// journal is the file of a recording. A line counts when it is whole.
type journal struct {
	file    *os.File
	options Options
	// size of the whole lines.
	size      int64
	started   bool
	begin     time.Time
	workloads []Workload
	// next step that may be added.
	next int64
}

// openJournal opens the journal at path, new or with what is in it. The process may have
// ended in the midst of the last line, which is cut off.
func openJournal(path string, options Options) (_ *journal, err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file of a recording: name another folder", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NONBLOCK, 0o644) // Not to wait for who writes to a pipe.
	if err != nil {
		return nil, err
	}
	j := &journal{file: file, options: options}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	if j.size, err = j.each(func(e *entry) error { return j.replay(e) }); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if j.size == 0 {
		// Not one line is whole. That may be all that was written of the first one, or somebody else's file.
		if err := startsLine(file, j.options.Name); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return j, file.Truncate(j.size)
}

// startsLine returns an error unless the file holds a part of the first line of a recording with the name.
func startsLine(file io.ReaderAt, name string) error {
	line, err := json.Marshal(entry{Trace: &traceEntry{Name: name}})
	if err != nil {
		return err
	}
	known, _, _ := bytes.Cut(line, []byte(`"interval_seconds"`))
	begun := make([]byte, len(known))
	n, err := file.ReadAt(begun, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.HasPrefix(known, begun[:n]) {
		return errors.New("no recording: name another folder")
	}
	return nil
}

// each calls use with every whole line and returns the size of those lines.
func (j *journal) each(use func(*entry) error) (size int64, err error) {
	info, err := j.file.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errors.New("no regular file")
	}
	lines := bufio.NewReaderSize(io.NewSectionReader(j.file, 0, math.MaxInt64), 1<<16)
	var line []byte
	for number := 1; ; number++ {
		line = line[:0]
		for {
			part, err := lines.ReadSlice('\n')
			if line = append(line, part...); err == nil {
				break
			}
			if errors.Is(err, io.EOF) {
				return size, nil
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return size, err
			}
			if len(line) > maxLine {
				return size, fmt.Errorf("line %d: more than %d bytes", number, maxLine)
			}
		}
		var e entry
		if err := json.Unmarshal(line, &e); err != nil {
			return size, fmt.Errorf("line %d: %w", number, err)
		}
		if err := use(&e); err != nil {
			return size, fmt.Errorf("line %d: %w", number, err)
		}
		size += int64(len(line))
	}
}

// replay takes in a line that was written before.
func (j *journal) replay(e *entry) error {
	switch {
	case e.Trace != nil && !j.started:
		t := e.Trace
		if t.Name != j.options.Name || t.IntervalSeconds != int64(j.options.Interval/time.Second) {
			return fmt.Errorf("it is a recording of %.200q every %d s", t.Name, t.IntervalSeconds)
		}
		if t.StartUnix < 0 || t.StartUnix > trace.LastUnix {
			return fmt.Errorf("it starts at %d", t.StartUnix)
		}
		j.started, j.begin = true, time.Unix(t.StartUnix, 0)
	case e.Workload != nil && j.started:
		if w := Workload(*e.Workload); !w.fits() {
			return fmt.Errorf("the workload %.200q has a name or a limit that no bundle can hold", w.Name)
		}
		j.workloads = append(j.workloads, Workload(*e.Workload))
	case e.Step != nil && j.started && e.Step.Step >= j.next && e.Step.Step < maxSteps:
		for _, u := range e.Step.Used {
			// Compared as numbers: what 1e300 is as an index depends on the machine.
			if u[0] == nil || !(*u[0] >= 0 && *u[0] < float64(len(j.workloads))) || *u[0] != math.Trunc(*u[0]) {
				return errors.New("a workload that is not named before")
			}
			for _, used := range u[1:] {
				if used != nil && !(*used >= 0 && *used <= trace.Largest) {
					return fmt.Errorf("%g was used of a resource", *used)
				}
			}
		}
		j.next = e.Step.Step + 1
	default:
		return errors.New("not the line of a recording, or out of order")
	}
	return nil
}

// start begins the recording with the step that starts at begin.
func (j *journal) start(begin time.Time) error {
	begin = time.Unix(begin.Unix(), 0)
	err := j.append(&entry{Trace: &traceEntry{
		Name: j.options.Name, IntervalSeconds: int64(j.options.Interval / time.Second), StartUnix: begin.Unix(),
	}})
	if err == nil {
		j.started, j.begin = true, begin
	}
	return err
}

func (j *journal) addWorkload(w Workload) error {
	e := workloadEntry(w)
	if err := j.append(&entry{Workload: &e}); err != nil {
		return err
	}
	j.workloads = append(j.workloads, w)
	return nil
}

// addStep adds a step and makes sure that it is on the disk.
func (j *journal) addStep(step int64, rows []row) error {
	e := stepEntry{Step: step, Used: make([][1 + numResources]*float64, len(rows))}
	for i := range rows {
		n := float64(rows[i].workload)
		e.Used[i][0] = &n
		for r := range rows[i].used {
			if x := rows[i].used[r]; x >= 0 && x <= trace.Largest { // Which replay takes again; NaN is not known.
				e.Used[i][1+r] = &x
			}
		}
	}
	if err := j.append(&entry{Step: &e}); err != nil {
		return err
	}
	j.next = step + 1
	return j.file.Sync()
}

// append adds a line. When that fails, as on a full disk, the part of it that was
// written is taken away, and the next line may be tried.
func (j *journal) append(e *entry) error {
	var line bytes.Buffer
	if err := json.NewEncoder(&line).Encode(e); err != nil {
		return err
	}
	if _, err := j.file.WriteAt(line.Bytes(), j.size); err != nil {
		return errors.Join(err, j.file.Truncate(j.size))
	}
	j.size += int64(line.Len())
	return nil
}

// abandon closes a journal that is not to be used, and removes it if nothing was ever written to it.
func (j *journal) abandon() error {
	err := j.close()
	if j.size == 0 {
		err = errors.Join(err, os.Remove(j.file.Name()))
	}
	return err
}

func (j *journal) close() error {
	return j.file.Close()
}
