// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"context"
	"math"
	"strconv"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// TargetLoadPacking packs pods on nodes up to a target of CPU utilization, and spreads them
// beyond it.
//
// With X the target and U the utilization the node would have with the pod, both in percent
// (scheduler-plugins KEP 61, "TargetLoadPacking Plugin"):
//
//	U ≤ X        (100−X)·U/X + X
//	X < U ≤ 100  X·(100−U)/(100−X)
//	U > 100      0
//
// A container is expected to use its limit, else its request times the multiplier, else
// the default request. A node of unknown usage gets 0, since KEP 61 avoids it ("Bad
// Metrics"); while nothing at all is known the plugin has nothing to say.
type TargetLoadPacking struct {
	scorer
	// target in percent, 1–100.
	target float64
	// multiplier of requests, and the request of a container that has none, in cores.
	multiplier, defaultRequest float64
}

func newTargetLoadPacking(ctx context.Context, args *schedulerplugins.TargetLoadPackingArgs, opts Options) (fwk.Plugin, error) {
	multiplier, err := strconv.ParseFloat(args.DefaultRequestsMultiplier, 64)
	if err != nil || !forecast.Sane(multiplier) {
		return nil, invalid(TargetLoadPackingName, "defaultRequestsMultiplier", args.DefaultRequestsMultiplier, "a number, 0 or more")
	}
	if args.TargetUtilization < 1 || args.TargetUtilization > 100 {
		return nil, invalid(TargetLoadPackingName, "targetUtilization", args.TargetUtilization, "a percentage, 1–100")
	}
	request := args.DefaultRequests.Cpu()
	if request.Sign() < 0 {
		return nil, invalid(TargetLoadPackingName, "defaultRequests[cpu]", request.String(), "0 or more")
	}
	warnOfSource(ctx, TargetLoadPackingName, args.TrimaranSpec)
	p := &TargetLoadPacking{target: float64(args.TargetUtilization), multiplier: multiplier, defaultRequest: request.AsApproximateFloat64()}
	p.init(TargetLoadPackingName, opts)
	p.formula = p.score
	p.podPart = func(pod *v1.Pod) podPart { return podPart{use: forecast.Amounts{forecast.CPU: p.predict(pod)}} }
	p.residentUse = func(resident fwk.PodInfo) forecast.Amounts {
		return forecast.Amounts{forecast.CPU: p.predict(resident.GetPod())}
	}
	return p, nil
}

// score is 0–100, most at the target.
func (p *TargetLoadPacking) score(c *cycle, n *nodePart) int64 {
	mean, _ := n.load(c, p.options.Expiry)
	return packed(100*(mean[forecast.CPU]+c.use[forecast.CPU])/n.capacity[forecast.CPU], p.target)
}

// packed is the formula, in percent. A utilization is NaN where usage is unknown, and NaN
// or +Inf where the node has no CPU: both are no case of the formula and get 0.
func packed(utilization, target float64) int64 {
	switch {
	case utilization <= target:
		return int64(math.Round((100-target)*utilization/target + target))
	case utilization <= 100:
		return int64(math.Round(target * (100 - utilization) / (100 - target)))
	default:
		return 0
	}
}

// predict returns the cores that the pod is expected to use. It does not allocate.
func (p *TargetLoadPacking) predict(pod *v1.Pod) float64 {
	overhead := cores(pod.Spec.Overhead)
	if r := pod.Spec.Resources; r != nil {
		if use := p.predictFrom(r); use >= 0 {
			return use + overhead
		}
	}
	use := overhead
	for c := range running(pod) {
		if predicted := p.predictFrom(&c.Resources); predicted >= 0 {
			use += predicted
		} else {
			use += p.defaultRequest
		}
	}
	return use
}

// predictFrom returns -1 where neither a limit nor a request says anything.
func (p *TargetLoadPacking) predictFrom(r *v1.ResourceRequirements) float64 {
	if limit := cores(r.Limits); limit > 0 {
		return limit
	}
	if request := cores(r.Requests); request > 0 {
		return request * p.multiplier
	}
	return -1
}

// cores is ResourceList.Cpu without its allocation.
func cores(list v1.ResourceList) float64 {
	q := list[v1.ResourceCPU]
	return q.AsApproximateFloat64()
}
