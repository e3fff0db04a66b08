// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"math"

	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// found is what a search found: the best row, its score, how many rows are feasible, and how many of them
// score the same. Where none is, row is -1; where one is, it is not scored, as upstream does not.
type found struct {
	row      int32
	score    int64
	feasible int
	ties     int
}

// search finds the best of all nodes.
func (x *Index) search(q *query, p *policy) found {
	x.prepareSpread(q)
	x.preparePodAffinity(q, p)
	if q.why != "" {
		return found{row: -1}
	}
	fits := x.fitsOf(q, p)
	if q.plain() {
		return x.lead(q, p, fits)
	}
	return x.pass(q, p, fits)
}

// pass looks at every node. It takes two passes, since upstream brings scores to 0–100 by what
// the feasible nodes have.
func (x *Index) pass(q *query, p *policy, fits *fits) found {
	// 1. Which nodes are feasible, and what they score for resources.
	x.filter(q, p, fits)
	switch len(x.feasible) {
	case 0:
		return found{row: -1}
	case 1:
		return found{row: x.feasible[0], feasible: 1, ties: 1}
	}

	// 2. Which of them scores best; of equals any one, as upstream.
	x.addScores(q, p, fits)
	best := found{score: math.MinInt64, feasible: len(x.feasible)}
	ties := 0
	for _, score := range x.total {
		if score > best.score {
			best.score, ties = score, 0
		}
		if score == best.score {
			ties++
		}
	}
	best.ties = ties
	nth := x.random.IntN(ties)
	for i, score := range x.total {
		if score != best.score {
			continue
		}
		if nth == 0 {
			best.row = x.feasible[i]
			break
		}
		nth--
	}
	return best
}

// filter finds the feasible rows and begins their total with the score for resources.
func (x *Index) filter(q *query, p *policy, fits *fits) {
	rows := x.candidates(q)
	resize(&x.feasible, len(rows))
	resize(&x.total, len(rows))
	n, stale := x.take(q, fits, rows, 0)
	if len(stale) > 0 {
		fits.score(x, q, p, stale)
		n, _ = x.take(q, fits, stale, n)
	}
	x.feasible, x.total = x.feasible[:n], x.total[:n]
}

// take adds those of the rows that are feasible to the first n, and returns how many there
// are then. Rows whose score is stale it returns instead.
func (x *Index) take(q *query, fits *fits, rows []int32, n int) (int, []int32) {
	constrained := q.constrained()
	classes, scores, outdated, verdict := x.table.Classes, fits.scores, fits.stale, q.verdict
	feasible, total := x.feasible, x.total
	stale := x.stale[:0]
	for _, row := range rows {
		if verdict[classes[row]] == refused {
			continue
		}
		if outdated[row/64]>>(row%64)&1 != 0 {
			stale = append(stale, row)
			continue
		}
		score := scores[row]
		if score == noFit {
			continue
		}
		if constrained && !x.admits(q, row) {
			continue
		}
		feasible[n], total[n] = row, int64(score)
		n++
	}
	x.stale = stale
	return n, stale
}

// candidates are the rows that node affinity allows.
func (x *Index) candidates(q *query) []int32 {
	if q.allowed != nil {
		x.selected = q.allowed.AppendTo(x.selected[:0])
		return x.selected
	}
	for len(x.every) < len(x.table.Rows) {
		x.every = append(x.every, int32(len(x.every)))
	}
	return x.every
}

// constrained says whether the pod asks what few pods ask.
func (q *query) constrained() bool {
	return len(q.scalars) > 0 || len(q.ports) > 0 || len(q.hard) > 0 || q.pods.constrains()
}

// admits asks it.
func (x *Index) admits(q *query, row int32) bool {
	if !q.pods.admits(row) {
		return false
	}
	for i := range q.hard {
		if !q.hard[i].admits(row) {
			return false
		}
	}
	info := x.table.Infos[row]
	for i := range q.scalars {
		s := &q.scalars[i]
		if s.value > info.GetAllocatable().GetScalarResources()[s.name]-info.GetRequested().GetScalarResources()[s.name] {
			return false
		}
	}
	for i := range q.ports {
		port := &q.ports[i]
		if info.GetUsedPorts().CheckConflict(port.HostIP, string(port.Protocol), port.HostPort) {
			return false
		}
	}
	return true
}

// addScores makes the totals of the feasible rows the weighted sum of all scores.
func (x *Index) addScores(q *query, p *policy, fits *fits) {
	total := x.total
	if p.taints > 0 {
		x.addTaints(q, p, fits, total)
	}
	switch {
	case len(q.apart.topologies) > 0:
		x.addApart(q, p, total)
	case q.prefer != nil:
		x.addPreference(q, p.affinity, total)
	}
	if len(q.images) > 0 {
		x.addImages(q, p, total)
	}
	if len(q.soft) > 0 {
		x.addSpread(q, p, total)
	}
	if len(q.pods.points) > 0 {
		x.addPodAffinity(q, p, total)
	}
	x.addJudged(q, fits, total)
}

// allocation is the strategy's score of a row of which so much is requested.
func (p *policy) allocation(r *table.Row, cpu, mem int64) int64 {
	most := p.strategy == kubeschedulerconfig.MostAllocated
	var sum, weights int64
	if r.AllocCPU != 0 && p.cpuWeight != 0 {
		sum += p.cpuWeight * allocation(most, cpu, r.AllocCPU)
		weights += p.cpuWeight
	}
	if r.AllocMem != 0 && p.memWeight != 0 {
		sum += p.memWeight * allocation(most, mem, r.AllocMem)
		weights += p.memWeight
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

// balanced is the node's balance with so much more requested.
func balanced(r *table.Row, cpu, mem int64) int64 {
	return table.Balance(r.ReqCPU+cpu, r.AllocCPU, r.ReqMem+mem, r.AllocMem)
}

// balanceScore is Score of
// pkg/scheduler/framework/plugins/noderesources/balanced_allocation.go, by the balance with
// and without the pod.
func balanceScore(with, without int64) int64 {
	return fwk.MaxScore/2 + (fwk.MaxScore/2+with-without)/2
}

// addTaints adds 100 less what the disliked taints are of the most that a feasible node has,
// those that predicted pressure counts as among them.
func (x *Index) addTaints(q *query, p *policy, fits *fits, total []int64) {
	counts := resize(&x.disliked, len(x.feasible))
	most := int32(0)
	if q.dislikes || q.pressure != nil {
		classes, verdict := x.table.Classes, q.verdict
		for i, row := range x.feasible {
			count := verdict[classes[row]]
			if q.pressure != nil {
				count += int32(fits.pressed[row])
			}
			counts[i] = count
			most = max(most, count)
		}
	}
	if most == 0 {
		for i := range total {
			total[i] += p.taints * fwk.MaxScore
		}
		return
	}
	x.shareTaints(p, most)
	for i, count := range counts {
		total[i] += x.shares[count]
	}
}

// shareTaints sets x.shares to what each count of disliked taints scores, weighted, where the
// most that a feasible node has is that.
func (x *Index) shareTaints(p *policy, most int32) {
	x.shares = x.sharesOf(int64(max(most, 1)))[:most+1]
	for n, share := range x.shares {
		x.shares[n] = p.taints * (fwk.MaxScore - share)
	}
}

// addPreference adds the normalized score for preferred node affinity, times the weight.
func (x *Index) addPreference(q *query, weight int64, total []int64) {
	least, most := int64(0), int64(0)
	for _, row := range x.feasible {
		least, most = min(least, q.prefer[row]), max(most, q.prefer[row])
	}
	if most > 0 && most <= maxShares && least == 0 {
		shares := x.sharesOf(most)
		for i, row := range x.feasible {
			total[i] += weight * shares[q.prefer[row]]
		}
		return
	}
	for i, row := range x.feasible {
		score := q.prefer[row]
		if most > 0 {
			score = fwk.MaxScore * score / most
		}
		total[i] += weight * score
	}
}

// maxShares bounds what is worth a table: 10 preferences of the greatest weight.
const maxShares = 1000

// sharesOf returns 100 * n / most for every n up to most: a division for every row takes
// longer than all else about it.
func (x *Index) sharesOf(most int64) []int64 {
	shares := resize(&x.shares, int(most)+1)
	for n := range shares {
		shares[n] = fwk.MaxScore * int64(n) / most
	}
	return shares
}

// Bounds of image sizes in bytes, of pkg/scheduler/framework/plugins/imagelocality.
const (
	leastImage = int64(23 << 20)
	mostImage  = int64(1000 << 20)
)

func (x *Index) addImages(q *query, p *policy, total []int64) {
	for i, row := range x.feasible {
		total[i] += x.imageScore(q, p, row)
	}
}

// imageScore is the weighted score for the images that the row has.
func (x *Index) imageScore(q *query, p *policy, row int32) int64 {
	most := mostImage * int64(q.imageCount)
	nodes := float64(x.table.Used)
	var sum int64
	for _, image := range q.images {
		if size, on := image.On(row); on > 0 {
			sum += int64(float64(size) * (float64(on) / nodes))
		}
	}
	sum = min(max(sum, leastImage), most)
	return p.images * (fwk.MaxScore * (sum - leastImage) / (most - leastImage))
}

// resize returns the buffer with n elements, whatever they hold.
func resize[T any](buffer *[]T, n int) []T {
	if cap(*buffer) < n {
		*buffer = make([]T, n, n+n/4)
	}
	*buffer = (*buffer)[:n]
	return *buffer
}
