// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package decision

import (
	"fmt"
	"math"
	"strconv"
)

// Amount is an amount of a resource for people, without unit for cores: 7.6, 0.06, 3.2 GiB.
func Amount(resource string, v float64) string {
	if resource != "memory" {
		return figures(v)
	}
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for ; math.Abs(v) >= 1024 && i < len(units)-1; i++ {
		v /= 1024
	}
	return figures(v) + " " + units[i]
}

// AmountOf is Amount with the unit: 8 cores.
func AmountOf(resource string, v float64) string {
	if resource == "memory" {
		return Amount(resource, v)
	}
	if figures(v) == "1" {
		return "1 core"
	}
	return fmt.Sprintf("%s cores", figures(v))
}

// figures are two decimals at most below 1, one below 100, and none above.
func figures(v float64) string {
	decimals := 1.
	switch a := math.Abs(v); {
	case a < 1:
		decimals = 2
	case a >= 100:
		decimals = 0
	}
	unit := math.Pow(10, decimals)
	return strconv.FormatFloat(math.Round(v*unit)/unit, 'f', -1, 64)
}
