// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package supervise

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// role makes the test binary a component.
const role = "SUPERVISE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "stays" {
		select {}
	}
	os.Exit(m.Run())
}

func newRecord(t *testing.T) *Record {
	t.Helper()
	layout, err := state.NewLayout(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return NewRecord(layout, &state.State{})
}

// start starts a process of the cluster without recording it.
func start(t *testing.T, r *Record) *process.Started {
	t.Helper()
	s, err := process.Start(process.Spec{
		Command: []string{os.Args[0]}, Dir: r.layout.Dir,
		Env:     []string{role + "=stays", dirVariable + "=" + r.layout.Dir},
		LogFile: filepath.Join(t.TempDir(), "log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := process.Stop(s.Identity, time.Second); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestComponentsInheritNothingOfTheUsers(t *testing.T) {
	for _, name := range []string{"KUBECONFIG", "HTTPS_PROXY", "KUBERNETES_SERVICE_HOST", "POD_IP"} {
		t.Setenv(name, "x")
	}
	t.Setenv("PATH", "/bin")
	env := Environment(state.Layout{Dir: "/d"})
	for _, pair := range env {
		name, _, _ := strings.Cut(pair, "=")
		if !slices.Contains([]string{"HOME", "KWOK_WORKDIR", "PATH", "TMPDIR", "TZ", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GOCOVERDIR"}, name) {
			t.Errorf("%s is inherited", pair)
		}
	}
	if !slices.Contains(env, "HOME=/d") || !slices.Contains(env, "PATH=/bin") {
		t.Errorf("got %v", env)
	}
}

// A crash between the record and the process must leave the record.
func TestAComponentIsRecordedBeforeItStarts(t *testing.T) {
	r := newRecord(t)
	c := state.Component{Name: state.Kwok, Command: []string{"/does/not/exist"}, Log: r.layout.Path("kwok.log")}
	err := r.Launch(t.Context(), nil, c)
	var failed *ComponentError
	if !errors.As(err, &failed) || failed.Name != state.Kwok {
		t.Fatalf("got %v", err)
	}
	saved, err := r.layout.Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.Components) != 1 || saved.Components[0].Name != state.Kwok || saved.Components[0].PID != 0 {
		t.Errorf("got %v", saved.Components)
	}
}

func TestStopAllFindsTheRecordedAndTheUnrecorded(t *testing.T) {
	r := newRecord(t)
	recorded, lost := start(t, r), start(t, r)
	other := start(t, newRecord(t))
	if err := r.Update(func(s *state.State) {
		s.Put(state.Component{Name: state.Etcd, Identity: recorded.Identity})
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.StopAll(); err != nil {
		t.Fatal(err)
	}
	<-recorded.Exited()
	<-lost.Exited()
	if !other.Running() {
		t.Error("another cluster's process is dead")
	}
}

func TestStopAllLeavesARecycledNumberAlone(t *testing.T) {
	stranger := start(t, newRecord(t))
	r := newRecord(t)
	if err := r.Update(func(s *state.State) {
		s.Put(state.Component{Name: state.Etcd, Identity: process.Identity{PID: stranger.PID, StartTime: stranger.StartTime + 1}})
	}); err != nil {
		t.Fatal(err)
	}
	if err := r.StopAll(); err != nil {
		t.Fatal(err)
	}
	if !stranger.Running() {
		t.Error("the stranger is dead")
	}
}

func TestAFailureShowsTheLogAndWhereItIs(t *testing.T) {
	log := filepath.Join(t.TempDir(), "kwok.log")
	lines := strings.Repeat("older\n", 40) + "listen tcp 127.0.0.1:80: bind: address already in use\n"
	if err := os.WriteFile(log, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Blame(state.Component{Name: state.Kwok, Log: log}, errors.New("it ended"))
	if got := err.Error(); !strings.Contains(got, "it ended") || !strings.Contains(got, log) || strings.Count(got, "older") != 19 {
		t.Errorf("got %s", got)
	}
	if !LostPort(err) {
		t.Error("a lost port is not recognized")
	}
	if LostPort(errors.New("address already in use")) {
		t.Error("any error passes for a lost port")
	}
}
