// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// requestedFit is the weighted score for resources by requests.
func (p *policy) requestedFit(q *query, r *table.Row) int64 {
	sum := p.allocation(r, r.NonZeroCPU+q.nonZeroCPU, r.NonZeroMem+q.nonZeroMem)
	var balance int64
	if p.balances && (q.cpu != 0 || q.mem != 0) {
		balance = balanceScore(balanced(r, q.cpu, q.mem), r.Balance)
	}
	if p.own > 0 {
		return p.own * p.mixed(sum, balance)
	}
	return p.fit*sum + p.balanced*balance
}

// requestedFits is fitsIn and requestedFit of many rows: of a shape that is new, every row is
// to be scored. The loop calls nothing and waits for no division, so that the CPU has several
// rows in hand. A quotient is a product with the reciprocal that the row keeps, and what that
// leaves open is settled in whole numbers, or by upstream's own division.
func (f *fits) requestedFits(q *query, p *policy, all []table.Row, rows []int32) {
	// What the loop reads is in variables of its own, which writing a score does not touch.
	cpu, mem, eph := orNone(q.cpu), orNone(q.mem), orNone(q.eph)
	moreCPU, moreMem, nonZeroCPU, nonZeroMem := q.cpu, q.mem, q.nonZeroCPU, q.nonZeroMem
	most := p.strategy == kubeschedulerconfig.MostAllocated
	cpuWeight, memWeight, weights := p.cpuWeight, p.memWeight, max(p.cpuWeight+p.memWeight, 1)
	balances := p.balances && (q.cpu != 0 || q.mem != 0)
	own, fit, balancedWeight, ownBalanced := p.own, p.fit, p.balanced, p.ownBalanced
	scores := f.scores
	for _, row := range rows {
		r := &all[row]
		if r.Room <= 0 || cpu > r.AllocCPU-r.ReqCPU || mem > r.AllocMem-r.ReqMem || eph > r.AllocEph-r.ReqEph {
			scores[row] = noFit
			continue
		}
		if uint64(r.AllocCPU-1) >= largest || uint64(r.AllocMem-1) >= largest {
			// What is missing has no weight, and of what is too large upstream's products overflow, as these do.
			scores[row] = int32(p.requestedFit(q, r))
			continue
		}
		usedCPU, usedMem := min(r.NonZeroCPU+nonZeroCPU, r.AllocCPU), min(r.NonZeroMem+nonZeroMem, r.AllocMem)
		if !most {
			usedCPU, usedMem = r.AllocCPU-usedCPU, r.AllocMem-usedMem
		}
		sum := cpuWeight*percent(usedCPU, r.AllocCPU, r.PerCPU) + memWeight*percent(usedMem, r.AllocMem, r.PerMem)
		if weights == 2 {
			sum >>= 1 // never negative
		} else {
			sum /= weights
		}
		var balance int64
		if balances {
			with := 100 - math.Abs(atMost100(float64(r.ReqCPU+moreCPU)*r.PerCPU)-atMost100(float64(r.ReqMem+moreMem)*r.PerMem))/2
			// Upstream's roundings and ours add up to less than 1e-12.
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
			scores[row] = int32(own * p.mixed(sum, balance))
		}
	}
}

// largest is the first capacity, less one, of which a percentage overflows: 92 PB of memory.
const largest = uint64(math.MaxInt64 / fwk.MaxScore)

// orNone returns what is asked for, or what any row has where nothing is.
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

// percent is n * 100 / capacity for n from 0 to capacity, whose reciprocal per is 100 /
// capacity. Four roundings put the product off by less than 1e-13, so that the quotient is
// its whole part or next to it.
func percent(n, capacity int64, per float64) int64 {
	quotient := int64(float64(n) * per)
	rest := n*fwk.MaxScore - quotient*capacity
	quotient += rest >> 63                  // less one where the rest is negative
	return quotient - (capacity-1-rest)>>63 // and one more where it holds another capacity
}
