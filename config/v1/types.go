// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AffinityArgs configures the Affinity plugin: upstream's NodeAffinity, service
// affinity and service anti-affinity.
type AffinityArgs struct {
	metav1.TypeMeta `json:",inline"`

	// AddedAffinity is applied to every pod besides the node affinity it asks for.
	// +optional
	AddedAffinity *corev1.NodeAffinity `json:"addedAffinity,omitempty"`
	// ServiceAffinity keeps the pods of a Service on nodes with equal values of
	// the given labels. Default: off. A pod's annotation
	// foresight-scheduler.dev/service-affinity replaces it for that pod.
	// +optional
	ServiceAffinity ServiceAffinity `json:"serviceAffinity,omitempty"`
	// ServiceAntiAffinity spreads the pods of a Service over the values of the
	// given labels. Default: off. A pod's annotation
	// foresight-scheduler.dev/service-anti-affinity replaces its labels for that pod.
	// +optional
	ServiceAntiAffinity ServiceAntiAffinity `json:"serviceAntiAffinity,omitempty"`
}

// ServiceAffinity names the node labels whose values all pods of a Service share.
type ServiceAffinity struct {
	// Labels are node label keys.
	// +listType=set
	Labels []string `json:"labels,omitempty"`
}

// ServiceAntiAffinity names the node labels over whose values the pods of a
// Service spread.
type ServiceAntiAffinity struct {
	// Labels are node label keys; each has an equal share of the score.
	// +listType=set
	Labels []string `json:"labels,omitempty"`
	// Weight of the spreading against preferred node affinity, which weighs 1;
	// 1–100, default 1.
	// +optional
	Weight *int32 `json:"weight,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// TaintsArgs configures the Taints plugin: upstream's TaintToleration and predicted
// pressure.
type TaintsArgs struct {
	metav1.TypeMeta `json:",inline"`

	// PredictedPressure says how a node whose predicted peak is too high counts.
	// +optional
	PredictedPressure PredictedPressure `json:"predictedPressure,omitempty"`
}

// PredictedPressure says how a node whose predicted peak is too high counts.
type PredictedPressure struct {
	// Effect of the taint foresight-scheduler.dev/predicted-pressure that such a
	// node is taken to carry: PreferNoSchedule (default) or NoSchedule.
	// +optional
	Effect corev1.TaintEffect `json:"effect,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ResourceFitArgs configures the ResourceFit plugin: upstream's NodeResourcesFit and
// NodeResourcesBalancedAllocation, and a guard on the sum of limits.
type ResourceFitArgs struct {
	metav1.TypeMeta `json:",inline"`

	// IgnoredResources are extended resources that the filter leaves alone.
	// +optional
	// +listType=set
	IgnoredResources []string `json:"ignoredResources,omitempty"`
	// IgnoredResourceGroups are the prefixes (before the slash) of extended
	// resources that the filter leaves alone.
	// +optional
	// +listType=set
	IgnoredResourceGroups []string `json:"ignoredResourceGroups,omitempty"`
	// ScoringStrategy is LeastAllocated (default), MostAllocated or
	// RequestedToCapacityRatio, over cpu and memory unless it names resources.
	// +optional
	ScoringStrategy kubeschedulerv1.ScoringStrategy `json:"scoringStrategy,omitempty"`
	// BalancedAllocation is the share of upstream's NodeResourcesBalancedAllocation.
	// +optional
	BalancedAllocation BalancedAllocation `json:"balancedAllocation,omitempty"`
	// LimitsGuard bounds the sum of limits on a node. Default: none.
	// +optional
	LimitsGuard LimitsGuard `json:"limitsGuard,omitempty"`
}

// BalancedAllocation weighs how evenly a node's resources are used.
type BalancedAllocation struct {
	// Weight against the scoring strategy, which weighs 1; 0 (off) to 100,
	// default 1.
	// +optional
	Weight *int32 `json:"weight,omitempty"`
	// Resources whose use is balanced; default cpu and memory.
	// +optional
	// +listType=map
	// +listMapKey=name
	Resources []kubeschedulerv1.ResourceSpec `json:"resources,omitempty"`
}

// LimitsGuardMode says what the guard does with a node over its bound.
type LimitsGuardMode string

// LimitsGuard bounds, per resource, the sum of the limits of a node's pods.
type LimitsGuard struct {
	// Mode is None, Score (score such a node down) or Filter (refuse it). Default:
	// Filter when max is given, else None.
	// +optional
	Mode LimitsGuardMode `json:"mode,omitempty"`
	// Max bounds each guarded resource.
	// +optional
	// +listType=map
	// +listMapKey=resource
	Max []LimitsBound `json:"max,omitempty"`
}

// LimitsBound bounds one resource.
type LimitsBound struct {
	// Resource is cpu, memory, ephemeral-storage, hugepages-<size> or an extended
	// resource.
	Resource corev1.ResourceName `json:"resource"`
	// PercentOfAllocatable that the sum of limits may reach; 1–10000, where 100 is
	// the node's allocatable.
	PercentOfAllocatable int32 `json:"percentOfAllocatable"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PredictionArgs configures the engine that the plugins read. It stands under the name
// Prediction in the pluginConfig of one profile and holds for all of them.
type PredictionArgs struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	Usage UsageArgs `json:"usage,omitempty"`
}

// UsageSourceType names where usage comes from.
type UsageSourceType string

// UsageArgs says where usage comes from and how long it counts.
type UsageArgs struct {
	// Source is MetricsAPI (default: metrics.k8s.io) or None.
	// +optional
	Source UsageSourceType `json:"source,omitempty"`
	// Interval between readings; 1s–1h, default 30s.
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`
	// Window over which means and deviations of nodes are taken; interval–24h, default 15m.
	// +optional
	Window metav1.Duration `json:"window,omitempty"`
	// Expiry is the age at which a node's newest sample no longer counts; interval–24h,
	// default 5m.
	// +optional
	Expiry metav1.Duration `json:"expiry,omitempty"`
}
