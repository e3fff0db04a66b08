// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quality predicts the service a pod will get: the probability that its objective is violated, from what is
// known of the pod and of the node it would be on. It knows no Kubernetes.
package quality

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/foresight-scheduler/foresight/plugins/predict/quality/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/quality/learn"
)

// Feature is one quantity that a model reads.
type Feature struct {
	Name string `json:"name"`
	// Sign is 1 where the risk may not fall as the feature rises, -1 where it may not rise, 0 where it is free. A known
	// direction is what carries over to neighbours that were never seen.
	Sign int8 `json:"sign"`
}

// Schema is what a model reads, in order.
type Schema struct {
	Features []Feature `json:"features"`
	// Views are the sets of features, by index, that a model's members read. Members that look at different things err
	// differently where the neighbours are new, so their mean errs less.
	Views [][]int `json:"views"`
	// Plain is the feature that ranks placements by itself where there is nothing to learn from: utilisation.
	Plain int `json:"plain"`
}

// Hash identifies a schema: a model answers for the schema that it was trained with, and for no other.
func (s *Schema) Hash() string {
	var b strings.Builder
	for _, f := range s.Features {
		fmt.Fprintf(&b, "%s:%d\n", f.Name, f.Sign)
	}
	fmt.Fprintln(&b, s.Views, s.Plain)
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// Model estimates the risk of a violation. It is immutable once fitted.
type Model struct {
	Schema  Schema         `json:"schema"`
	Members []*learn.Boost `json:"members"` // one per view
	// PlainRank is the risk by the plain feature alone.
	PlainRank *learn.Logistic `json:"plainRank"`
	// Trust is the share of the members against PlainRank, 0–1.
	Trust float64 `json:"trust"`
	// Slope turns log-odds into calibrated ones, 0–1 (Platt, Probabilistic outputs for support vector machines, 1999).
	Slope float64 `json:"slope"`
}

// members are shallow and many: 100 trees of 4 questions. A leaf of fewer than 40 observations is noise.
var memberOptions = learn.BoostOptions{Rounds: 100, Depth: 4, MinWeight: 40, Rate: .1, Lambda: 1}

// Fit trains a model. Each group is observations that have something in common which new observations will not share: the
// kind of neighbour, the node, the day. Leaving one group out at a time says how far the members are to be trusted beyond
// what they saw, against ranking by the plain feature. seen are observations of the very conditions that will be judged;
// they weigh more than others, and the more there are the more the members are trusted. There must be a group, each must
// hold an observation, and seen may be nil.
func Fit(schema Schema, groups []*learn.Data, seen *learn.Data) *Model {
	m := fitMembers(schema, groups, seen)
	switch {
	case seen.Len() > 0:
		n := float64(seen.Len())
		m.Trust = .5 + .5*n/(n+100)
	case len(groups) == 1:
		// Nothing says what the members are worth elsewhere.
		m.Trust = .25
	default:
		folds := leaveEachOut(schema, groups)
		m.Trust = .5
		if len(groups) > 2 {
			// With two groups, a fold learned from one alone, which says little of a model that learned from both.
			m.Trust = trust(folds)
		}
		m.Slope = flatten(folds, m.Trust)
	}
	return m
}

func leaveEachOut(schema Schema, groups []*learn.Data) []fold {
	folds := make([]fold, len(groups))
	for out, g := range groups {
		rest := slices.Delete(slices.Clone(groups), out, out+1)
		folds[out] = fitMembers(schema, rest, nil).judge(g)
	}
	return folds
}

// seenWeight is the weight of an observation of the conditions that will be judged, against one of others.
const seenWeight = 50

func fitMembers(schema Schema, groups []*learn.Data, seen *learn.Data) *Model {
	all := &learn.Data{X: make([][]float64, len(schema.Features))}
	for _, g := range groups {
		all.Append(g, 1)
	}
	if seen.Len() > 0 {
		all.Append(seen, seenWeight)
	}
	m := &Model{Schema: schema, Trust: 1, Slope: 1}
	for _, view := range schema.Views {
		o := memberOptions
		for _, f := range view {
			o.Monotone = append(o.Monotone, schema.Features[f].Sign)
		}
		m.Members = append(m.Members, learn.FitBoost(all.View(view), o))
	}
	m.PlainRank = learn.FitLogistic(all.View([]int{schema.Plain}), 1e-4)
	m.PlainRank.Weights[0] = max(m.PlainRank.Weights[0], 1e-6) // Whatever was learned, more use is more risk.
	return m
}

// Risk returns the probability of a violation, 0–1, for the features x in the order of the schema, of which what is not
// known is NaN. scratch must be as long as x and is overwritten.
func (m *Model) Risk(x, scratch []float64) float64 { return learn.Sigmoid(m.LogOdds(x, scratch)) }

// LogOdds is Risk before the logistic curve.
func (m *Model) LogOdds(x, scratch []float64) float64 {
	members, plain := m.logOdds(x, scratch)
	return m.Slope * (m.Trust*members + (1-m.Trust)*plain)
}

func (m *Model) logOdds(x, scratch []float64) (members, plain float64) {
	for k, view := range m.Schema.Views {
		for j, f := range view {
			scratch[j] = x[f]
		}
		members += m.Members[k].LogOdds(scratch)
	}
	scratch[0] = x[m.Schema.Plain]
	return members / float64(len(m.Members)), m.PlainRank.LogOdds(scratch)
}

// fold is what a model that never saw a group says of it.
type fold struct {
	members, plain []float64 // log-odds
	rank           []float64 // the plain feature itself
	label          []float64
}

func (m *Model) judge(d *learn.Data) fold {
	f := fold{rank: d.X[m.Schema.Plain], label: d.Y}
	x, scratch := make([]float64, len(d.X)), make([]float64, len(d.X))
	for i := range d.Y {
		members, plain := m.logOdds(d.Row(i, x), scratch)
		f.members, f.plain = append(f.members, members), append(f.plain, plain)
	}
	return f
}

func (f *fold) blend(trust float64) []float64 {
	z := make([]float64, len(f.label))
	for i := range z {
		z[i] = trust*f.members[i] + (1-trust)*f.plain[i]
	}
	return z
}

// Assess says how models fare on each group in turn that learned from the others: the risks they give, the plain feature,
// and the labels. With one group there is nothing to say.
func Assess(schema Schema, groups []*learn.Data) (risk, plain, label []float64) {
	if len(groups) < 2 {
		return nil, nil, nil
	}
	x, scratch := make([]float64, len(schema.Features)), make([]float64, len(schema.Features))
	for out, g := range groups {
		m := Fit(schema, slices.Delete(slices.Clone(groups), out, out+1), nil)
		for i, y := range g.Y {
			risk = append(risk, m.Risk(g.Row(i, x), scratch))
			plain, label = append(plain, g.X[schema.Plain][i]), append(label, y)
		}
	}
	return risk, plain, label
}

// trust is the largest share of the members, at most 0.75 and at least 0.25, with which no fold ranks worse than by the
// plain feature.
func trust(folds []fold) float64 {
	for t := .75; t > .25; t -= .125 {
		if !slices.ContainsFunc(folds, func(f fold) bool { return judge.AUC(f.blend(t), f.label) < judge.AUC(f.rank, f.label) }) {
			return t
		}
	}
	return .25
}

// flatten is the slope that calibrates what was said of the groups that were left out, each group counting the same. It
// only flattens: certainty about the unseen is what a model has too much of.
func flatten(folds []fold, trust float64) float64 {
	d := &learn.Data{X: make([][]float64, 1)}
	for k := range folds {
		w := 1 / float64(len(folds[k].label))
		for i, z := range folds[k].blend(trust) {
			d.X[0] = append(d.X[0], z)
			d.Y = append(d.Y, folds[k].label[i])
			d.W = append(d.W, w)
		}
	}
	return min(max(learn.FitLogistic(d, 1e-3).Weights[0], .2), 1)
}
