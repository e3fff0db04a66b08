// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import "errors"

// ErrNotYet says that a pod is not on its node yet, by the scheduler's cache: pods that were placed before it may lack there too.
var ErrNotYet = errors.New("the scheduler's cache does not have the pod on its node")

// Placed is where a profile would have placed a pod that another scheduler has placed.
type Placed struct {
	// Node that it would have chosen; empty is none. Of nodes that score the same it is the other scheduler's, where that is one of them.
	Node string `json:"node,omitempty"`
	// Nodes that there were, those that were Feasible, and those that scored the same as Node, itself included.
	Nodes    int `json:"nodes"`
	Feasible int `json:"feasible"`
	Alike    int `json:"alike,omitempty"`
	// Total of the Node, and TheirTotal of the other scheduler's.
	Total      int64 `json:"total,omitempty"`
	TheirTotal int64 `json:"theirTotal,omitempty"`
	// TheirsRefused says why the other scheduler's node would have been refused; empty where it would not.
	TheirsRefused string `json:"theirsRefused,omitempty"`
	// Expected CPU of the Node with the pod, and TheirExpected of the other scheduler's, in cores. Both are 0 where nothing was predicted.
	Expected      float64 `json:"expected,omitempty"`
	TheirExpected float64 `json:"theirExpected,omitempty"`
	// Epoch of the forecasts; 0 is none.
	Epoch uint64 `json:"epoch,omitempty"`
}
