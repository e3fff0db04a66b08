// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// requested returns the weighted score for resources by requests.
func (t *resources) requested(r *table.Row) int64 {
	sum := t.allocation(r, r.NonZeroCPU+t.NonZeroCPU, r.NonZeroMem+t.NonZeroMem)
	var balance int64
	if t.balances && (t.CPU != 0 || t.Mem != 0) {
		balance = balanceScore(balanced(r, t.CPU, t.Mem), r.Balance)
	}
	if t.own > 0 {
		return t.own * t.mixed(sum, balance)
	}
	return t.fit*sum + t.balanced*balance
}

// scoreRequested does the work of fits and requested for many rows, as every row must be scored for
// a new shape. The loop calls nothing and waits for no division, so that the CPU works on several
// rows at a time. A quotient is a product with the reciprocal that the row keeps. What that leaves
// open is settled in integers or by upstream's own division.
func (t *resources) scoreRequested(kept *Kept, all []table.Row, rows []int32) {
	// The loop reads local variables, which writing a score does not change.
	cpu, mem, eph := orNone(t.CPU), orNone(t.Mem), orNone(t.Eph)
	moreCPU, moreMem, nonZeroCPU, nonZeroMem := t.CPU, t.Mem, t.NonZeroCPU, t.NonZeroMem
	most := t.strategy == kubeschedulerconfig.MostAllocated
	cpuWeight, memWeight, weights := t.cpuWeight, t.memWeight, max(t.cpuWeight+t.memWeight, 1)
	addedCPU, addedMem := float64(t.CPU), float64(t.Mem)
	balances := t.balances && (t.CPU != 0 || t.Mem != 0)
	own, fit, balancedWeight, ownBalanced := t.own, t.fit, t.balanced, t.ownBalanced
	scores := kept.Scores
	for _, row := range rows {
		r := &all[row]
		if r.Room <= 0 || cpu > r.FreeCPU || mem > r.FreeMem || eph > r.FreeEph {
			scores[row] = NoFit
			continue
		}
		if uint64(r.AllocCPU-1) >= largest || uint64(r.AllocMem-1) >= largest {
			// A missing resource has no weight. For values that are too large, upstream's products
			// overflow, and so do these.
			scores[row] = int32(t.requested(r))
			continue
		}
		countCPU, countMem := max(r.LeftCPU-nonZeroCPU, 0), max(r.LeftMem-nonZeroMem, 0)
		if most {
			countCPU, countMem = r.AllocCPU-countCPU, r.AllocMem-countMem
		}
		sum := cpuWeight*percent(countCPU, r.AllocCPU, r.PerCPU) + memWeight*percent(countMem, r.AllocMem, r.PerMem)
		if weights == 2 {
			sum >>= 1 // never negative
		} else {
			sum /= weights
		}
		var balance int64
		if balances {
			with := 100 - math.Abs(atMost100(r.PercentCPU+addedCPU*r.PerCPU)-atMost100(r.PercentMem+addedMem*r.PerMem))/2
			// The errors of upstream's roundings, ours and the reciprocals add up to less than
			// 1e-12.
			whole := int64(with + 1e-9)
			if whole != int64(with-1e-9) {
				whole = balanced(r, moreCPU, moreMem)
			}
			balance = balanceScore(whole, r.Balance)
		}
		switch {
		case own == 0:
			scores[row] = int32(fit*sum + balancedWeight*balance)
		case ownBalanced == 1:
			scores[row] = int32(own * ((sum + balance) >> 1))
		default:
			scores[row] = int32(own * t.mixed(sum, balance))
		}
	}
}

// largest is the smallest capacity, minus one, whose percentage overflows: 92 PB of memory.
const largest = uint64(math.MaxInt64 / fwk.MaxScore)

// orNone returns the request, or, if it is 0, what any row has.
func orNone(request int64) int64 {
	if request > 0 {
		return request
	}
	return math.MinInt64
}

func atMost100(percent float64) float64 {
	if percent > 100 {
		return 100
	}
	return percent
}

// percent returns n·100/capacity without its fraction, for n from 0 to capacity, whose reciprocal
// is table.Per: for 333 of 1000 it is 33. The product is less than the quotient by at most 1e-12,
// so the result is its integer part or one more.
func percent(n, capacity int64, per float64) int64 {
	quotient := int64(float64(n) * per)
	return quotient - (capacity-1-(n*fwk.MaxScore-quotient*capacity))>>63 // one more where the rest holds another capacity
}

// allocation returns the strategy's score of a row with these requests.
func (t *resources) allocation(r *table.Row, cpu, mem int64) int64 {
	most := t.strategy == kubeschedulerconfig.MostAllocated
	var sum, weights int64
	if r.AllocCPU != 0 && t.cpuWeight != 0 {
		sum += t.cpuWeight * allocation(most, cpu, r.AllocCPU)
		weights += t.cpuWeight
	}
	if r.AllocMem != 0 && t.memWeight != 0 {
		sum += t.memWeight * allocation(most, mem, r.AllocMem)
		weights += t.memWeight
	}
	switch weights {
	case 0, 1:
		return sum
	case 2:
		return sum / 2
	default:
		return sum / weights
	}
}

// allocation is leastRequestedScore or mostRequestedScore of
// pkg/scheduler/framework/plugins/noderesources.
func allocation(most bool, requested, capacity int64) int64 {
	if most {
		return min(requested, capacity) * fwk.MaxScore / capacity
	}
	if requested > capacity {
		return 0
	}
	return (capacity - requested) * fwk.MaxScore / capacity
}

// balanced returns the node's balance with that much more requested.
func balanced(r *table.Row, cpu, mem int64) int64 {
	return table.Balance(r.ReqCPU+cpu, r.AllocCPU, r.ReqMem+mem, r.AllocMem)
}

// balanceScore is Score of pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go,
// from the balance with and without the pod. For example, a balance of 90 with and 80 without the
// pod scores 50 + (50 + 90 − 80)/2 = 80.
func balanceScore(with, without int64) int64 {
	return fwk.MaxScore/2 + (fwk.MaxScore/2+with-without)/2
}

// mixed returns ResourceFit's score from those of the strategy and of balancing. For example, 60
// and 80 with ownBalanced = 1 give 70.
func (t *resources) mixed(sum, balance int64) int64 {
	return (sum + t.ownBalanced*balance) / (1 + t.ownBalanced)
}
