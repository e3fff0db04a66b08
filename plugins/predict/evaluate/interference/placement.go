// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// Placements are the labelled rows of a kind as placements: what the service used, what the machine used with it, and the
// worst pressure that was measured.
func Placements(k *Kind) *classify.Data {
	d := &classify.Data{X: make([][]float64, len(quality.Placement.Features))}
	x := make([]float64, len(quality.Placement.Features))
	for i, y := range labels(k.Rows) {
		if math.IsNaN(y) {
			continue
		}
		r := &k.Rows[i]
		x[quality.OwnCPU], x[quality.NodeCPU] = (r.OwnWebCPU+r.OwnDBCPU)/100, r.HostCPU/100
		x[quality.Pressure] = math.NaN()
		for _, p := range []float64{r.CPUPressure, r.MemoryPressure, r.IOPressure} {
			if p <= 1 && !(x[quality.Pressure] >= p) {
				x[quality.Pressure] = p
			}
		}
		d.Add(x, y, 1)
	}
	return d
}
