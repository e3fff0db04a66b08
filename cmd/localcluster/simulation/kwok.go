// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package simulation makes nodes that exist in the API only, and says how they and their
// pods behave.
package simulation

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"time"

	nodefast "sigs.k8s.io/kwok/kustomize/stage/node/fast"
	podfast "sigs.k8s.io/kwok/kustomize/stage/pod/fast"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

//go:embed config/rbac.yaml
var rbac []byte

//go:embed config/kwok.yaml
var kwok string

// RBAC returns the objects that give kwok's user its rights.
func RBAC() []byte { return rbac }

// Configuration is how nodes and pods behave: kwok's own fast stages, except that
// a Job's pod runs for a while, and usage that follows annotations.
func Configuration() string {
	return strings.Join([]string{
		kwok,
		nodefast.DefaultNodeInit,
		podfast.DefaultPodReady,
		podfast.DefaultPodDelete,
	}, "\n---\n")
}

// WriteConfig writes the configuration and the log every pod has.
func WriteConfig(l state.Layout) error {
	if err := os.MkdirAll(filepath.Dir(l.KwokConfig()), 0o700); err != nil {
		return err
	}
	// In the format of a container runtime, which is what kwok reads.
	log := time.Now().UTC().Format(time.RFC3339Nano) + " stdout F This pod is simulated: no container runs, so nothing is logged.\n"
	if err := os.WriteFile(l.PodLog(), []byte(log), 0o600); err != nil {
		return err
	}
	return os.WriteFile(l.KwokConfig(), []byte(Configuration()), 0o600)
}
