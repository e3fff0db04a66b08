// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/diff"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"

	"github.com/foresight-scheduler/foresight/config"
)

// decode reads YAML as kube-scheduler reads plugin args: strictly, with defaults,
// into the internal type.
func decode(t *testing.T, yaml string) (runtime.Object, error) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := config.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	return runtime.Decode(codecs.UniversalDecoder(config.SchemeGroupVersion), []byte(yaml))
}

const header = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: "

// What a user writes arrives in the internal type, and what is left out has its default.
func TestDecode(t *testing.T) {
	cpuAndMemory := []kubeschedulerv1.ResourceSpec{{Name: "cpu", Weight: 1}, {Name: "memory", Weight: 1}}
	upTo := func(percent int32) []config.PeakBound {
		return []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: percent}, {Resource: "memory", PercentOfAllocatable: percent}}
	}
	predictedPeak := config.PredictedPeak{Mode: config.PredictedPeakScore, Score: config.ScoreByHarm, Max: upTo(100)}
	tests := []struct {
		name, yaml string
		want       runtime.Object
	}{
		{name: "Affinity, all defaults", yaml: "AffinityArgs",
			want: &config.AffinityArgs{ServiceAntiAffinity: config.ServiceAntiAffinity{Weight: 1}}},
		{name: "Affinity, all fields", yaml: `AffinityArgs
addedAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
    - matchExpressions: [{key: pool, operator: In, values: [batch]}]
serviceAffinity:
  labels: [topology.kubernetes.io/zone]
serviceAntiAffinity:
  labels: [rack, kubernetes.io/hostname]
  weight: 7
`, want: &config.AffinityArgs{
			AddedAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{
					{Key: "pool", Operator: corev1.NodeSelectorOpIn, Values: []string{"batch"}}}}}}},
			ServiceAffinity:     config.ServiceAffinity{Labels: []string{"topology.kubernetes.io/zone"}},
			ServiceAntiAffinity: config.ServiceAntiAffinity{Labels: []string{"rack", "kubernetes.io/hostname"}, Weight: 7},
		}},
		{name: "Affinity, a weight of 0 stays, for validation to refuse", yaml: "AffinityArgs\nserviceAntiAffinity: {weight: 0}",
			want: &config.AffinityArgs{}},
		{name: "Taints, all defaults", yaml: "TaintsArgs",
			want: &config.TaintsArgs{PredictedPressure: config.PredictedPressure{Effect: corev1.TaintEffectPreferNoSchedule, Max: upTo(90)}}},
		{name: "Taints, all fields", yaml: "TaintsArgs\npredictedPressure: {effect: NoSchedule, max: [{resource: cpu, percentOfAllocatable: 70}]}",
			want: &config.TaintsArgs{PredictedPressure: config.PredictedPressure{Effect: corev1.TaintEffectNoSchedule, Max: []config.PeakBound{{Resource: "cpu", PercentOfAllocatable: 70}}}}},
		{name: "PredictedQoS, all defaults", yaml: "PredictedQoSArgs", want: &config.PredictedQoSArgs{
			MaxRiskPercent: 90, Weights: config.QoSWeights{Latency: 3, Realtime: 5, Availability: 3, Batch: 1},
			Feedback:         config.QoSFeedback{Horizons: []metav1.Duration{{Duration: 10 * time.Minute}, {Duration: time.Hour}}, Decisions: 10000, HalfLife: metav1.Duration{Duration: 6 * time.Hour}},
			NodeMetricsLimit: 5000, ScoreFrom: config.QoSFromUtilisation,
		}},
		{name: "PredictedQoS, all fields", yaml: `PredictedQoSArgs
modelFile: /m.json
scoreFrom: Model
maxRiskPercent: 50
weights: {latency: 1, realtime: 2, availability: 0, batch: 4}
feedback: {horizons: [1m], decisions: 500, halfLife: 1h, responseTimeObjective: 200ms, observationsFile: /o.json}
nodeMetricsLimit: 0
objectives: [{namespaces: [shop], workload: Deployment/web, priorityClassName: critical, objective: latency, responseTime: 200ms, maxThrottledPercent: 1},
  {name: pay-p99, priorityClassName: critical, query: 'p99{x="$window"}', atMost: 200m, unit: seconds}]
`, want: &config.PredictedQoSArgs{
			Objectives: []config.QoSObjective{{Namespaces: []string{"shop"}, Workload: "Deployment/web", PriorityClassName: "critical", Objective: "latency",
				ResponseTime: metav1.Duration{Duration: 200 * time.Millisecond}, MaxThrottledPercent: 1},
				{Name: "pay-p99", PriorityClassName: "critical", Query: `p99{x="$window"}`, AtMost: resource.MustParse("200m"), Unit: "seconds"}},
			ModelFile: "/m.json", ScoreFrom: config.QoSFromModel, MaxRiskPercent: 50, Weights: config.QoSWeights{Latency: 1, Realtime: 2, Availability: 0, Batch: 4},
			Feedback: config.QoSFeedback{Horizons: []metav1.Duration{{Duration: time.Minute}}, Decisions: 500, HalfLife: metav1.Duration{Duration: time.Hour},
				ResponseTimeObjective: metav1.Duration{Duration: 200 * time.Millisecond}, ObservationsFile: "/o.json"},
		}},
		{name: "ResourceFit, all defaults", yaml: "ResourceFitArgs",
			want: &config.ResourceFitArgs{
				ScoringStrategy:    kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: cpuAndMemory},
				BalancedAllocation: config.BalancedAllocation{Weight: 1, Resources: cpuAndMemory},
				LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardNone},
				PredictedPeak:      predictedPeak,
			}},
		{name: "ResourceFit, all fields", yaml: `ResourceFitArgs
ignoredResources: [example.com/foo]
ignoredResourceGroups: [example.org]
scoringStrategy:
  type: RequestedToCapacityRatio
  resources: [{name: example.com/gpu, weight: 5}, {name: cpu}]
  requestedToCapacityRatio:
    shape: [{utilization: 0, score: 0}, {utilization: 100, score: 10}]
balancedAllocation:
  weight: 0
  resources: [{name: memory}]
limitsGuard:
  mode: Score
  max: [{resource: cpu, percentOfAllocatable: 300}]
predictedPeak:
  mode: Filter
  max: [{resource: memory, percentOfAllocatable: 80}]
  heldOutPercent: 10
`, want: &config.ResourceFitArgs{
			IgnoredResources: []string{"example.com/foo"}, IgnoredResourceGroups: []string{"example.org"},
			ScoringStrategy: kubeschedulerv1.ScoringStrategy{
				Type:      kubeschedulerv1.RequestedToCapacityRatio,
				Resources: []kubeschedulerv1.ResourceSpec{{Name: "example.com/gpu", Weight: 5}, {Name: "cpu", Weight: 1}},
				RequestedToCapacityRatio: &kubeschedulerv1.RequestedToCapacityRatioParam{Shape: []kubeschedulerv1.UtilizationShapePoint{
					{Utilization: 0, Score: 0}, {Utilization: 100, Score: 10}}},
			},
			BalancedAllocation: config.BalancedAllocation{Weight: 0, Resources: []kubeschedulerv1.ResourceSpec{{Name: "memory", Weight: 1}}},
			LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardScore, Max: []config.LimitsBound{{Resource: "cpu", PercentOfAllocatable: 300}}},
			PredictedPeak:      config.PredictedPeak{Mode: config.PredictedPeakFilter, Score: config.ScoreByStrategy, Max: []config.PeakBound{{Resource: "memory", PercentOfAllocatable: 80}}, HeldOutPercent: 10},
		}},
		{name: "ResourceFit, bounds without a mode refuse nodes", yaml: "ResourceFitArgs\nlimitsGuard: {max: [{resource: memory, percentOfAllocatable: 100}]}",
			want: &config.ResourceFitArgs{
				ScoringStrategy:    kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: cpuAndMemory},
				BalancedAllocation: config.BalancedAllocation{Weight: 1, Resources: cpuAndMemory},
				LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardFilter, Max: []config.LimitsBound{{Resource: "memory", PercentOfAllocatable: 100}}},
				PredictedPeak:      predictedPeak,
			}},
		{name: "ResourceFit, bounds under mode None stay off", yaml: "ResourceFitArgs\nlimitsGuard: {mode: None, max: [{resource: memory, percentOfAllocatable: 100}]}",
			want: &config.ResourceFitArgs{
				ScoringStrategy:    kubeschedulerv1.ScoringStrategy{Type: kubeschedulerv1.LeastAllocated, Resources: cpuAndMemory},
				BalancedAllocation: config.BalancedAllocation{Weight: 1, Resources: cpuAndMemory},
				LimitsGuard:        config.LimitsGuard{Mode: config.LimitsGuardNone, Max: []config.LimitsBound{{Resource: "memory", PercentOfAllocatable: 100}}},
				PredictedPeak:      predictedPeak,
			}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(t, header+tc.yaml)
			if err != nil {
				t.Fatal(err)
			}
			if !equality.Semantic.DeepEqual(got, tc.want) {
				t.Errorf("want (-) and got (+) differ:\n%s", diff.Diff(tc.want, got))
			}
		})
	}
}

// A typo must not pass for a default.
func TestDecodeRefuses(t *testing.T) {
	tests := []struct{ name, yaml, says string }{
		{"an unknown field at the top", "AffinityArgs\nserviceAfinity: {labels: [zone]}", `unknown field "serviceAfinity"`},
		{"an unknown field below", "AffinityArgs\nserviceAffinity: {label: [zone]}", `unknown field "serviceAffinity.label"`},
		{"an unknown field of Taints", "TaintsArgs\npredictedPressure: {efect: NoSchedule}", `unknown field "predictedPressure.efect"`},
		{"an unknown field in a list", "ResourceFitArgs\nlimitsGuard: {max: [{resource: cpu, percent: 100}]}", `unknown field "limitsGuard.max[0].percent"`},
		{"a field given twice", "TaintsArgs\npredictedPressure: {effect: NoSchedule, effect: PreferNoSchedule}", `"effect" already set`},
		{"a word for a number", "AffinityArgs\nserviceAntiAffinity: {weight: high}", "cannot unmarshal string"},
		{"a kind that is not there", "QualityArgs", `no kind "QualityArgs" is registered`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decode(t, header+tc.yaml)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got error %v, want one that says %q", err, tc.says)
			}
		})
	}
}

// The engine's args, with the defaults of each source.
func TestDecodePrediction(t *testing.T) {
	got, err := decode(t, header+`PredictionArgs
usage:
  source: Prometheus
  kubelet: {certFile: cert, keyFile: key}
  prometheus: {url: "https://prometheus:9090", pods: {values: {cpu: "rate(x[$window])"}}, labels: {node: instance}}
checkpoint: {path: /var/lib/foresight/checkpoint}
`)
	if err != nil {
		t.Fatal(err)
	}
	args := got.(*config.PredictionArgs)
	if errs := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), args); len(errs) > 0 {
		t.Errorf("with defaults refused: %v", errs)
	}
	u := &args.Usage
	if u.Source != config.UsageFromPrometheus || args.Percentile != 95 || args.Checkpoint.Path != "/var/lib/foresight/checkpoint" ||
		u.Prometheus.Pods.Values["cpu"] != "rate(x[$window])" || u.Prometheus.Labels.Node != "instance" || u.Prometheus.MaxSeries != 300_000 ||
		u.Kubelet.TokenFile != "" || u.Kubelet.CertFile != "cert" || u.Kubelet.CAFile == "" || u.Kubelet.Concurrency != 32 {
		t.Errorf("%+v", args)
	}
	for _, source := range []string{"MetricsAPI", "Kubelet", "None"} {
		got, err := decode(t, header+"PredictionArgs\nusage: {source: "+source+"}")
		if err != nil {
			t.Fatal(err)
		}
		if errs := config.ValidatePredictionArgs(config.ArgsPath("Prediction"), got.(*config.PredictionArgs)); len(errs) > 0 {
			t.Errorf("%s with defaults refused: %v", source, errs)
		}
	}
}

// What is given as nothing is not replaced by a default: it is refused, or means what it says.
func TestZeroIsNoDefault(t *testing.T) {
	for text, says := range map[string]string{
		"percentile: 0":              "args.percentile: Invalid value: 0",
		"coldStart: 0s":              `args.coldStart: Invalid value: "0s"`,
		"checkpoint: {interval: 0s}": `args.checkpoint.interval: Invalid value: "0s"`,
		"usage: {interval: 0s}":      `args.usage.interval: Invalid value: "0s"`,
		"usage: {window: 0s}":        `args.usage.window: Invalid value: "0s"`,
		"usage: {expiry: 0s}":        `args.usage.expiry: Invalid value: "0s"`,
		"usage: {source: Kubelet, kubelet: {concurrency: 0}}":                          "args.usage.kubelet.concurrency: Invalid value: 0",
		"usage: {source: Kubelet, kubelet: {timeout: 0s}}":                             `args.usage.kubelet.timeout: Invalid value: "0s"`,
		"usage: {source: Prometheus, prometheus: {url: 'http://p', rateWindow: 0s}}":   `args.usage.prometheus.rateWindow: Invalid value: "0s"`,
		"usage: {source: Prometheus, prometheus: {url: 'http://p', queryTimeout: 0s}}": `args.usage.prometheus.queryTimeout: Invalid value: "0s"`,
		"usage: {source: Prometheus, prometheus: {url: 'http://p', maxSeries: 0}}":     "args.usage.prometheus.maxSeries: Invalid value: 0",
		"usage: {source: Prometheus, prometheus: {url: 'http://p', backfill: 0s}}":     "", // none
	} {
		got, err := decode(t, header+"PredictionArgs\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		err = config.ValidatePredictionArgs(config.ArgsPath("Prediction"), got.(*config.PredictionArgs)).ToAggregate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
		if says == "" && got.(*config.PredictionArgs).Usage.Prometheus.Backfill.Duration != 0 {
			t.Errorf("%s became %s", text, got.(*config.PredictionArgs).Usage.Prometheus.Backfill.Duration)
		}
	}
	qos, err := decode(t, header+"PredictedQoSArgs\nfeedback: {halfLife: 0s}")
	if err != nil {
		t.Fatal(err)
	}
	if errs := config.ValidatePredictedQoSArgs(config.ArgsPath("PredictedQoS"), qos.(*config.PredictedQoSArgs)); len(errs) != 1 {
		t.Errorf("a half-life of nothing: %v", errs)
	}
}

// Without args, namespaces that carry the label may claim what takes from others, and all may narrow where they go.
func TestDecodeClaims(t *testing.T) {
	got, err := decode(t, header+"ClaimsArgs\nobjectives: {priorityClasses: [gold]}\npredictions: {namespaceSelector: {}}")
	if err != nil {
		t.Fatal(err)
	}
	labelled := &metav1.LabelSelector{MatchLabels: map[string]string{"foresight-scheduler.dev/claims": "allowed"}}
	want := &config.ClaimsArgs{
		Objectives:  config.ObjectiveClaims{NamespaceSelector: labelled, PriorityClasses: []string{"gold"}},
		Predictions: config.NamespaceClaims{NamespaceSelector: &metav1.LabelSelector{}}, Overcommit: config.NamespaceClaims{NamespaceSelector: &metav1.LabelSelector{}},
	}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("want (-) and got (+) differ:\n%s", diff.Diff(want, got))
	}
	bad := &config.ClaimsArgs{
		Objectives:  config.ObjectiveClaims{PriorityClasses: []string{"a", "a", "B"}},
		Predictions: config.NamespaceClaims{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": ""}}},
	}
	err = config.ValidateClaimsArgs(config.ArgsPath("Claims"), bad).ToAggregate()
	for _, says := range []string{"args.objectives.priorityClasses[1]: Duplicate", `args.objectives.priorityClasses[2]: Invalid value: "B"`, "args.predictions.namespaceSelector.matchLabels: Invalid"} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// An onlooker without args looks at the default scheduler's pods; what cannot be is refused by its field.
func TestDecodeShadow(t *testing.T) {
	got, err := decode(t, header+"ShadowArgs\ncpuPercent: 20")
	if err != nil {
		t.Fatal(err)
	}
	want := &config.ShadowArgs{SchedulerNames: []string{"default-scheduler"}, Decisions: 50_000, MaxBytes: 32 << 20, CPUPercent: 20}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("want (-) and got (+) differ:\n%s", diff.Diff(want, got))
	}
	if errs := config.ValidateShadowArgs(config.ArgsPath("Shadow"), want); len(errs) > 0 {
		t.Errorf("with defaults refused: %v", errs)
	}
	bad := &config.ShadowArgs{SchedulerNames: []string{"a", "a", "B"}, Decisions: 99, MaxBytes: 1, CPUPercent: 0}
	err = config.ValidateShadowArgs(config.ArgsPath("Shadow"), bad).ToAggregate()
	for _, says := range []string{
		"args.schedulerNames[1]: Duplicate", `args.schedulerNames[2]: Invalid value: "B"`, "args.decisions: Invalid value: 99", "args.maxBytes: Invalid value: 1", "args.cpuPercent: Invalid value: 0",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// The rebalancer is off until it is told to work, and then careful; what cannot be is refused by its field.
func TestDecodeRebalance(t *testing.T) {
	got, err := decode(t, header+"RebalanceArgs\nmode: Suggest\nmaxMoves: {perHour: 2}")
	if err != nil {
		t.Fatal(err)
	}
	want := &config.RebalanceArgs{
		Mode: config.RebalanceSuggest, Interval: metav1.Duration{Duration: 5 * time.Minute}, HorizonHours: 3, MinGainCoreMinutes: 8, MinGainPercent: 30,
		LostWork: metav1.Duration{Duration: time.Minute}, MoveAgainAfter: metav1.Duration{Duration: 6 * time.Hour},
		MaxMoves:          config.RebalanceBudgets{PerHour: 2, PerNode: 2, PerWorkload: 1, PerNamespace: 4},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"foresight-scheduler.dev/rebalance": "allowed"}},
		Breaker:           config.RebalanceBreaker{Moves: 8, MinPercent: 10, Pause: metav1.Duration{Duration: 6 * time.Hour}},
		Packing: config.RebalancePacking{
			Mode: config.RebalanceOff, NodeSelector: &metav1.LabelSelector{}, KeepNodes: 3, HeadroomPercent: 15, MaxHarmCoreMinutes: 8, MaxPods: 10, PerHour: 12,
			MinNodeAge: metav1.Duration{Duration: time.Hour}, GiveUpAfter: metav1.Duration{Duration: 3 * time.Hour}, HoldFor: metav1.Duration{Duration: time.Hour},
		},
	}
	if !equality.Semantic.DeepEqual(got, want) {
		t.Errorf("want (-) and got (+) differ:\n%s", diff.Diff(want, got))
	}
	if errs := config.ValidateRebalanceArgs(config.ArgsPath("Rebalance"), want); len(errs) > 0 {
		t.Errorf("with defaults refused: %v", errs)
	}
	if off, err := decode(t, header+"RebalanceArgs"); err != nil || off.(*config.RebalanceArgs).Mode != config.RebalanceOff {
		t.Errorf("%+v, %v", off, err)
	}
	bad := &config.RebalanceArgs{
		Mode: "Sometimes", Interval: metav1.Duration{Duration: time.Second}, MaxPriority: 2_000_000_000, SchedulerNames: []string{"a", "a", "B"},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": ""}},
		Packing:           config.RebalancePacking{NodeSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"a b": ""}}, MinNodeAge: metav1.Duration{Duration: -1}},
	}
	err = config.ValidateRebalanceArgs(config.ArgsPath("Rebalance"), bad).ToAggregate()
	for _, says := range []string{
		`args.mode: Unsupported value: "Sometimes"`, `args.interval: Invalid value: "1s"`, "args.horizonHours: Invalid value: 0", "args.maxPriority: Invalid value", "args.maxMoves.perHour: Invalid value: 0",
		"args.breaker.pause: Invalid", "args.schedulerNames[1]: Duplicate", `args.schedulerNames[2]: Invalid value: "B"`, "args.namespaceSelector.matchLabels: Invalid",
		"args.packing.giveUpAfter: Invalid", "args.packing.holdFor: Invalid", "args.packing.keepNodes: Invalid value: 0", "args.packing.nodeSelector.matchLabels: Invalid", "args.packing.minNodeAge: Invalid",
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %s", err, says)
		}
	}
}

// Nodes are emptied as far as pods are moved, and no further.
func TestPackingIsNoMoreThanMoves(t *testing.T) {
	for text, says := range map[string]string{
		"mode: Suggest\npacking: {mode: Evict}":    `args.packing.mode: Invalid value: "Evict": more than`,
		"packing: {mode: Suggest}":                 `args.packing.mode: Invalid value: "Suggest": more than`,
		"mode: Evict\npacking: {mode: Sometimes}":  `args.packing.mode: Unsupported value: "Sometimes"`,
		"mode: Evict\npacking: {mode: Evict}":      "",
		"mode: Evict\npacking: {mode: Suggest}":    "",
		"mode: Suggest\npacking: {mode: Suggest}":  "",
		"mode: Suggest\npacking: {maxPods: 0}":     "args.packing.maxPods: Invalid value: 0",
		"mode: Suggest\npacking: {perHour: 1001}":  "args.packing.perHour: Invalid value: 1001",
		"mode: Evict\npacking: {keepNodes: 0}":     "args.packing.keepNodes: Invalid value: 0",
		"mode: Evict\npacking: {giveUpAfter: 1m}":  "args.packing.giveUpAfter: Invalid",
		"packing: {headroomPercent: 91}":           "args.packing.headroomPercent: Invalid value: 91",
		"packing: {maxHarmCoreMinutes: -1}":        "args.packing.maxHarmCoreMinutes: Invalid value: -1",
		"mode: Suggest\npacking: {holdFor: 1000h}": "args.packing.holdFor: Invalid",
	} {
		got, err := decode(t, header+"RebalanceArgs\n"+text)
		if err != nil {
			t.Fatal(text, err)
		}
		err = config.ValidateRebalanceArgs(config.ArgsPath("Rebalance"), got.(*config.RebalanceArgs)).ToAggregate()
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}
