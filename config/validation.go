// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// nativeResources are the ones without a domain that a node has an amount of.
var nativeResources = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}

const (
	maxWeight      = 100
	maxPercent     = 10000
	maxPeakPercent = 1000
	// maxHeldOutPercent leaves predictions the larger part.
	maxHeldOutPercent = 50
)

// ArgsPath is where the args of a plugin stand in a profile.
func ArgsPath(plugin string) *field.Path {
	return field.NewPath("pluginConfig").Key(plugin).Child("args")
}

// ValidateAffinityArgs checks what upstream's NodeAffinity does not check itself.
func ValidateAffinityArgs(path *field.Path, args *AffinityArgs) field.ErrorList {
	errs := ValidateLabelKeys(path.Child("serviceAffinity", "labels"), args.ServiceAffinity.Labels)
	anti := path.Child("serviceAntiAffinity")
	errs = append(errs, ValidateLabelKeys(anti.Child("labels"), args.ServiceAntiAffinity.Labels)...)
	return append(errs, validateRange(anti.Child("weight"), args.ServiceAntiAffinity.Weight, 1, maxWeight)...)
}

// ValidateLabelKeys checks a set of node label keys.
func ValidateLabelKeys(path *field.Path, keys []string) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, key := range keys {
		errs = append(errs, metav1validation.ValidateLabelName(key, path.Index(i))...)
		if seen.Has(key) {
			errs = append(errs, field.Duplicate(path.Index(i), key))
		}
		seen.Insert(key)
	}
	return errs
}

// ValidateTaintsArgs checks the args of the Taints plugin.
func ValidateTaintsArgs(path *field.Path, args *TaintsArgs) field.ErrorList {
	// NoExecute would promise an eviction, and a scheduler evicts nobody for a forecast.
	supported := []corev1.TaintEffect{corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoSchedule}
	pressure := path.Child("predictedPressure")
	errs := validatePeakBounds(pressure.Child("max"), args.PredictedPressure.Max)
	if effect := args.PredictedPressure.Effect; !slices.Contains(supported, effect) {
		errs = append(errs, field.NotSupported(pressure.Child("effect"), effect, supported))
	}
	return errs
}

// ValidateResourceFitArgs checks what upstream's NodeResourcesFit does not check itself.
func ValidateResourceFitArgs(path *field.Path, args *ResourceFitArgs) field.ErrorList {
	balanced := path.Child("balancedAllocation")
	errs := validateRange(balanced.Child("weight"), args.BalancedAllocation.Weight, 0, maxWeight)
	errs = append(errs, validateBalancedResources(balanced.Child("resources"), args.BalancedAllocation.Resources)...)
	errs = append(errs, validateLimitsGuard(path.Child("limitsGuard"), &args.LimitsGuard)...)
	return append(errs, validatePredictedPeak(path.Child("predictedPeak"), &args.PredictedPeak, args.ScoringStrategy.Type)...)
}

func validatePredictedPeak(path *field.Path, peak *PredictedPeak, strategy kubeschedulerv1.ScoringStrategyType) field.ErrorList {
	errs := append(validatePeakBounds(path.Child("max"), peak.Max), validateRange(path.Child("heldOutPercent"), peak.HeldOutPercent, 0, maxHeldOutPercent)...)
	if peak.HeldOutPercent > 0 && peak.Mode == PredictedPeakNone {
		errs = append(errs, field.Invalid(path.Child("heldOutPercent"), peak.HeldOutPercent, "nothing is predicted in mode None"))
	}
	modes := []PredictedPeakMode{PredictedPeakNone, PredictedPeakScore, PredictedPeakFilter}
	if !slices.Contains(modes, peak.Mode) {
		errs = append(errs, field.NotSupported(path.Child("mode"), peak.Mode, modes))
	}
	switch scorings := []PredictedPeakScoring{ScoreByHarm, ScoreByStrategy}; {
	case peak.Mode == PredictedPeakNone && peak.Score == "":
		// Nothing is scored by it.
	case !slices.Contains(scorings, peak.Score):
		errs = append(errs, field.NotSupported(path.Child("score"), peak.Score, scorings))
	case peak.Score == ScoreByHarm && strategy != kubeschedulerv1.LeastAllocated:
		errs = append(errs, field.Invalid(path.Child("score"), peak.Score, fmt.Sprintf("spreads, and the scoring strategy %s does not: want Strategy", strategy)))
	}
	return errs
}

func validatePeakBounds(path *field.Path, bounds []PeakBound) field.ErrorList {
	var errs field.ErrorList
	predicted := []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory}
	seen := sets.New[corev1.ResourceName]()
	for i, b := range bounds {
		p := path.Index(i)
		if !slices.Contains(predicted, b.Resource) {
			errs = append(errs, field.NotSupported(p.Child("resource"), b.Resource, predicted))
		}
		errs = append(errs, validateRange(p.Child("percentOfAllocatable"), b.PercentOfAllocatable, 1, maxPeakPercent)...)
		if seen.Has(b.Resource) {
			errs = append(errs, field.Duplicate(p.Child("resource"), b.Resource))
		}
		seen.Insert(b.Resource)
	}
	return errs
}

func validateBalancedResources(path *field.Path, resources []kubeschedulerv1.ResourceSpec) field.ErrorList {
	var errs field.ErrorList
	seen := sets.New[string]()
	for i, r := range resources {
		errs = append(errs, validateResourceName(path.Index(i).Child("name"), r.Name)...)
		if r.Weight != 1 {
			errs = append(errs, field.Invalid(path.Index(i).Child("weight"), r.Weight, "must be 1: balancing knows no weights"))
		}
		if seen.Has(r.Name) {
			errs = append(errs, field.Duplicate(path.Index(i).Child("name"), r.Name))
		}
		seen.Insert(r.Name)
	}
	return errs
}

func validateLimitsGuard(path *field.Path, guard *LimitsGuard) field.ErrorList {
	var errs field.ErrorList
	switch guard.Mode {
	case LimitsGuardNone:
	case LimitsGuardScore, LimitsGuardFilter:
		if len(guard.Max) == 0 {
			errs = append(errs, field.Required(path.Child("max"), fmt.Sprintf("mode %s needs a bound for at least one resource", guard.Mode)))
		}
	default:
		errs = append(errs, field.NotSupported(path.Child("mode"), guard.Mode,
			[]LimitsGuardMode{LimitsGuardNone, LimitsGuardScore, LimitsGuardFilter}))
	}
	seen := sets.New[corev1.ResourceName]()
	for i, bound := range guard.Max {
		p := path.Child("max").Index(i)
		errs = append(errs, validateResourceName(p.Child("resource"), string(bound.Resource))...)
		errs = append(errs, validateRange(p.Child("percentOfAllocatable"), bound.PercentOfAllocatable, 1, maxPercent)...)
		if seen.Has(bound.Resource) {
			errs = append(errs, field.Duplicate(p.Child("resource"), bound.Resource))
		}
		seen.Insert(bound.Resource)
	}
	return errs
}

const (
	maxObjectives = 100
	maxQuery      = 4096 // bytes
)

func validateQoSObjectives(path *field.Path, objectives []QoSObjective) field.ErrorList {
	var errs field.ErrorList
	if len(objectives) > maxObjectives {
		errs = append(errs, field.TooMany(path, len(objectives), maxObjectives))
	}
	names := sets.New[string]()
	for i := range objectives {
		o, at := &objectives[i], path.Index(i)
		if names.Has(o.Name) {
			errs = append(errs, field.Duplicate(at.Child("name"), o.Name))
		}
		if o.Name != "" {
			names.Insert(o.Name)
			for _, message := range validation.IsDNS1123Label(o.Name) {
				errs = append(errs, field.Invalid(at.Child("name"), o.Name, message))
			}
		}
		errs = append(errs, validateQuery(at, o)...)
		for k, name := range o.Namespaces {
			for _, message := range validation.IsDNS1123Label(name) {
				errs = append(errs, field.Invalid(at.Child("namespaces").Index(k), name, message))
			}
		}
		if kind, name, ok := strings.Cut(o.Workload, "/"); o.Workload != "" && (!ok || kind == "" || name == "" || strings.Contains(name, "/")) {
			errs = append(errs, field.Invalid(at.Child("workload"), o.Workload, "want KIND/NAME, such as Deployment/web"))
		}
		// An ownerReference is written by the pod's author, in whatever namespace.
		if o.Workload != "" && len(o.Namespaces) == 0 {
			errs = append(errs, field.Required(at.Child("namespaces"), "beside workload: whoever may create a pod says who its controller is"))
		}
		if o.Objective != "" && !slices.Contains(QoSObjectives, o.Objective) {
			errs = append(errs, field.NotSupported(at.Child("objective"), o.Objective, QoSObjectives))
		}
		errs = append(errs, validateDuration(at.Child("responseTime"), o.ResponseTime, 0, time.Hour)...)
		if o.ResponseTime.Duration > 0 && o.Objective != "" && o.Objective != QoSObjectives[0] {
			errs = append(errs, field.Invalid(at.Child("responseTime"), o.ResponseTime.Duration.String(), "only latency pods have a response time"))
		}
		errs = append(errs, validateRange(at.Child("maxThrottledPercent"), o.MaxThrottledPercent, 0, 100)...)
		if o.Objective == "" && o.ResponseTime.Duration == 0 && o.MaxThrottledPercent == 0 && o.Query == "" {
			errs = append(errs, field.Required(at, "one of objective, responseTime, maxThrottledPercent and query"))
		}
	}
	return errs
}

// validateQuery checks what an objective measures by its own query. What the query means only the server can tell.
func validateQuery(at *field.Path, o *QoSObjective) (errs field.ErrorList) {
	if o.Query == "" {
		if !o.AtMost.IsZero() {
			errs = append(errs, field.Forbidden(at.Child("atMost"), "without query"))
		}
		if o.Unit != "" {
			errs = append(errs, field.Forbidden(at.Child("unit"), "without query"))
		}
		return errs
	}
	if strings.TrimSpace(o.Query) == "" {
		errs = append(errs, field.Required(at.Child("query"), "PromQL, or no query"))
	}
	if len(o.Query) > maxQuery {
		errs = append(errs, field.TooLong(at.Child("query"), "", maxQuery))
	}
	if o.Name == "" {
		errs = append(errs, field.Required(at.Child("name"), "with query: metrics and commands tell of it by that"))
	}
	// A quantity beyond what a float64 holds is infinite, and nothing is above that.
	if most := o.AtMost.AsApproximateFloat64(); !(most > 0) || math.IsInf(most, 0) {
		errs = append(errs, field.Invalid(at.Child("atMost"), o.AtMost.String(), "with query: a number above 0"))
	}
	if o.Unit != "" && !slices.Contains(QoSUnits, o.Unit) {
		errs = append(errs, field.NotSupported(at.Child("unit"), o.Unit, QoSUnits))
	}
	if o.ResponseTime.Duration > 0 {
		errs = append(errs, field.Forbidden(at.Child("responseTime"), "with query: atMost says what its answer may be"))
	}
	return errs
}

// ValidatePredictedQoSArgs checks the args of the PredictedQoS plugin.
func ValidatePredictedQoSArgs(path *field.Path, args *PredictedQoSArgs) field.ErrorList {
	errs := validateRange(path.Child("maxRiskPercent"), args.MaxRiskPercent, 1, 100)
	if rungs := []QoSRung{QoSFromUtilisation, QoSFromModel}; !slices.Contains(rungs, args.ScoreFrom) {
		errs = append(errs, field.NotSupported(path.Child("scoreFrom"), args.ScoreFrom, rungs))
	}
	w := path.Child("weights")
	errs = append(errs, validateRange(w.Child("latency"), args.Weights.Latency, 0, maxWeight)...)
	errs = append(errs, validateRange(w.Child("realtime"), args.Weights.Realtime, 0, maxWeight)...)
	errs = append(errs, validateRange(w.Child("availability"), args.Weights.Availability, 0, maxWeight)...)
	errs = append(errs, validateRange(w.Child("batch"), args.Weights.Batch, 0, maxWeight)...)
	errs = append(errs, validateQoSObjectives(path.Child("objectives"), args.Objectives)...)
	f := path.Child("feedback")
	if len(args.Feedback.Horizons) == 0 {
		errs = append(errs, field.Required(f.Child("horizons"), "at least one"))
	}
	least := time.Second
	for i, h := range args.Feedback.Horizons {
		errs = append(errs, validateDuration(f.Child("horizons").Index(i), h, least, 24*time.Hour)...)
		least = max(least, h.Duration+time.Second)
	}
	errs = append(errs, validateRange(f.Child("decisions"), args.Feedback.Decisions, 100, 1000000)...)
	errs = append(errs, validateRange(path.Child("nodeMetricsLimit"), args.NodeMetricsLimit, 0, 100000)...)
	errs = append(errs, validateDuration(f.Child("responseTimeObjective"), args.Feedback.ResponseTimeObjective, 0, time.Hour)...)
	return append(errs, validateDuration(f.Child("halfLife"), args.Feedback.HalfLife, time.Second, 720*time.Hour)...)
}

// ValidatePredictionArgs checks the args of the engine.
func ValidatePredictionArgs(path *field.Path, args *PredictionArgs) field.ErrorList {
	errs := validateRange(path.Child("percentile"), args.Percentile, 50, 99)
	errs = append(errs, validateDuration(path.Child("coldStart"), args.ColdStart, args.Usage.Interval.Duration, 24*time.Hour)...)
	errs = append(errs, validateRange(path.Child("nodeMetricsLimit"), args.NodeMetricsLimit, 0, 100000)...)
	errs = append(errs, validateDuration(path.Child("checkpoint", "interval"), args.Checkpoint.Interval, time.Minute, 24*time.Hour)...)
	return append(errs, validateUsage(path.Child("usage"), &args.Usage)...)
}

func validateUsage(path *field.Path, u *UsageArgs) (errs field.ErrorList) {
	switch u.Source {
	case UsageFromNowhere, UsageFromMetricsAPI:
	case UsageFromKubelet:
		errs = validateKubelet(path.Child("kubelet"), &u.Kubelet, u.Interval.Duration)
	case UsageFromPrometheus:
		errs = ValidatePrometheusArgs(path.Child("prometheus"), &u.Prometheus)
	default:
		errs = append(errs, field.NotSupported(path.Child("source"), u.Source, UsageSources()))
	}
	errs = append(errs, validateDuration(path.Child("interval"), u.Interval, time.Second, time.Hour)...)
	errs = append(errs, validateDuration(path.Child("window"), u.Window, u.Interval.Duration, 24*time.Hour)...)
	return append(errs, validateDuration(path.Child("expiry"), u.Expiry, u.Interval.Duration, 24*time.Hour)...)
}

func validateKubelet(path *field.Path, k *KubeletArgs, interval time.Duration) (errs field.ErrorList) {
	if k.CAFile == "" {
		errs = append(errs, field.Required(path.Child("caFile"), "kubelets are always verified"))
	}
	if k.TokenFile == "" && k.CertFile == "" {
		errs = append(errs, field.Required(path.Child("tokenFile"), "or certFile and keyFile"))
	}
	errs = append(errs, validateToken(path, k.TokenFile, k.SendSchedulerToken)...)
	errs = append(errs, validatePair(path, "certFile", k.CertFile, "keyFile", k.KeyFile)...)
	errs = append(errs, validateRange(path.Child("concurrency"), k.Concurrency, 1, 1024)...)
	return append(errs, validateDuration(path.Child("timeout"), k.Timeout, 100*time.Millisecond, interval)...)
}

// validateToken refuses the token of the scheduler's own ServiceAccount, unless it may be sent. Whoever receives it can act
// as the scheduler. That the file holds such a token by another name is found when the source is made.
func validateToken(path *field.Path, file string, allowed bool) field.ErrorList {
	own := strings.HasPrefix(strings.TrimPrefix(filepath.Clean(file), "/var"), "/run/secrets/kubernetes.io/serviceaccount/")
	if !own || allowed {
		return nil
	}
	return field.ErrorList{OwnToken(path.Child("tokenFile"))}
}

// OwnToken is the error for a file with the scheduler's own token.
func OwnToken(path *field.Path) *field.Error {
	return field.Forbidden(path, "this is the scheduler's own token, and whoever receives it can act as the scheduler; "+
		"give a token of a ServiceAccount that may read usage only (manifests/components/kubelet-usage), or set sendSchedulerToken: true")
}

// ValidateClaimsArgs checks who may claim what.
func ValidateClaimsArgs(path *field.Path, args *ClaimsArgs) (errs field.ErrorList) {
	selector := func(path *field.Path, s *metav1.LabelSelector) {
		errs = append(errs, metav1validation.ValidateLabelSelector(s, metav1validation.LabelSelectorValidationOptions{}, path.Child("namespaceSelector"))...)
	}
	objectives := path.Child("objectives")
	selector(objectives, args.Objectives.NamespaceSelector)
	selector(path.Child("predictions"), args.Predictions.NamespaceSelector)
	selector(path.Child("overcommit"), args.Overcommit.NamespaceSelector)
	seen := sets.New[string]()
	for i, name := range args.Objectives.PriorityClasses {
		p := objectives.Child("priorityClasses").Index(i)
		for _, wrong := range validation.IsDNS1123Subdomain(name) {
			errs = append(errs, field.Invalid(p, name, wrong))
		}
		if seen.Has(name) {
			errs = append(errs, field.Duplicate(p, name))
		}
		seen.Insert(name)
	}
	return errs
}

// ValidateDecisionsArgs checks the args.
func ValidateDecisionsArgs(path *field.Path, args *DecisionsArgs) (errs field.ErrorList) {
	errs = append(errs, validateRange(path.Child("records"), args.Records, 0, 1_000_000)...)
	errs = append(errs, validateBytes(path.Child("maxBytes"), args.MaxBytes)...)
	errs = append(errs, validateRange(path.Child("candidates"), args.Candidates, 1, 20)...)
	if events := []DecisionEvents{DecisionEventsNone, DecisionEventsSentence}; !slices.Contains(events, args.Events) {
		errs = append(errs, field.NotSupported(path.Child("events"), args.Events, events))
	}
	return append(errs, validateRange(path.Child("evaluatePercent"), args.EvaluatePercent, 0, 100)...)
}

// ValidateShadowArgs checks the args.
func ValidateShadowArgs(path *field.Path, args *ShadowArgs) (errs field.ErrorList) {
	names := path.Child("schedulerNames")
	if len(args.SchedulerNames) == 0 {
		errs = append(errs, field.Required(names, "name one scheduler at least"))
	}
	errs = append(errs, validateNames(names, args.SchedulerNames)...)
	errs = append(errs, validateRange(path.Child("decisions"), args.Decisions, 100, 1_000_000)...)
	errs = append(errs, validateBytes(path.Child("maxBytes"), args.MaxBytes)...)
	return append(errs, validateRange(path.Child("cpuPercent"), args.CPUPercent, 1, 100)...)
}

// ValidateRebalanceArgs checks the args.
func ValidateRebalanceArgs(path *field.Path, args *RebalanceArgs) (errs field.ErrorList) {
	modes := []RebalanceMode{RebalanceOff, RebalanceSuggest, RebalanceEvict}
	breaker, budgets, packing := path.Child("breaker"), path.Child("maxMoves"), path.Child("packing")
	switch mode := args.Packing.Mode; {
	case !slices.Contains(modes, args.Mode):
		errs = append(errs, field.NotSupported(path.Child("mode"), args.Mode, modes))
	case !slices.Contains(modes, mode):
		errs = append(errs, field.NotSupported(packing.Child("mode"), mode, modes))
	case slices.Index(modes, mode) > slices.Index(modes, args.Mode):
		errs = append(errs, field.Invalid(packing.Child("mode"), mode, fmt.Sprintf("more than %s, which is %s", path.Child("mode"), args.Mode)))
	}
	for _, d := range []struct {
		path      *field.Path
		value     metav1.Duration
		low, high time.Duration
	}{
		{path.Child("interval"), args.Interval, 10 * time.Second, time.Hour}, {path.Child("lostWork"), args.LostWork, 0, time.Hour},
		{path.Child("moveAgainAfter"), args.MoveAgainAfter, 0, 168 * time.Hour}, {breaker.Child("pause"), args.Breaker.Pause, time.Minute, 168 * time.Hour},
		{packing.Child("minNodeAge"), args.Packing.MinNodeAge, 0, 720 * time.Hour}, {packing.Child("giveUpAfter"), args.Packing.GiveUpAfter, 10 * time.Minute, 48 * time.Hour},
		{packing.Child("holdFor"), args.Packing.HoldFor, time.Minute, 48 * time.Hour},
	} {
		if d.value.Duration < d.low || d.value.Duration > d.high {
			errs = append(errs, field.Invalid(d.path, d.value.Duration.String(), fmt.Sprintf("not in valid range [%v-%v]", d.low, d.high)))
		}
	}
	for _, n := range []struct {
		path      *field.Path
		value     int32
		low, high int32
	}{
		{path.Child("horizonHours"), args.HorizonHours, 1, 8}, {path.Child("minGainCoreMinutes"), args.MinGainCoreMinutes, 0, 10_000},
		{path.Child("minGainPercent"), args.MinGainPercent, 0, 100}, {path.Child("maxPriority"), args.MaxPriority, math.MinInt32, 1_000_000_000},
		{budgets.Child("perHour"), args.MaxMoves.PerHour, 1, 1000}, {budgets.Child("perNode"), args.MaxMoves.PerNode, 1, 1000},
		{budgets.Child("perWorkload"), args.MaxMoves.PerWorkload, 1, 1000}, {budgets.Child("perNamespace"), args.MaxMoves.PerNamespace, 1, 1000},
		{breaker.Child("moves"), args.Breaker.Moves, 0, 100}, {breaker.Child("minPercent"), args.Breaker.MinPercent, 0, 100},
		{packing.Child("keepNodes"), args.Packing.KeepNodes, 1, 100_000}, {packing.Child("headroomPercent"), args.Packing.HeadroomPercent, 0, 90},
		{packing.Child("maxHarmCoreMinutes"), args.Packing.MaxHarmCoreMinutes, 0, 10_000}, {packing.Child("maxPods"), args.Packing.MaxPods, 1, 100},
		{packing.Child("perHour"), args.Packing.PerHour, 1, 1000},
	} {
		errs = append(errs, validateRange(n.path, n.value, n.low, n.high)...)
	}
	errs = append(errs, metav1validation.ValidateLabelSelector(args.NamespaceSelector, metav1validation.LabelSelectorValidationOptions{}, path.Child("namespaceSelector"))...)
	errs = append(errs, metav1validation.ValidateLabelSelector(args.Packing.NodeSelector, metav1validation.LabelSelectorValidationOptions{}, packing.Child("nodeSelector"))...)
	return append(errs, validateNames(path.Child("schedulerNames"), args.SchedulerNames)...)
}

// validateNames checks names of schedulers.
func validateNames(path *field.Path, names []string) (errs field.ErrorList) {
	seen := sets.New[string]()
	for i, name := range names {
		for _, wrong := range validation.IsDNS1123Subdomain(name) {
			errs = append(errs, field.Invalid(path.Index(i), name, wrong))
		}
		if seen.Has(name) {
			errs = append(errs, field.Duplicate(path.Index(i), name))
		}
		seen.Insert(name)
	}
	return errs
}

// validateBytes checks how much memory something may take: 64 KiB to 1 GiB.
func validateBytes(path *field.Path, bytes int64) field.ErrorList {
	if low, high := int64(1<<16), int64(1<<30); bytes < low || bytes > high {
		return field.ErrorList{field.Invalid(path, bytes, fmt.Sprintf("not in valid range [%d-%d]", low, high))}
	}
	return nil
}

// ValidatePrometheusArgs checks how a Prometheus server is asked.
func ValidatePrometheusArgs(path *field.Path, p *PrometheusArgs) (errs field.ErrorList) {
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "":
		errs = append(errs, field.Required(path.Child("url"), ""))
	case err != nil:
		// The error may hold the URL, and that a password.
		errs = append(errs, field.Invalid(path.Child("url"), "", "not a URL"))
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		errs = append(errs, field.Invalid(path.Child("url"), u.Redacted(), "not the URL of an http or https server"))
	case u.User != nil:
		errs = append(errs, field.Invalid(path.Child("url"), u.Redacted(), "holds a user: credentials belong in files"))
	}
	errs = append(errs, validatePair(path, "certFile", p.CertFile, "keyFile", p.KeyFile)...)
	errs = append(errs, validatePair(path, "username", p.Username, "passwordFile", p.PasswordFile)...)
	errs = append(errs, validateToken(path, p.TokenFile, p.SendSchedulerToken)...)
	if p.TokenFile != "" && p.Username != "" {
		errs = append(errs, field.Forbidden(path.Child("username"), "a token file and a user name exclude each other"))
	}
	errs = append(errs, validateHeaders(path.Child("headers"), p)...)
	errs = append(errs, validateQueries(path.Child("nodes"), &p.Nodes)...)
	if _, ok := p.Nodes.Values[responseTime]; ok {
		errs = append(errs, field.Forbidden(path.Child("nodes", "values").Key(responseTime), "only pods have response times"))
	}
	errs = append(errs, validateQueries(path.Child("pods"), &p.Pods)...)
	errs = append(errs, validateDuration(path.Child("rateWindow"), p.RateWindow, time.Second, 24*time.Hour)...)
	if p.RateWindow.Duration%time.Second != 0 {
		errs = append(errs, field.Invalid(path.Child("rateWindow"), p.RateWindow.Duration.String(), "must be whole seconds"))
	}
	errs = append(errs, validateDuration(path.Child("queryTimeout"), p.QueryTimeout, 100*time.Millisecond, 10*time.Minute)...)
	errs = append(errs, validateRange(path.Child("maxSeries"), p.MaxSeries, 1, math.MaxInt32)...)
	return append(errs, validateDuration(path.Child("backfill"), p.Backfill, 0, 28*24*time.Hour)...)
}

func validateQueries(path *field.Path, q *PrometheusQueries) (errs field.ErrorList) {
	for _, name := range slices.Sorted(maps.Keys(q.Values)) {
		if !slices.Contains(Quantities, name) {
			errs = append(errs, field.NotSupported(path.Child("values"), name, Quantities))
		} else if strings.TrimSpace(q.Values[name]) == "" {
			errs = append(errs, field.Required(path.Child("values").Key(name), ""))
		}
	}
	ofUse := maps.Clone(q.Values)
	delete(ofUse, responseTime)
	if q.Time != "" && len(ofUse) == 0 {
		errs = append(errs, field.Forbidden(path.Child("time"), "without values of use the default queries count, which have their own"))
	}
	return errs
}

// validatePair wants both values or none.
func validatePair(path *field.Path, name, value, otherName, other string) field.ErrorList {
	switch {
	case value == "" && other != "":
		return field.ErrorList{field.Required(path.Child(name), otherName+" is given")}
	case value != "" && other == "":
		return field.ErrorList{field.Required(path.Child(otherName), name+" is given")}
	}
	return nil
}

func validateDuration(path *field.Path, value metav1.Duration, low, high time.Duration) field.ErrorList {
	if value.Duration >= low && value.Duration <= high {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value.Duration.String(), fmt.Sprintf("not in valid range [%s-%s]", low, high))}
}

func validateResourceName(path *field.Path, name string) field.ErrorList {
	switch {
	case name == "":
		return field.ErrorList{field.Required(path, "")}
	case strings.Contains(name, "/"):
		return metav1validation.ValidateLabelName(name, path)
	case strings.HasPrefix(name, corev1.ResourceHugePagesPrefix), slices.Contains(nativeResources, corev1.ResourceName(name)):
		return nil
	default:
		return field.ErrorList{field.NotSupported(path, name, append(slices.Clone(nativeResources), corev1.ResourceHugePagesPrefix+"<size>", "<domain>/<extended resource>"))}
	}
}

func validateRange(path *field.Path, value, low, high int32) field.ErrorList {
	if value >= low && value <= high {
		return nil
	}
	return field.ErrorList{field.Invalid(path, value, fmt.Sprintf("not in valid range [%d-%d]", low, high))}
}
