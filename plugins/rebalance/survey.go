// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package rebalance

import (
	"math"
	"time"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Survey is how a cluster is observed.
type Survey struct {
	// Hours is the number of hours to look ahead.
	Hours int
	// Keeps is the weight of an hour as a share of that of the hour before.
	Keeps float64
	// Movable tells which pods may move.
	Movable Movable
	// Emptiable returns, for a node, whether it is one of those that packing chooses among, why it
	// is not emptied, and since when it is marked as being emptied. If nil, packing chooses among
	// no nodes.
	Emptiable func(node *v1.Node, now time.Time) (packed bool, kept Reason, marked time.Time)
}

// Of returns the cluster as the nodes and the snapshot show it. The nodes must not be changed
// meanwhile.
func (y *Survey) Of(s *forecast.Snapshot, nodes []fwk.NodeInfo, now time.Time) *Cluster {
	c := &Cluster{Now: now, Nodes: make([]Node, 0, len(nodes))}
	for k := range y.Hours {
		c.Slots = append(c.Slots, Slot{Length: time.Hour, Weight: math.Pow(y.Keeps, float64(k))})
	}
	for _, info := range nodes {
		f := s.NodeForecast(info.Node().Name)
		n := Node{
			Name: info.Node().Name, Size: forecast.AllocatableOf(info), Beyond: f.Beyond,
			Unknown: s.Blind() || f.Rung != forecast.Fresh || f.Lacks[forecast.CPU],
		}
		requested := info.GetRequested()
		n.Requested = forecast.Amounts{float64(requested.GetMilliCPU()) / 1000, float64(requested.GetMemory())}
		if y.Emptiable != nil {
			n.Packed, n.Kept, n.Marked = y.Emptiable(info.Node(), now)
		}
		// There is one allocation a node, since large clusters have many pods. To keep a pod after
		// the look, keep its Pod.named.
		all := info.GetPods()
		pods, uses := make([]Pod, len(all)), make([]Uses, len(all)*y.Hours)
		n.Pods = make([]*Pod, len(all))
		for i, p := range all {
			n.Pods[i] = &pods[i]
			pods[i].Use = uses[i*y.Hours : (i+1)*y.Hours]
			y.pod(&pods[i], s, p, n.Size, now)
		}
		c.Nodes = append(c.Nodes, n)
	}
	return c
}

// pod fills in a pod with the forecast from its own past, or, if it was not measured, with what the
// scheduler expects of it.
func (y *Survey) pod(p *Pod, s *forecast.Snapshot, info fwk.PodInfo, allocatable forecast.Amounts, now time.Time) {
	pod := info.GetPod()
	p.UID, p.Namespace, p.Name, p.Workload, p.Created = string(pod.UID), pod.Namespace, pod.Name, workloadOf(pod), pod.CreationTimestamp.Time
	asked := info.CalculateResource().Resource
	p.Asked, p.AskedBytes = float64(asked.GetMilliCPU())/1000, float64(asked.GetMemory())
	p.Fixed = y.Movable.FixedBy(pod)
	if s.Ahead(pod.UID, now, p.Use) {
		m, _ := s.MeasuredOf(pod.UID)
		p.Now, p.Latest, p.Measured = m.Ahead.Now, m.Ahead.Latest, true
		return
	}
	f := s.Resident(info, allocatable)
	for k := range p.Use {
		p.Use[k] = f.Use
	}
	p.Latest = f.Use[forecast.CPU].Mean
	p.Now = forecast.Amounts{f.Use[forecast.CPU].Mean, f.Use[forecast.Memory].Mean}
	if p.Fixed == "" {
		p.Fixed = Unmeasured
	}
}

// workloadOf returns the namespace, kind and name of the pod's controller, or "" if it has none.
func workloadOf(pod *v1.Pod) string {
	w, ok := forecast.WorkloadOf(pod)
	if !ok {
		return ""
	}
	return w.Namespace + "/" + w.Kind + "/" + w.Name
}
