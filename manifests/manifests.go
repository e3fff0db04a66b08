// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifests embeds what the binaries need of the shipped YAML.
package manifests

import _ "embed"

// SchedulerConfig is the shipped KubeSchedulerConfiguration (YAML).
//
//go:embed base/config.yaml
var SchedulerConfig []byte
