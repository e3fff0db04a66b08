// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package plugintest is what the tests of several plugins ask in the same way.
package plugintest

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// Queued says whether one of the events brings back a pod that the plugin refused, as the
// scheduling queue decides it: the first registered event that matches and whose hint says
// so. An error of a hint queues the pod, too.
func Queued(t testing.TB, p fwk.EnqueueExtensions, pod *v1.Pod, events []fwk.ClusterEvent, before, after any) bool {
	t.Helper()
	registered, err := p.EventsToRegister(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events {
		for _, r := range registered {
			if !framework.MatchClusterEvents(r.Event, event) {
				continue
			}
			if r.QueueingHintFn == nil {
				return true
			}
			if hint, err := r.QueueingHintFn(klog.FromContext(t.Context()), pod, before, after); err != nil || hint == fwk.Queue {
				return true
			}
		}
	}
	return false
}
