// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// mostWaiting bounds the pods that are remembered; more are retried when upstream flushes
// its unschedulable pods, after five minutes.
const mostWaiting = 10_000

// waiting are pods that were refused for a prediction, or for an annotation about one. That a
// forecast falls raises no event in the cluster, nor does an annotation that was mended, so
// they are tried again when there is a new forecast.
type waiting struct {
	mu   sync.Mutex
	pods map[string]*v1.Pod
}

func newWaiting() *waiting { return &waiting{pods: map[string]*v1.Pod{}} }

func (w *waiting) add(pod *v1.Pod) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.pods) < mostWaiting {
		w.pods[pod.Namespace+"/"+pod.Name] = pod
	}
}

// take returns the pods and forgets them: who is refused again is added again.
func (w *waiting) take() map[string]*v1.Pod {
	w.mu.Lock()
	defer w.mu.Unlock()
	pods := w.pods
	w.pods = map[string]*v1.Pod{}
	return pods
}

// watchEvery is how often the goroutine looks for a new forecast: an atomic read.
const watchEvery = time.Second

// watch reactivates the waiting pods whenever there is a new forecast, until ctx ends.
func (p *predictedPeaks) watch(ctx context.Context, h fwk.Handle) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	seen := p.forecasts.Read().Epoch()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if epoch := p.forecasts.Read().Epoch(); epoch != seen {
			seen = epoch
			p.reactivate(klog.FromContext(ctx), h.Activate)
		}
	}
}
