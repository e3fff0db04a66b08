// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package quality

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/atomicfile"
)

// fileVersion is the version of the file's form that this program writes and reads.
const fileVersion = 1

// Card says what a model is and how it fared when it was trained.
type Card struct {
	SchemaHash string `json:"schemaHash"`
	// Trained is when, From and Until what time the observations are of; zero where not known.
	Trained time.Time `json:"trained"`
	From    time.Time `json:"from,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// Origin is where the observations are from.
	Origin       string `json:"origin"`
	Observations int    `json:"observations"`
	Violations   int    `json:"violations"`
	// AUC, PlainAUC (of utilisation alone), Brier and ECE on the groups left out, each in turn; null where there was one
	// group, or one class.
	AUC      *float64 `json:"auc"`
	PlainAUC *float64 `json:"plainAuc"`
	Brier    *float64 `json:"brier"`
	ECE      *float64 `json:"ece"`
}

// file is what is on the disk. Checksum is of the bytes of Content.
type file struct {
	Kind     string          `json:"kind"`
	Version  int             `json:"version"`
	Checksum string          `json:"checksum"`
	Content  json.RawMessage `json:"content"`
}

type content struct {
	Card  Card   `json:"card"`
	Model *Model `json:"model"`
}

const fileKind = "foresight-qos-model"

// FileMark is what every model file begins with.
const FileMark = `{"kind":"` + fileKind + `"`

// Save writes the model whole or not at all. It sets the card's SchemaHash.
func Save(path string, m *Model, card Card) error {
	card.SchemaHash = m.Schema.Hash()
	body, err := json.Marshal(content{card, m})
	if err != nil {
		return err
	}
	data, err := json.Marshal(file{fileKind, fileVersion, checksum(body), body})
	if err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// mostBytes of a model file that are read: 70 times what foresight model train writes.
const mostBytes = 4 << 20

// Load reads a model that answers for the schema. The error says what is wrong with the file: that it is not there, no
// model, of another version, damaged, or trained for another schema.
func Load(path string, schema *Schema) (*Model, Card, error) {
	data, err := atomicfile.Read(path, mostBytes)
	if err != nil {
		return nil, Card{}, err
	}
	m, card, err := decode(data, schema)
	if err != nil {
		return nil, Card{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, card, nil
}

func decode(data []byte, schema *Schema) (*Model, Card, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, Card{}, fmt.Errorf("no model file, or a damaged one: %w", err)
	}
	if f.Kind != fileKind {
		return nil, Card{}, fmt.Errorf("no model file: kind %q, want %q", f.Kind, fileKind)
	}
	if f.Version != fileVersion {
		return nil, Card{}, fmt.Errorf("version %d, want %d: train it anew with foresight model train", f.Version, fileVersion)
	}
	if got := checksum(f.Content); got != f.Checksum {
		return nil, Card{}, fmt.Errorf("damaged: checksum %s, want %s", got, f.Checksum)
	}
	if err := dense(f.Content); err != nil {
		return nil, Card{}, fmt.Errorf("damaged: %w", err)
	}
	var c content
	if err := json.Unmarshal(f.Content, &c); err != nil {
		return nil, Card{}, fmt.Errorf("damaged: %w", err)
	}
	if c.Model == nil {
		return nil, Card{}, errors.New("damaged: it holds no model")
	}
	if got, want := c.Model.Schema.Hash(), schema.Hash(); got != want || c.Card.SchemaHash != got {
		return nil, c.Card, fmt.Errorf("trained for the feature schema %s, want %s: train it anew with foresight model train", c.Card.SchemaHash, want)
	}
	if err := c.Model.check(); err != nil {
		return nil, c.Card, fmt.Errorf("damaged: %w", err)
	}
	return c.Model, c.Card, nil
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// dense says whether lists and objects are as long as Save writes them, on average: empty ones, of which a file can hold
// millions, would take more than ten times their bytes in memory.
func dense(body []byte) error {
	const node, shortest = len(`{"f":0,"t":0,"l":0,"r":0,"v":0}`), 1 << 10
	if objects := bytes.Count(body, []byte("{")); objects*node > len(body)+shortest || bytes.Count(body, []byte("[")) > objects+shortest {
		return errors.New("it holds empty trees")
	}
	return nil
}

// The largest numbers, either way, that are believed of a model.
const (
	mostLogOdds = 1000
	mostWeight  = 1e6
	mostTrees   = 1000
)

// check says whether the model can be asked without a panic, and answers with numbers that mean something. Its errors name the field.
func (m *Model) check() error {
	if len(m.Members) != len(m.Schema.Views) || m.PlainRank == nil || len(m.PlainRank.Weights) != 1 || len(m.PlainRank.Means) != 1 {
		return errors.New("members do not match the schema's views")
	}
	in := func(field string, v, low, high float64) error {
		if !(v >= low && v <= high) {
			return fmt.Errorf("%s: %v: want a number from %v to %v", field, v, low, high)
		}
		return nil
	}
	err := errors.Join(in("trust", m.Trust, 0, 1), in("slope", m.Slope, 0, 1), in("center", m.Center, -mostLogOdds, mostLogOdds),
		in("plainRank.weights[0]", m.PlainRank.Weights[0], 0, mostWeight),
		in("plainRank.intercept", m.PlainRank.Intercept, -mostWeight, mostWeight), in("plainRank.means[0]", m.PlainRank.Means[0], -mostWeight, mostWeight))
	if err != nil {
		return err
	}
	for k, b := range m.Members {
		if b == nil {
			return errors.New("a member is missing")
		}
		if err := in(fmt.Sprintf("members[%d].base", k), b.Base, -mostLogOdds, mostLogOdds); err != nil {
			return err
		}
		if len(b.Trees) > mostTrees {
			return fmt.Errorf("members[%d].trees: %d, want at most %d", k, len(b.Trees), mostTrees)
		}
		for t, nodes := range b.Trees {
			if len(nodes) == 0 {
				return errors.New("an empty tree")
			}
			for i, n := range nodes {
				// Children come after their parent, so no walk is endless.
				if n.Left != 0 && (n.Left <= i || n.Right <= i || n.Left >= len(nodes) || n.Right >= len(nodes) || n.Feature < 0 || n.Feature >= len(m.Schema.Views[k])) {
					return errors.New("a tree points out of itself")
				}
				if err := in(fmt.Sprintf("members[%d].trees[%d][%d].v", k, t, i), n.Value, -mostLogOdds, mostLogOdds); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
