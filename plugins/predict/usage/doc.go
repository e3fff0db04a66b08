// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usage is the observed use of nodes and pods: its sources, its cleaning, and its
// collection at an interval.
//
// A Source returns one Reading of the cluster at a time. The sources are metrics.k8s.io, the
// kubelets, Prometheus and recorded traces, each in a package below this one. A Cleaner drops what
// cannot be true and counts it by reason. A Collector reads and cleans at an interval and delivers
// the readings.
//
// Three rules hold everywhere:
//
//   - What was not measured is absent, never zero.
//   - A failed query is an error or a Failure, never an empty reading.
//   - Every sample tells its time and window, because a forecast from an old value must be wider
//     than one from a fresh value.
package usage
