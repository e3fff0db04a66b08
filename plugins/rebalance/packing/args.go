// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package packing

import "github.com/foresight-scheduler/foresight/config"

// OptionsOf returns the options of args, which must be valid.
func OptionsOf(a *config.RebalanceArgs) Options {
	p := &a.Packing
	return Options{
		Off: p.Mode == config.RebalanceOff, Evicts: p.Mode == config.RebalanceEvict,
		Keep: int(p.KeepNodes), Headroom: float64(p.HeadroomPercent) / 100, MaxPods: int(p.MaxPods),
		GiveUp: p.GiveUpAfter.Duration, Hold: p.HoldFor.Duration, Again: a.MoveAgainAfter.Duration,
		Workload: int(a.MaxMoves.PerWorkload), Namespace: int(a.MaxMoves.PerNamespace),
	}
}
