// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// Beside 2,000 pods that fit nowhere a stream of others is bound in time, and the lease is kept: as by the default scheduler in the
// same run. It takes five minutes (make faults).
func TestStreamBesideHopelessPods(t *testing.T) {
	if os.Getenv("FAULTS") == "" {
		t.Skip("make faults runs it")
	}
	const hopeless, rate, seconds, inTime = 2000, 10, 60, 5 * time.Second
	shares := map[string]float64{}
	leases := map[string][2]string{ours: {"foresight-system", "foresight-scheduler"}, v1.DefaultSchedulerName: {"kube-system", "kube-scheduler"}}
	for _, scheduler := range []string{v1.DefaultSchedulerName, ours} {
		t.Run(scheduler, func(t *testing.T) {
			ns := newNamespace(t)
			pool := newNodes(t, "hopeless-"+strings.Split(scheduler, "-")[0], 8, nil)
			var mu sync.Mutex
			bound := map[string]time.Time{}
			onBound(t, ns, func(p *v1.Pod) {
				mu.Lock()
				defer mu.Unlock()
				if _, ok := bound[p.Name]; !ok {
					bound[p.Name] = time.Now()
				}
			})
			pod := func(name, cpu string) {
				p := newPod(name, pool, cpu)
				p.Spec.SchedulerName = scheduler
				if cpu != "1m" {
					p.Labels["app"] = "hopeless"
				}
				if _, err := client.CoreV1().Pods(ns).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
			pod("first", "1m")
			eventually(t, "a pod bound", func(context.Context) (bool, string) {
				mu.Lock()
				defer mu.Unlock()
				return len(bound) == 1, ""
			})
			before := holder(t, leases[scheduler]) // Who bound it leads.
			var creators sync.WaitGroup
			const parallel = 8
			for c := range parallel {
				creators.Go(func() {
					for i := c; i < hopeless; i += parallel {
						pod(fmt.Sprint("hopeless-", i), "1000")
					}
				})
			}
			creators.Wait()
			for i := range parallel {
				for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(time.Second) { // Each is refused once.
					p, err := client.CoreV1().Pods(ns).Get(t.Context(), fmt.Sprint("hopeless-", hopeless-1-i), metav1.GetOptions{})
					if err == nil && whyNot(p) != "" && len(p.Status.Conditions) > 0 {
						break
					}
					if time.Now().After(deadline) {
						t.Fatalf("hopeless-%d was not refused within five minutes: %v", hopeless-1-i, err)
					}
				}
			}

			created := map[string]time.Time{}
			ticker := time.NewTicker(time.Second / rate)
			defer ticker.Stop()
			for i := range rate * seconds {
				<-ticker.C
				name := fmt.Sprint("stream-", i)
				created[name] = time.Now()
				pod(name, "1m")
			}
			eventually(t, "the stream bound", func(context.Context) (bool, string) {
				mu.Lock()
				defer mu.Unlock()
				return len(bound) == 1+len(created), fmt.Sprint(len(bound))
			})
			in, longest := 0, time.Duration(0)
			for name, at := range created {
				wait := bound[name].Sub(at)
				longest = max(longest, wait)
				if wait <= inTime {
					in++
				}
			}
			shares[scheduler] = float64(in) / float64(len(created))
			t.Logf("%s: %.1f %% of %d pods were bound within %v, the last after %.1f s", scheduler, 100*shares[scheduler], len(created), inTime, longest.Seconds())
			if after := holder(t, leases[scheduler]); after != before {
				t.Errorf("the lease went from %s to %s", before, after)
			}
			for range 10 { // The API server gives up after a minute, with some of them gone.
				if err := client.CoreV1().Pods(ns).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}, metav1.ListOptions{LabelSelector: "app=hopeless"}); err == nil {
					break
				}
			}
		})
	}
	if shares[ours] < .95 || shares[ours] < shares[v1.DefaultSchedulerName]-.05 {
		t.Errorf("%.1f %% in time, the default scheduler %.1f %%; want 95 %%", 100*shares[ours], 100*shares[v1.DefaultSchedulerName])
	}
}

// holder of a lease, and how often it has changed hands.
func holder(t *testing.T, lease [2]string) string {
	t.Helper()
	l, err := client.CoordinationV1().Leases(lease[0]).Get(t.Context(), lease[1], metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s (%d)", ptr.Deref(l.Spec.HolderIdentity, ""), ptr.Deref(l.Spec.LeaseTransitions, 0))
}
