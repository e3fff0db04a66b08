// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package backtest

import (
	"fmt"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/baseline"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

func (e *TooFewError) Error() string {
	return fmt.Sprintf("%d workloads; two halves with machines of %d need %d", e.Workloads, e.Group, 2*e.Group)
}

// TooFewError is that of a trace with too few workloads for two halves with machines of Group.
type TooFewError struct{ Workloads, Group int }

// machine is one group with its production state and, when it is judged or rescaled on, its baseline state.
type machine struct {
	members []int
	limit   float64
	series  *history.Series
	past    *baseline.Past
	peaks   []float64 // maximum of each hour, for the truth; 0 where nothing is known
	known   []int     // steps of each hour that are known
	seen    bool      // whether any step was known so far
	judged  bool      // of the judged half
}

// truth returns the peak of the hours from hour on, and whether enough of them is known: the peak of less than half of the steps is
// not theirs.
func (m *machine) truth(hour, hours, perHour int) (peak float64, ok bool) {
	known := 0
	for h := hour; h < hour+hours; h++ {
		known += m.known[h]
		peak = max(peak, m.peaks[h])
	}
	return peak, 2*known >= hours*perHour
}
