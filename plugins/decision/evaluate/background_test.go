// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"testing"
	"testing/synctest"
	"time"
)

// A scheduler that is busy is not slowed down: what it decides is not evaluated until it is quiet again. Without a share of a CPU
// nothing ever is.
func TestBusySchedulersAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBackground(nil, .02)
		time.Sleep(time.Hour)
		for i := range busy {
			if !b.Wants() {
				t.Fatalf("decision %d of a second is not wanted", i)
			}
		}
		if b.Wants() {
			t.Errorf("decision %d of a second is wanted", busy+1)
		}
		time.Sleep(time.Second)
		if !b.Wants() {
			t.Error("a second later none is wanted")
		}
		if _, _, passed := b.Counts(); passed != 1 {
			t.Errorf("%d passed", passed)
		}
		none := NewBackground(nil, 0)
		none.Run(t.Context())
		if none.Wants() {
			t.Error("without a share one is wanted")
		}
	})
}
