// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/trees"
)

// fitted is a small model of placements.
func fitted() *Model {
	r := rand.New(rand.NewPCG(1, 2))
	d := &classify.Data{}
	for range 300 {
		cpu, y := r.Float64(), 0.
		if r.Float64() < cpu {
			y = 1
		}
		d.Add([]float64{r.Float64(), cpu, math.NaN()}, y, 1)
	}
	return Fit(Placement, []*classify.Data{d, d})
}

// A model whose numbers mean nothing is refused, and the error names the number.
func TestNumbersOfModels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.json")
	for field, change := range map[string]func(*Model){
		"":                     func(*Model) {},
		"trust":                func(m *Model) { m.Trust = 1e308 },
		"slope":                func(m *Model) { m.Slope = -5 },
		"center":               func(m *Model) { m.Center = -1e308 },
		"weights[0]":           func(m *Model) { m.PlainRank.Weights[0] = -1 },
		"intercept":            func(m *Model) { m.PlainRank.Intercept = 1e308 },
		"means[0]":             func(m *Model) { m.PlainRank.Means[0] = -1e300 },
		"members[1].base":      func(m *Model) { m.Members[1].Base = 1e308 },
		"members[0].trees[3]":  func(m *Model) { m.Members[0].Trees[3][len(m.Members[0].Trees[3])-1].Value = -1e308 },
		"members[0].trees:":    func(m *Model) { m.Members[0].Trees = make([][]trees.Node, 5000) },
		"an empty tree":        func(m *Model) { m.Members[0].Trees[0] = nil },
		"a member is missing":  func(m *Model) { m.Members[0] = nil },
		"points out of itself": func(m *Model) { m.Members[0].Trees[0][0] = trees.Node{Left: 1 << 40, Right: 2} },
	} {
		m := fitted()
		change(m)
		if err := Save(path, m, Card{}); err != nil {
			t.Fatal(err)
		}
		_, _, err := Load(path, &Placement)
		if field == "" && err != nil || field != "" && (err == nil || !strings.Contains(err.Error(), field)) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

// What is no file, or too large for a model, is not read.
func TestModelsThatAreNoFiles(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, mostBytes+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{pipe: atomicfile.ErrNotRegular, dir: atomicfile.ErrNotRegular, large: atomicfile.ErrTooLarge, "/dev/zero": atomicfile.ErrNotRegular} {
		if _, _, err := Load(path, &Placement); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	if err := Save(pipe, fitted(), Card{}); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("a pipe was replaced: %v", err)
	}
}

// seal makes a file of a content.
func seal(t testing.TB, body string) []byte {
	data, err := json.Marshal(file{fileKind, fileVersion, checksum([]byte(body)), json.RawMessage(body)})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Whatever a file holds, it is read in memory of a small multiple of its bytes, and what is accepted answers with risks.
func FuzzModelFiles(f *testing.F) {
	whole, err := json.Marshal(content{Card{SchemaHash: Placement.Hash()}, fitted()})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(whole), uint16(0))
	f.Add(`{"model":{"members":[{"trees":[[],[],[]]}]}}`, uint16(9))
	f.Add(`{"model":{"members":[{"trees":[[{},{},{}]]}]}}`, uint16(9))
	f.Fuzz(func(t *testing.T, body string, repeat uint16) {
		for _, piece := range []string{"[],", "{},", "[{}],", "1,", "null,"} {
			if strings.Contains(body, piece) && len(body) < 1<<16 {
				body = strings.Replace(body, piece, strings.Repeat(piece, int(repeat)+1), 1)
			}
		}
		if !json.Valid([]byte(body)) || len(body) > 1<<20 {
			return
		}
		data := seal(t, body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, _, err := decode(data, &Placement)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(20*len(data))+1<<18 {
			t.Errorf("%d bytes take %d", len(data), got)
		}
		if err != nil {
			return
		}
		x, scratch := []float64{.1, .5, .2}, make([]float64, 3)
		if p := m.Risk(x, scratch); !(p >= 0 && p <= 1) {
			t.Errorf("risk %v", p)
		}
	})
}
