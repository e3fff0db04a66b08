// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1validation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
)

// nativeResources are the ones without a domain that a node has an amount of.
var nativeResources = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage}

const (
	maxWeight  = 100
	maxPercent = 10000
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
	effect := args.PredictedPressure.Effect
	for _, s := range supported {
		if effect == s {
			return nil
		}
	}
	return field.ErrorList{field.NotSupported(path.Child("predictedPressure", "effect"), effect, supported)}
}

// ValidateResourceFitArgs checks what upstream's NodeResourcesFit does not check itself.
func ValidateResourceFitArgs(path *field.Path, args *ResourceFitArgs) field.ErrorList {
	balanced := path.Child("balancedAllocation")
	errs := validateRange(balanced.Child("weight"), args.BalancedAllocation.Weight, 0, maxWeight)
	errs = append(errs, validateBalancedResources(balanced.Child("resources"), args.BalancedAllocation.Resources)...)
	return append(errs, validateLimitsGuard(path.Child("limitsGuard"), &args.LimitsGuard)...)
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

// ValidatePredictionArgs checks the args of the engine.
func ValidatePredictionArgs(path *field.Path, args *PredictionArgs) field.ErrorList {
	var errs field.ErrorList
	path = path.Child("usage")
	u := &args.Usage
	switch u.Source {
	case UsageFromNowhere, UsageFromMetricsAPI:
	default:
		errs = append(errs, field.NotSupported(path.Child("source"), u.Source, []UsageSourceType{UsageFromMetricsAPI, UsageFromNowhere}))
	}
	errs = append(errs, validateDuration(path.Child("interval"), u.Interval, time.Second, time.Hour)...)
	errs = append(errs, validateDuration(path.Child("window"), u.Window, u.Interval.Duration, 24*time.Hour)...)
	return append(errs, validateDuration(path.Child("expiry"), u.Expiry, u.Interval.Duration, 24*time.Hour)...)
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
