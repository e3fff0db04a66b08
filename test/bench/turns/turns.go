// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package turns lets variants take turns, so that what else the machine does meets all of them, and compares
// them within each turn.
package turns

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Variants that every benchmark has.
const (
	Foresight     = "foresight"
	Stock         = "stock"
	StockAllNodes = "stock-all-nodes"
)

// CheckVariants returns an error, which names the flag, where one that is asked for is not known.
func CheckVariants(asked, known []string) error {
	for _, v := range asked {
		if !slices.Contains(known, v) {
			return fmt.Errorf("--variant: %q: want one of %s", v, strings.Join(known, ", "))
		}
	}
	return nil
}

// Take measures each variant once in each of the turns, and returns what was measured by turn and variant.
func Take[M any](turns int, variants []string, measure func(turn int, variant string) (M, error)) ([]map[string]M, error) {
	out := make([]map[string]M, turns)
	for i := range out {
		out[i] = map[string]M{}
		for _, v := range variants {
			m, err := measure(i, v)
			if err != nil {
				return nil, fmt.Errorf("variant %s: %w", v, err)
			}
			out[i][v] = m
		}
	}
	return out, nil
}

// Of returns a value of the variant in every turn, sorted.
func Of[M any](turns []map[string]M, variant string, value func(M) float64) []float64 {
	var all []float64
	for _, t := range turns {
		all = append(all, value(t[variant]))
	}
	slices.Sort(all)
	return all
}

// Ratios returns by how much the variant's value is the other one's in every turn that has it, sorted.
func Ratios[M any](turns []map[string]M, variant, other string, value func(M) float64) []float64 {
	var all []float64
	for _, t := range turns {
		if o, ok := t[other]; ok {
			all = append(all, value(t[variant])/value(o))
		}
	}
	slices.Sort(all)
	return all
}

// Median of at least one sorted value; of an even number, the mean of the middle two.
func Median(sorted []float64) float64 {
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// Span is the median and, of several sorted values, the least and the greatest.
func Span(sorted []float64) string {
	switch len(sorted) {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf("%.2f", sorted[0])
	default:
		return fmt.Sprintf("%.2f (%.2f–%.2f)", Median(sorted), sorted[0], sorted[len(sorted)-1])
	}
}

// Rounded to parts of one.
func Rounded(x, parts float64) float64 { return math.Round(x*parts) / parts }
