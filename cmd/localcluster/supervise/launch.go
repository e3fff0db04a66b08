// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package supervise starts and stops the components of a cluster and keeps its state
// true while it does.
package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/health"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/network"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

const (
	// dirVariable marks every process of a cluster with its directory, so that even one
	// whose number could not be recorded is found.
	dirVariable = "LOCALCLUSTER_DIR"
	// grace is how long a component may take to end before it is killed.
	grace = 5 * time.Second
)

// Environment is what components inherit: nothing that could make two clusters differ
// or send a component to the user's own cluster or home.
func Environment(l state.Layout) []string {
	env := []string{
		"HOME=" + l.Dir,
		// kwok reads a configuration from its work directory even when given another.
		"KWOK_WORKDIR=" + l.Path("config"),
	}
	for _, name := range []string{"PATH", "TMPDIR", "TZ", "GODEBUG", "GOGC", "GOMEMLIMIT", "GOMAXPROCS", "GOCOVERDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// ComponentError tells why a component does not run and shows its last words.
type ComponentError struct {
	Name string
	Log  string
	Tail string
	Err  error
}

// Error is for a terminal: the reason, the end of the log, and where the rest is.
func (e *ComponentError) Error() string {
	if strings.TrimSpace(e.Tail) == "" {
		return fmt.Sprintf("%s did not start: %v\nIts log is empty: %s", e.Name, e.Err, e.Log)
	}
	return fmt.Sprintf("%s did not start: %v\n\n%s\n\nAll of its log: %s", e.Name, e.Err, e.Tail, e.Log)
}

// Unwrap returns the reason.
func (e *ComponentError) Unwrap() error { return e.Err }

// Blame adds the end of the component's log to the reason why it does not run.
func Blame(c state.Component, err error) error {
	const lines = 20
	tail, tailErr := process.Tail(c.Log, lines)
	if tailErr != nil {
		err = errors.Join(err, tailErr)
	}
	return &ComponentError{Name: c.Name, Log: c.Log, Tail: tail, Err: err}
}

// Record keeps the state file true while several components start at once.
type Record struct {
	mu     sync.Mutex
	layout state.Layout
	state  *state.State
}

// NewRecord returns the record of a cluster whose lock the caller holds.
func NewRecord(layout state.Layout, s *state.State) *Record {
	return &Record{layout: layout, state: s}
}

// Update changes the state and saves it.
func (r *Record) Update(change func(*state.State)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r.state)
	return r.layout.Save(r.state)
}

// Launch starts a component and returns when it is well. It is recorded first: should
// this process die now, `down` knows what to look for.
func (r *Record) Launch(ctx context.Context, probe *health.Prober, c state.Component) error {
	c.Identity, c.Stopped = process.Identity{}, false
	if err := r.Update(func(s *state.State) { s.Put(c) }); err != nil {
		return err
	}
	spec := process.Spec{
		Command: c.Command,
		Dir:     r.layout.Dir,
		Env:     append(Environment(r.layout), dirVariable+"="+r.layout.Dir),
		LogFile: c.Log,
	}
	if c.InNetwork {
		var err error
		if spec.Network, err = r.Network(); err != nil {
			return Blame(c, err)
		}
	}
	started, err := process.Start(spec)
	if err != nil {
		return Blame(c, err)
	}
	c.Identity = started.Identity
	if err := r.Update(func(s *state.State) { s.Put(c) }); err != nil {
		_, stopErr := process.Stop(c.Identity, grace)
		return errors.Join(err, stopErr)
	}
	if err := probe.Await(ctx, c, started); err != nil {
		if errors.Is(err, context.Canceled) {
			return err
		}
		return Blame(c, err)
	}
	return nil
}

// Network is the file of the cluster's own network. It lives as long as any process in
// it, so one that runs is as good as the component that made it.
func (r *Record) Network() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.state.Components {
		switch {
		case c.Name == state.Network && c.Running():
			return network.Path(c.PID), nil
		case c.InNetwork && c.Running():
			return fmt.Sprintf("/proc/%d/ns/net", c.PID), nil
		}
	}
	return "", errors.New("nothing of the cluster runs any more, and with that its network is gone: run `localcluster down`, then `localcluster up`")
}

// LostPort tells whether a component ended because somebody took the port it was
// promised.
func LostPort(err error) bool {
	var failed *ComponentError
	return errors.As(err, &failed) && strings.Contains(failed.Tail, "address already in use")
}
