// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
)

// writeModel trains a small model: beyond 60 % of the CPU pods suffer.
func writeModel(t *testing.T, path string) {
	t.Helper()
	d := &classify.Data{}
	for i := range 200 {
		y := 0.
		if i%10 >= 6 {
			y = 1
		}
		d.Add([]float64{.1, float64(i%10) / 10, 0}, y, 1)
	}
	if err := quality.Save(path, quality.Fit(quality.Placement, []*classify.Data{d, d}), quality.Card{}); err != nil {
		t.Fatal(err)
	}
}

// A model file that is deleted, damaged, or of another schema is said to be so and leaves the rung below; a good one is
// taken when it comes.
func TestModelFile(t *testing.T) {
	a := args()
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	l := newLoop(t, a)
	if l.Judge().Rung != RungUtilisation {
		t.Fatal("a model out of nothing")
	}
	writeModel(t, a.ModelFile)
	good, err := os.ReadFile(a.ModelFile)
	if err != nil {
		t.Fatal(err)
	}
	l.wait(time.Second)
	if l.Judge().Rung != RungModel {
		t.Fatal("the model is not used")
	}
	for i, data := range [][]byte{nil, good[:100], bytes.ReplaceAll(good, []byte("own_cpu"), []byte("was_cpu"))} {
		if data == nil {
			err = os.Remove(a.ModelFile)
		} else {
			err = os.WriteFile(a.ModelFile, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		before, _ := l.Report()
		l.wait(time.Second)
		if after, _ := l.Report(); l.Judge().Rung != RungUtilisation || after.Failures != before.Failures+1 {
			t.Errorf("case %d: rung %v, %d failures", i, l.Judge().Rung, after.Failures-before.Failures)
		}
	}
	if err := os.WriteFile(a.ModelFile, good, 0o600); err != nil {
		t.Fatal(err)
	}
	l.wait(time.Second)
	if l.Judge().Rung != RungModel {
		t.Error("the good model is not used again")
	}
}

// A model that is wrong is demoted.
func TestDemotion(t *testing.T) {
	a := args()
	a.ModelFile = filepath.Join(t.TempDir(), "model.json")
	writeModel(t, a.ModelFile)
	l := newLoop(t, a)
	for i := range 200 {
		d := &Decision{UID: types.UID(fmt.Sprint(i)), Node: "a"}
		d.Outcome.Risk = .9
		l.Bound(d)
	}
	l.wait(10 * time.Minute)
	if c, _ := l.Report(); l.Judge().Rung != RungUtilisation || c.Demotions != 1 {
		t.Errorf("200 of 200 pods were well at a predicted risk of 0.9: rung %v", l.Judge().Rung)
	}
}
