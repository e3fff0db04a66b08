// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubelet reads usage from the kubelets themselves: /stats/summary for CPU and
// memory, and /metrics/cadvisor for pressure stall information (PSI), CFS throttling and
// finer times. That is what metrics.k8s.io leaves out, at the price of two requests per
// node: about 0.2 MB for the summary and several MB, compressed on the way, for
// cAdvisor's page of a full node. For thousands of nodes a Prometheus that scrapes the
// same pages is the better source.
//
// It needs the right to get nodes/stats and nodes/metrics, and serving certificates of
// the kubelets that the given CA signed.
package kubelet

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"sort"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/pages"
)

// Config says how kubelets are asked. Files are read again when they change.
type Config struct {
	// CAFile holds the PEM certificates that sign the kubelets' serving certificates.
	// There is no way to leave the check out.
	CAFile string
	// TokenFile holds the bearer token, as of a service account. Either it or a client
	// certificate is needed.
	TokenFile string
	// CertFile and KeyFile are the PEM client certificate and its key.
	CertFile, KeyFile string
	// Cadvisor says to read /metrics/cadvisor too.
	Cadvisor bool
	// Concurrency is how many kubelets are asked at a time; 0 is 32.
	Concurrency int
	// Timeout of one kubelet; 0 is 5 seconds.
	Timeout time.Duration
	// Spread is the time over which the requests of one reading are spread, so that they
	// come as a trickle; 0 asks all at once. It must be less than the time that a reading
	// may take, by the timeout at least. Each node has its own place in it, and so is
	// asked at even intervals.
	Spread time.Duration
	// MaxBytes is the longest answer that is read; 0 is 16 MiB.
	MaxBytes int64
}

func (c *Config) setDefaults() {
	if c.Concurrency == 0 {
		c.Concurrency = 32
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 16 << 20
	}
}

func (c *Config) validate() error {
	switch {
	case c.CAFile == "":
		return errors.New("no CA file")
	case c.TokenFile == "" && c.CertFile == "":
		return errors.New("neither a token file nor a client certificate file")
	case (c.CertFile == "") != (c.KeyFile == ""):
		return errors.New("a client certificate and its key belong together")
	case c.Concurrency < 0, c.Timeout < 0, c.Spread < 0, c.MaxBytes < 0:
		return errors.New("the concurrency, the timeout, the spread and the longest answer must not be negative")
	}
	return nil
}

// Source asks every kubelet.
type Source struct {
	config  Config
	client  *client
	targets Targets
	clock   clock.Clock
	// nodes is the state of each node since the last reading.
	nodes map[string]*node
}

// node is what is kept of a node between readings. One goroutine at a time has it.
type node struct {
	counters pages.Counters
	// failed says that the last request to it failed.
	failed bool
}

var _ usage.Source = &Source{}

// New returns a source that asks the targets. It fails when the files of config cannot
// be read.
func New(config Config, targets Targets, clock clock.Clock) (*Source, error) {
	config.setDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("kubelet source: %w", err)
	}
	client, err := newClient(config)
	if err != nil {
		return nil, fmt.Errorf("kubelet source: %w", err)
	}
	return &Source{config: config, client: client, targets: targets, clock: clock, nodes: map[string]*node{}}, nil
}

// Name of the source.
func (*Source) Name() string {
	return "kubelet"
}

// Read asks every kubelet once. Kubelets that had not answered when ctx ended are
// failures, as are those that answered wrongly; when none answered, Read fails.
//
// Rates are taken from counters of two readings, so the first reading has the kubelets'
// own rates, where they tell one.
func (s *Source) Read(ctx context.Context) (usage.Reading, error) {
	reading := usage.Reading{Start: s.clock.Now()}
	targets, unreachable, err := s.targets()
	if err != nil {
		return usage.Reading{}, fmt.Errorf("listing the kubelets: %w", err)
	}
	if len(targets)+len(unreachable) == 0 {
		return usage.Reading{}, fmt.Errorf("listing the kubelets: %w", usage.ErrEmpty)
	}
	s.keepOnly(targets)

	// 1. Ask. Those that failed last time wait in a lane of their own, so that dead nodes,
	// which hold a place until the timeout, do not hold up the living.
	requests := s.plan(targets)
	answers := make([]answer, len(requests))
	var lanes sync.WaitGroup
	for _, lane := range []struct {
		failed bool
		places int
	}{{false, s.config.Concurrency}, {true, max(1, s.config.Concurrency/4)}} {
		lanes.Go(func() { s.ask(ctx, requests, answers, lane.failed, lane.places) })
	}
	lanes.Wait()

	// 2. Gather.
	for i, r := range requests {
		a := &answers[i]
		r.node.failed = a.err != nil
		if a.err != nil {
			reading.Failed = append(reading.Failed, usage.Failure{Node: r.target.Node, Err: a.err})
		}
		if !a.answered {
			continue
		}
		reading.Nodes = append(reading.Nodes, a.nodeSample)
		reading.Pods = append(reading.Pods, a.podSamples...)
		reading.Dropped.Add(a.drops)
	}
	for name, err := range unreachable {
		reading.Failed = append(reading.Failed, usage.Failure{Node: name, Err: err})
	}
	if len(reading.Nodes) == 0 {
		return usage.Reading{}, fmt.Errorf("none of %d kubelets answered, such as that of %w", len(reading.Failed), reading.Failed[0])
	}
	reading.End = s.clock.Now()
	return reading, nil
}

// keepOnly forgets the state of nodes that are not targets any more.
func (s *Source) keepOnly(targets []Target) {
	nodes := make(map[string]*node, len(targets))
	for _, t := range targets {
		if n := s.nodes[t.Node]; n != nil {
			nodes[t.Node] = n
		} else {
			nodes[t.Node] = &node{}
		}
	}
	s.nodes = nodes
}

// request to one kubelet.
type request struct {
	target Target
	node   *node
	// due is how long after the start of the reading the kubelet is asked.
	due time.Duration
}

// answer of one kubelet. It may have an error and samples: when the second page failed.
type answer struct {
	answered   bool
	nodeSample usage.NodeSample
	podSamples []usage.PodSample
	drops      usage.Drops
	err        error
}

// plan puts the targets in the order in which they are due. The place of a node in the
// spread is a hash of its name.
func (s *Source) plan(targets []Target) []request {
	requests := make([]request, 0, len(targets))
	seen := make(map[string]bool, len(targets))
	for _, t := range targets {
		if seen[t.Node] {
			continue // Two requests must not share the node's state.
		}
		seen[t.Node] = true
		h := fnv.New32a()
		_, _ = h.Write([]byte(t.Node))
		due := time.Duration(float64(s.config.Spread) * float64(h.Sum32()) / (1 << 32))
		requests = append(requests, request{target: t, node: s.nodes[t.Node], due: due})
	}
	sort.Slice(requests, func(i, j int) bool { return requests[i].due < requests[j].due })
	return requests
}

// ask makes the requests whose node failed last time, or those whose node did not, with
// so many at a time, and writes their answers. It returns when all are answered.
func (s *Source) ask(ctx context.Context, requests []request, answers []answer, failed bool, places int) {
	start := s.clock.Now()
	free := make(chan struct{}, places)
	var running sync.WaitGroup
	defer running.Wait()
	for i, r := range requests {
		if r.node.failed != failed {
			continue
		}
		if err := s.wait(ctx, r.due-s.clock.Since(start)); err != nil {
			answers[i].err = err
			continue
		}
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			answers[i].err = ctx.Err()
			continue
		}
		running.Go(func() {
			defer func() { <-free }()
			answers[i] = s.askOne(ctx, r)
		})
	}
}

// wait returns after d, or with an error when ctx ends before.
func (s *Source) wait(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil || d <= 0 {
		return err
	}
	timer := s.clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

// askOne gets the pages of one kubelet and makes samples of them.
func (s *Source) askOne(ctx context.Context, r request) answer {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()

	path := "/stats/summary"
	if s.config.Cadvisor {
		// What the short form leaves out is on the other page.
		path += "?only_cpu_and_memory=true"
	}
	var summary *pages.Summary
	err := s.client.get(ctx, r.target.Address, path, func(page io.Reader) (err error) {
		summary, err = pages.ParseSummary(page, r.target.Node)
		return err
	})
	if err != nil {
		return answer{err: err}
	}
	summary.Received = s.clock.Now()

	var a answer
	var groups pages.Cgroups
	if s.config.Cadvisor {
		if groups, err = s.askCadvisor(ctx, r.target); err != nil {
			a.err = err
		}
	}
	a.answered = true
	a.nodeSample, a.podSamples, r.node.counters, a.drops = pages.Samples(r.target.Node, summary, groups, r.node.counters)
	return a
}

func (s *Source) askCadvisor(ctx context.Context, t Target) (groups pages.Cgroups, err error) {
	err = s.client.get(ctx, t.Address, "/metrics/cadvisor", func(page io.Reader) (err error) {
		groups, err = pages.ParseCadvisor(page, s.clock.Now())
		return err
	})
	return groups, err
}
