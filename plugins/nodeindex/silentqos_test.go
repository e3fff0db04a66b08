// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"slices"
	"testing"

	"github.com/foresight-scheduler/foresight/manifests"
)

// Without a model the shipped profile puts every pod where it would without PredictedQoS, and the blocks lead as many pods.
func TestPredictedQoSChangesNothingWithoutAModel(t *testing.T) {
	with, without := string(manifests.SchedulerConfig), withoutQoS()
	if with == without {
		t.Fatal("the shipped profile has no PredictedQoS")
	}
	nodes := func(s *scene) []string {
		var out []string
		for _, p := range s.pods {
			out = append(out, p.Name+" on "+p.Spec.NodeName)
		}
		return out
	}
	for seed := range uint64(4) {
		for _, predicting := range []bool{false, true} {
			a, b := play(t, seed, 300, with, predicting), play(t, seed, 300, without, predicting)
			if got, want := nodes(a), nodes(b); !slices.Equal(got, want) || len(got) < 50 {
				t.Fatalf("seed %d, predicting %v: %d pods\n%v\nwithout PredictedQoS %d\n%v", seed, predicting, len(got), got, len(want), want)
			}
			if a.led != b.led {
				t.Errorf("seed %d: the blocks lead %d pods, without PredictedQoS %d", seed, a.led, b.led)
			}
		}
	}
}
