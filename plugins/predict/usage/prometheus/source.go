// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prometheus reads usage from a server with Prometheus' HTTP API, which Thanos,
// Mimir, VictoriaMetrics and others have too: one instant query per quantity for all
// nodes and one for all pods. It can read history by range queries as well.
package prometheus

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Source asks a Prometheus server.
type Source struct {
	client     *client
	labels     Labels
	nodes      Queries
	pods       Queries
	window     time.Duration
	chunkSteps int
	clock      clock.PassiveClock
}

var (
	_ usage.Source    = &Source{}
	_ usage.Historian = &Source{}
)

// New returns a source with the given configuration. It asks the server nothing yet.
func New(config Config, clock clock.PassiveClock) (*Source, error) {
	config.setDefaults()
	if err := config.validate(); err != nil {
		return nil, fmt.Errorf("source Prometheus: %w", err)
	}
	nodes, err := config.Nodes.expand(config.Window)
	if err != nil {
		return nil, fmt.Errorf("source Prometheus: queries of nodes: %w", err)
	}
	pods, err := config.Pods.expand(config.Window)
	if err != nil {
		return nil, fmt.Errorf("source Prometheus: queries of pods: %w", err)
	}
	client, err := newClient(config)
	if err != nil {
		return nil, fmt.Errorf("source Prometheus: %w", err)
	}
	return &Source{
		client: client, labels: config.Labels, nodes: nodes, pods: pods,
		window: config.Window, chunkSteps: config.ChunkSteps, clock: clock,
	}, nil
}

// Name of the source.
func (*Source) Name() string {
	return "prometheus"
}

// Read asks all queries, for one moment. One that fails fails the reading: a reading
// without a quantity would look like a cluster that does not measure it. An answer
// without series is not an error, because there may be no pods, and no kernel that
// measures pressure; but there has to be a sample of a node.
func (s *Source) Read(ctx context.Context) (usage.Reading, error) {
	now := s.clock.Now()
	b := newBuilder(s.labels, s.window)
	err := s.each(func(kind kind, query string, put put) error {
		warnings, err := s.client.instant(ctx, query, now, func(series *series) error {
			if series == nil || series.Value == nil {
				b.drops[usage.NotANumber]++
			} else {
				b.add(kind, series.Metric, now, series.Value.value, put)
			}
			return nil
		})
		b.warn(warnings)
		return err
	})
	if err != nil {
		return usage.Reading{}, err
	}
	reading := b.reading(now, s.nodes.Time != "", s.pods.Time != "")
	if len(reading.Nodes) == 0 {
		return usage.Reading{}, fmt.Errorf("queries of nodes, such as %s: %w", s.nodes.Values[0].PromQL, usage.ErrEmpty)
	}
	reading.Start, reading.End = now, s.clock.Now()
	return reading, nil
}

// each calls ask with every query and with what its values mean.
func (s *Source) each(ask func(kind kind, query string, put put) error) error {
	for _, k := range []struct {
		kind    kind
		queries Queries
	}{{node, s.nodes}, {pod, s.pods}} {
		for _, q := range k.queries.Values {
			if err := ask(k.kind, q.PromQL, put{quantity: q.Quantity}); err != nil {
				return err
			}
		}
		if k.queries.Time != "" {
			if err := ask(k.kind, k.queries.Time, put{time: true}); err != nil {
				return err
			}
		}
	}
	return nil
}

// kind of object.
type kind uint8

const (
	node kind = iota
	pod
)

// put says what a value means: a quantity, or the time of the measurement.
type put struct {
	quantity usage.Quantity
	time     bool
}

// object is a node or a pod in an answer.
type object struct {
	kind                 kind
	node, namespace, pod string
	uid                  string
}

// builder joins the answers of several queries to samples, by object.
type builder struct {
	labels  Labels
	window  time.Duration
	samples map[object]*sample
	order   []object
	// responses by namespace and pod: what measures response times seldom knows the node.
	responses map[object]float64
	drops     usage.Drops
	warnings  []string
}

type sample struct {
	usage.Sample
	timed bool
}

func newBuilder(labels Labels, window time.Duration) *builder {
	return &builder{labels: labels, window: window, samples: map[object]*sample{}, responses: map[object]float64{}}
}

// add adds a value to the sample of the object that the labels name. at is the time of
// the evaluation.
func (b *builder) add(kind kind, metric map[string]string, at time.Time, value float64, put put) {
	o, ok := b.object(kind, metric)
	if !ok {
		b.drops[usage.Nameless]++
		return
	}
	if !put.time && put.quantity == usage.ResponseTime {
		o = object{kind: kind, namespace: o.namespace, pod: o.pod}
		if _, ok := b.responses[o]; ok {
			b.drops[usage.Duplicate]++
			return
		}
		b.responses[o] = value
		return
	}
	s := b.samples[o]
	if s == nil {
		s = &sample{Sample: usage.Sample{Time: at, Window: b.window}}
		b.samples[o] = s
		b.order = append(b.order, o)
	}
	switch {
	case put.time && s.timed, !put.time && s.Has(put.quantity):
		// Two series for one object: the query does not aggregate over what tells them
		// apart, and which of them is meant nobody knows.
		b.drops[usage.Duplicate]++
	case put.time:
		s.timed = true
		// Out of the range of nanoseconds it is no time. The Cleaner drops the zero time.
		if !(value > 0 && value < 1<<33) {
			s.Time = time.Time{}
			return
		}
		s.Time = time.UnixMilli(int64(value * 1000))
	default:
		s.Set(put.quantity, value)
	}
}

// warn takes over the server's remarks.
func (b *builder) warn(warnings []string) {
	for _, w := range warnings {
		b.warnings = usage.AddWarning(b.warnings, w)
	}
}

func (b *builder) object(kind kind, metric map[string]string) (object, bool) {
	o := object{kind: kind, node: metric[b.labels.Node]}
	if kind == node {
		return o, o.node != ""
	}
	o.namespace, o.pod, o.uid = metric[b.labels.Namespace], metric[b.labels.Pod], metric[b.labels.UID]
	return o, o.namespace != "" && o.pod != ""
}

// reading returns the samples. Where the measurements' times were asked for, an object
// whose time is not known is dropped.
func (b *builder) reading(at time.Time, nodesTimed, podsTimed bool) usage.Reading {
	r := usage.Reading{Start: at, End: at, Warnings: b.warnings}
	pods := map[object]int{} // Index in r.Pods, without the node.
	for _, o := range b.order {
		s := b.samples[o]
		if s.Len() == 0 {
			continue // Only its time is known, which is no measurement.
		}
		if o.kind == node {
			if nodesTimed && !s.timed {
				b.drops[usage.Stale]++
				continue
			}
			r.Nodes = append(r.Nodes, usage.NodeSample{Node: o.node, Sample: s.Sample})
			continue
		}
		if podsTimed && !s.timed {
			b.drops[usage.Stale]++
			continue
		}
		if seconds, ok := b.responses[object{kind: pod, namespace: o.namespace, pod: o.pod}]; ok {
			s.Set(usage.ResponseTime, seconds)
		}
		// A pod that follows another of its name on another node: the series of the one
		// before linger.
		same := object{kind: pod, namespace: o.namespace, pod: o.pod, uid: o.uid}
		if i, ok := pods[same]; ok {
			b.drops[usage.OutOfOrder]++
			if s.Time.After(r.Pods[i].Time) {
				r.Pods[i].Node, r.Pods[i].Sample = o.node, s.Sample
			}
			continue
		}
		pods[same] = len(r.Pods)
		r.Pods = append(r.Pods, usage.PodSample{Namespace: o.namespace, Name: o.pod, UID: o.uid, Node: o.node, Sample: s.Sample})
	}
	r.Dropped = b.drops
	return r
}
