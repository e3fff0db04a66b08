// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The table says what the formula says, at its corners too.
func TestPercentOf(t *testing.T) {
	same := func(x float32) {
		t.Helper()
		if got, want := percentOf(x), int64(100*math.Exp(float64(x))); got != want {
			t.Fatalf("%v: got %d, want %d", x, got, want)
		}
	}
	for _, x := range []float32{0, -1e-30, -.01, -4.6, -4.605, -4.61, -4.625, -4.63, -1e30, float32(math.Inf(-1))} {
		same(x)
	}
	for p := 1; p < 100; p++ {
		from := percents.from[p]
		same(from)
		same(math.Nextafter32(from, -10))
		same(math.Nextafter32(from, 10))
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 1_000_000 {
		same(-5 * random.Float32())
	}
}

// BenchmarkPercentOf is the table beside the formula that it holds.
func BenchmarkPercentOf(b *testing.B) {
	for name, percent := range map[string]func(float32) int64{
		"table": percentOf, "formula": func(x float32) int64 { return int64(100 * math.Exp(float64(x))) },
	} {
		b.Run(name, func(b *testing.B) {
			x := float32(0)
			for b.Loop() {
				if x -= .001; x < -4 {
					x = 0
				}
				percent(x)
			}
		})
	}
}
