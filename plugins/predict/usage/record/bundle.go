// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
)

// resourceNames are the names of the resources in trace.json and of their files.
var resourceNames = [numResources]string{"cpu", "memory"}

// bundle makes the folder dir from the journal. It is made beside and put in place when
// it is whole, so a reader finds the old bundle or the new one, or for an instant none,
// and never a mixture of both.
func (j *journal) bundle(dir string) error {
	if j.next == 0 || len(j.workloads) == 0 {
		return nil
	}
	partial, old := dir+".partial", dir+".old"
	// Somebody may have put something there while the recording ran.
	if err := j.checkFolders(dir); err != nil {
		return err
	}
	if err := errors.Join(remove(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return err
	}
	if err := j.writeFiles(partial); err != nil {
		return err
	}
	if err := syncDir(partial); err != nil {
		return err
	}
	if err := remove(old); err != nil {
		return err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(partial, dir); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(dir)), remove(old))
}

// repair puts the old bundle back when the process ended before the new one was in its
// place.
func repair(dir string) error {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(dir+".old", dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (j *journal) writeFiles(dir string) error {
	data, err := j.header()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "trace.json"), func(w *bufio.Writer) error {
		_, err := w.Write(append(data, '\n'))
		return err
	}); err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "workloads.csv"), func(w *bufio.Writer) error {
		fmt.Fprintln(w, "workload,cpu_limit_cores,memory_limit_bytes")
		for _, l := range j.workloads {
			fmt.Fprintf(w, "%s,%s,%s\n", l.Name, decimal(l.Cores), decimal(l.Bytes))
		}
		return nil // A writer keeps its first error for Flush.
	}); err != nil {
		return err
	}
	for resource, name := range resourceNames {
		if err := writeFile(filepath.Join(dir, name+".csv"), func(w *bufio.Writer) error {
			return j.writeUsage(w, resource)
		}); err != nil {
			return err
		}
	}
	return nil
}

// writeUsage writes the rows of one resource. It reads the journal for that, so that a
// long recording needs the memory of one row.
func (j *journal) writeUsage(w *bufio.Writer, resource int) error {
	w.WriteString("step")
	for _, l := range j.workloads {
		w.WriteByte(',')
		w.WriteString(l.Name)
	}
	w.WriteByte('\n')

	values := make([]float64, len(j.workloads))
	var cell []byte
	line := func(step int64) {
		w.WriteString(strconv.FormatInt(step, 10))
		for i, x := range values {
			w.WriteByte(',')
			if !math.IsNaN(x) { // An empty cell is not known.
				cell = strconv.AppendFloat(cell[:0], x, 'f', -1, 64)
				w.Write(cell)
			}
			values[i] = math.NaN()
		}
		w.WriteByte('\n')
	}
	for i := range values {
		values[i] = math.NaN()
	}
	next := int64(0)
	_, err := j.each(func(e *entry) error {
		if e.Step == nil {
			return nil
		}
		for ; next < e.Step.Step; next++ {
			line(next) // Steps of which nothing is known.
		}
		for _, u := range e.Step.Used {
			if used := u[1+resource]; used != nil {
				i := int(*u[0])
				values[i] = perMille(*used, j.workloads[i], resource)
			}
		}
		line(next)
		next++
		return nil
	})
	return err
}

// perMille of the workload's limit, to a tenth.
func perMille(used float64, w Workload, resource int) float64 {
	limit := w.Cores
	if resource == memory {
		limit = w.Bytes
	}
	return math.Round(used/limit*1e4) / 10
}

func decimal(x float64) string {
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// writeFile writes a new file and makes sure that it is on the disk.
func writeFile(path string, write func(*bufio.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<16)
	return errors.Join(write(w), w.Flush(), f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
