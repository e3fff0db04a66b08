// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package quality predicts the service a pod will get: the probability that its objective is violated, from what is
// known of the pod and of the node it would be on. It knows no Kubernetes.
package quality

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/classify"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality/metrics"
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
	// Full is what Plain is on a machine that is wholly used; 0 is 1.
	Full float64 `json:"full,omitempty"`
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
	Schema  Schema            `json:"schema"`
	Members []*classify.Boost `json:"members"` // one per view
	// PlainRank is the risk by the plain feature alone.
	PlainRank *classify.Logistic `json:"plainRank"`
	// Trust is the share of the members against PlainRank, 0–1.
	Trust float64 `json:"trust"`
	// Slope turns log-odds into calibrated ones, 0–1 (Platt, Probabilistic outputs for support vector machines, 1999).
	Slope float64 `json:"slope"`
	// Center is the log-odds that a Slope below 1 pulls towards: that of a violation in all that was learned from.
	Center float64 `json:"center,omitempty"`
}

// members are shallow and many: 100 trees of 4 questions. A leaf of fewer than 40 observations is noise.
var memberOptions = classify.BoostOptions{Rounds: 100, Depth: 4, MinWeight: 40, Rate: .1, Lambda: 1}

// Fit trains a model. Each group is observations that have something in common which new observations will not share: the
// kind of neighbour, the service, the node, the day. Leaving one group out at a time says how far the members are to be trusted
// beyond what they saw, against ranking by the plain feature. There must be a group, and each must hold an observation.
func Fit(schema Schema, groups []*classify.Data) *Model {
	m := fitMembers(schema, groups, nil)
	m.Trust = 0 // With one group nothing says what the members, or the curve over utilisation, are worth elsewhere.
	shipped := shippedRank(&schema)
	if len(groups) == 1 {
		m.PlainRank = shipped
	} else {
		folds := leaveEachOut(schema, groups)
		if !carriesOver(folds, shipped) {
			m.PlainRank = shipped
			for k := range folds {
				for i, v := range folds[k].rank {
					folds[k].plain[i] = shipped.LogOdds([]float64{v})
				}
			}
		}
		m.Trust = trust(folds)
		m.Slope, m.Center = flatten(folds, m.Trust), baseOf(groups)
	}
	return m
}

// shippedRank is PriorLogOdds as a plain rank.
func shippedRank(s *Schema) *classify.Logistic {
	full := s.Full
	if full == 0 {
		full = 1
	}
	return &classify.Logistic{Weights: []float64{priorRise / full}, Intercept: -priorRise * priorEven, Means: []float64{full}}
}

// carriesOver says whether the curves over utilisation that were learned from the other groups foretell the groups better, on the whole,
// than the shipped one does.
func carriesOver(folds []fold, shipped *classify.Logistic) bool {
	var learned, given float64
	for k := range folds {
		f := &folds[k]
		for i, y := range f.label {
			l, g := classify.Sigmoid(f.plain[i])-y, classify.Sigmoid(shipped.LogOdds([]float64{f.rank[i]}))-y
			learned += l * l / float64(len(f.label))
			given += g * g / float64(len(f.label))
		}
	}
	return learned <= given
}

func leaveEachOut(schema Schema, groups []*classify.Data) []fold {
	folds := make([]fold, len(groups))
	for out, g := range groups {
		rest := slices.Delete(slices.Clone(groups), out, out+1)
		folds[out] = fitMembers(schema, rest, nil).judge(g)
	}
	return folds
}

// seenWeight is the weight of an observation of the conditions that will be judged, against one of others.
const seenWeight = 50

func fitMembers(schema Schema, groups []*classify.Data, seen *classify.Data) *Model {
	all := &classify.Data{X: make([][]float64, len(schema.Features))}
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
		m.Members = append(m.Members, classify.FitBoost(all.View(view), o))
	}
	m.PlainRank = classify.FitLogistic(all.View([]int{schema.Plain}), 1e-4)
	m.PlainRank.Weights[0] = max(m.PlainRank.Weights[0], 1e-6) // Whatever was learned, more use is more risk.
	return m
}

// Risk returns the probability of a violation, 0–1, for the features x in the order of the schema, of which what is not
// known is NaN. scratch must be as long as x and is overwritten.
func (m *Model) Risk(x, scratch []float64) float64 { return classify.Sigmoid(m.LogOdds(x, scratch)) }

// LogOdds is Risk before the logistic curve.
func (m *Model) LogOdds(x, scratch []float64) float64 {
	members, plain := m.logOdds(x, scratch)
	return m.Center + m.Slope*(m.Trust*members+(1-m.Trust)*plain-m.Center)
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

// mostJudged observations of a group, evenly chosen, say what a model is worth on it.
const mostJudged = 20000

func (m *Model) judge(d *classify.Data) fold {
	var f fold
	x, scratch := make([]float64, len(d.X)), make([]float64, len(d.X))
	n := min(d.Len(), mostJudged)
	for k := range n {
		i := k * d.Len() / n
		members, plain := m.logOdds(d.Row(i, x), scratch)
		f.members, f.plain = append(f.members, members), append(f.plain, plain)
		f.rank, f.label = append(f.rank, x[m.Schema.Plain]), append(f.label, d.Y[i])
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
func Assess(schema Schema, groups []*classify.Data) (risk, plain, label []float64) {
	if len(groups) < 2 {
		return nil, nil, nil
	}
	x, scratch := make([]float64, len(schema.Features)), make([]float64, len(schema.Features))
	for out, g := range groups {
		m := Fit(schema, slices.Delete(slices.Clone(groups), out, out+1))
		for i, y := range g.Y {
			risk = append(risk, m.Risk(g.Row(i, x), scratch))
			plain, label = append(plain, g.X[schema.Plain][i]), append(label, y)
		}
	}
	return risk, plain, label
}

// leastTrust of members of which nothing shows that they are behind.
const leastTrust = .1

// trust is the largest share of the members, at most 0.75, with which each fold ranks better than by the plain feature by more than
// its 95 % interval. Where there is none it is leastTrust if no fold is behind by more than its interval and they are ahead on the
// whole, else 0, which is the plain rank itself.
func trust(folds []fold) float64 {
	best := 0.
	for _, t := range []float64{leastTrust, .25, .375, .5, .625, .75} {
		sum, behind, ahead := 0., false, true
		for i := range folds {
			f := &folds[i]
			blend := f.blend(t)
			_, minus := metrics.Bootstrap([][]float64{blend, f.rank}, f.label, 1)
			if math.IsNaN(minus[0].Low) {
				continue // One class only: nothing is ranked.
			}
			sum += metrics.AUC(blend, f.label) - metrics.AUC(f.rank, f.label)
			behind, ahead = behind || minus[0].High < 0, ahead && minus[0].Low >= 0
		}
		if !(sum > 0) || !ahead && (t > leastTrust || behind) {
			break
		}
		best = t
	}
	return best
}

// flatten is the slope that calibrates what was said of the groups that were left out, each group counting the same and having
// a base rate of its own. It only flattens: certainty about the unseen is what a model has too much of.
func flatten(folds []fold, trust float64) float64 {
	d := &classify.Data{X: make([][]float64, 1+len(folds))}
	for k := range folds {
		w := 1 / float64(len(folds[k].label))
		for i, z := range folds[k].blend(trust) {
			d.X[0] = append(d.X[0], z)
			for g := range folds {
				own := 0.
				if g == k {
					own = 1
				}
				d.X[1+g] = append(d.X[1+g], own)
			}
			d.Y = append(d.Y, folds[k].label[i])
			d.W = append(d.W, w)
		}
	}
	return min(max(classify.FitLogistic(d, 1e-3).Weights[0], .2), 1)
}

// baseOf is the log-odds of a violation in groups, each group counting the same.
func baseOf(groups []*classify.Data) float64 {
	share := 0.
	for _, g := range groups {
		violations := .5
		for _, y := range g.Y {
			violations += y
		}
		share += violations / float64(len(g.Y)+1) / float64(len(groups))
	}
	return math.Log(share / (1 - share))
}
