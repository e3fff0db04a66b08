// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cycle

import (
	"math"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/claims"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/pernode"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// MaxPeakAnnotation is a node's own limit of its predicted peak, in percent of allocatable, for the
// resources that it names: "cpu=80,memory=95". It replaces the limit of the args. With "none" the
// node is judged by requests alone.
const MaxPeakAnnotation = "foresight-scheduler.dev/max-predicted-peak"

// Bounds are the limits of a node's predicted peak, as shares of its allocatable, where 1 is all of
// it and +Inf is no limit. If Off is true, predictions do not count for the node.
type Bounds struct {
	Share [forecast.NumResources]float64
	Off   bool
}

// BoundsOf returns the bounds of args, which must be valid.
func BoundsOf(max []config.PeakBound) Bounds {
	b := Bounds{Share: [forecast.NumResources]float64{math.Inf(1), math.Inf(1)}}
	for _, m := range max {
		b.Share[resourceOf(string(m.Resource))] = float64(m.PercentOfAllocatable) / 100
	}
	return b
}

// resourceOf returns the resource of that name, or NumResources if it is not forecast.
func resourceOf(name string) forecast.Resource {
	for r := range forecast.Resource(forecast.NumResources) {
		if r.String() == name {
			return r
		}
	}
	return forecast.Resource(forecast.NumResources)
}

// Over returns the resources whose use exceeds the bound of a node with this allocatable. For
// example, with a CPU bound of .8 and 8 cores, 6.5 cores are over the bound and 6.4 are not.
func (b *Bounds) Over(use, allocatable forecast.Amounts) (over forecast.Set) {
	for r := range over {
		over[r] = use[r] > b.Share[r]*allocatable[r]
	}
	return over
}

// Without returns the bounds without a limit for the resources in lacks: an unknown use exceeds no
// bound.
func (b Bounds) Without(lacks forecast.Set) Bounds {
	for r, lacking := range lacks {
		if lacking {
			b.Share[r] = math.Inf(1)
		}
	}
	return b
}

// with returns the bounds after a node's own percentages have replaced those of the same resources.
func (b Bounds) with(own []claims.Percent, off bool) Bounds {
	if off {
		return Bounds{Off: true}
	}
	for _, o := range own {
		b.Share[resourceOf(o.Resource)] = float64(o.Percent) / 100
	}
	return b
}

// NodeBounds are the bounds of all nodes, some of which have their own. Make it by NewNodeBounds
// and do not copy it.
type NodeBounds struct {
	bounds Bounds
	report func(node *v1.Node, err error)
	own    pernode.Cache[Bounds]
}

// NewNodeBounds returns NodeBounds that give bounds to nodes without the annotation. report, which
// may be nil, is called for an annotation that does not parse; such a node also gets bounds.
func NewNodeBounds(bounds Bounds, report func(node *v1.Node, err error)) *NodeBounds {
	return &NodeBounds{bounds: bounds, report: report}
}

// Forget drops what is kept of nodes that are gone, given the number of nodes; see pernode.Cache.
func (n *NodeBounds) Forget(nodes int) { n.own.Forget(nodes) }

// Usual returns the bounds of nodes without the annotation.
func (n *NodeBounds) Usual() Bounds { return n.bounds }

// StatesBounds reports whether the node has the annotation, valid or not.
func StatesBounds(node *v1.Node) bool { return claims.MaxPredictedPeak.In(node.Annotations) }

// Of returns the bounds of a node.
func (n *NodeBounds) Of(state fwk.CycleState, node fwk.NodeInfo) Bounds {
	if !StatesBounds(node.Node()) {
		return n.bounds
	}
	return *n.own.Get(state, node, 0, func() Bounds {
		own, off, _, err := claims.MaxPeak(node.Node().Annotations)
		if err == nil {
			return n.bounds.with(own, off)
		}
		if n.report != nil {
			n.report(node.Node(), err)
		}
		return n.bounds
	})
}
