// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"hash/fnv"

	"k8s.io/apimachinery/pkg/types"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/cyclestate"
)

// Arm is the side of a comparison that a pod is on. A share of the pods, the held-out ones, is
// placed by requests as if nothing were predicted. Comparing both sides shows the effect of
// predictions.
type Arm struct {
	// HeldOut is true for pods that are placed by requests.
	HeldOut bool
	// Chance is the probability that the pod is in its arm, above 0 and below 1.
	Chance float64
}

const armKey fwk.StateKey = "ComparisonArm"

// ArmOf returns the arm of a pod when percent of the pods, above 0 and below 100, are held out. The
// arm is drawn from the pod's UID, so it is the same at every attempt and for every caller. For
// example, with percent = 10 a pod is held out with Chance .1, and otherwise has Chance .9.
func ArmOf(uid types.UID, percent int32) Arm {
	h := fnv.New64a()
	h.Write([]byte(uid))
	// FNV hashes of similar UIDs differ little in their low bits, so mix them (finalizer of
	// MurmurHash3).
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

// Clone returns the same state, since nothing changes it.
func (a *Arm) Clone() fwk.StateData { return a }

// Write stores the arm of the cycle's pod in the cycle state.
func (a Arm) Write(state fwk.CycleState) { state.Write(armKey, &a) }

// ArmIn returns the arm of the cycle's pod. If the pod is in no comparison, it returns the zero
// Arm, whose Chance is 0.
func ArmIn(state fwk.CycleState) Arm {
	if a := cyclestate.Of[*Arm](state, armKey); a != nil {
		return *a
	}
	return Arm{}
}
