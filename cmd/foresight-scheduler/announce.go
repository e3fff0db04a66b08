// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/pem"

	"k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	schedulerserverconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"

	"github.com/foresight-scheduler/foresight/plugins/decision/serving"
)

// announce has the leader say in labels of its Lease where it serves, and by which certificate.
func announce(c *schedulerserverconfig.CompletedConfig) {
	if c.LeaderElection == nil || c.SecureServing == nil || c.SecureServing.Listener == nil || c.SecureServing.Cert == nil {
		return
	}
	if lease, ok := c.LeaderElection.Lock.(*resourcelock.LeaseLock); ok {
		c.LeaderElection.Lock = &announcing{LeaseLock: lease, serving: c.SecureServing}
	}
}

// announcing is a lease whose labels go with each renewal, so a certificate that is replaced is announced within a retry period.
type announcing struct {
	*resourcelock.LeaseLock
	serving *server.SecureServingInfo
	pem     []byte
}

// Create is the lock's.
func (a *announcing) Create(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	a.label()
	return a.LeaseLock.Create(ctx, record)
}

// Update is the lock's.
func (a *announcing) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	a.label()
	return a.LeaseLock.Update(ctx, record)
}

// label sets the labels; the elector calls from one goroutine.
func (a *announcing) label() {
	current, _ := a.serving.Cert.CurrentCertKeyContent()
	if bytes.Equal(current, a.pem) {
		return
	}
	for rest := current; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return
		}
		if block.Type == "CERTIFICATE" { // The first one is the server's own.
			a.Labels, a.pem = serving.Labels(block.Bytes, a.serving.Listener.Addr()), current
			return
		}
	}
}
