// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// AffinityArgs configures the Affinity plugin.
type AffinityArgs struct {
	metav1.TypeMeta

	// AddedAffinity is applied to every pod besides its own node affinity, as
	// NodeAffinityArgs.addedAffinity upstream.
	AddedAffinity *corev1.NodeAffinity
	// ServiceAffinity keeps the pods of a Service together.
	ServiceAffinity ServiceAffinity
	// ServiceAntiAffinity spreads the pods of a Service.
	ServiceAntiAffinity ServiceAntiAffinity
}

// ServiceAffinity names the node labels whose values all pods of a Service share.
type ServiceAffinity struct {
	Labels []string
}

// ServiceAntiAffinity names the node labels over whose values the pods of a
// Service spread.
type ServiceAntiAffinity struct {
	Labels []string
	// Weight of the spreading against preferred node affinity, which weighs 1, in
	// the plugin's score; 1–100.
	Weight int32
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// TaintsArgs configures the Taints plugin.
type TaintsArgs struct {
	metav1.TypeMeta

	PredictedPressure PredictedPressure
}

// PredictedPressure says how a node whose predicted peak is too high counts.
type PredictedPressure struct {
	// Effect of the taint foresight-scheduler.dev/predicted-pressure that such a
	// node is taken to carry: PreferNoSchedule or NoSchedule.
	Effect corev1.TaintEffect
	// Max is, per resource, how far a node's predicted peak may go until the node counts
	// as under pressure. A resource that it does not name is never short.
	Max []PeakBound
}

// PeakBound bounds a predicted peak.
type PeakBound struct {
	// Resource is cpu or memory.
	Resource corev1.ResourceName
	// PercentOfAllocatable that the predicted peak may reach; 1–1000, where 100 is the
	// node's allocatable.
	PercentOfAllocatable int32
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ResourceFitArgs configures the ResourceFit plugin.
type ResourceFitArgs struct {
	metav1.TypeMeta

	// IgnoredResources are extended resources that the filter leaves alone.
	IgnoredResources []string
	// IgnoredResourceGroups are the prefixes (before the slash) of extended
	// resources that the filter leaves alone.
	IgnoredResourceGroups []string
	// ScoringStrategy turns requested over allocatable into a score, as
	// NodeResourcesFitArgs.scoringStrategy upstream.
	ScoringStrategy kubeschedulerv1.ScoringStrategy
	// BalancedAllocation is the share of upstream's NodeResourcesBalancedAllocation.
	BalancedAllocation BalancedAllocation
	// LimitsGuard bounds the sum of limits on a node.
	LimitsGuard LimitsGuard
	// PredictedPeak says how what nodes are predicted to use counts.
	PredictedPeak PredictedPeak
}

// PredictedPeakMode says what predicted peaks decide.
type PredictedPeakMode string

const (
	// PredictedPeakNone judges by requests alone, as upstream does.
	PredictedPeakNone PredictedPeakMode = "None"
	// PredictedPeakScore scores by what nodes will use instead of what their pods
	// request. Whether a pod fits is still judged by requests.
	PredictedPeakScore PredictedPeakMode = "Score"
	// PredictedPeakFilter scores so too, and refuses nodes whose predicted peak would
	// surely pass a bound.
	PredictedPeakFilter PredictedPeakMode = "Filter"
)

// PredictedPeak is what a node is predicted to use at most, with the pod in hand, within
// the time the pod is expected to run.
type PredictedPeak struct {
	Mode PredictedPeakMode
	// Score says what becomes of predicted use in the score.
	Score PredictedPeakScoring
	// Max bounds the predicted peak of each resource. A node over a bound is refused in mode
	// Filter, and to pods that opt in to overcommitment in any mode but None; with the score
	// ByStrategy it scores 0.
	Max []PeakBound
	// HeldOutPercent is the share of pods that requests place as if nothing were predicted, drawn by their UIDs, so that
	// what becomes of them can be compared; 0 (none) to 50.
	HeldOutPercent int32
}

// PredictedPeakScoring says how predicted use makes a score.
type PredictedPeakScoring string

const (
	// ScoreByHarm scores by what the node is expected to suffer, whatever its pods request.
	ScoreByHarm PredictedPeakScoring = "Harm"
	// ScoreByStrategy has the scoring strategy and the balancing score the upper bound of the
	// predicted peak in the place of requests.
	ScoreByStrategy PredictedPeakScoring = "Strategy"
)

// BalancedAllocation weighs how evenly a node's resources are used.
type BalancedAllocation struct {
	// Weight against the scoring strategy, which weighs 1, in the plugin's score;
	// 0 (off) to 100.
	Weight int32
	// Resources whose use is balanced.
	Resources []kubeschedulerv1.ResourceSpec
}

// LimitsGuardMode says what the guard does with a node over its bound.
type LimitsGuardMode string

const (
	// LimitsGuardNone leaves limits out of the decision. (Not "Off": YAML reads that as
	// a boolean.)
	LimitsGuardNone LimitsGuardMode = "None"
	// LimitsGuardScore scores such a node down.
	LimitsGuardScore LimitsGuardMode = "Score"
	// LimitsGuardFilter refuses such a node.
	LimitsGuardFilter LimitsGuardMode = "Filter"
)

// LimitsGuard bounds, per resource, the sum of the limits of a node's pods.
type LimitsGuard struct {
	Mode LimitsGuardMode
	// Max bounds each guarded resource; at least one when the guard is on.
	Max []LimitsBound
}

// LimitsBound bounds one resource.
type LimitsBound struct {
	// Resource is cpu, memory, ephemeral-storage, hugepages-<size> or an extended
	// resource.
	Resource corev1.ResourceName
	// PercentOfAllocatable that the sum of limits may reach; 1–10000, where 100 is
	// the node's allocatable.
	PercentOfAllocatable int32
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PredictedQoSArgs configures the PredictedQoS plugin.
type PredictedQoSArgs struct {
	metav1.TypeMeta

	// ModelFile is the model that foresight model train wrote; empty is none.
	ModelFile string
	// ScoreFrom is the lowest rung that scores and refuses nodes. Below it outcomes are watched and predictions told, and all nodes are alike.
	ScoreFrom QoSRung
	// MaxRiskPercent is the risk that the lower bound for a node may reach before the node is refused;
	// 1–100, where 100 refuses none.
	MaxRiskPercent int32
	// Weights of a violation, by the objective of the pod that suffers it.
	Weights QoSWeights
	// Feedback says how decisions are compared with what came of them.
	Feedback QoSFeedback
	// NodeMetricsLimit is the number of nodes above which no metric names nodes; 0–100000.
	NodeMetricsLimit int32
	// Objectives of pods, of which the first that matches a pod holds, in place of what the pod says; at most 100.
	Objectives []QoSObjective
}

// QoSRung is what judges the quality of service.
type QoSRung string

const (
	// QoSFromUtilisation has nodes scored by their predicted CPU and by their history until a model judges, and by the model then.
	QoSFromUtilisation QoSRung = "Utilisation"
	// QoSFromModel has nodes scored only while a model judges: one was loaded and does no worse than utilisation.
	QoSFromModel QoSRung = "Model"
)

// QoSObjectives are the names of what pods can want, in the order in which the plugin counts them.
var QoSObjectives = []string{"latency", "realtime", "availability", "batch"}

// QoSObjective is the service that some pods are to get. A pod matches where each of Namespaces, Workload and PriorityClassName that is
// not empty is its own.
type QoSObjective struct {
	Namespaces []string
	// Workload is KIND/NAME of the pod's controller, such as Deployment/web. It wants Namespaces, since whoever may create a
	// pod says who its controller is.
	Workload          string
	PriorityClassName string
	// Objective is latency, realtime, availability or batch; empty is what the pod has without this.
	Objective string
	// ResponseTime is what the measured response time of a latency pod may be; 0 is what else holds, at most 1h.
	ResponseTime metav1.Duration
	// MaxThrottledPercent of CFS periods in which the pod may be throttled by its own CPU limit; 0 is what else holds.
	MaxThrottledPercent int32
	// Name of the objective in metrics and commands: a DNS label, which no other one has; empty is none.
	Name string
	// Query is PromQL that measures the service of the pods that match, by their namespace and name; empty is none. At most 4096 bytes.
	Query string
	// AtMost is what Query may say of a pod: more is a violation. Above 0 with Query, in its unit.
	AtMost resource.Quantity
	// Unit in which Query answers and commands show it: seconds or share; empty is a bare number.
	Unit string
}

// QoSUnits are the units of queries that commands know.
var QoSUnits = []string{"seconds", "share"}

// QoSWeights are 0–100 each.
type QoSWeights struct {
	Latency, Realtime, Availability, Batch int32
}

// QoSFeedback says when and for how long outcomes count.
type QoSFeedback struct {
	// Horizons after the bind at which a decision is judged, ascending; 1s–24h.
	Horizons []metav1.Duration
	// Decisions that are kept; 100–1000000.
	Decisions int32
	// HalfLife of what a node's history says; 1s–720h.
	HalfLife metav1.Duration
	// ResponseTimeObjective is what the measured response time of a latency pod may be that states none itself; 0 is none, at
	// most 1h.
	ResponseTimeObjective metav1.Duration
	// ObservationsFile is where outcomes are written for foresight model train; empty is nowhere.
	ObservationsFile string
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PredictionArgs configures the engine that the plugins read, under the name Prediction.
// It is the scheduler's, not a profile's.
type PredictionArgs struct {
	metav1.TypeMeta

	Usage UsageArgs
	// Percentile of the peaks that stay below the upper bounds of forecasts; 50–99.
	Percentile int32
	// ColdStart is how long a workload is watched until what its pods request no longer counts for their next hour; for their
	// next day it counts ever less, until it was watched 192 times as long. Usage.Interval–24h.
	ColdStart  metav1.Duration
	Checkpoint CheckpointArgs
	// NodeMetricsLimit is how many nodes there may be for metrics to name them; 0–100000.
	NodeMetricsLimit int32
}

// UsageSourceType names where usage comes from.
type UsageSourceType string

const (
	// UsageFromNowhere collects nothing: nothing is known of any node.
	UsageFromNowhere UsageSourceType = "None"
	// UsageFromMetricsAPI lists nodes and pods of metrics.k8s.io, which metrics-server
	// and others serve.
	UsageFromMetricsAPI UsageSourceType = "MetricsAPI"
	// UsageFromKubelet asks every kubelet itself.
	UsageFromKubelet UsageSourceType = "Kubelet"
	// UsageFromPrometheus asks a Prometheus server.
	UsageFromPrometheus UsageSourceType = "Prometheus"
)

// UsageArgs says where usage comes from and how long it counts.
type UsageArgs struct {
	Source UsageSourceType
	// Interval between readings; 1s–1h.
	Interval metav1.Duration
	// Window over which means and deviations of nodes are taken; at least Interval, at
	// most 24h.
	Window metav1.Duration
	// Expiry is the age at which a node's newest sample no longer counts; at least
	// Interval, at most 24h.
	Expiry metav1.Duration
	// Kubelet counts for that source.
	Kubelet KubeletArgs
	// Prometheus counts for that source.
	Prometheus PrometheusArgs
}

// KubeletArgs say how kubelets are asked. Files are read again when they change.
type KubeletArgs struct {
	// CAFile holds the PEM certificates that sign the kubelets' serving certificates.
	CAFile string
	// TokenFile holds a bearer token; CertFile and KeyFile a PEM client certificate.
	TokenFile, CertFile, KeyFile string
	// SendSchedulerToken allows TokenFile to be of the scheduler's own ServiceAccount.
	SendSchedulerToken bool
	// Pressure says to read /metrics/cadvisor too, for pressure stall and throttling.
	Pressure bool
	// Concurrency is how many kubelets are asked at a time; 1–1024.
	Concurrency int32
	// Timeout of one kubelet; at least 100ms, at most the interval.
	Timeout metav1.Duration
}

// PrometheusArgs say which server is asked, how and for what. Files are read again when
// they change.
type PrometheusArgs struct {
	URL string
	// CAFile holds the PEM certificates that the server is verified against; empty is
	// those of the system.
	CAFile string
	// TokenFile holds a bearer token, CertFile and KeyFile a PEM client certificate,
	// PasswordFile the password of Username.
	TokenFile, CertFile, KeyFile, Username, PasswordFile string
	// SendSchedulerToken allows TokenFile to be of the scheduler's own ServiceAccount.
	SendSchedulerToken bool
	// Headers are sent with every request.
	Headers []PrometheusHeader
	// Nodes and Pods are the queries; empty is cAdvisor's series.
	Nodes, Pods PrometheusQueries
	// Labels of the answers; empty names are those of kube-prometheus.
	Labels PrometheusLabels
	// RateWindow is what $window in queries stands for; 1s–24h, whole seconds.
	RateWindow metav1.Duration
	// QueryTimeout of one query; at least 100ms, at most 10m.
	QueryTimeout metav1.Duration
	// MaxSeries that one answer may hold; at least 1.
	MaxSeries int32
	// Backfill is how much of the past is asked for when there is no checkpoint; at most
	// 28 days, and less than Interval is none.
	Backfill metav1.Duration
}

// PrometheusHeader is a header of a request, with its value or the file that holds it.
type PrometheusHeader struct{ Name, Value, ValueFile string }

// PrometheusQueries are PromQL, for all nodes or all pods at once.
type PrometheusQueries struct {
	// Values by quantity: cpu, memory, and the others in Quantities.
	Values map[string]string
	// Time of the measurement in seconds since 1970; empty is that of the query.
	Time string
}

// PrometheusLabels name the labels in the answers.
type PrometheusLabels struct{ Node, Namespace, Pod, UID string }

// CheckpointArgs say where what was learned is kept.
type CheckpointArgs struct {
	// Path of the file, in a folder that exists; empty keeps nothing.
	Path string
	// Interval between saves; 1m–24h.
	Interval metav1.Duration
}

// responseTime is told of pods only, and beside the others.
const responseTime = "response_time"

// Quantities that a source can tell, as plugins/predict/usage names them.
var Quantities = []string{
	"cpu", "memory", "cpu_some", "cpu_full", "memory_some", "memory_full", "io_some", "io_full", "throttled", responseTime,
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeIndexArgs configures the node index for a profile, under the name NodeIndex.
type NodeIndexArgs struct {
	metav1.TypeMeta

	// Enabled looks at every node for a pod, by an index; without it the profile samples
	// nodes as upstream does.
	Enabled bool
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClaimsArgs says what pods may claim that takes from others, under the name Claims. It is the scheduler's, not a profile's.
type ClaimsArgs struct {
	metav1.TypeMeta

	// Objectives above those of the pod's QoS class, and response times.
	Objectives ObjectiveClaims
	// Predictions of less than is forecast, or of more than limit and request.
	Predictions NamespaceClaims
	Overcommit  NamespaceClaims
}

// ObjectiveClaims are allowed in the namespaces, and to pods of the PriorityClasses in any namespace.
type ObjectiveClaims struct {
	// NamespaceSelector selects namespaces by their labels; empty is all, nil is none.
	NamespaceSelector *metav1.LabelSelector
	PriorityClasses   []string
}

// NamespaceClaims are allowed in the namespaces.
type NamespaceClaims struct {
	// NamespaceSelector selects namespaces by their labels; empty is all, nil is none.
	NamespaceSelector *metav1.LabelSelector
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DecisionsArgs says what is kept of decisions, under the name Decisions. It is the scheduler's, not a profile's.
type DecisionsArgs struct {
	metav1.TypeMeta

	// Records that are kept; 0–1000000, where 0 keeps none and serves nothing of decisions.
	Records int32
	// MaxBytes that records take together, estimated; 65536–1073741824.
	MaxBytes int64
	// Candidates that are kept beside the chosen node; 1–20.
	Candidates int32
	// EvaluatePercent is the share of one CPU that evaluating decisions afterwards may take; 0–100, where 0 evaluates only for
	// who asks.
	EvaluatePercent int32
	// Events says whether pods are told why they are where they are, or wait.
	Events DecisionEvents
}

// DecisionEvents says what events and conditions of pods tell of decisions.
type DecisionEvents string

const (
	// DecisionEventsNone leaves them as upstream writes them.
	DecisionEventsNone DecisionEvents = "None"
	// DecisionEventsSentence adds a sentence with figures to those that upstream writes.
	DecisionEventsSentence DecisionEvents = "Sentence"
)

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ShadowArgs makes the scheduler an onlooker, under the name Shadow: it places no pod, and decides about those of other schedulers as if
// they were its own. It is the scheduler's, not a profile's.
type ShadowArgs struct {
	metav1.TypeMeta

	// SchedulerNames of the pods that it looks at; one at least.
	SchedulerNames []string
	// Decisions that are kept and followed; 100–1000000.
	Decisions int32
	// MaxBytes that they take together, estimated; 65536–1073741824.
	MaxBytes int64
	// CPUPercent is the share of one CPU that deciding may take; 1–100.
	CPUPercent int32
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RebalanceArgs moves pods off nodes that are about to suffer, under the name Rebalance. It is the scheduler's, not a profile's.
type RebalanceArgs struct {
	metav1.TypeMeta

	Mode RebalanceMode
	// Interval between two looks at the cluster; 10s–1h.
	Interval metav1.Duration
	// HorizonHours that are looked ahead; 1–8.
	HorizonHours int32
	// MinGainCoreMinutes is how much less CPU demand beyond what nodes run well at a move must leave, in core minutes over the horizon and
	// after its cost; 0–10000.
	MinGainCoreMinutes int32
	// MinGainPercent is the same as a share of what the pod's going cures of its node; 0–100.
	MinGainPercent int32
	// LostWork is how long a pod's work takes to be taken up elsewhere, which a move costs; 0–1h.
	LostWork metav1.Duration
	// MoveAgainAfter is how long a pod is not moved again; 0–168h.
	MoveAgainAfter metav1.Duration
	// MaxMoves within an hour.
	MaxMoves RebalanceBudgets
	// MaxPriority of pods that move; at most 1000000000, above which are the system's.
	MaxPriority int32
	// NamespaceSelector selects namespaces whose pods move by their labels; empty is all, nil is none.
	NamespaceSelector *metav1.LabelSelector
	// SchedulerNames of other schedulers whose pods move too.
	SchedulerNames []string
	Breaker        RebalanceBreaker
	Packing        RebalancePacking
}

// RebalanceMode says what becomes of moves.
type RebalanceMode string

const (
	// RebalanceOff looks for none.
	RebalanceOff RebalanceMode = "Off"
	// RebalanceSuggest records them.
	RebalanceSuggest RebalanceMode = "Suggest"
	// RebalanceEvict evicts the pods.
	RebalanceEvict RebalanceMode = "Evict"
)

// RebalanceBudgets are how many pods move within an hour; each 1–1000.
type RebalanceBudgets struct {
	PerHour int32
	// PerNode from or to it, PerWorkload and PerNamespace.
	PerNode, PerWorkload, PerNamespace int32
}

// RebalancePacking empties nodes, so that a cluster autoscaler can remove them.
type RebalancePacking struct {
	// Mode is at most that of the moves.
	Mode RebalanceMode
	// NodeSelector selects nodes that may be emptied by their labels; empty is all.
	NodeSelector *metav1.LabelSelector
	// KeepNodes of those selected stay at least; 1–100000.
	KeepNodes int32
	// HeadroomPercent of the CPU and memory of the selected nodes that stay is not requested afterwards; 0–90.
	HeadroomPercent int32
	// MaxHarmCoreMinutes is how much more CPU demand beyond what nodes run well at there may be within the horizon; 0–10000.
	MaxHarmCoreMinutes int32
	// MaxPods that have to leave a node; 1–100.
	MaxPods int32
	// PerHour is how many pods move for it within an hour, beside MaxMoves.PerHour; 1–1000.
	PerHour int32
	// MinNodeAge of nodes that are emptied; 0–720h.
	MinNodeAge metav1.Duration
	// GiveUpAfter is how long emptying a node may take; 10m–48h.
	GiveUpAfter metav1.Duration
	// HoldFor is how long an emptied node is kept out of use for the autoscaler; 1m–48h.
	HoldFor metav1.Duration
}

// RebalanceBreaker stops moves that do not bring what they promised.
type RebalanceBreaker struct {
	// Moves that were followed to the end before it judges; 0–100, where 0 never does.
	Moves int32
	// MinPercent of the promised gain that they must bring, all together; 0–100.
	MinPercent int32
	// Pause for which nothing moves then; 1m–168h.
	Pause metav1.Duration
}
