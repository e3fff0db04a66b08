// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"slices"
	"strings"

	v1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/component-helpers/resource"
	v1helper "k8s.io/component-helpers/scheduling/corev1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/helper"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"

	corehelper "k8s.io/kubernetes/pkg/apis/core/v1/helper"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/postings"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict"
)

// query is what one pod asks of every node. It is used again for the next pod.
type query struct {
	pod *v1.Pod
	// why the index cannot answer, if it cannot; see cannotSay.
	why reason
	// proven so far.
	proven proof
	// Requests as the filter counts them, CPU in millicores, all else in bytes.
	cpu, mem, eph int64
	scalars       []scalar
	// Requests as the strategy counts them: containers without any count with a default.
	nonZeroCPU, nonZeroMem int64

	// verdict of each class of taints: refused, or how many taints the pod would rather
	// not have.
	verdict []int32
	// repelled of each class: taints alone refuse it, cordoned or not.
	repelled  []bool
	dislikes  bool
	selection postings.Set // by the pod's own node affinity; nil selects all
	allowed   postings.Set // what the profile's filter allows; nil allows all
	prefer    []int64      // by row; nil prefers none
	ports     []v1.ContainerPort
	images    []*table.Image
	// imageCount counts images that no node has as well.
	imageCount int

	apart      keepingApart
	hard, soft []spreading
	// requireAll: nodes without all topology keys do not take part in soft spreading.
	requireAll bool
	pods       podTerms

	judges []judging
	// What ResourceFit and Taints predict; nil where requests decide, and without pressure.
	peak, pressure *predict.Prediction
	state          fwk.CycleState
	// Predicted peak of the pod, in milli-CPUs and bytes.
	peakCPU, peakMem int64
}

type scalar struct {
	name  v1.ResourceName
	value int64
}

const refused = int32(-1)

// compile makes q ask what the pod asks, as far as the index can answer.
func (x *Index) compile(q *query, p *policy, pod *v1.Pod, state fwk.CycleState) {
	q.pod, q.why = pod, ""
	q.proven = proof{spread: q.proven.spread[:0], required: q.proven.required[:0]}
	if p.unknown != "" {
		q.cannotSay(reasonProfile)
		return
	}
	skipped := state.GetSkipFilterPlugins()
	for _, name := range p.others {
		if !skipped.Has(name) {
			q.cannotSay(reasonFilter + reason(name))
			return
		}
	}
	x.compilePredictions(q, p, state)
	x.compileJudges(q, p, pod, state)
	q.compileRequests(p)
	x.compileTaints(q, p)
	x.compileNodeAffinity(q, p)
	x.compileServices(q, p, state)
	q.ports = q.ports[:0]
	if p.filtersPorts && !skipped.Has("NodePorts") {
		q.ports = append(q.ports, schedutil.GetHostPorts(pod)...)
	}
	x.compileImages(q, p)
	x.compileSpread(q, p)
	x.compilePodAffinity(q, p)
}

var defaultRequests = v1.ResourceList{
	v1.ResourceCPU:    *apiresource.NewMilliQuantity(schedutil.DefaultMilliCPURequest, apiresource.DecimalSI),
	v1.ResourceMemory: *apiresource.NewQuantity(schedutil.DefaultMemoryRequest, apiresource.BinarySI),
}

func (q *query) compileRequests(p *policy) {
	options := resource.PodResourcesOptions{SkipPodLevelResources: !p.features.EnablePodLevelResources}
	requests := resource.PodRequests(q.pod, options)
	q.cpu, q.mem, q.eph = 0, 0, 0
	q.scalars = q.scalars[:0]
	for name, quantity := range requests {
		switch name {
		case v1.ResourceCPU:
			q.cpu = quantity.MilliValue()
		case v1.ResourceMemory:
			q.mem = quantity.Value()
		case v1.ResourceEphemeralStorage:
			q.eph = quantity.Value()
		default:
			if schedutil.IsScalarResourceName(name) && quantity.Value() > 0 && !p.ignores(name) {
				q.scalars = append(q.scalars, scalar{name, quantity.Value()})
			}
		}
	}
	q.nonZeroCPU, q.nonZeroMem = q.cpu, q.mem
	containers := p.fit > 0 && q.pod.Spec.Resources != nil
	if containers {
		// Upstream's scorer of strategies counts what containers request, and nothing else.
		options.SkipPodLevelResources = true
	}
	if containers || missesRequests(q.pod.Spec.Containers) || missesRequests(q.pod.Spec.InitContainers) {
		options.NonMissingContainerRequests = defaultRequests
		requests = resource.PodRequests(q.pod, options)
		q.nonZeroCPU, q.nonZeroMem = requests.Cpu().MilliValue(), requests.Memory().Value()
	}
}

func missesRequests(containers []v1.Container) bool {
	for i := range containers {
		requests := containers[i].Resources.Requests
		_, cpu := requests[v1.ResourceCPU]
		_, memory := requests[v1.ResourceMemory]
		if !cpu || !memory {
			return true
		}
	}
	return false
}

func (p *policy) ignores(name v1.ResourceName) bool {
	if !corehelper.IsExtendedResourceName(name) {
		return false
	}
	group, _, _ := strings.Cut(string(name), "/")
	return slices.Contains(p.ignored, string(name)) || slices.Contains(p.ignoredGroups, group)
}

// compileTaints judges each class of taints once.
func (x *Index) compileTaints(q *query, p *policy) {
	logger := klog.Background()
	q.verdict = slices.Grow(q.verdict[:0], len(x.table.Taints))
	q.repelled = slices.Grow(q.repelled[:0], len(x.table.Taints))
	q.dislikes = false
	tolerations := q.pod.Spec.Tolerations
	comparison := p.features.EnableTaintTolerationComparisonOperators
	for i := range x.table.Taints {
		class := &x.table.Taints[i]
		verdict, repelled := int32(0), false
		if len(class.Taints) > 0 {
			_, repelled = v1helper.FindMatchingUntoleratedTaint(logger, class.Taints, tolerations, helper.DoNotScheduleTaintsFilterFunc(), comparison)
			for j := range class.Taints {
				if t := &class.Taints[j]; t.Effect == v1.TaintEffectPreferNoSchedule && !toleratesDislike(logger, tolerations, t, comparison) {
					verdict++
				}
			}
		}
		cordoned := p.filtersCordons && class.Unschedulable && !v1helper.TolerationsTolerateTaint(logger, tolerations,
			&v1.Taint{Key: v1.TaintNodeUnschedulable, Effect: v1.TaintEffectNoSchedule}, comparison)
		if repelled || cordoned {
			verdict = refused
		}
		q.dislikes = q.dislikes || verdict > 0
		q.verdict = append(q.verdict, verdict)
		q.repelled = append(q.repelled, repelled)
	}
}

// toleratesDislike asks only tolerations that are for PreferNoSchedule or for all effects,
// as upstream's score does.
func toleratesDislike(logger klog.Logger, tolerations []v1.Toleration, taint *v1.Taint, comparison bool) bool {
	for i := range tolerations {
		if t := &tolerations[i]; (t.Effect == "" || t.Effect == v1.TaintEffectPreferNoSchedule) && t.ToleratesTaint(logger, taint, comparison) {
			return true
		}
	}
	return false
}

func (x *Index) compileNodeAffinity(q *query, p *policy) {
	q.selection, q.allowed, q.prefer = nil, nil, nil
	var required *v1.NodeSelector
	var preferred []v1.PreferredSchedulingTerm
	if a := q.pod.Spec.Affinity; a != nil && a.NodeAffinity != nil {
		required = a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		preferred = a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution
	}
	if len(q.pod.Spec.NodeSelector) > 0 || required != nil {
		q.selection = x.table.Labels.Select(q.pod.Spec.NodeSelector, required)
	}
	if p.filtersAffinity {
		q.allowed = q.selection
		if p.enforced != nil {
			x.allow(q, x.table.Labels.Select(nil, p.enforced))
		}
	}
	if p.affinity == 0 || len(preferred)+len(p.favoured) == 0 {
		return
	}
	if len(p.favoured) > 0 {
		preferred = append(slices.Clone(p.favoured), preferred...)
	}
	var err error
	if q.prefer, err = x.table.Labels.Prefer(preferred); err != nil {
		q.cannotSay(reasonInvalid)
	}
}

// allow leaves of what is allowed what is in the set, too.
func (x *Index) allow(q *query, set postings.Set) {
	if q.allowed == nil {
		q.allowed = set
		return
	}
	x.both = append(x.both[:0], q.allowed...)
	x.both.And(set)
	q.allowed = x.both
}

// compileImages takes the columns of the pod's images that any node has.
func (x *Index) compileImages(q *query, p *policy) {
	q.images, q.imageCount = q.images[:0], 0
	if p.images == 0 {
		return
	}
	add := func(image string) {
		q.imageCount++
		if column := x.table.Image(normalizedImage(image)); column != nil {
			q.images = append(q.images, column)
		}
	}
	for i := range q.pod.Spec.InitContainers {
		add(q.pod.Spec.InitContainers[i].Image)
	}
	for i := range q.pod.Spec.Containers {
		add(q.pod.Spec.Containers[i].Image)
	}
	for i := range q.pod.Spec.Volumes {
		if image := q.pod.Spec.Volumes[i].Image; image != nil {
			add(image.Reference)
		}
	}
}

// normalizedImage adds the tag that is left out, as upstream's ImageLocality does.
func normalizedImage(name string) string {
	if strings.LastIndex(name, ":") <= strings.LastIndex(name, "/") {
		name += ":latest"
	}
	return name
}
