// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package peak forecasts the peak of CPU and memory usage of workloads and nodes over the next hours, with intervals
// that keep their promise. It knows no Kubernetes.
//
// The way of a sample:
//
//	history.Series.Observe → Summary → history.Features → Model.Forecast → Interval
//	                                                    ↘ Trainer.Complete → Trainer.Fit → Model
//
// A Series per workload and per node is the whole state, at most about .8 KiB each; once an hour, history.Kinds tell the
// summaries of workloads what others like them came to on busy days. When a horizon is over, the features of its
// beginning and the peak that came go to the Trainer, which fits an immutable Model now and then. A Tracker, fed with
// the violations of the whole fleet, keeps the violation rate at its target between and despite fits: multiply Upper by
// its Level. Pods that a node does not run yet are added with a Combiner. Package backtest replays traces through
// exactly this way and compares with the forecasters of package baseline.
package peak
