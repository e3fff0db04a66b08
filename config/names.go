// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

// Names of our plugins, under which a profile enables them and holds their args. They stand here because others than the plugin itself
// have to know them, such as the node index: siblings do not import each other.
const (
	AffinityName     = "Affinity"
	TaintsName       = "Taints"
	ResourceFitName  = "ResourceFit"
	PredictedQoSName = "PredictedQoS"
)

// Names under which a pluginConfig holds args of ours that are no plugin's.
const (
	PredictionName = "Prediction" // the engine: where usage comes from, and what is learned of it
	NodeIndexName  = "NodeIndex"
	ClaimsName     = "Claims"    // what pods may say of themselves
	DecisionsName  = "Decisions" // the record of decisions
	ShadowName     = "Shadow"    // a scheduler that only looks on
	RebalanceName  = "Rebalance"
)

// NotPlugins returns the names that have args and are no plugins.
func NotPlugins() []string {
	return []string{PredictionName, NodeIndexName, ClaimsName, DecisionsName, ShadowName, RebalanceName}
}

// UsageSources returns where usage can be read from. validateUsage allows no other, plugins/predict/usage/configured makes each, and the
// chart's schema names them; tests hold all three beside this list.
func UsageSources() []UsageSourceType {
	return []UsageSourceType{UsageFromMetricsAPI, UsageFromKubelet, UsageFromPrometheus, UsageFromNowhere}
}
