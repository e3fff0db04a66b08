// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// writeInterference makes two kinds of neighbours, one of which does no harm.
func writeInterference(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, harm := range map[string]float64{"harmless": 0, "harmful": 1} {
		var b strings.Builder
		b.WriteString("time,request_rate,own_web_cpu_pct,own_db_cpu_pct,host_cpu_pct,host_mem_pct,interferer_intensity,latency_ms,class\n")
		for i := range 200 {
			intensity := float64(i / 4 % 3)
			fmt.Fprintf(&b, "%d,100,10,5,%g,30,%g,%g,0\n", 13*i, 15+20*intensity+float64(i%7), intensity, 2+3*harm*intensity)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".csv"), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The array has the documented fields; what cannot be said is null, with a note.
func TestModelEval(t *testing.T) {
	out, err := commandtest.Output(t, NewCommand(), "eval", "--data", writeInterference(t), "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var results []map[string]any
	if err := json.Unmarshal([]byte(out), &results); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, r := range results {
		for _, field := range []string{"data", "service", "left_out", "held_out", "seen_fraction", "method", "auc", "auc_low", "auc_high", "auc_minus_host_cpu", "auc_minus_host_cpu_low",
			"auc_minus_host_cpu_high", "brier", "ece", "ece_after_20", "ece_after_100", "ece_after_1000", "ece_from_100", "admitted_at_5pct"} {
			if _, ok := r[field]; !ok {
				t.Fatalf("no %s in %v", field, r)
			}
		}
		if r["held_out"] == "harmless" && (r["auc"] != nil || r["note"] == nil) {
			t.Errorf("without a violation nothing can be ranked: %v", r)
		}
		if r["method"] == "foresight" {
			ours++
			if r["held_out"] == "harmful" && r["auc"] == nil {
				t.Errorf("no AUC: %v", r)
			}
		}
	}
	if ours != 6 {
		t.Errorf("foresight was judged %d times, want for 2 kinds and a service with 0 and 0.1 seen", ours)
	}
}

// Several data sets, of several services: what each was judged on and learned from is in the table.
func TestModelEvalServices(t *testing.T) {
	out, err := commandtest.Output(t, NewCommand(), "eval", "--data", writeInterference(t), "--data", writeInterference(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"kind harmful left out", "service ", "MINUS HOST-CPU", "ECE AFTER 20"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestModelEvalRefuses(t *testing.T) {
	for _, args := range [][]string{{"--data", t.TempDir()}, {"--data", "/nowhere"}, {}, {"--data", writeInterference(t), "-o", "xml"}} {
		if _, err := commandtest.Output(t, NewCommand(), append([]string{"eval"}, args...)...); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

// A trained model is shown; a damaged one is refused with the reason.
func TestModelTrainAndShow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "model.json")
	if _, err := commandtest.Output(t, NewCommand(), "train", "--data", writeInterference(t), "--out", file); err != nil {
		t.Fatal(err)
	}
	out, err := commandtest.Output(t, NewCommand(), "show", file)
	if err != nil || !strings.Contains(out, "Observations") || !strings.Contains(out, "400") {
		t.Errorf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), "slope", "slop", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := commandtest.Output(t, NewCommand(), "show", file); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a damaged file: %v", err)
	}
	if _, err := commandtest.Output(t, NewCommand(), "train", "--data", t.TempDir(), "--out", file); err == nil {
		t.Error("learned from nothing")
	}
}

// What a scheduler writes is trained from; a file that is none says where it is wrong.
func TestTrainFromObservations(t *testing.T) {
	dir := t.TempDir()
	var outcomes []outcome.Outcome
	for i := range 400 {
		o := outcome.Outcome{Node: fmt.Sprint("n", i/10%5), Objective: "latency", Bound: time.Unix(int64(i), 0), Propensity: .5, Violated: i%10 > 6}
		o.X = [3]float64{.05, float64(i%10) / 10, math.NaN()}
		outcomes = append(outcomes, o)
	}
	file, model := filepath.Join(dir, "observations.csv"), filepath.Join(dir, "model.json")
	var page bytes.Buffer
	if err := outcome.WriteObservations(&page, outcomes); err != nil {
		t.Fatal(err)
	}
	train := func(data string) error {
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := commandtest.Output(t, NewCommand(), "train", "--observations", file, "--out", model)
		return err
	}
	if err := train(page.String()); err != nil {
		t.Fatal(err)
	}
	_, card, err := quality.Load(model, &quality.Placement)
	if err != nil || card.Observations != 400 || card.Violations != 120 || !card.Until.Equal(time.Unix(399, 0)) || card.AUC == nil || *card.AUC < .95 {
		t.Errorf("%+v, %v", card, err)
	}
	if err := train(page.String() + "1970-01-01T00:00:00Z,n,latency,.1,NaN,,0,1,true\n"); err == nil || !strings.Contains(err.Error(), "line 402: node_cpu") {
		t.Errorf("error %v, want one about line 402", err)
	}
}
