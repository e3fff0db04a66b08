// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"context"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

const (
	// kept is how many readings are remembered: half an hour of 15 s. Of 5,000 nodes they are 600 KB.
	kept = 120
	// unknown is a share that was not measured; others are in 250ths of what the node has.
	unknown = 255
	full    = 250
)

// heat reads nodes again and again, and remembers how full they were.
type heat struct {
	from     asker
	interval time.Duration

	mu     sync.Mutex
	nodes  *decision.Nodes
	err    error
	times  []int64
	shares map[string][]byte // by node, a byte for each of times
}

func newHeat(from asker, interval time.Duration) *heat {
	return &heat{from: from, interval: interval, shares: map[string][]byte{}}
}

// run reads until ctx ends. What fails is told once, until it works again.
func (h *heat) run(ctx context.Context, problems io.Writer) {
	ticker := time.NewTicker(h.interval)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := h.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			fmt.Fprintln(problems, "reading nodes:", err)
		}
		failing = err != nil
	}
}

func (h *heat) read(ctx context.Context) error {
	nodes := &decision.Nodes{}
	err := h.from.Get(ctx, "nodes", nil, nodes)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err = err; err != nil {
		return err
	}
	h.nodes = nodes
	before := len(h.times)
	h.times = append(h.times, nodes.Time.Unix())
	first := max(0, len(h.times)-kept)
	h.times = h.times[first:]
	shares := make(map[string][]byte, len(nodes.Nodes))
	for i := range nodes.Nodes {
		n := &nodes.Nodes[i]
		past := h.shares[n.Name]
		for len(past) < before {
			past = append(past, unknown) // The node is new.
		}
		shares[n.Name] = append(past, shareOf(&n.CPU))[first:]
	}
	h.shares = shares // Nodes that have gone are forgotten.
	return nil
}

// shareOf is the use of a resource in 250ths of what there is, at most all of it.
func shareOf(r *decision.Resources) byte {
	if r.Used == nil || r.Allocatable <= 0 || math.IsNaN(*r.Used) {
		return unknown
	}
	return byte(math.Round(full * min(1, max(0, *r.Used/r.Allocatable))))
}

// newest is the last good answer with the reason why there is no newer one.
func (h *heat) newest() (any, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	type answer struct {
		*decision.Nodes
		Problem string `json:"problem,omitempty"`
	}
	if h.nodes == nil {
		return nil, h.err
	}
	a := answer{Nodes: h.nodes}
	if h.err != nil {
		a.Problem = h.err.Error()
	}
	return a, nil
}

// past is how full nodes were: by node a byte, in base64, for each of Times (Unix seconds).
type past struct {
	Times []int64           `json:"times"`
	CPU   map[string][]byte `json:"cpu"`
}

func (h *heat) history() past {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := past{Times: append([]int64{}, h.times...), CPU: make(map[string][]byte, len(h.shares))}
	for name, shares := range h.shares {
		p.CPU[name] = append([]byte{}, shares...)
	}
	return p
}
