// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package metricsapi

import (
	"math"
	"strconv"
)

// maxQuantity is how many bytes of a quantity are looked at. What is longer is no number of cores or bytes.
const maxQuantity = 64

// suffixes of quantities and what they multiply by; below zero, divide by, which rounds once where a product rounds twice.
var suffixes = map[string]float64{
	"": 1, "n": -1e9, "u": -1e6, "m": -1e3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}

// value of a quantity in its base unit, cores or bytes; NaN where it is none, which the Cleaner drops and counts.
//
// It is not resource.ParseQuantity, which is exact: of "1e-2147483648" it makes two thousand million digits, and whoever
// serves the metrics would stop us with 13 bytes.
func value(quantity string) float64 {
	if len(quantity) > maxQuantity {
		return math.NaN()
	}
	end := len(quantity)
	for end > 0 && (quantity[end-1] < '0' || quantity[end-1] > '9') && quantity[end-1] != '.' {
		end--
	}
	factor, ok := suffixes[quantity[end:]]
	if !ok || end == 0 {
		return math.NaN()
	}
	for i := range end {
		// ParseFloat knows more numbers than quantities do, such as 0x1p-2.
		switch c := quantity[i]; {
		case c >= '0' && c <= '9', c == '.', c == '-', c == '+', (c == 'e' || c == 'E') && i > 0:
		default:
			return math.NaN()
		}
	}
	number, err := strconv.ParseFloat(quantity[:end], 64)
	if err != nil && !math.IsInf(number, 0) {
		return math.NaN()
	}
	if factor < 0 {
		return number / -factor
	}
	return number * factor
}
