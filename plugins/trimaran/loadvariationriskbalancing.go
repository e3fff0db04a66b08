// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"context"
	"math"

	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// LoadVariationRiskBalancing prefers nodes with little load that varies little.
//
// With μ the mean of the node's load plus the pod's request and σ its standard deviation,
// both as a share of allocatable (scheduler-plugins pkg/trimaran/loadvariationriskbalancing/
// README.md, which refines KEP 61):
//
//	risk  = [ μ + margin · σ^(1/sensitivity) ] / 2   each term within 0–1
//	score = 100 · (1 − worst risk)                   the worst of CPU and memory
//
// A resource of which nothing is known is left out; a node of which nothing is known gets
// 0, since KEP 61 avoids it ("Bad Metrics"). While nothing at all is known the plugin has
// nothing to say.
type LoadVariationRiskBalancing struct {
	scorer
	margin float64
	// root is 1/sensitivity, +Inf for 0.
	root float64
}

func newLoadVariationRiskBalancing(ctx context.Context, args *schedulerplugins.LoadVariationRiskBalancingArgs, opts Options) (fwk.Plugin, error) {
	if !forecast.Sane(args.SafeVarianceMargin) {
		return nil, invalid(LoadVariationRiskBalancingName, "safeVarianceMargin", args.SafeVarianceMargin, "a number, 0 or more")
	}
	if !forecast.Sane(args.SafeVarianceSensitivity) {
		return nil, invalid(LoadVariationRiskBalancingName, "safeVarianceSensitivity", args.SafeVarianceSensitivity, "a number, 0 or more")
	}
	warnOfSource(ctx, LoadVariationRiskBalancingName, args.TrimaranSpec)
	p := &LoadVariationRiskBalancing{margin: args.SafeVarianceMargin, root: 1 / args.SafeVarianceSensitivity}
	p.init(LoadVariationRiskBalancingName, opts)
	p.formula = p.score
	return p, nil
}

// score is 0–100, most where the risk is least.
func (p *LoadVariationRiskBalancing) score(c *cycle, n *nodePart) int64 {
	mean, deviation := n.load(c, p.options.Expiry)
	worst := -1.0
	for r, capacity := range n.capacity {
		if capacity <= 0 {
			return 0
		}
		if mean[r] >= 0 {
			worst = max(worst, p.risk((mean[r]+c.use[r])/capacity, deviation[r]/capacity))
		}
	}
	if worst < 0 {
		return 0
	}
	return int64(math.Round(100 * (1 - worst)))
}

// risk is the formula for one resource, in shares of the node.
func (p *LoadVariationRiskBalancing) risk(mu, sigma float64) float64 {
	return (share(mu) + share(p.margin*math.Pow(share(sigma), p.root))) / 2
}
