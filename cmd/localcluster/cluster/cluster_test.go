// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func TestKubectlArgs(t *testing.T) {
	for _, tc := range []struct {
		args []string
		dir  string
		rest []string
	}{
		{nil, "default", nil},
		{[]string{"get", "pods", "-o", "wide"}, "default", []string{"get", "pods", "-o", "wide"}},
		{[]string{"--", "get", "--dir", "x"}, "default", []string{"get", "--dir", "x"}},
		{[]string{"--dir", "d", "get"}, "d", []string{"get"}},
		{[]string{"--dir=d", "--", "get"}, "d", []string{"get"}},
		// Behind kubectl's own words it is kubectl's.
		{[]string{"exec", "p", "--", "ls", "--dir", "x"}, "default", []string{"exec", "p", "--", "ls", "--dir", "x"}},
	} {
		dir, rest, err := KubectlArgs(tc.args, "default")
		if err != nil || dir != tc.dir || !slices.Equal(rest, tc.rest) {
			t.Errorf("%q: got %q, %q, %v", tc.args, dir, rest, err)
		}
	}
	if _, _, err := KubectlArgs([]string{"--dir"}, "default"); err == nil {
		t.Error("--dir without a directory was taken")
	}
}

func TestDownWhereNothingIsIsNoError(t *testing.T) {
	var out bytes.Buffer
	if err := Down(filepath.Join(t.TempDir(), "none"), &out); err != nil || !strings.Contains(out.String(), "No cluster") {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestDownLeavesOtherPeoplesDirectoriesAlone(t *testing.T) {
	dir := t.TempDir()
	thesis := filepath.Join(dir, "thesis.tex")
	if err := os.WriteFile(thesis, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Down(dir, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(thesis); err != nil {
		t.Error(err)
	}
}

// Also one with a file of the name that marks a cluster's directory.
func TestUpAndDownLeaveADirectoryWithALockFileAlone(t *testing.T) {
	dir := t.TempDir()
	files := map[string]string{"lock": "4711", "state.json": `{"version": 1}`, "thesis.tex": "42"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Down(dir, &bytes.Buffer{}); !errors.Is(err, state.ErrNotOurs) {
		t.Errorf("down: %v", err)
	}
	if err := Up(t.Context(), options(dir), &bytes.Buffer{}); !errors.Is(err, state.ErrNotOurs) {
		t.Errorf("up: %v", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(files) {
		t.Errorf("%v, %v", entries, err)
	}
	for name, content := range files {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != content {
			t.Errorf("%s holds %q, %v", name, data, err)
		}
	}
}

func TestDownCleansUpADamagedCluster(t *testing.T) {
	l, unlock, err := state.Claim(filepath.Join(t.TempDir(), "cluster"))
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := os.WriteFile(l.Path("state.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Down(l.Dir, &out); err != nil || !strings.Contains(out.String(), "damaged") {
		t.Errorf("%v: %s", err, out.String())
	}
	if _, err := os.Stat(l.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory is still there: %v", err)
	}
}

func options(dir string) Options {
	return Options{Dir: dir, Nodes: 1, Without: []string{state.Foresight}, UsageInterval: 10 * time.Second, Timeout: time.Minute}
}

func TestUpSaysWhatIsWrongAndLeavesNothing(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for want, change := range map[string]func(*Options){
		"--nodes":          func(o *Options) { o.Nodes = -1 },
		"--usage-interval": func(o *Options) { o.UsageInterval = time.Second },
		"etcd":             func(o *Options) { o.Without = []string{state.Etcd} },
		"is taken":         func(o *Options) { o.APIServerPort = listener.Addr().(*net.TCPAddr).Port },
		"make build":       func(o *Options) { o.Without, o.SchedulerBinary = nil, "/does/not/exist" },
	} {
		o := options(filepath.Join(t.TempDir(), "cluster"))
		change(&o)
		err := Up(t.Context(), o, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %q, got %v", want, err)
		}
		if _, err := os.Stat(o.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the directory is there: %v", want, err)
		}
	}
}

func TestUpSendsAFailedStartToDown(t *testing.T) {
	o := options(filepath.Join(t.TempDir(), "cluster"))
	l, unlock, err := state.Claim(o.Dir)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := l.Save(&state.State{Nodes: 1, Components: []state.Component{{Name: state.Etcd}}}); err != nil {
		t.Fatal(err)
	}
	if err := Up(t.Context(), o, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "localcluster down") {
		t.Errorf("got %v", err)
	}
}

func TestLogsOfNoClusterAndNoComponent(t *testing.T) {
	l := state.Layout{Dir: t.TempDir()}
	if err := CopyLog(t.Context(), l, state.Etcd, false, &bytes.Buffer{}); !errors.Is(err, state.ErrNoCluster) {
		t.Errorf("no cluster: got %v", err)
	}
	log := l.Path("etcd.log")
	if err := l.Save(&state.State{Components: []state.Component{{Name: state.Etcd, Log: log}}}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, []byte("hello\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := CopyLog(t.Context(), l, state.Etcd, false, &out); err != nil || out.String() != "hello\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if err := CopyLog(t.Context(), l, "nonsense", false, &out); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("no component: got %v", err)
	}
}
