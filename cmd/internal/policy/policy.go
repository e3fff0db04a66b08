// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package policy turns a scheduler Policy, which Kubernetes read until 1.22, into a
// KubeSchedulerConfiguration with Foresight's plugins. Names and defaults are those of
// pkg/scheduler/framework/plugins/legacy_registry.go at Kubernetes v1.22, and for what
// older versions knew besides, of pkg/scheduler/algorithmprovider/defaults at v1.10.
package policy

// policy is the file as users wrote it: kind Policy, apiVersion v1.
type policy struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	// Predicates and Priorities: absent stands for the defaults, empty for none.
	Predicates []predicate `json:"predicates"`
	Priorities []priority  `json:"priorities"`
	Extenders  []extender  `json:"extenders"`
	// HardPodAffinitySymmetricWeight, 1–100; 0 stands for the default.
	HardPodAffinitySymmetricWeight int32 `json:"hardPodAffinitySymmetricWeight"`
	AlwaysCheckAllPredicates       bool  `json:"alwaysCheckAllPredicates"`
}

type predicate struct {
	Name     string             `json:"name"`
	Argument *predicateArgument `json:"argument"`
}

type predicateArgument struct {
	ServiceAffinity *labelSet       `json:"serviceAffinity"`
	LabelsPresence  *labelsPresence `json:"labelsPresence"`
}

type labelSet struct {
	Labels []string `json:"labels"`
}

type labelsPresence struct {
	Labels   []string `json:"labels"`
	Presence bool     `json:"presence"`
}

type priority struct {
	Name     string            `json:"name"`
	Weight   int64             `json:"weight"`
	Argument *priorityArgument `json:"argument"`
}

type priorityArgument struct {
	ServiceAntiAffinity               *oneLabel         `json:"serviceAntiAffinity"`
	LabelPreference                   *labelPreference  `json:"labelPreference"`
	RequestedToCapacityRatioArguments *requestedToRatio `json:"requestedToCapacityRatioArguments"`
}

type oneLabel struct {
	Label string `json:"label"`
}

type labelPreference struct {
	Label    string `json:"label"`
	Presence bool   `json:"presence"`
}

type requestedToRatio struct {
	Shape     []shapePoint     `json:"shape"`
	Resources []resourceWeight `json:"resources"`
}

// shapePoint maps utilization (0–100) to score (0–10), as it still does.
type shapePoint struct {
	Utilization int32 `json:"utilization"`
	Score       int32 `json:"score"`
}

// resourceWeight of 0 stands for 1.
type resourceWeight struct {
	Name   string `json:"name"`
	Weight int64  `json:"weight"`
}

type extender struct {
	URLPrefix      string `json:"urlPrefix"`
	FilterVerb     string `json:"filterVerb"`
	PreemptVerb    string `json:"preemptVerb"`
	PrioritizeVerb string `json:"prioritizeVerb"`
	BindVerb       string `json:"bindVerb"`
	Weight         int64  `json:"weight"`
	EnableHTTPS    bool   `json:"enableHttps"`
	// TLSConfig has the fields it still has.
	TLSConfig *tlsConfig `json:"tlsConfig"`
	// HTTPTimeout in nanoseconds.
	HTTPTimeout      int64             `json:"httpTimeout"`
	NodeCacheCapable bool              `json:"nodeCacheCapable"`
	ManagedResources []managedResource `json:"managedResources"`
	Ignorable        bool              `json:"ignorable"`
}

type tlsConfig struct {
	Insecure   bool   `json:"insecure"`
	ServerName string `json:"serverName"`
	CertFile   string `json:"certFile"`
	KeyFile    string `json:"keyFile"`
	CAFile     string `json:"caFile"`
	CertData   []byte `json:"certData"`
	KeyData    []byte `json:"keyData"`
	CAData     []byte `json:"caData"`
}

type managedResource struct {
	Name               string `json:"name"`
	IgnoredByScheduler bool   `json:"ignoredByScheduler"`
}
