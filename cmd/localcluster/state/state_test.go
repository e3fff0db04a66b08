// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
)

func newLayout(t *testing.T) Layout {
	t.Helper()
	l, err := NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestStateSurvivesARoundTrip(t *testing.T) {
	l := newLayout(t)
	saved := &State{Ready: true, Nodes: 3}
	saved.Put(Component{Name: Kwok, Command: []string{"a", "b"}, Endpoint: "https://127.0.0.1:1", Log: "/l", Identity: process.Identity{PID: 7, StartTime: 9}})
	saved.Put(Component{Name: Etcd, Stopped: true})
	if err := l.Save(saved); err != nil {
		t.Fatal(err)
	}
	loaded, err := l.Load()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, loaded); diff != "" {
		t.Errorf("-saved +loaded:\n%s", diff)
	}
	if loaded.Components[0].Name != Etcd {
		t.Errorf("components are not in the order of their names: %v", loaded.Components)
	}
	info, err := os.Stat(l.stateFile())
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v", info.Mode())
	}
}

func TestPutReplaces(t *testing.T) {
	var s State
	s.Put(Component{Name: Etcd})
	s.Put(Component{Name: Etcd, Stopped: true})
	if len(s.Components) != 1 || !s.Components[0].Stopped {
		t.Errorf("got %v", s.Components)
	}
	if _, err := s.Component(Kwok); err == nil || !strings.Contains(err.Error(), `"kwok"`) {
		t.Errorf("want an error that names the component, got %v", err)
	}
}

func TestLoadRefusesWhatItDoesNotUnderstand(t *testing.T) {
	l := newLayout(t)
	if _, err := l.Load(); !errors.Is(err, ErrNoCluster) {
		t.Errorf("no file: got %v", err)
	}
	for content, want := range map[string]string{
		"":                 "damaged",
		`{"version": 1, "`: "damaged",
		`{"version": 99}`:  "version 99",
		`{}`:               "version 0",
	} {
		if err := os.WriteFile(l.stateFile(), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := l.Load()
		if err == nil || errors.Is(err, ErrNoCluster) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "localcluster down") {
			t.Errorf("%q: want an error with %q and the way out, got %v", content, want, err)
		}
	}
}

// A crash while the state is written leaves the last one.
func TestHalfAWriteLeavesTheLastState(t *testing.T) {
	l := newLayout(t)
	if err := l.Save(&State{Nodes: 5}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.stateFile()+".tmp", []byte(`{"vers`), 0o600); err != nil {
		t.Fatal(err)
	}
	if loaded, err := l.Load(); err != nil || loaded.Nodes != 5 {
		t.Errorf("got %v, %v", loaded, err)
	}
}

func TestLockAdmitsOne(t *testing.T) {
	l := newLayout(t)
	if _, err := l.Lock(); !errors.Is(err, ErrNoCluster) {
		t.Errorf("a directory without a lock is no cluster's: got %v", err)
	}
	unlock, err := l.lock(true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Lock(); err == nil || !strings.Contains(err.Error(), "at work") {
		t.Errorf("want a refusal, got %v", err)
	}
	unlock()
	if unlock, err = l.Lock(); err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestClaimLeavesOtherPeoplesDirectoriesAlone(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Claim(dir); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("want a refusal, got %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory changed: %v, %v", entries, err)
	}
}

// Neither claiming nor locking touches a directory whose lock file localcluster did not write, whatever that is and
// whatever else is there.
func TestALockFileOfAnotherProgramMarksNothing(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"empty":               func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"a number":            func(path string) error { return os.WriteFile(path, []byte("4711\n"), 0o600) },
		"the marker and more": func(path string) error { return os.WriteFile(path, []byte(marker+"x"), 0o600) },
		"a directory":         func(path string) error { return os.Mkdir(path, 0o700) },
		"a named pipe":        func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to a marker": func(path string) error {
			elsewhere := filepath.Join(t.TempDir(), "lock")
			return errors.Join(os.WriteFile(elsewhere, []byte(marker), 0o600), os.Symlink(elsewhere, path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLayout(t)
			thesis := filepath.Join(l.Dir, "thesis.tex")
			if err := errors.Join(make(l.lockFile()), os.WriteFile(thesis, []byte("42"), 0o600)); err != nil {
				t.Fatal(err)
			}
			before, err := os.Lstat(l.lockFile())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Lock(); !errors.Is(err, ErrNotOurs) || !strings.Contains(err.Error(), l.Dir) {
				t.Errorf("locking: %v", err)
			}
			if _, _, err := Claim(l.Dir); !errors.Is(err, ErrNotOurs) {
				t.Errorf("claiming: %v", err)
			}
			after, err := os.Lstat(l.lockFile())
			if err != nil || after.Size() != before.Size() || after.Mode() != before.Mode() || !after.ModTime().Equal(before.ModTime()) {
				t.Errorf("the lock file was %v and is %v, %v", before, after, err)
			}
			if data, err := os.ReadFile(thesis); err != nil || string(data) != "42" {
				t.Errorf("the neighbour holds %q, %v", data, err)
			}
		})
	}
}

// A command may die between making the lock file and marking it.
func TestHalfAMarkerAloneIsTaken(t *testing.T) {
	for _, part := range []string{"", marker[:5], marker} {
		l := newLayout(t)
		if err := os.WriteFile(l.lockFile(), []byte(part), 0o600); err != nil {
			t.Fatal(err)
		}
		_, unlock, err := Claim(l.Dir)
		if err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		unlock()
		if data, err := os.ReadFile(l.lockFile()); err != nil || string(data) != marker {
			t.Errorf("%q became %q, %v", part, data, err)
		}
	}
}

func TestClaimTakesNewAndEmptyAndItsOwnDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		_, unlock, err := Claim(dir)
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

func TestOneDirectoryHasOneLayout(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	direct, err := NewLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	through, err := NewLayout(link)
	if err != nil {
		t.Fatal(err)
	}
	if direct != through {
		t.Errorf("%v and %v", direct, through)
	}
}

func TestOnlyOptionalComponentsCanBeLeftOut(t *testing.T) {
	if err := CheckWithout([]string{Foresight, Kwok}); err != nil {
		t.Error(err)
	}
	for _, name := range []string{Etcd, APIServer, "nonsense"} {
		if err := CheckWithout([]string{name}); err == nil {
			t.Errorf("%s could be left out", name)
		}
	}
}
