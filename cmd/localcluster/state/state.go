// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
)

const version = 1

// ErrNoCluster says that a directory holds no cluster.
var ErrNoCluster = errors.New("no cluster here")

// State is what a cluster's directory remembers about it.
type State struct {
	Version int `json:"version"`
	// Ready is false until `up` is through.
	Ready bool `json:"ready"`
	Nodes int  `json:"nodes"`
	// Real says that the nodes are real ones.
	Real bool `json:"real,omitempty"`
	// Components are in the order in which they start, though some start at the same time.
	Components []Component `json:"components"`
}

// Component is one program of the cluster. It is recorded before it is started, so
// the process is zero when `up` died in between.
type Component struct {
	Name     string   `json:"name"`
	Command  []string `json:"command"`
	Endpoint string   `json:"endpoint"`
	Log      string   `json:"log"`
	// InNetwork says that the program runs in the cluster's own network.
	InNetwork bool `json:"inNetwork,omitempty"`
	// Stopped tells a component that was stopped on purpose from one that died.
	Stopped bool `json:"stopped,omitempty"`

	process.Identity
}

// Component returns the named component for changing.
func (s *State) Component(name string) (*Component, error) {
	i := slices.IndexFunc(s.Components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		names := make([]string, len(s.Components))
		for i, c := range s.Components {
			names[i] = c.Name
		}
		return nil, fmt.Errorf("this cluster has no component %q: it has %q", name, names)
	}
	return &s.Components[i], nil
}

// Put records a component, in place of one of that name.
func (s *State) Put(c Component) {
	if i := slices.IndexFunc(s.Components, func(o Component) bool { return o.Name == c.Name }); i >= 0 {
		s.Components[i] = c
		return
	}
	s.Components = append(s.Components, c)
	slices.SortStableFunc(s.Components, func(a, b Component) int {
		if o := order(a.Name) - order(b.Name); o != 0 {
			return o
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// order is a component's place in the start.
func order(name string) int {
	names := append([]string{Network}, Names()...)
	if i := slices.Index(names, name); i >= 0 {
		return i
	}
	return len(names)
}

// Load reads a cluster's state. It returns ErrNoCluster when there is none.
func (l Layout) Load() (*State, error) {
	data, err := os.ReadFile(l.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNoCluster, l.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("reading state: %w", err)
	}
	var state State
	if err := json.Unmarshal(data, &state); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w): `localcluster down` cleans up", l.stateFile(), err)
	}
	if state.Version != version {
		return nil, fmt.Errorf("%s has version %d and this localcluster understands %d: use the one it was made with, or `localcluster down`",
			l.stateFile(), state.Version, version)
	}
	return &state, nil
}

// Save replaces the state as a whole, so that a crash leaves the old one or the new.
func (l Layout) Save(state *State) error {
	state.Version = version
	data, err := json.MarshalIndent(state, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding state: %w", err)
	}
	tmp := l.stateFile() + ".tmp"
	if err := os.WriteFile(tmp, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing state: %w", err)
	}
	if err := os.Rename(tmp, l.stateFile()); err != nil {
		return fmt.Errorf("writing state: %w", err)
	}
	return nil
}
