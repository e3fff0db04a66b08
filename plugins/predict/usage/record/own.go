// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// bundleFiles are all that a bundle holds. The header is first when it is written and last when it is removed, because it
// proves whose the folder is.
var bundleFiles = []string{"trace.json", "workloads.csv", "cpu.csv", "memory.csv"}

// header returns the content of trace.json.
func (j *journal) header() ([]byte, error) {
	return json.MarshalIndent(trace.Header{
		Name: j.options.Name, IntervalSeconds: int(j.options.Interval.Seconds()), StartUnix: j.begin.Unix(), Steps: int(j.next),
		Unit: "per-mille of the workload's limit", Resources: resourceNames[:], Origin: j.options.Origin, Cite: j.options.Cite,
	}, "", " ")
}

// checkFolders returns an error unless the folder dir, and the two that are beside it while it is replaced, are this
// recording's or not there.
func (j *journal) checkFolders(dir string) error {
	for _, folder := range []string{dir, dir + ".old", dir + ".partial"} {
		if err := j.checkFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// checkFolder returns an error unless nothing is there, or an empty folder, or one with nothing but a bundle's files whose
// header begins as this recording's does: with its name, interval and start. A process may have died while it wrote the
// header, so the beginning of that beginning will do.
func (j *journal) checkFolder(dir string) error {
	foreign := func(what string) error {
		return fmt.Errorf("%s %s, which is no part of this recording: name another folder, or move it away", dir, what)
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return foreign("is no folder")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !slices.Contains(bundleFiles, e.Name()) {
			return foreign(fmt.Sprintf("holds %q", e.Name()))
		}
	}
	if len(entries) == 0 {
		return nil
	}
	ours, err := j.header()
	if err != nil {
		return err
	}
	ours, _, _ = bytes.Cut(ours, []byte(`"steps":`))
	found := make([]byte, len(ours))
	n, err := readSome(filepath.Join(dir, bundleFiles[0]), found)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err != nil || !j.started || !bytes.HasPrefix(ours, found[:n]) || (n < len(ours) && len(entries) > 1) {
		return foreign("holds another trace")
	}
	return nil
}

// readSome reads the beginning of a file.
func readSome(path string, into []byte) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	n, err := file.ReadAt(into, 0)
	if n == len(into) || err == nil {
		return n, nil
	}
	if info, statErr := file.Stat(); statErr == nil && info.Size() == int64(n) {
		return n, nil
	}
	return n, err
}

// remove removes a bundle and nothing else: with any other file in it the folder stays.
func remove(dir string) error {
	for _, name := range slices.Backward(bundleFiles) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
