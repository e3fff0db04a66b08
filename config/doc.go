// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// +k8s:deepcopy-gen=package
// +groupName=kubescheduler.config.k8s.io

// Package config holds the arguments of Foresight's plugins as the plugins read
// them: plain values, defaulted and validated. What a user writes in a
// KubeSchedulerConfiguration is package v1.
package config
