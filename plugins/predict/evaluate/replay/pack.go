// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
)

// Packed is how few nodes a configuration does with.
type Packed struct {
	Nodes int
	// Enough is false where even twice the world's nodes are too few.
	Enough bool
	*Outcome
}

// Pack returns with how few nodes, from a half to twice those of the world, a configuration places every pod and keeps the minutes
// over 90 % of CPU within bound: all nodes' minutes of a day, for each node that the world was made with. It takes for granted that more
// nodes are never hotter, and halves the numbers there are.
func Pack(ctx context.Context, w *world.World, c *Config, mixed bool, bound float64, o Options) (Packed, error) {
	days := (time.Duration(w.Steps)*world.Step - o.From).Hours() / 24
	bound *= days * float64(len(w.Nodes))
	low, high := max(2, len(w.Nodes)/2), 2*len(w.Nodes)
	best := Packed{Nodes: high}
	for low <= high {
		n := (low + high) / 2
		out, err := Run(ctx, w.WithNodes(n, mixed), c, o)
		switch {
		case err != nil:
			return best, err
		case out.Unplaced == 0 && out.Hot90 <= bound:
			best, high = Packed{n, true, out}, n-1
		default:
			if low = n + 1; !best.Enough {
				best.Outcome = out
			}
		}
	}
	return best, nil
}
