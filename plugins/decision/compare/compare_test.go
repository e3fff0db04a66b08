// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
)

var begin = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// world is a ring of so many pods over ten days. Of the pods so many percent are held out, and nodes are hot for a share of the time by
// the arm; hours differ too, as they do in clusters.
func world(seed uint64, pods int, percent func(i int) int32, predicted, heldOut float64) *decision.Ring {
	rng := rand.New(rand.NewPCG(seed, 1))
	ring := decision.NewRing(pods, 1<<30)
	busy := map[int]float64{}
	for i := range pods {
		at := begin.Add(time.Duration(i) * 240 * time.Hour / time.Duration(pods))
		hour := int(at.Sub(begin).Hours())
		if _, ok := busy[hour]; !ok {
			busy[hour] = 2 * rng.Float64()
		}
		uid := fmt.Sprintf("%d-%d", seed, i)
		r := decision.Record{Pod: decision.Pod{Namespace: "n", Name: uid, UID: uid}, Time: at, Node: "node"}
		hot := predicted
		if p := percent(i); p > 0 {
			arm := cycle.ArmOf(types.UID(uid), p)
			if r.HeldOut, r.Chance = arm.HeldOut, arm.Chance; arm.HeldOut {
				hot = heldOut
			}
		}
		minutes := 60 + 1000*rng.Float64()
		came := &decision.Outcome{Until: at.Add(time.Hour), Minutes: minutes}
		came.HotMinutes = minutes * min(1, hot*busy[hour]*2*rng.Float64())
		came.BeyondCoreMinutes = 2 * came.HotMinutes
		ring.Add(r).Came(came)
	}
	return ring
}

func always(percent int32) func(int) int32 { return func(int) int32 { return percent } }

// Where predictions halve what is hot, the report says so; where they change nothing, its interval holds no difference about as often
// as it promises.
func TestReportFindsWhatIsThere(t *testing.T) {
	r := Of(world(1, 6000, always(20), .1, .2), begin.Add(241*time.Hour))
	if !r.Enough || r.Hot.RatioInterval == nil {
		t.Fatalf("%+v", r)
	}
	if i := r.Hot.RatioInterval; !(i[0] < .5 && i[1] > .5 && i[1] < .7) || r.Hot.GainInterval[0] <= 0 {
		t.Errorf("predictions halve it: %+v", r.Hot)
	}
	if math.Abs(float64(r.HeldOut.Pods)/6000-.2) > .02 || math.Abs(*r.Beyond.Ratio-*r.Hot.Ratio) > 1e-9 {
		t.Errorf("%+v", r)
	}
	holds := 0
	const worlds = 100
	for seed := range uint64(worlds) {
		r := Of(world(100+seed, 1500, always(20), .1, .1), begin.Add(241*time.Hour))
		if i := r.Hot.GainInterval; i[0] <= 0 && i[1] >= 0 {
			holds++
		}
	}
	if holds < 88 {
		t.Errorf("the interval held no difference in %d of %d worlds without one, want about 95", holds, worlds)
	}
}

// An arm whose share changes weighs each pod by the inverse of its chance: an hour in which all is hot and half is held out is no worse
// to the held-out arm than to the other.
func TestChancesAreWeighed(t *testing.T) {
	ring := decision.NewRing(20_000, 1<<30)
	for i := range 20_000 {
		// By day half is held out and nodes are hot; by night a tenth, and they are not.
		percent, hot := int32(50), 1.
		if i%2 == 0 {
			percent, hot = 10, 0
		}
		uid := fmt.Sprint("pod-", i)
		arm := cycle.ArmOf(types.UID(uid), percent)
		at := begin.Add(time.Duration(i%2)*12*time.Hour + time.Duration(i/2%10)*24*time.Hour)
		ring.Add(decision.Record{Pod: decision.Pod{Name: uid, UID: uid}, Time: at, Node: "node", HeldOut: arm.HeldOut, Chance: arm.Chance}).
			Came(&decision.Outcome{Minutes: 100, HotMinutes: 100 * hot})
	}
	if r := Of(ring, begin.Add(250*time.Hour)); math.Abs(*r.Hot.Ratio-1) > .05 {
		t.Errorf("the ratio is %v where the arms differ in nothing but when they were large: %+v", *r.Hot.Ratio, r)
	}
}

// Predictions that leave nothing hot have the ratio 0, with an interval; where held-out pods' nodes are never hot there is no ratio.
func TestNothingIsHot(t *testing.T) {
	r := Of(world(1, 3000, always(20), 0, .2), begin.Add(241*time.Hour))
	if r.Hot.Ratio == nil || *r.Hot.Ratio != 0 || r.Hot.RatioInterval == nil || r.Hot.GainInterval[0] <= 0 {
		t.Errorf("nothing is hot where predictions decide: %+v", r.Hot)
	}
	if r := Of(world(1, 3000, always(20), .2, 0), begin.Add(241*time.Hour)); r.Hot.Ratio != nil || r.Hot.RatioInterval != nil || r.Hot.GainInterval[1] >= 0 {
		t.Errorf("nothing is hot where requests decide: %+v", r.Hot)
	}
}

// What is in no comparison, was not measured or has no chance counts nowhere, and an empty ring is no error.
func TestNothingToCompare(t *testing.T) {
	ring := decision.NewRing(10, 1<<20)
	for i, chance := range []float64{0, 1, -1, math.NaN(), math.Inf(1), .5} {
		k := ring.Add(decision.Record{Pod: decision.Pod{Name: fmt.Sprint(i), UID: fmt.Sprint(i)}, Time: begin, Node: "node", Chance: chance, HeldOut: i%2 == 0})
		if chance != .5 {
			k.Came(&decision.Outcome{Minutes: 10, HotMinutes: 5})
		}
	}
	for _, ring := range []*decision.Ring{ring, decision.NewRing(1, 1<<20)} {
		if r := Of(ring, begin); r.Predicted.Pods+r.HeldOut.Pods != 0 || r.Enough || r.Hot != (Difference{}) {
			t.Errorf("%+v", r)
		}
	}
}
