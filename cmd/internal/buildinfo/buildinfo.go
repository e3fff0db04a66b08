// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package buildinfo says which build a binary is. The Makefile stamps it.
package buildinfo

import (
	"fmt"
	"runtime"

	utilversion "k8s.io/component-base/version"
)

// Set with -ldflags -X.
var (
	version = "v0.0.0-dev"
	commit  = "unknown"
	date    = "unknown"
)

// String is one line for --version: Foresight's version, commit and build date, and
// the Kubernetes version it is built on.
func String() string {
	return fmt.Sprintf("%s (commit %s, built %s, Kubernetes %s, %s)",
		version, commit, date, utilversion.Get().GitVersion, runtime.Version())
}
