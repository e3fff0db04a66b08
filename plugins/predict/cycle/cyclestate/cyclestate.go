// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cyclestate reads what a plugin wrote to the state of a scheduling cycle.
package cyclestate

import fwk "k8s.io/kube-scheduler/framework"

// Of returns what was written under the key, or the zero value where nothing was. Our keys hold the name of a plugin,
// so only that plugin writes them. If another one did all the same, with a type of its own, that counts as nothing: the plugin
// passes upstream's answer through, and the scheduler does not panic.
func Of[T fwk.StateData](state fwk.CycleState, key fwk.StateKey) (value T) {
	if data, err := state.Read(key); err == nil {
		value, _ = data.(T)
	}
	return value
}
