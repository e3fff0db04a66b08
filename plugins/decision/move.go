// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import "time"

// Move of a pod to another node: one that the rebalancer suggested or made, or whose eviction the API server refused.
type Move struct {
	Time time.Time `json:"time"`
	// Result is suggested, moved, packed (moved to empty its node), or why the eviction was refused: pdb or error.
	Result string `json:"result"`
	// Pod that was to go, and Successor, the pod that replaced it; empty if none is known. One of the two is the pod that is explained.
	Pod       string `json:"pod"`
	Successor string `json:"successor,omitempty"`
	From      string `json:"from"`
	// To is where the scheduler would have put it, and On where the successor came to.
	To  string `json:"to"`
	On  string `json:"on,omitempty"`
	Why string `json:"why"`
	// Gain in core minutes that was predicted, and what was realised of it so far, over so many minutes; absent before anything was.
	Gain            float64  `json:"gainCoreMinutes"`
	Realised        *float64 `json:"realisedCoreMinutes,omitempty"`
	RealisedMinutes float64  `json:"realisedMinutes,omitempty"`
}

// Stays says why a pod is not moved, though its going would have spared its node so many core minutes beyond what it runs well at.
type Stays struct {
	// Time of the look that found it.
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"`
	Cures  float64   `json:"curesCoreMinutes"`
	// To is where it would go, and Gain what both nodes together would gain in core minutes; absent where nobody asked.
	To   string  `json:"to,omitempty"`
	Gain float64 `json:"gainCoreMinutes,omitempty"`
}
