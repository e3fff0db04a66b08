// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"cmp"
	"math"
	"slices"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// The features are what a scheduler can know at the time of a row: the signals of that row and of earlier ones. How hard
// the neighbour works, what it is, and latencies are not among them, nor is the machine's memory, which in a long run tells
// the time more than anything else.
const (
	rate      = iota // requests/s
	level            // requests/s; the highest rate so far that is at most 4 % above: what clients ask for when served well
	shortfall        // 0–1; how far the rate is below that level
	host             // of the machine, in %
	web              // of the machine, in %
	db               // of the machine, in %
	hostMean         // means since the load last changed, in %
	webMean
	dbMean
	others     // of the machine, in %: the mean that is not the service's own
	perRequest // CPU a request takes, in % of the machine by requests/s
	featureCount
)

var schema = quality.Schema{
	Features: []quality.Feature{
		rate: {Name: "request_rate"}, level: {Name: "request_rate_level"}, shortfall: {Name: "request_rate_shortfall", Sign: 1},
		host: {Name: "host_cpu", Sign: 1}, web: {Name: "own_web_cpu"}, db: {Name: "own_db_cpu"},
		hostMean: {Name: "host_cpu_mean", Sign: 1}, webMean: {Name: "own_web_cpu_mean"}, dbMean: {Name: "own_db_cpu_mean"},
		others: {Name: "others_cpu_mean", Sign: 1}, perRequest: {Name: "own_cpu_per_request", Sign: 1},
	},
	Views: [][]int{
		{level, shortfall, host, web, db, hostMean, webMean, dbMean, others, perRequest},
		{rate, host, web, db, hostMean, webMean, dbMean},
		{level, shortfall, host, web, db},
	},
	Plain: host,
	Full:  100,
}

// sameLevel is how far above a rate, relatively, its level may be.
const sameLevel = .04

// features of every row, [feature][row]. Rows are in time order, and no row is told of a later one.
func features(rows []Row) [][]float64 {
	x := make([][]float64, featureCount)
	for j := range x {
		x[j] = make([]float64, len(rows))
	}
	pause := 4 * usualGap(rows)
	highest := map[int]float64{} // by the rate's logarithm in steps of 0.1 %
	var n, sumHost, sumWeb, sumDB float64
	for i := range rows {
		r := &rows[i]
		if i > 0 && (r.Time-rows[i-1].Time > pause || math.Abs(r.RequestRate-rows[i-1].RequestRate) > .02*r.RequestRate) {
			n, sumHost, sumWeb, sumDB = 0, 0, 0, 0
		}
		n, sumHost, sumWeb, sumDB = n+1, sumHost+r.HostCPU, sumWeb+r.OwnWebCPU, sumDB+r.OwnDBCPU
		top := r.RequestRate
		if r.RequestRate > 0 {
			step := int(math.Log(r.RequestRate) * 1000)
			highest[step] = max(highest[step], r.RequestRate)
			for s := step; s <= step+1000*sameLevel; s++ {
				top = max(top, highest[s])
			}
		}
		own := sumWeb/n + sumDB/n
		x[rate][i], x[level][i], x[shortfall][i] = r.RequestRate, top, 1-r.RequestRate/max(top, 1e-9)
		x[host][i], x[web][i], x[db][i] = r.HostCPU, r.OwnWebCPU, r.OwnDBCPU
		x[hostMean][i], x[webMean][i], x[dbMean][i] = sumHost/n, sumWeb/n, sumDB/n
		x[others][i], x[perRequest][i] = sumHost/n-own, own/max(r.RequestRate, 1e-9)
	}
	return x
}

// usualGap is the median time between rows, in seconds.
func usualGap(rows []Row) float64 {
	if len(rows) < 2 {
		return math.Inf(1)
	}
	gaps := make([]float64, len(rows)-1)
	for i := range gaps {
		gaps[i] = rows[i+1].Time - rows[i].Time
	}
	slices.SortFunc(gaps, cmp.Compare[float64])
	return gaps[len(gaps)/2]
}
