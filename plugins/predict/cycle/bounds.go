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

// MaxPeakAnnotation of a node replaces, for the resources it names, how far the node's
// predicted peak may go, in percent of allocatable: "cpu=80,memory=95". "none" has the node
// judged by requests alone.
const MaxPeakAnnotation = "foresight-scheduler.dev/max-predicted-peak"

// Bounds are how far the predicted peak of a node may go, as shares of its allocatable,
// where 1 is all of it. +Inf is no bound; Off has predictions not count.
type Bounds struct {
	Share [forecast.NumResources]float64
	Off   bool
}

// BoundsOf are the bounds of args, which must be valid.
func BoundsOf(max []config.PeakBound) Bounds {
	b := Bounds{Share: [forecast.NumResources]float64{math.Inf(1), math.Inf(1)}}
	for _, m := range max {
		b.Share[resourceOf(string(m.Resource))] = float64(m.PercentOfAllocatable) / 100
	}
	return b
}

// resourceOf returns NumResources for what is not forecast.
func resourceOf(name string) forecast.Resource {
	for r := range forecast.Resource(forecast.NumResources) {
		if r.String() == name {
			return r
		}
	}
	return forecast.Resource(forecast.NumResources)
}

// Over returns the resources whose use passes the bound of a node with so much allocatable.
func (b *Bounds) Over(use, allocatable forecast.Amounts) (over forecast.Set) {
	for r := range over {
		over[r] = use[r] > b.Share[r]*allocatable[r]
	}
	return over
}

// Without returns the bounds with none for the resources that lack: what is not known passes no bound.
func (b Bounds) Without(lacks forecast.Set) Bounds {
	for r, lacking := range lacks {
		if lacking {
			b.Share[r] = math.Inf(1)
		}
	}
	return b
}

// with returns the bounds with those of a node's annotation in their place.
func (b Bounds) with(own []claims.Percent, off bool) Bounds {
	if off {
		return Bounds{Off: true}
	}
	for _, o := range own {
		b.Share[resourceOf(o.Resource)] = float64(o.Percent) / 100
	}
	return b
}

// NodeBounds are the bounds of nodes, some of which have their own. Use it as one value,
// made by NewNodeBounds.
type NodeBounds struct {
	bounds Bounds
	report func(node *v1.Node, err error)
	own    pernode.Cache[Bounds]
}

// NewNodeBounds returns bounds for nodes without their own. report, which may be nil, is
// told of annotations that do not parse; such a node has the bounds of the others.
func NewNodeBounds(bounds Bounds, report func(node *v1.Node, err error)) *NodeBounds {
	return &NodeBounds{bounds: bounds, report: report}
}

// Forget makes room for other nodes when there are that many; see pernode.Cache.
func (n *NodeBounds) Forget(nodes int) { n.own.Forget(nodes) }

// Usual returns the bounds of nodes that state none of their own.
func (n *NodeBounds) Usual() Bounds { return n.bounds }

// StatesBounds says whether the node has the annotation, valid or not.
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
