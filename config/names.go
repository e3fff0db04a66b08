// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

// Names of plugins that others than the plugin itself have to know, such as the node index; siblings do not import each other.
const (
	AffinityName    = "Affinity"
	TaintsName      = "Taints"
	ResourceFitName = "ResourceFit"
)
