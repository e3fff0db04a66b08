// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"hash/fnv"

	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
)

// Arm of a comparison that a pod is in: a share of the pods is placed by requests, as if nothing were predicted, so that
// it can be seen what predictions bring.
type Arm struct {
	// HeldOut pods are placed by requests.
	HeldOut bool
	// Chance of the pod to be in its arm, above 0 and below 1.
	Chance float64
}

const armKey fwk.StateKey = "ComparisonArm"

// ArmOf returns the arm of a pod where so many percent of the pods are held out, above 0 and below 100. It is drawn by the pod's UID,
// so that it is the same in every attempt and for whoever asks.
func ArmOf(uid types.UID, percent int32) Arm {
	h := fnv.New64a()
	h.Write([]byte(uid))
	// The last bits of FNV differ least between UIDs that differ little: mix them (the finalizer of MurmurHash3).
	x := h.Sum64()
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	x ^= x >> 33
	share := float64(percent) / 100
	if float64(x>>11)/(1<<53) < share {
		return Arm{HeldOut: true, Chance: share}
	}
	return Arm{Chance: 1 - share}
}

// Clone shares the state: nothing changes it.
func (a *Arm) Clone() fwk.StateData { return a }

// Write notes the pod's arm in its cycle.
func (a Arm) Write(state fwk.CycleState) { state.Write(armKey, &a) }

// ArmIn is the arm of the cycle's pod; without one it is in no comparison, and the chance is 0.
func ArmIn(state fwk.CycleState) Arm {
	if a := cyclestate.Of[*Arm](state, armKey); a != nil {
		return *a
	}
	return Arm{}
}
