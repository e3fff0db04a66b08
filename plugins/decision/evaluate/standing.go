// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Nodes says what is known and predicted of all nodes, without any pod that is to come.
func (e *Evaluator) Nodes(ctx context.Context) (*decision.Nodes, error) {
	all, snapshot, err := e.now(ctx)
	if err != nil {
		return nil, err
	}
	loads, state := &e.loads, framework.NewCycleState()
	loads.Forget(len(all))
	hour := cycle.View{Snapshot: snapshot, Horizon: forecast.Hour, Loads: loads}
	day := cycle.View{Snapshot: snapshot, Horizon: forecast.Day, Loads: loads}
	out := &decision.Nodes{Time: time.Now(), Epoch: snapshot.Epoch(), Blind: snapshot.Blind()}
	for _, info := range all {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		used, known := snapshot.Node(info.Node().Name)
		inHour, predicted := hour.Peaks(state, info)
		inDay, _ := day.Peaks(state, info)
		expected, _ := day.Expected(state, info)
		allocatable, requested := forecast.AllocatableOf(info), requestedOf(info)
		n := decision.Node{Name: info.Node().Name, Pods: len(info.GetPods()), Rung: predicted.Rung.String(), AgeSeconds: -1}
		if known && !used.Newest.IsZero() {
			n.AgeSeconds = out.Time.Sub(used.Newest).Seconds()
		}
		for r, to := range []*decision.Resources{forecast.CPU: &n.CPU, forecast.Memory: &n.Memory} {
			*to = decision.Resources{
				Allocatable: allocatable[r], Requested: requested[r], Expected: expected[r],
				Hour: decision.Range(inHour[r]), Day: decision.Range(inDay[r]),
			}
			if latest := []float64{forecast.CPU: used.CPU.Latest, forecast.Memory: used.Memory.Latest}[r]; known && latest >= 0 && !math.IsInf(latest, 0) {
				to.Used = &latest
			}
		}
		out.Nodes = append(out.Nodes, n)
	}
	slices.SortFunc(out.Nodes, func(a, b decision.Node) int { return cmp.Compare(a.Name, b.Name) })
	return out, nil
}

// Workloads says what is forecast of the pods that run, by workload. Pods without one are left out.
func (e *Evaluator) Workloads(ctx context.Context) (*decision.Workloads, error) {
	all, snapshot, err := e.now(ctx)
	if err != nil {
		return nil, err
	}
	rows := map[forecast.Workload]*decision.Workload{}
	for _, info := range all {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for _, p := range info.GetPods() {
			pod := p.GetPod()
			w, ok := forecast.WorkloadOf(pod)
			if !ok {
				continue
			}
			row := rows[w]
			if row == nil {
				f := snapshot.Pod(pod)
				asked := forecast.RequestsOf(pod).Asked
				row = &decision.Workload{
					Namespace: w.Namespace, Kind: w.Kind, Name: w.Name, Rung: f.Origin.String(),
					RequestedCPU: asked[forecast.CPU], RequestedMemory: asked[forecast.Memory],
					MeanCPU: f.Use[forecast.CPU].Mean, MeanMemory: f.Use[forecast.Memory].Mean, LifeSeconds: f.Life.Seconds(),
				}
				for r, to := range []*decision.Range{forecast.CPU: &row.CPU, forecast.Memory: &row.Memory} {
					peak := f.Peaks[forecast.Day][r]
					*to = decision.Range{Lower: peak.Lower, Upper: peak.Upper}
				}
				rows[w] = row
			}
			row.Pods++
			if _, measured := snapshot.MeasuredOf(pod.UID); measured {
				row.Measured++
			}
		}
	}
	out := &decision.Workloads{Time: time.Now(), Workloads: make([]decision.Workload, 0, len(rows))}
	for _, row := range rows {
		out.Workloads = append(out.Workloads, *row)
	}
	slices.SortFunc(out.Workloads, func(a, b decision.Workload) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return out, nil
}

// now is the nodes and the forecasts.
func (e *Evaluator) now(ctx context.Context) ([]fwk.NodeInfo, *forecast.Snapshot, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	all, err := e.turns.copyNodes(ctx)
	if err != nil || e.options.Read == nil {
		return all, nil, err
	}
	return all, e.options.Read(), nil
}

func requestedOf(info fwk.NodeInfo) forecast.Amounts {
	return forecast.Amounts{forecast.CPU: float64(info.GetRequested().GetMilliCPU()) / 1000, forecast.Memory: float64(info.GetRequested().GetMemory())}
}
