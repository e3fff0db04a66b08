// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math/rand/v2"
	"testing"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// Scores of many rows by reciprocals are those of each row by upstream's divisions, also
// where a node is used to whole percents, so that one rounding would tell.
func TestRequestedFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	amount := func(least, most int64) int64 { return least + random.Int64N(most-least) }
	rowOf := func(pod *resources) (r table.Row) {
		r.AllocCPU, r.AllocMem, r.Room = amount(1, 300_000), amount(1, 1<<42), 1
		switch random.IntN(3) {
		case 0: // whole cores and GiB
			r.AllocCPU, r.AllocMem = 1000*amount(1, 256), amount(1, 1024)<<30
		case 1: // with much that is a whole percent
			r.AllocCPU, r.AllocMem = 100*amount(1, 1000), 100*amount(1, 1<<32)
		}
		r.ReqCPU, r.ReqMem = amount(0, r.AllocCPU+1), amount(0, r.AllocMem+1)
		if random.IntN(2) == 0 {
			r.ReqCPU, r.ReqMem = max(r.AllocCPU/100*amount(0, 101)-pod.CPU, 0), max(r.AllocMem/100*amount(0, 101)-pod.Mem, 0)
		}
		r.NonZeroCPU, r.NonZeroMem = r.ReqCPU+amount(0, 300), r.ReqMem+amount(0, 1<<30)
		if random.IntN(2) == 0 {
			r.NonZeroCPU, r.NonZeroMem = r.ReqCPU, r.ReqMem
		}
		switch random.IntN(40) {
		case 0:
			r.AllocCPU = 0
		case 1:
			r.AllocMem = 0
		case 2:
			r.Room = 0
		}
		r.FreeEph = amount(-2, 10)
		r.Derive()
		return r
	}
	for range 10_000 {
		pod := &resources{
			strategy:  kubeschedulerconfig.LeastAllocated,
			cpuWeight: amount(0, 4), memWeight: amount(0, 4), balances: random.IntN(4) > 0,
		}
		if random.IntN(2) == 0 {
			pod.strategy = kubeschedulerconfig.MostAllocated
		}
		if random.IntN(2) == 0 {
			pod.own, pod.ownBalanced = amount(1, 4), amount(0, 3)
		} else {
			pod.fit, pod.balanced = amount(0, 4), amount(0, 4)
		}
		if random.IntN(2) == 0 {
			pod.cpuWeight, pod.memWeight = 1, 1
		}
		pod.CPU, pod.Mem, pod.Eph = 10*amount(0, 200), amount(0, 100)<<24, amount(0, 3)
		if random.IntN(4) == 0 {
			pod.CPU, pod.Mem = 0, 0
		}
		pod.NonZeroCPU, pod.NonZeroMem = max(pod.CPU, 100), max(pod.Mem, 200<<20)
		all, rows := make([]table.Row, 50), []int32{}
		for i := range all {
			all[i] = rowOf(pod)
			rows = append(rows, int32(i))
		}
		scores := make([]int32, len(all))
		pod.scoreRequested(&Kept{Scores: scores}, all, rows)
		for i := range all {
			r := &all[i]
			want := NoFit
			if pod.fits(r) {
				want = int32(pod.requested(r))
			}
			if scores[i] != want {
				t.Fatalf("%+v asks of %+v: score %d, want %d", *pod, *r, scores[i], want)
			}
		}
	}
}

// percent is upstream's division, about every boundary.
func TestPercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		capacity := 1 + random.Int64N(1<<(1+random.IntN(50)))
		for _, n := range []int64{0, capacity, random.Int64N(capacity + 1), capacity * random.Int64N(101) / 100} {
			for _, n := range []int64{n - 1, n, n + 1} {
				if n < 0 || n > capacity {
					continue
				}
				if got, want := percent(n, capacity, table.Per(capacity)), n*100/capacity; got != want {
					t.Fatalf("%d of %d: %d, want %d", n, capacity, got, want)
				}
			}
		}
	}
}
