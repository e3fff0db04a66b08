// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/config"
)

// SetDefaults_AffinityArgs leaves service affinity and anti-affinity off.
func SetDefaults_AffinityArgs(args *AffinityArgs) {
	if args.ServiceAntiAffinity.Weight == nil {
		args.ServiceAntiAffinity.Weight = ptr.To[int32](1)
	}
}

// SetDefaults_TaintsArgs lets predicted pressure only lower a score, and begins it at 90 %.
func SetDefaults_TaintsArgs(args *TaintsArgs) {
	if args.PredictedPressure.Effect == "" {
		args.PredictedPressure.Effect = corev1.TaintEffectPreferNoSchedule
	}
	if args.PredictedPressure.Max == nil {
		args.PredictedPressure.Max = cpuAndMemoryUpTo(90)
	}
}

// SetDefaults_ResourceFitArgs gives the strategy upstream's defaults, balances cpu
// and memory, leaves limits alone, and scores by predicted peaks where there are any.
func SetDefaults_ResourceFitArgs(args *ResourceFitArgs) {
	if args.ScoringStrategy.Type == "" {
		args.ScoringStrategy.Type = kubeschedulerv1.LeastAllocated
	}
	args.ScoringStrategy.Resources = defaultResources(args.ScoringStrategy.Resources)
	if args.BalancedAllocation.Weight == nil {
		args.BalancedAllocation.Weight = ptr.To[int32](1)
	}
	args.BalancedAllocation.Resources = defaultResources(args.BalancedAllocation.Resources)
	if args.LimitsGuard.Mode == "" {
		args.LimitsGuard.Mode = LimitsGuardMode(config.LimitsGuardNone)
		if len(args.LimitsGuard.Max) > 0 {
			args.LimitsGuard.Mode = LimitsGuardMode(config.LimitsGuardFilter)
		}
	}
	if args.PredictedPeak.Mode == "" {
		args.PredictedPeak.Mode = PredictedPeakMode(config.PredictedPeakScore)
	}
	if args.PredictedPeak.Score == "" {
		args.PredictedPeak.Score = PredictedPeakScoring(config.ScoreByStrategy)
		if args.ScoringStrategy.Type == kubeschedulerv1.LeastAllocated {
			args.PredictedPeak.Score = PredictedPeakScoring(config.ScoreByHarm)
		}
	}
	if args.PredictedPeak.Max == nil {
		args.PredictedPeak.Max = cpuAndMemoryUpTo(100)
	}
}

func cpuAndMemoryUpTo(percent int32) []PeakBound {
	return []PeakBound{
		{Resource: corev1.ResourceCPU, PercentOfAllocatable: percent},
		{Resource: corev1.ResourceMemory, PercentOfAllocatable: percent},
	}
}

const (
	// serviceAccountCA is a file that every pod with a service account has.
	serviceAccountCA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"
	// usageToken is where manifests/components/kubelet-usage mounts a token that kubelets may see.
	usageToken = "/var/run/secrets/foresight-scheduler.dev/kubelet-usage/token"
)

// SetDefaults_NodeIndexArgs turns the index on.
func SetDefaults_NodeIndexArgs(args *NodeIndexArgs) {
	if args.Enabled == nil {
		args.Enabled = ptr.To(true)
	}
}

// SetDefaults_PredictedQoSArgs judges decisions after 10 minutes and an hour.
func SetDefaults_PredictedQoSArgs(args *PredictedQoSArgs) {
	for field, otherwise := range map[**int32]int32{
		&args.MaxRiskPercent: 90, &args.Weights.Latency: 3, &args.Weights.Realtime: 5, &args.Weights.Availability: 3, &args.Weights.Batch: 1,
		&args.Feedback.Decisions: 10000, &args.NodeMetricsLimit: 5000,
	} {
		if *field == nil {
			*field = ptr.To(otherwise)
		}
	}
	if args.ScoreFrom == "" {
		args.ScoreFrom = QoSRung(config.QoSFromUtilisation)
	}
	if len(args.Feedback.Horizons) == 0 {
		args.Feedback.Horizons = []metav1.Duration{{Duration: 10 * time.Minute}, {Duration: time.Hour}}
	}
	defaultDuration(&args.Feedback.HalfLife, 6*time.Hour)
}

// SetDefaults_PredictionArgs reads metrics.k8s.io, and takes the windows of KEP 61 of
// scheduler-plugins. What is given as 0 stays, for validation to judge.
func SetDefaults_PredictionArgs(args *PredictionArgs) {
	u := &args.Usage
	if u.Source == "" {
		u.Source = UsageSourceType(config.UsageFromMetricsAPI)
	}
	defaultTo(&args.Percentile, 95)
	defaultTo(&args.NodeMetricsLimit, 5000)
	defaultDuration(&u.Interval, 30*time.Second)
	defaultDuration(&u.Window, 15*time.Minute)
	defaultDuration(&u.Expiry, 5*time.Minute)
	defaultDuration(&args.ColdStart, max(15*time.Minute, u.Interval.Duration))
	defaultDuration(&args.Checkpoint.Interval, 10*time.Minute)

	k := &u.Kubelet
	defaultTo(&k.Concurrency, 32)
	defaultDuration(&k.Timeout, min(5*time.Second, u.Interval.Duration))
	if k.CAFile == "" {
		k.CAFile = serviceAccountCA
	}
	if k.TokenFile == "" && k.CertFile == "" {
		k.TokenFile = usageToken
	}

	p := &u.Prometheus
	defaultDuration(&p.RateWindow, 5*time.Minute)
	defaultDuration(&p.QueryTimeout, 20*time.Second)
	defaultTo(&p.MaxSeries, 300_000)
	defaultDuration(&p.Backfill, 7*24*time.Hour)
}

// SetDefaults_ClaimsArgs has whoever may label a namespace allow its pods what takes from others.
func SetDefaults_ClaimsArgs(args *ClaimsArgs) {
	for _, selector := range []**metav1.LabelSelector{&args.Objectives.NamespaceSelector, &args.Predictions.NamespaceSelector} {
		if *selector == nil {
			*selector = &metav1.LabelSelector{MatchLabels: map[string]string{config.ClaimsLabel: config.ClaimsAllowed}}
		}
	}
	if args.Overcommit.NamespaceSelector == nil {
		args.Overcommit.NamespaceSelector = &metav1.LabelSelector{}
	}
}

func defaultDuration(d **metav1.Duration, otherwise time.Duration) {
	defaultTo(d, metav1.Duration{Duration: otherwise})
}

func defaultTo[T any](field **T, otherwise T) {
	if *field == nil {
		*field = &otherwise
	}
}

// defaultResources is upstream's defaulting of resource lists: cpu and memory where
// none is named, weight 1 where none is given.
func defaultResources(resources []kubeschedulerv1.ResourceSpec) []kubeschedulerv1.ResourceSpec {
	if len(resources) == 0 {
		return []kubeschedulerv1.ResourceSpec{
			{Name: string(corev1.ResourceCPU), Weight: 1},
			{Name: string(corev1.ResourceMemory), Weight: 1},
		}
	}
	for i := range resources {
		if resources[i].Weight == 0 {
			resources[i].Weight = 1
		}
	}
	return resources
}

// SetDefaults_DecisionsArgs keeps ten thousand decisions in 16 MiB.
func SetDefaults_DecisionsArgs(args *DecisionsArgs) {
	if args.Records == nil {
		args.Records = ptr.To[int32](10_000)
	}
	if args.MaxBytes == nil {
		args.MaxBytes = ptr.To[int64](16 << 20)
	}
	if args.Candidates == nil {
		args.Candidates = ptr.To[int32](3)
	}
	if args.EvaluatePercent == nil {
		args.EvaluatePercent = ptr.To[int32](2)
	}
	if args.Events == "" {
		args.Events = DecisionEvents(config.DecisionEventsSentence)
	}
}

// SetDefaults_ShadowArgs looks at the default scheduler's pods, and keeps fifty thousand of them in 32 MiB.
func SetDefaults_ShadowArgs(args *ShadowArgs) {
	if len(args.SchedulerNames) == 0 {
		args.SchedulerNames = []string{corev1.DefaultSchedulerName}
	}
	defaultTo(&args.Decisions, 50_000)
	defaultTo(&args.MaxBytes, 32<<20)
	defaultTo(&args.CPUPercent, 50)
}

// SetDefaults_RebalanceArgs moves nothing until it is told to, and then little.
func SetDefaults_RebalanceArgs(args *RebalanceArgs) {
	if args.Mode == "" {
		args.Mode = RebalanceMode(config.RebalanceOff)
	}
	if args.Interval.Duration == 0 {
		args.Interval.Duration = 5 * time.Minute
	}
	defaultTo(&args.HorizonHours, 3)
	defaultTo(&args.MinGainCoreMinutes, 8)
	defaultTo(&args.MinGainPercent, 30)
	defaultTo(&args.LostWork, metav1.Duration{Duration: time.Minute})
	defaultTo(&args.MoveAgainAfter, metav1.Duration{Duration: 6 * time.Hour})
	defaultTo(&args.MaxMoves.PerHour, 4)
	defaultTo(&args.MaxMoves.PerNode, 2)
	defaultTo(&args.MaxMoves.PerWorkload, 1)
	defaultTo(&args.MaxMoves.PerNamespace, 4)
	defaultTo(&args.MaxPriority, 0)
	if args.NamespaceSelector == nil {
		args.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"foresight-scheduler.dev/rebalance": "allowed"}}
	}
	defaultTo(&args.Breaker.Moves, 8)
	defaultTo(&args.Breaker.MinPercent, 10)
	if args.Breaker.Pause.Duration == 0 {
		args.Breaker.Pause.Duration = 6 * time.Hour
	}
	p := &args.Packing
	if p.Mode == "" {
		p.Mode = RebalanceMode(config.RebalanceOff)
	}
	if p.NodeSelector == nil {
		p.NodeSelector = &metav1.LabelSelector{}
	}
	defaultTo(&p.KeepNodes, 3)
	defaultTo(&p.HeadroomPercent, 15)
	defaultTo(&p.MaxHarmCoreMinutes, 8)
	defaultTo(&p.MaxPods, 10)
	defaultTo(&p.PerHour, 12)
	defaultTo(&p.MinNodeAge, metav1.Duration{Duration: time.Hour})
	if p.GiveUpAfter.Duration == 0 {
		p.GiveUpAfter.Duration = 3 * time.Hour
	}
	if p.HoldFor.Duration == 0 {
		p.HoldFor.Duration = time.Hour
	}
}
