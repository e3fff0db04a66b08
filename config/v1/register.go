// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package v1

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/foresight-scheduler/foresight/config"
)

// SchemeGroupVersion is the group and version a KubeSchedulerConfiguration has today.
var SchemeGroupVersion = schema.GroupVersion{Group: config.GroupName, Version: "v1"}

// localSchemeBuilder collects the generated conversions; see zz_generated.conversion.go.
var localSchemeBuilder runtime.SchemeBuilder

// AddToScheme registers the versioned types, their defaults and their conversions
// to package config.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, &AffinityArgs{}, &TaintsArgs{}, &ResourceFitArgs{}, &PredictedQoSArgs{}, &PredictionArgs{}, &NodeIndexArgs{}, &ClaimsArgs{}, &DecisionsArgs{}, &ShadowArgs{}, &RebalanceArgs{})
	if err := RegisterDefaults(scheme); err != nil {
		return err
	}
	return localSchemeBuilder.AddToScheme(scheme)
}
