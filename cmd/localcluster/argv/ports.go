// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package argv

import (
	"maps"
	"sync"
)

// Ports says which component listens where. It may change while components start
// together: one of them may find its port taken.
type Ports struct {
	mu     sync.Mutex
	byName map[string]int
}

// NewPorts returns ports that begin as the map says.
func NewPorts(byName map[string]int) *Ports {
	return &Ports{byName: maps.Clone(byName)}
}

// Of returns a component's port.
func (p *Ports) Of(name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.byName[name]
}

// Move gives a component another port.
func (p *Ports) Move(name string, port int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.byName[name] = port
}
