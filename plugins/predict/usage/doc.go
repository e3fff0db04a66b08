// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package usage says what nodes and pods use: where the observations come from, how
// they are cleaned, and how they are collected at an interval.
//
// A Source reads one Reading of the cluster: metrics.k8s.io, the kubelets, Prometheus
// or a recorded trace, each in a package of its own below this one. A Cleaner drops
// what cannot be true and counts it by reason. A Collector does both at an interval and
// hands the readings over.
//
// Three rules hold everywhere. What was not measured is absent, and never zero. A query
// that failed is an error or a Failure, and never an empty reading. Every sample says
// when it was measured and over how long, because a forecast from an old value has to
// be wider than one from a fresh value.
package usage
