// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cyclestate reads what a plugin wrote to the state of a scheduling cycle.
package cyclestate

import fwk "k8s.io/kube-scheduler/framework"

// Of returns the value written under the key, or the zero value if there is none. Our keys hold the
// name of a plugin, so only that plugin writes them. If another plugin wrote a value of a different
// type, it counts as none: our plugin then passes upstream's answer through, and the scheduler does
// not panic.
func Of[T fwk.StateData](state fwk.CycleState, key fwk.StateKey) (value T) {
	if data, err := state.Read(key); err == nil {
		value, _ = data.(T)
	}
	return value
}
