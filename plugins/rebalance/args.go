// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import "github.com/foresight-scheduler/foresight/config"

const (
	// asks is the number of pods that the scheduler is asked about for one move.
	asks = 8
	// keeps is the weight of each hour ahead as a share of that of the hour before, chosen in
	// replays (docs/results/moves.md). For example, the fourth hour weighs .8³ = .51.
	keeps = .8
)

// OptionsOf returns the options of args, which must be valid.
func OptionsOf(a *config.RebalanceArgs) Options {
	return Options{
		MinGain: float64(a.MinGainCoreMinutes), MinShare: float64(a.MinGainPercent) / 100, Lost: a.LostWork.Duration, Again: a.MoveAgainAfter.Duration,
		Hour: int(a.MaxMoves.PerHour), Node: int(a.MaxMoves.PerNode), Workload: int(a.MaxMoves.PerWorkload), Namespace: int(a.MaxMoves.PerNamespace),
		MaxHarm: float64(a.Packing.MaxHarmCoreMinutes), EmptyingHour: int(a.Packing.PerHour),
		Asks:    asks,
		Breaker: Breaker{Moves: float64(a.Breaker.Moves), Share: float64(a.Breaker.MinPercent) / 100, Pause: a.Breaker.Pause.Duration},
	}
}

// SurveyOf returns the survey of args, which must be valid.
func SurveyOf(a *config.RebalanceArgs, movable Movable) Survey {
	return Survey{Hours: int(a.HorizonHours), Keeps: keeps, Movable: movable}
}
