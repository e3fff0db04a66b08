// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

// AnnotationPrefix is what the names of all our annotations and labels begin with; plugins/claims has them.
const AnnotationPrefix = "foresight-scheduler.dev/"

// ClaimsLabel of a namespace, with the value ClaimsAllowed, lets its pods claim what takes from others, unless ClaimsArgs
// select other namespaces.
const (
	ClaimsLabel   = AnnotationPrefix + "claims"
	ClaimsAllowed = "allowed"
)
