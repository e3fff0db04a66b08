// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"iter"
	"math"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
)

// Kinds holds what the busy days of a kind of workload come to, as a share of the scale, for each kind of one resource. The past
// of one workload is short, and what others of its kind have done it may do as well.
type Kinds map[kind]float64

// kind is what series have in common that are of like scale, within a factor of about two, and of like use, within a factor of
// about e.
type kind struct{ scale, use int }

// similarFloor is the share of the scale below which uses are alike.
const similarFloor = .02

func kindOf(scale, mean float64) kind {
	return kind{scale: int(math.Round(math.Log2(scale))), use: int(math.Round(math.Log(mean/scale + similarFloor)))}
}

// KindsOf returns what the series say at the beginning of hour now: of each kind the 90th percentile of what the third of
// the busiest days of four weeks came to.
func KindsOf(all iter.Seq[*Series], now int64) Kinds {
	shares := map[kind][]float64{}
	for s := range all {
		var days [dayRing]float64
		if n := s.daily(now, &days); n > 0 {
			k := kindOf(s.scale, s.week.mean())
			shares[k] = append(shares[k], busiest(days[:n])[2]/s.scale)
		}
	}
	kinds := make(Kinds, len(shares))
	for k, of := range shares {
		kinds[k] = fit.Quantile(of, .9)
	}
	return kinds
}

// Tell lets the summary know what its kind has come to. One of an unknown kind, and one that is not told, goes by itself.
func (k Kinds) Tell(s *Summary) {
	if share, ok := k[kindOf(s.Scale, s.v[mean7d])]; ok {
		s.similar = share * s.Scale
	}
}
