// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
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
	// Max is, per resource, how far what a node is expected to use (or, with NoSchedule, the
	// lower bound of its predicted peak) may go until the node counts as under pressure. Default: 90 % of allocatable for cpu and memory; a resource that
	// a given list does not name is never short.
	// +optional
	// +listType=map
	// +listMapKey=resource
	Max []PeakBound `json:"max,omitempty"`
}

// PeakBound bounds a predicted peak.
type PeakBound struct {
	// Resource is cpu or memory.
	Resource corev1.ResourceName `json:"resource"`
	// PercentOfAllocatable that the predicted peak may reach; 1–1000, where 100 is the
	// node's allocatable.
	PercentOfAllocatable int32 `json:"percentOfAllocatable"`
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
	// PredictedPeak says how what nodes are predicted to use counts. Default: for the
	// score.
	// +optional
	PredictedPeak PredictedPeak `json:"predictedPeak,omitempty"`
}

// PredictedPeakMode says what predicted peaks decide.
type PredictedPeakMode string

// PredictedPeakScoring says how predicted use makes a score.
type PredictedPeakScoring string

// PredictedPeak is what a node is predicted to use at most, with the pod in hand, within
// the time the pod is expected to run.
type PredictedPeak struct {
	// Mode is None (judge by requests alone), Score (score by what nodes will use instead
	// of what their pods request) or Filter (also refuse nodes whose predicted peak would
	// surely pass a bound). Default: Score. Without an engine, or where it knows nothing,
	// requests decide.
	// +optional
	Mode PredictedPeakMode `json:"mode,omitempty"`
	// Score is Harm (score by what the node is expected to suffer: use beyond 80 % of the
	// bound of cpu and 90 % of that of memory) or Strategy (the scoring strategy and the
	// balancing score the upper bound of the predicted peak in the place of requests, and
	// 0 where it passes a bound). Harm spreads, so it is for LeastAllocated only. Default:
	// Harm for LeastAllocated, Strategy for others, which pack.
	// +optional
	Score PredictedPeakScoring `json:"score,omitempty"`
	// Max bounds the predicted peak of each resource.
	// Default: 100 % of allocatable for cpu and memory.
	// +optional
	// +listType=map
	// +listMapKey=resource
	Max []PeakBound `json:"max,omitempty"`
	// HeldOutPercent is the share of pods that requests place as if nothing were predicted, so
	// that foresight report can say what predictions bring; 0 (none) to 50, default 0. Pods are
	// drawn by their UIDs.
	// +optional
	HeldOutPercent int32 `json:"heldOutPercent,omitempty"`
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

// PredictedQoSArgs configures the PredictedQoS plugin: nodes are scored, and refused, by the
// risk that the pod's objective is violated there.
type PredictedQoSArgs struct {
	metav1.TypeMeta `json:",inline"`

	// ModelFile is the model that foresight model train wrote. Default: none, which ranks by
	// the node's predicted CPU. The file is read again when it changes.
	// +optional
	ModelFile string `json:"modelFile,omitempty"`
	// ScoreFrom is the lowest rung that scores and refuses nodes: Utilisation or Model. With Model and without a model that does at
	// least as well as utilisation, outcomes are watched and predictions told, and no node is scored or refused. Default Utilisation.
	// +optional
	ScoreFrom QoSRung `json:"scoreFrom,omitempty"`
	// MaxRiskPercent is the risk that the lower bound for a node may reach before the node is
	// refused; 1–100, where 100 refuses none. Default 90.
	// +optional
	MaxRiskPercent *int32 `json:"maxRiskPercent,omitempty"`
	// Weights of a violation, by the objective of the pod that suffers it.
	// +optional
	Weights QoSWeights `json:"weights,omitempty"`
	// Feedback says how decisions are compared with what came of them.
	// +optional
	Feedback QoSFeedback `json:"feedback,omitempty"`
	// NodeMetricsLimit is the number of nodes above which no metric names nodes, and foresight top has
	// none to show: there are four series a node. 0–100000, where 0 never names any. Default 5000.
	// +optional
	NodeMetricsLimit *int32 `json:"nodeMetricsLimit,omitempty"`
	// Objectives of pods, of which the first that matches a pod holds, in place of what the pod says. At most 100; default none.
	// +optional
	// +listType=atomic
	Objectives []QoSObjective `json:"objectives,omitempty"`
}

// QoSRung is what judges the quality of service.
type QoSRung string

// QoSObjective is the service that some pods are to get. A pod matches where each of namespaces, workload and priorityClassName that is
// given is its own.
type QoSObjective struct {
	// Namespaces of which one is the pod's; default any.
	// +optional
	// +listType=atomic
	Namespaces []string `json:"namespaces,omitempty"`
	// Workload is KIND/NAME of the pod's controller, such as Deployment/web; default any. It wants namespaces, since whoever may create a pod
	// says who its controller is.
	// +optional
	Workload string `json:"workload,omitempty"`
	// PriorityClassName of the pod; default any.
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`
	// Objective is latency, realtime, availability or batch. Default: what the pod has without this.
	// +optional
	Objective string `json:"objective,omitempty"`
	// ResponseTime is what the measured response time of a latency pod may be, at most 1h. Default: what the pod's annotation or
	// feedback.responseTimeObjective says.
	// +optional
	ResponseTime metav1.Duration `json:"responseTime,omitempty"`
	// MaxThrottledPercent of CFS periods in which the pod may be throttled by its own CPU limit; 1–100. Default: 10 for realtime pods,
	// any for others.
	// +optional
	MaxThrottledPercent int32 `json:"maxThrottledPercent,omitempty"`
	// Name of the objective in metrics and commands: a DNS label that no other one has. It must be there with a query.
	// +optional
	Name string `json:"name,omitempty"`
	// Query is PromQL that measures the service of the pods that match: one series a pod, with the labels of its namespace and name, as
	// usage.prometheus.labels of Prediction names them. It is asked at the interval of usage, of the server usage.prometheus, whatever
	// the source of usage is; $window in it stands for rateWindow. At most 4096 bytes; default none.
	// +optional
	Query string `json:"query,omitempty"`
	// AtMost is what the query may say of a pod on average, such as 200m or 0.2; more is a violation. It must be above 0 with a query.
	// +optional
	AtMost resource.Quantity `json:"atMost,omitempty"`
	// Unit in which the query answers and commands show it: seconds or share. Default: a bare number.
	// +optional
	Unit string `json:"unit,omitempty"`
}

// QoSWeights are 0–100 each.
type QoSWeights struct {
	// Latency weighs a response time that is not kept; default 3.
	// +optional
	Latency *int32 `json:"latency,omitempty"`
	// Realtime weighs a CPU that is not there when it is wanted; default 5.
	// +optional
	Realtime *int32 `json:"realtime,omitempty"`
	// Availability weighs an eviction, a kill, a restart or a node that is not ready; default 3.
	// +optional
	Availability *int32 `json:"availability,omitempty"`
	// Batch weighs work that is slowed down; default 1.
	// +optional
	Batch *int32 `json:"batch,omitempty"`
}

// QoSFeedback says when and for how long outcomes count.
type QoSFeedback struct {
	// Horizons after the bind at which a decision is judged, ascending; 1s–24h each, default
	// 10m and 1h.
	// +optional
	// +listType=atomic
	Horizons []metav1.Duration `json:"horizons,omitempty"`
	// Decisions that are kept; 100–1000000, default 10000.
	// +optional
	Decisions *int32 `json:"decisions,omitempty"`
	// HalfLife of what a node's history says; 1s–720h, default 6h.
	// +optional
	HalfLife *metav1.Duration `json:"halfLife,omitempty"`
	// ResponseTimeObjective is what the measured response time of a latency pod may be that states none itself, by the
	// annotation foresight-scheduler.dev/response-time-objective; at most 1h. Default: none. Response times are what the
	// source Prometheus is asked for by the query response_time of pods.
	// +optional
	ResponseTimeObjective metav1.Duration `json:"responseTimeObjective,omitempty"`
	// ObservationsFile is where the newest outcomes are written, as many as decisions are kept, for foresight model train
	// --observations. It is another one in each profile. Default: none.
	// +optional
	ObservationsFile string `json:"observationsFile,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// PredictionArgs configures the engine that the plugins read. It stands under the name
// Prediction in the pluginConfig of one profile and holds for all of them.
type PredictionArgs struct {
	metav1.TypeMeta `json:",inline"`

	// +optional
	Usage UsageArgs `json:"usage,omitempty"`
	// Percentile of the peaks that stay below the upper bounds of forecasts; 50–99,
	// default 95.
	// +optional
	Percentile *int32 `json:"percentile,omitempty"`
	// ColdStart is how long a workload is watched until what its pods request no longer
	// counts for their next hour, but only what they use. For their next day it counts
	// ever less, until the workload was watched 192 times as long (two days, by default).
	// At least usage.interval, at most 24h, default 15m.
	// +optional
	ColdStart *metav1.Duration `json:"coldStart,omitempty"`
	// +optional
	Checkpoint CheckpointArgs `json:"checkpoint,omitempty"`
	// NodeMetricsLimit is the number of nodes above which no metric says what each of them uses and is predicted to use;
	// 0–100000, default 5000, 0 names none.
	// +optional
	NodeMetricsLimit *int32 `json:"nodeMetricsLimit,omitempty"`
}

// UsageSourceType names where usage comes from.
type UsageSourceType string

// UsageArgs says where usage comes from and how long it counts.
type UsageArgs struct {
	// Source is MetricsAPI (default: metrics.k8s.io), Kubelet, Prometheus or None.
	// +optional
	Source UsageSourceType `json:"source,omitempty"`
	// Interval between readings; 1s–1h, default 30s.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
	// Window over which means and deviations of nodes are taken; interval–24h, default 15m.
	// +optional
	Window *metav1.Duration `json:"window,omitempty"`
	// Expiry is the age at which a node's newest sample no longer counts; interval–24h,
	// default 5m.
	// +optional
	Expiry *metav1.Duration `json:"expiry,omitempty"`
	// Kubelet counts for that source.
	// +optional
	Kubelet KubeletArgs `json:"kubelet,omitempty"`
	// Prometheus counts for that source.
	// +optional
	Prometheus PrometheusArgs `json:"prometheus,omitempty"`
}

// KubeletArgs say how kubelets are asked. Files are read again when they change.
type KubeletArgs struct {
	// CAFile holds the PEM certificates that sign the kubelets' serving certificates;
	// default the service account's.
	// +optional
	CAFile string `json:"caFile,omitempty"`
	// TokenFile holds a bearer token. Default, where there is no certFile: the one that manifests/components/kubelet-usage
	// mounts, of a ServiceAccount that may read statistics of kubelets and nothing else.
	// +optional
	TokenFile string `json:"tokenFile,omitempty"`
	// SendSchedulerToken allows a token of the scheduler's own ServiceAccount. Every kubelet, and whoever has broken into
	// one, can then act as the scheduler until the token expires. Default false: such a token is refused.
	// +optional
	SendSchedulerToken bool `json:"sendSchedulerToken,omitempty"`
	// CertFile and KeyFile are a PEM client certificate and its key.
	// +optional
	CertFile string `json:"certFile,omitempty"`
	// +optional
	KeyFile string `json:"keyFile,omitempty"`
	// Pressure says to read /metrics/cadvisor too, for pressure stall and throttling.
	// +optional
	Pressure bool `json:"pressure,omitempty"`
	// Concurrency is how many kubelets are asked at a time; 1–1024, default 32.
	// +optional
	Concurrency *int32 `json:"concurrency,omitempty"`
	// Timeout of one kubelet; 100ms–interval, default 5s or the interval, what is less.
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// PrometheusArgs say which server is asked, how and for what. Files are read again when
// they change.
type PrometheusArgs struct {
	// URL of the server with the path before /api/v1, if any; http or https.
	// +optional
	URL string `json:"url,omitempty"`
	// CAFile holds the PEM certificates that the server is verified against; default
	// those of the system.
	// +optional
	CAFile string `json:"caFile,omitempty"`
	// TokenFile holds a bearer token.
	// +optional
	TokenFile string `json:"tokenFile,omitempty"`
	// SendSchedulerToken allows a token of the scheduler's own ServiceAccount. Whoever runs the server, or reads along, can
	// then act as the scheduler until the token expires. Default false: such a token is refused.
	// +optional
	SendSchedulerToken bool `json:"sendSchedulerToken,omitempty"`
	// CertFile and KeyFile are a PEM client certificate and its key.
	// +optional
	CertFile string `json:"certFile,omitempty"`
	// +optional
	KeyFile string `json:"keyFile,omitempty"`
	// Username and PasswordFile are for basic authentication.
	// +optional
	Username string `json:"username,omitempty"`
	// +optional
	PasswordFile string `json:"passwordFile,omitempty"`
	// Headers are sent with every request, such as X-Scope-OrgID for the tenant of a Mimir or Cortex; default none.
	// +optional
	// +listType=map
	// +listMapKey=name
	Headers []PrometheusHeader `json:"headers,omitempty"`
	// Nodes and Pods are the queries; default the series of cAdvisor.
	// +optional
	Nodes PrometheusQueries `json:"nodes,omitempty"`
	// +optional
	Pods PrometheusQueries `json:"pods,omitempty"`
	// Labels of the answers; default node, namespace, pod and uid.
	// +optional
	Labels PrometheusLabels `json:"labels,omitempty"`
	// RateWindow is what $window in queries stands for; 1s–24h, default 5m.
	// +optional
	RateWindow *metav1.Duration `json:"rateWindow,omitempty"`
	// QueryTimeout of one query; 100ms–10m, default 20s.
	// +optional
	QueryTimeout *metav1.Duration `json:"queryTimeout,omitempty"`
	// MaxSeries that one answer may hold; default 300000.
	// +optional
	MaxSeries *int32 `json:"maxSeries,omitempty"`
	// Backfill is how much of the past is asked for when there is no checkpoint; at most
	// 672h (28 days), default 168h, and less than the interval is none.
	// +optional
	Backfill *metav1.Duration `json:"backfill,omitempty"`
}

// PrometheusHeader is a header of a request.
type PrometheusHeader struct {
	// Name of the header.
	Name string `json:"name"`
	// Value of the header. Credentials belong in a file.
	// +optional
	Value string `json:"value,omitempty"`
	// ValueFile holds the value; it is read again for every request, and needs https, as all credentials do.
	// +optional
	ValueFile string `json:"valueFile,omitempty"`
}

// PrometheusQueries are PromQL, for all nodes or all pods at once.
type PrometheusQueries struct {
	// Values by quantity: cpu (cores), memory (bytes), and as shares from 0 to 1 cpu_some,
	// cpu_full, memory_some, memory_full, io_some, io_full and throttled. Of pods also response_time (seconds), which
	// alone leaves the defaults of the others.
	// +optional
	Values map[string]string `json:"values,omitempty"`
	// Time of the measurement in seconds since 1970; default that of the query.
	// +optional
	Time string `json:"time,omitempty"`
}

// PrometheusLabels name the labels in the answers.
type PrometheusLabels struct {
	// +optional
	Node string `json:"node,omitempty"`
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// +optional
	Pod string `json:"pod,omitempty"`
	// +optional
	UID string `json:"uid,omitempty"`
}

// CheckpointArgs say where what was learned is kept.
type CheckpointArgs struct {
	// Path of the file, in a folder that exists; default none: a restart begins anew.
	// +optional
	Path string `json:"path,omitempty"`
	// Interval between saves; 1m–24h, default 10m.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// NodeIndexArgs configures the node index for a profile. It stands under the name NodeIndex
// in the profile's pluginConfig.
type NodeIndexArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Enabled (default) looks at every node for a pod, by an index; without it the profile
	// samples nodes as upstream does.
	// +optional
	Enabled *bool `json:"enabled,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ClaimsArgs says what pods may claim that takes from others. It stands under the name Claims in the pluginConfig of one
// profile and holds for all of them. A claim that is not allowed is ignored, with an event.
type ClaimsArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Objectives are claims by the label foresight-scheduler.dev/qos of more than the pod's QoS class gives, and by the
	// annotation foresight-scheduler.dev/response-time-objective. What a PriorityClass's annotation says always counts.
	// +optional
	Objectives ObjectiveClaims `json:"objectives,omitempty"`
	// Predictions are claims by the annotations foresight-scheduler.dev/predicted-cpu and predicted-memory of less than is
	// forecast, or of more than the pod's limit and request. Others may raise what is forecast up to these.
	// +optional
	Predictions NamespaceClaims `json:"predictions,omitempty"`
	// Overcommit are claims by the annotation foresight-scheduler.dev/overcommit, which only narrow where the pod may go.
	// Default: {namespaceSelector: {}}, all namespaces.
	// +optional
	Overcommit NamespaceClaims `json:"overcommit,omitempty"`
}

// ObjectiveClaims are allowed in the namespaces, and to pods of the PriorityClasses in any namespace.
type ObjectiveClaims struct {
	// NamespaceSelector selects namespaces by their labels; {} is all. Default: those labelled
	// foresight-scheduler.dev/claims: allowed.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// PriorityClasses by name. Default: none.
	// +optional
	// +listType=set
	PriorityClasses []string `json:"priorityClasses,omitempty"`
}

// NamespaceClaims are allowed in the namespaces.
type NamespaceClaims struct {
	// NamespaceSelector selects namespaces by their labels; {} is all. Default: those labelled
	// foresight-scheduler.dev/claims: allowed.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// DecisionsArgs says what is kept of decisions, for foresight explain. It stands under the name Decisions in the pluginConfig of
// one profile and holds for all of them.
type DecisionsArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Records that are kept, 10000 by default; 0–1000000, where 0 keeps none and serves nothing of decisions.
	// +optional
	Records *int32 `json:"records,omitempty"`
	// MaxBytes that records take together, estimated, 16777216 by default; 65536–1073741824. The oldest go first.
	// +optional
	MaxBytes *int64 `json:"maxBytes,omitempty"`
	// Candidates that are kept beside the chosen node, 3 by default; 1–20.
	// +optional
	Candidates *int32 `json:"candidates,omitempty"`
	// EvaluatePercent is the share of one CPU that evaluating decisions afterwards may take, 2 by default; 0–100, where 0
	// evaluates only for who asks.
	// +optional
	EvaluatePercent *int32 `json:"evaluatePercent,omitempty"`
	// Events is Sentence (the Scheduled event of a pod says why it is where it is, and the message of one that waits has figures of what
	// is predicted of nodes) or None (both are as kube-scheduler writes them). Default: Sentence.
	// +optional
	Events DecisionEvents `json:"events,omitempty"`
}

// DecisionEvents says what events and conditions of pods tell of decisions.
type DecisionEvents string

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// ShadowArgs makes the scheduler an onlooker: it places no pod and writes nothing, and decides about the pods that other schedulers
// place as if they were its own. It stands under the name Shadow in the pluginConfig of one profile and holds for the whole process.
type ShadowArgs struct {
	metav1.TypeMeta `json:",inline"`

	// SchedulerNames of the pods that it looks at, [default-scheduler] by default.
	// +optional
	// +listType=set
	SchedulerNames []string `json:"schedulerNames,omitempty"`
	// Decisions that are kept and followed, 50000 by default; 100–1000000. The oldest go first; what they came to until then stays
	// in the sums.
	// +optional
	Decisions *int32 `json:"decisions,omitempty"`
	// MaxBytes that they take together, estimated, 33554432 by default; 65536–1073741824.
	// +optional
	MaxBytes *int64 `json:"maxBytes,omitempty"`
	// CPUPercent is the share of one CPU that deciding may take, 50 by default; 1–100. Pods for which it does not suffice are passed
	// over and counted.
	// +optional
	CPUPercent *int32 `json:"cpuPercent,omitempty"`
}

// +k8s:deepcopy-gen:interfaces=k8s.io/apimachinery/pkg/runtime.Object

// RebalanceArgs moves pods off nodes that are about to suffer, to where the scheduler itself would put them. It stands under the name
// Rebalance in the pluginConfig of one profile and holds for the whole process.
type RebalanceArgs struct {
	metav1.TypeMeta `json:",inline"`

	// Mode is Off, Suggest (moves are found and told, and none is made) or Evict (pods are evicted through the Eviction API). Default: Off.
	// +optional
	Mode RebalanceMode `json:"mode,omitempty"`
	// Interval between two looks at the cluster, 5m by default; 10s–1h. A look finds one move at most.
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`
	// HorizonHours that are looked ahead, 3 by default; 1–8.
	// +optional
	HorizonHours *int32 `json:"horizonHours,omitempty"`
	// MinGainCoreMinutes is how much less CPU demand beyond what nodes run well at a move must leave, in core minutes over the horizon and
	// after its cost, 8 by default; 0–10000.
	// +optional
	MinGainCoreMinutes *int32 `json:"minGainCoreMinutes,omitempty"`
	// MinGainPercent is the same as a share of what the pod's going cures of its node, 30 by default; 0–100.
	// +optional
	MinGainPercent *int32 `json:"minGainPercent,omitempty"`
	// LostWork is how long a pod's work takes to be taken up elsewhere, 1m by default; 0–1h. A move costs what the pod uses in that time.
	// +optional
	LostWork *metav1.Duration `json:"lostWork,omitempty"`
	// MoveAgainAfter is how long a pod is not moved again, 6h by default; 0–168h. A pod that is younger when a leader begins counts as moved.
	// +optional
	MoveAgainAfter *metav1.Duration `json:"moveAgainAfter,omitempty"`
	// MaxMoves within an hour.
	// +optional
	MaxMoves RebalanceBudgets `json:"maxMoves,omitempty"`
	// MaxPriority of pods that move, 0 by default; at most 1000000000.
	// +optional
	MaxPriority *int32 `json:"maxPriority,omitempty"`
	// NamespaceSelector selects namespaces whose pods move by their labels; {} is all. Default: those labelled
	// foresight-scheduler.dev/rebalance: allowed.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
	// SchedulerNames of other schedulers whose pods move too, none by default. Their scheduler decides where they go: the gain is what the
	// first profile of this one would give.
	// +optional
	// +listType=set
	SchedulerNames []string `json:"schedulerNames,omitempty"`
	// Breaker stops moves that do not bring what they promised.
	// +optional
	Breaker RebalanceBreaker `json:"breaker,omitempty"`
	// Packing empties nodes, so that a cluster autoscaler can remove them.
	// +optional
	Packing RebalancePacking `json:"packing,omitempty"`
}

// RebalanceMode says what becomes of moves.
type RebalanceMode string

// RebalanceBudgets are how many pods move within an hour; each 1–1000.
type RebalanceBudgets struct {
	// PerHour in all, 4 by default.
	// +optional
	PerHour *int32 `json:"perHour,omitempty"`
	// PerNode from or to it, 2 by default.
	// +optional
	PerNode *int32 `json:"perNode,omitempty"`
	// PerWorkload, 1 by default.
	// +optional
	PerWorkload *int32 `json:"perWorkload,omitempty"`
	// PerNamespace, 4 by default.
	// +optional
	PerNamespace *int32 `json:"perNamespace,omitempty"`
}

// RebalancePacking empties nodes, one at a time, so that a cluster autoscaler can remove them.
type RebalancePacking struct {
	// Mode is Off, Suggest (nodes that could be emptied are told, and nothing is changed) or Evict (a node is marked by a taint, and its pods
	// are evicted through the Eviction API). It may not be more than the mode of the moves. Default: Off.
	// +optional
	Mode RebalanceMode `json:"mode,omitempty"`
	// NodeSelector selects nodes that may be emptied by their labels. Default: all.
	// +optional
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`
	// KeepNodes of those selected stay at least, 3 by default; 1–100000.
	// +optional
	KeepNodes *int32 `json:"keepNodes,omitempty"`
	// HeadroomPercent of the CPU and of the memory of the selected nodes that stay is not requested afterwards, 15 by default; 0–90.
	// +optional
	HeadroomPercent *int32 `json:"headroomPercent,omitempty"`
	// MaxHarmCoreMinutes is how much more CPU demand beyond what nodes run well at there may be within the horizon, over all nodes, 8 by
	// default; 0–10000.
	// +optional
	MaxHarmCoreMinutes *int32 `json:"maxHarmCoreMinutes,omitempty"`
	// MaxPods that have to leave a node, 10 by default; 1–100. Nodes with more stay.
	// +optional
	MaxPods *int32 `json:"maxPods,omitempty"`
	// PerHour is how many pods move for it within an hour, beside maxMoves.perHour, 12 by default; 1–1000. The budgets of a workload and of a namespace
	// in maxMoves hold for both.
	// +optional
	PerHour *int32 `json:"perHour,omitempty"`
	// MinNodeAge of nodes that are emptied, 1h by default; 0–720h.
	// +optional
	MinNodeAge *metav1.Duration `json:"minNodeAge,omitempty"`
	// GiveUpAfter is how long emptying a node may take, 3h by default; 10m–48h.
	// +optional
	GiveUpAfter metav1.Duration `json:"giveUpAfter,omitempty"`
	// HoldFor is how long an emptied node is kept out of use for the autoscaler, 1h by default; 1m–48h.
	// +optional
	HoldFor metav1.Duration `json:"holdFor,omitempty"`
}

// RebalanceBreaker stops moves that do not bring what they promised.
type RebalanceBreaker struct {
	// Moves that were followed to the end before it judges, 8 by default; 0–100, where 0 never does. Of more than twenty the last count.
	// +optional
	Moves *int32 `json:"moves,omitempty"`
	// MinPercent of the promised gain that they must bring, all together, 10 by default; 0–100.
	// +optional
	MinPercent *int32 `json:"minPercent,omitempty"`
	// Pause for which nothing moves then, 6h by default; 1m–168h.
	// +optional
	Pause metav1.Duration `json:"pause,omitempty"`
}
