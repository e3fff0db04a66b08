// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package recording keeps what a cluster's pods and nodes were, beside what pods used, so that their placement can be replayed.
//
// A recording is a folder:
//
//	objects.jsonl   a line that names the version, then a line for each change of a node or a pod, in the order of time
//	usage/          a trace with a column a pod (docs/use/traces.md)
//	key             of the hashes, where names are hashed; who has it can guess names
//
// Lines are only ever appended, so a recording that was stopped goes on where it was.
package recording

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
)

// version of the folder.
const version = 1

// longestLine bounds what a reader takes for one object: more than an API server does.
const longestLine = 4 << 20

// line of objects.jsonl: the header, or one change.
type line struct {
	Version    int  `json:"version,omitempty"`
	Anonymized bool `json:"anonymized,omitempty"`

	At   int64    `json:"at,omitempty"` // Unix seconds
	Node *v1.Node `json:"node,omitempty"`
	Pod  *v1.Pod  `json:"pod,omitempty"`
	// Gone says that the object is not there any more.
	Gone bool `json:"gone,omitempty"`
}

// UsageDir is where the trace of a recording lies.
func UsageDir(dir string) string { return filepath.Join(dir, "usage") }

// Writer appends to a recording. It is safe for concurrent use.
type Writer struct {
	hash *hasher // nil where names stay

	mu   sync.Mutex
	file *os.File
	// last line of each object, so that what did not change is not written again, and those that are there.
	last  map[string]string
	there map[string]line
}

// Open begins a recording in the folder, or goes on with the one that is there. Whether names are hashed cannot change.
func Open(dir string, anonymize bool) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "objects.jsonl")
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		// A key and an empty file may be left by a recording that ended as it began.
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Name() != "key" && e.Name() != "objects.jsonl" {
				return nil, fmt.Errorf("%s holds %s and is no recording: name another folder", dir, e.Name())
			}
		}
	}
	w := &Writer{last: map[string]string{}, there: map[string]line{}}
	if anonymize {
		key, err := keyIn(dir)
		if err != nil {
			return nil, err
		}
		w.hash = &hasher{key}
	}
	whole, err := w.resume(path, anonymize)
	if err != nil {
		return nil, err
	}
	if w.file, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return nil, err
	}
	// A line that was cut short is written again.
	if err := w.file.Truncate(whole); err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	if _, err := w.file.Seek(0, io.SeekEnd); err != nil {
		return nil, errors.Join(err, w.file.Close())
	}
	if whole == 0 {
		if err := w.write(line{Version: version, Anonymized: anonymize}); err != nil {
			return nil, errors.Join(err, w.file.Close())
		}
	}
	return w, nil
}

// resume reads what there is, and returns how many bytes of it are whole lines.
func (w *Writer) resume(path string, anonymize bool) (whole int64, err error) {
	err = read(path, func(l *line, size int) error {
		whole += int64(size)
		if l.Version != 0 {
			if l.Anonymized != anonymize {
				return errors.New("it was begun with names hashed, or without; go on with it in the same way")
			}
			return nil
		}
		w.remember(l)
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if info, missing := os.Stat(path); missing == nil && info.Size() == 0 {
		return 0, nil
	}
	return whole, err
}

func (l *line) name() string {
	if l.Node != nil {
		return "node " + l.Node.Name
	}
	return "pod " + string(l.Pod.UID)
}

// remember returns whether the line tells anything new.
func (w *Writer) remember(l *line) bool {
	same := *l
	same.At = 0
	data, err := json.Marshal(&same)
	if err != nil || w.last[l.name()] == string(data) {
		return false
	}
	if _, known := w.last[l.name()]; l.Gone && !known {
		return false // What was never there cannot go.
	}
	w.last[l.name()] = string(data)
	if l.Gone {
		delete(w.there, l.name())
	} else {
		w.there[l.name()] = *l
	}
	return true
}

// Present tells what there is when a recording begins or goes on. What it knows of and is not there went meanwhile.
func (w *Writer) Present(at time.Time, nodes []*v1.Node, pods []*v1.Pod) error {
	present := map[string]bool{}
	for _, n := range nodes {
		present["node "+w.hashed(n.Name)] = true
	}
	for _, p := range pods {
		present["pod "+w.hashed(string(p.UID))] = true
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, l := range w.there {
		if !present[name] {
			l.At, l.Gone = at.Unix(), true
			if err := w.tell(&l); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *Writer) hashed(name string) string {
	if w.hash == nil {
		return name
	}
	return w.hash.of(name)
}

// Node tells of a node as it is, or that it is gone.
func (w *Writer) Node(at time.Time, n *v1.Node, gone bool) error {
	l := line{At: at.Unix(), Node: keptOfNode(n), Gone: gone}
	if w.hash != nil {
		w.hash.node(l.Node)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tell(&l)
}

// Pod tells of a pod as it is, or that it is gone. One that finished is gone.
func (w *Writer) Pod(at time.Time, p *v1.Pod, gone bool) error {
	gone = gone || p.Status.Phase == v1.PodSucceeded || p.Status.Phase == v1.PodFailed
	l := line{At: at.Unix(), Pod: keptOfPod(p), Gone: gone}
	if w.hash != nil {
		w.hash.pod(l.Pod)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tell(&l)
}

// Column is the name of the pod's column in the usage.
func (w *Writer) Column(namespace, name string) string {
	return w.hashed(namespace) + "/" + w.hashed(name)
}

func (w *Writer) tell(l *line) error {
	if !w.remember(l) {
		return nil
	}
	return w.write(*l)
}

func (w *Writer) write(l line) error {
	data, err := json.Marshal(&l)
	if err != nil {
		return err
	}
	_, err = w.file.Write(append(data, '\n'))
	return err
}

// Close ends the recording for now.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.file.Sync(), w.file.Close())
}

// read calls tell with each whole line and its length. What follows the last line break was cut short, and is passed over.
func read(path string, tell func(*line, int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, longestLine)
	for n := 1; ; n++ {
		data, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return fmt.Errorf("%s: it is empty", path)
			}
			return nil
		}
		var l line
		if err == nil {
			err = json.Unmarshal(data, &l)
		}
		switch {
		case err != nil:
		case (n == 1) != (l.Version != 0):
			err = errors.New("want the version in the first line, and nowhere else")
		case n == 1 && l.Version != version:
			err = fmt.Errorf("it is of version %d; this program knows %d", l.Version, version)
		case n > 1 && (l.Node == nil) == (l.Pod == nil):
			err = errors.New("want a node or a pod")
		default:
			err = tell(&l, len(data))
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
}

// keyIn returns the key of the folder's hashes, which is made when there is none.
func keyIn(dir string) ([]byte, error) {
	path := filepath.Join(dir, "key")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, 32)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		return key, os.WriteFile(path, key, 0o600)
	}
	if err == nil && len(key) != 32 {
		err = fmt.Errorf("%s: %d bytes, want 32", path, len(key))
	}
	return key, err
}
