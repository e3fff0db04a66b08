// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"

	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

var (
	_ judge.Plugin  = &ResourceFit{}
	_ judge.Guarded = &ResourceFit{}
)

// Guard returns the guard on limits if it can refuse nodes, otherwise nil. The node index then
// covers the rest of the plugin by its own columns.
func (r *ResourceFit) Guard() judge.Plugin {
	if r.guard == nil || !r.guard.Refuses() {
		return nil
	}
	return r.guard
}

// judging answers the node index for args that the index's own columns do not cover: strategies by
// shape or by resources other than CPU and memory, and the guard on limits.
type judging struct {
	judge.Lasting
	plugin   *ResourceFit
	state    fwk.CycleState
	pod      *v1.Pod
	peaks    *peakState
	unscored bool // PreScore has nothing to say about the pod
}

// Judge returns the judge of nodes for the pod.
func (r *ResourceFit) Judge(state fwk.CycleState, pod *v1.Pod) (judge.Judge, bool) {
	if r.scoresClaims != nil && r.scoresClaims() {
		return nil, false
	}
	j := &judging{plugin: r, state: state, pod: pod, unscored: !r.PreScore(context.Background(), state, pod, nil).IsSuccess()}
	if r.peaks != nil {
		j.peaks = peakStateIn(state)
	}
	return j, true
}

// scoresClaims returns a function that reports whether devices are claimed for a resource of the
// strategy: upstream's scorer then looks beyond the node. It returns nil if there can be no such
// resource.
func scoresClaims(strategy []kubeschedulerconfig.ResourceSpec, h fwk.Handle, fts feature.Features) func() bool {
	var extended []v1.ResourceName
	for i := range strategy {
		if name := v1.ResourceName(strategy[i].Name); schedutil.IsDRAExtendedResourceName(name) {
			extended = append(extended, name)
		}
	}
	if !fts.EnableDRAExtendedResource || len(extended) == 0 {
		return nil
	}
	return func() bool {
		classes := h.SharedDRAManager().DeviceClassResolver()
		return slices.ContainsFunc(extended, func(name v1.ResourceName) bool { return classes.GetDeviceClass(name) != nil })
	}
}

// World is the snapshot that the predictions come from, or nil if predictions do not count.
func (j *judging) World() any {
	if j.peaks == nil {
		return nil
	}
	return j.peaks.view.Snapshot
}

// shape is everything about a pod that its judgement depends on: its requests and its forecast.
type shape struct {
	requests            string
	own                 forecast.PodForecast
	horizon             forecast.Horizon
	filters, overcommit bool
}

// Shape returns the shape of the pod.
func (j *judging) Shape() any {
	var key []byte
	for _, options := range []resource.PodResourcesOptions{{}, {SkipPodLevelResources: true}, {NonMissingContainerRequests: nothingMissing}} {
		requests := resource.PodRequests(j.pod, options)
		for _, name := range slices.Sorted(maps.Keys(requests)) {
			q := requests[name]
			key = append(append(append(append(key, name...), '='), q.String()...), ',')
		}
		key = append(key, ';')
	}
	if j.plugin.guard != nil {
		for _, limit := range j.plugin.guard.Of(j.pod, false) {
			key = append(strconv.AppendInt(key, limit, 10), ',')
		}
	}
	s := shape{requests: string(key)}
	if j.peaks != nil {
		s.own, s.horizon, s.filters, s.overcommit = j.peaks.view.Pod, j.peaks.view.Horizon, j.peaks.verdict != nil, j.peaks.overcommit
	}
	return s
}

// nothingMissing makes containers without requests differ from those that request 0.
var nothingMissing = v1.ResourceList{v1.ResourceCPU: apiresource.MustParse("1"), v1.ResourceMemory: apiresource.MustParse("1Mi")}

// Look runs Filter and Score on the rows' nodes.
func (j *judging) Look(rows []judge.Row, verdicts []judge.Verdict) time.Time {
	ctx := context.Background()
	for i := range rows {
		n := rows[i].NodeInfo
		verdicts[i] = judge.Verdict{Refused: !j.plugin.Filter(ctx, j.state, j.pod, n).IsSuccess()}
		if !verdicts[i].Refused && !j.unscored {
			verdicts[i].Raw, _ = j.plugin.Score(ctx, j.state, j.pod, n)
		}
	}
	return time.Time{}
}
