// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package manifests

import (
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// The shipped model is sound, of today's features, and says that a full node under pressure is worse than an idle one.
func TestShippedModel(t *testing.T) {
	m, card, err := quality.Load("models/lab.json", &quality.Placement)
	if err != nil {
		t.Fatal(err)
	}
	if card.Observations < 200 || card.AUC == nil || card.PlainAUC == nil || *card.AUC < *card.PlainAUC {
		t.Errorf("it was learned from %d rows, and ranks no better than utilisation: %+v", card.Observations, card)
	}
	var slab quality.Slab
	quality.NewTable(m).For(.1, &slab)
	idle, full := quality.Probability(slab.LogOdds(.2, 0)), quality.Probability(slab.LogOdds(1.1, .6))
	if !(idle < .2 && full > .5) {
		t.Errorf("the risk on an idle node is %v, and %v on one that is full and under pressure", idle, full)
	}
}
