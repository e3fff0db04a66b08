// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mathext"
	v1 "k8s.io/api/core/v1"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"
	schedulerpluginsv1 "sigs.k8s.io/scheduler-plugins/apis/config/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// LowRiskOverCommitment prefers nodes where pods can burst to their limits.
//
// For each resource, with C the node's allocatable, R and L the sums of requests and limits
// with the pod on the node, r and l those without it (scheduler-plugins pkg/trimaran/
// lowriskovercommitment/README.md; the expressions are of its KEP 357,
// github.com/atantawi/357-kep-trimaran-3):
//
//	limit risk = 1 − allowed/excess = (L−C) / (L−R) where L > C, else 0; R at most C
//	load risk  = P(load > r | load ≤ l)
//	risk       = w · limit risk + (1−w) · load risk
//	score      = 100 · (1 − worst risk)                       the worst of CPU and memory
//
// The load has the beta distribution with the node's mean and standard deviation as shares
// of C (en.wikipedia.org/wiki/Beta_distribution#Method_of_moments), the latter times
// √smoothingWindowSize to undo the smoothing. Where a pod on the node has no limit, any
// load is possible and l is C.
//
// A load of which nothing is known counts as the worst: so the node is avoided, as KEP 61
// has it ("Bad Metrics"), and among such nodes limits decide, as KEP 357 has it ("Risks and
// Mitigations"). For a pod without requests and limits the plugin has nothing to say.
type LowRiskOverCommitment struct {
	scorer
	// smoothing is √smoothingWindowSize.
	smoothing float64
	// weights of limit risk, 0–1.
	weights forecast.Amounts
	sums    pernode.Cache[limitSum]
}

// limitSum is a sum of limits in cores and bytes. A pod counts with its request at least.
type limitSum struct {
	Amounts   forecast.Amounts
	Unlimited forecast.Set // where a container has no limit
}

func newLowRiskOverCommitment(ctx context.Context, args *schedulerplugins.LowRiskOverCommitmentArgs, opts Options) (fwk.Plugin, error) {
	if args.SmoothingWindowSize < 1 {
		return nil, invalid(LowRiskOverCommitmentName, "smoothingWindowSize", args.SmoothingWindowSize, "1 or more")
	}
	p := &LowRiskOverCommitment{smoothing: math.Sqrt(float64(args.SmoothingWindowSize))}
	for r, name := range resourceNames {
		weight, ok := args.RiskLimitWeights[name]
		if !ok {
			weight = schedulerpluginsv1.DefaultRiskLimitWeight
		}
		if !(weight >= 0 && weight <= 1) {
			return nil, invalid(LowRiskOverCommitmentName, "riskLimitWeights["+string(name)+"]", weight, "0–1")
		}
		p.weights[r] = weight
	}
	warnOfSource(ctx, LowRiskOverCommitmentName, args.TrimaranSpec)
	p.init(LowRiskOverCommitmentName, opts)
	p.read, p.formula = p.readLimits, p.score
	p.podPart = func(pod *v1.Pod) podPart { return podPart{use: forecast.Asked(pod), limits: limitsOf(pod)} }
	p.nothingToSay = func(c *cycle) bool { return c.limits.Amounts == forecast.Amounts{} }
	return p, nil
}

// limited is what the formula takes of a node beside its usage, in cores and bytes.
type limited struct {
	requests forecast.Amounts
	limits   forecast.Amounts // at least the requests
	// overused is the load risk, if usage is known.
	overused forecast.Amounts
}

// readLimits reads it.
func (p *LowRiskOverCommitment) readLimits(state fwk.CycleState, nodeInfo fwk.NodeInfo, n *nodePart) {
	l, sum := &n.limited, p.onNode(state, nodeInfo)
	l.requests = forecast.AmountsOf(nodeInfo.GetRequested())
	for r, capacity := range n.capacity {
		// In the midst of a resize a pod may count with more than its spec requests.
		l.limits[r] = max(sum.Amounts[r], l.requests[r])
		if l.overused[r] = 1; n.known && n.mean[r] >= 0 && capacity > 0 {
			bound := l.limits[r] / capacity
			if sum.Unlimited[r] {
				bound = 1
			}
			l.overused[r] = overuse(n.mean[r]/capacity, p.smoothing*n.deviation[r]/capacity, l.requests[r]/capacity, bound)
		}
	}
}

// score is 0–100, most where the risk is least.
func (p *LowRiskOverCommitment) score(c *cycle, n *nodePart) int64 {
	if p.nothingToSay(c) {
		return 0
	}
	mean, _ := n.load(c, p.options.Expiry)
	worst := 0.0
	for r, capacity := range n.capacity {
		if capacity <= 0 {
			return 0
		}
		load, l := 1.0, &n.limited
		if mean[r] >= 0 {
			load = l.overused[r]
		}
		risk := p.weights[r]*limitRisk(l.requests[r]+c.use[r], l.limits[r]+c.limits.Amounts[r], capacity) + (1-p.weights[r])*load
		worst = max(worst, risk)
	}
	return int64(math.Round(100 * (1 - worst)))
}

// limitRisk is the share of what pods may use beyond their requests that the node does
// not have.
func limitRisk(requests, limits, capacity float64) float64 {
	if limits <= capacity {
		return 0
	}
	return (limits - capacity) / (limits - min(requests, capacity))
}

// overuse is the probability that a load of this mean and standard deviation passes the
// threshold, when it cannot pass the bound; all in shares of the node.
func overuse(mu, sigma, threshold, bound float64) float64 {
	if bound <= 0 {
		return 0 // Nothing may be used on the node, so nothing is overused.
	}
	fit := fitBeta(share(mu), sigma)
	below := fit.atMost(threshold)
	if bound < 1 {
		if possible := fit.atMost(bound); possible > 0 {
			below = min(1, below/possible)
		}
	}
	return 1 - below
}

// beta is a beta distribution with the parameters a and b, or where they are 0 the constant
// mu.
type beta struct{ mu, a, b float64 }

// fitBeta matches mean and standard deviation. The deviation stays below the largest that
// a mean can have, √(μ(1−μ)). One below 10⁻⁶ makes no difference to a score.
func fitBeta(mu, sigma float64) beta {
	variance := min(sigma*sigma, 0.99*mu*(1-mu))
	if variance < 1e-12 {
		return beta{mu: mu}
	}
	concentration := mu*(1-mu)/variance - 1
	return beta{mu, mu * concentration, (1 - mu) * concentration}
}

// atMost returns the probability of a load of at most x.
func (d beta) atMost(x float64) float64 {
	if d.a > 0 && x > 0 && x < 1 {
		return share(mathext.RegIncBeta(d.a, d.b, x))
	}
	if x >= 1 || (d.a == 0 && d.mu <= x) {
		return 1
	}
	return 0
}

// mostNodes is more than a cluster has. Where Score runs alone, nobody says how many there are.
const mostNodes = 25_000

// onNode returns the sum of limits of the node's pods.
func (p *LowRiskOverCommitment) onNode(state fwk.CycleState, nodeInfo fwk.NodeInfo) limitSum {
	p.sums.Forget(mostNodes)
	return *p.sums.Get(state, nodeInfo, 0, func() (sum limitSum) {
		for _, resident := range nodeInfo.GetPods() {
			limits := limitsOf(resident.GetPod())
			for r := range sum.Amounts {
				sum.Amounts[r] += limits.Amounts[r]
				sum.Unlimited[r] = sum.Unlimited[r] || limits.Unlimited[r]
			}
		}
		return sum
	})
}

// limitsOf returns the pod's limits, each at least its request.
func limitsOf(pod *v1.Pod) limitSum {
	sum, requests := limitSum{Amounts: forecast.AmountsIn(resource.PodLimits(pod, resource.PodResourcesOptions{}))}, forecast.Asked(pod)
	for r, name := range resourceNames {
		sum.Amounts[r] = max(sum.Amounts[r], requests[r])
		sum.Unlimited[r] = isUnlimited(pod, name)
	}
	return sum
}

func isUnlimited(pod *v1.Pod, name v1.ResourceName) bool {
	if r := pod.Spec.Resources; r != nil {
		if q := r.Limits[name]; !q.IsZero() {
			return false
		}
	}
	for c := range running(pod) {
		if q := c.Resources.Limits[name]; q.IsZero() {
			return true
		}
	}
	return false
}
