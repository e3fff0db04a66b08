// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupName is upstream's: kube-scheduler decodes plugin args only under it.
const GroupName = "kubescheduler.config.k8s.io"

// SchemeGroupVersion is the group and version of the internal types.
var SchemeGroupVersion = schema.GroupVersion{Group: GroupName, Version: runtime.APIVersionInternal}

// AddToScheme registers the internal types.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion, &AffinityArgs{}, &TaintsArgs{}, &ResourceFitArgs{}, &PredictedQoSArgs{}, &PredictionArgs{}, &NodeIndexArgs{}, &ClaimsArgs{}, &DecisionsArgs{}, &ShadowArgs{}, &RebalanceArgs{})
	return nil
}
