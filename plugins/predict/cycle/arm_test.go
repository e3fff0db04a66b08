// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"fmt"
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/types"
)

// The share of pods that is held out is the one that was asked for, of UIDs that differ much or little, and whoever asks again gets
// the same answer. A larger share holds those out that a smaller one does.
func TestArms(t *testing.T) {
	for _, format := range []string{"%08x-5f0a-4c3e-9d8b-0123456789ab", "0123-%d", "%d"} {
		for _, percent := range []int32{1, 10, 50} {
			heldOut := 0
			const pods = 20_000
			for i := range pods {
				uid := types.UID(fmt.Sprintf(format, i))
				arm := ArmOf(uid, percent)
				if arm != ArmOf(uid, percent) {
					t.Fatal("another arm")
				}
				want := 1 - float64(percent)/100
				if arm.HeldOut {
					heldOut++
					want = float64(percent) / 100
					if percent < 50 && !ArmOf(uid, 50).HeldOut {
						t.Fatalf("%s is held out of %d %% and not of 50 %%", uid, percent)
					}
				}
				if arm.Chance != want {
					t.Fatalf("chance %v, want %v", arm.Chance, want)
				}
			}
			share, want := float64(heldOut)/pods, float64(percent)/100
			if math.Abs(share-want) > 4*math.Sqrt(want*(1-want)/pods) {
				t.Errorf("%s: %v of the pods are held out, want %v", format, share, want)
			}
		}
	}
}
