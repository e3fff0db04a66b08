// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"
	"time"

	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

// watchEvery is how often the goroutine looks for a new forecast: an atomic read.
const watchEvery = time.Second

// watch has pods that were refused for a prediction, or for an annotation about one, tried
// again whenever there is a new forecast, until ctx ends.
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
		epoch := p.forecasts.Read().Epoch()
		if epoch == seen {
			continue
		}
		seen = epoch
		if pods := p.refused.Take(); len(pods) > 0 {
			h.Activate(klog.FromContext(ctx), pods)
		}
	}
}
