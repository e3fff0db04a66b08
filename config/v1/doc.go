// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// +k8s:deepcopy-gen=package
// +k8s:conversion-gen=github.com/foresight-scheduler/foresight/config
// +k8s:defaulter-gen=TypeMeta
// +groupName=kubescheduler.config.k8s.io

// Package v1 holds the arguments of Foresight's plugins as a user writes them under
// pluginConfig of a KubeSchedulerConfiguration. What is left out gets its default;
// a field whose zero value means something is a pointer.
package v1
