// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package state is what a cluster's directory holds: where things are in it, what was
// started, and who may change that now.
package state

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// Layout says where things are in a cluster's state directory.
type Layout struct {
	// Dir is absolute and free of symbolic links, so that two spellings of one
	// directory are one cluster.
	Dir string
}

// NewLayout resolves dir, which need not exist.
func NewLayout(dir string) (Layout, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Layout{}, fmt.Errorf("resolving %s: %w", dir, err)
	}
	resolved, err := filepath.EvalSymlinks(abs)
	switch {
	case err == nil:
		abs = resolved
	case errors.Is(err, fs.ErrNotExist):
		if parent, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
			abs = filepath.Join(parent, filepath.Base(abs))
		}
	default:
		return Layout{}, fmt.Errorf("resolving %s: %w", dir, err)
	}
	return Layout{Dir: abs}, nil
}

// Path is somewhere in the directory.
func (l Layout) Path(elem ...string) string {
	return filepath.Join(append([]string{l.Dir}, elem...)...)
}

// Kubeconfig is the administrator's.
func (l Layout) Kubeconfig() string { return l.Path("kubeconfig") }

// LogFile is where a component's output goes.
func (l Layout) LogFile(name string) string { return l.Path("logs", name+".log") }

// KubectlCache is what kubectl would keep in the user's home otherwise.
func (l Layout) KubectlCache() string { return l.Path("kubectl-cache") }

// PKI is where certificates, keys and the components' kubeconfigs are.
func (l Layout) PKI() string { return l.Path("pki") }

// Cert is a certificate's file.
func (l Layout) Cert(name string) string { return l.Path("pki", name+".crt") }

// Key is a private key's file.
func (l Layout) Key(name string) string { return l.Path("pki", name+".key") }

// KubeconfigOf is a component's own kubeconfig.
func (l Layout) KubeconfigOf(name string) string { return l.Path("pki", name+".kubeconfig") }

// KwokConfig says how nodes and pods behave.
func (l Layout) KwokConfig() string { return l.Path("config", "kwok.yaml") }

// PodLog is the log of every simulated pod.
func (l Layout) PodLog() string { return l.Path("config", "pod.log") }

// ForesightConfig is our scheduler's KubeSchedulerConfiguration.
func (l Layout) ForesightConfig() string { return l.Path("config", "foresight-scheduler.yaml") }

func (l Layout) stateFile() string { return l.Path("state.json") }
func (l Layout) lockFile() string  { return l.Path("lock") }

// The base names of files under PKI that belong to no component.
const (
	ClusterCA         = "ca"
	FrontProxyCA      = "front-proxy-ca"
	FrontProxyClient  = "front-proxy-client"
	KubeletClient     = "apiserver-kubelet-client"
	ServiceAccountKey = "sa"
)
