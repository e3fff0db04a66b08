// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pods

import (
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// lasting is how long CPU is averaged over in a sample that can be a peak alone. What it is over shorter, or an instant, may be a
// series that was told twice, or a counter that jumped, and would stay the peak of a workload for a day and more.
const lasting = 2 * time.Minute

// peaked is what a pod's newest sample of each resource said, for the next one to support.
type peaked [forecast.NumResources]struct {
	value float64
	begun bool
}

// supported is how far a sample is a peak: as far as the one before it says the same. The first one of a pod has none before it. CPU
// that is averaged for long stands for itself, as does what is measured over a time that is not known; memory is of an instant.
func (p *peaked) supported(r int, v float64, window time.Duration) float64 {
	last := p[r]
	p[r].value, p[r].begun = v, true
	if !last.begun || window <= 0 || forecast.Resource(r) == forecast.CPU && window >= lasting {
		return v
	}
	return min(v, last.value)
}
