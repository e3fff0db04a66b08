// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/image"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/pki"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/simulation"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func (u *up) realNodes(ctx context.Context) error {
	if err := u.applyEmbedded(ctx, realnode.RBAC()); err != nil {
		return err
	}
	nodes, err := u.planNodes()
	if err != nil {
		return err
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, n := range nodes {
		group.Go(func() error { return u.start(groupCtx, n.Name) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if !u.with(state.ControllerManager) {
		return nil
	}
	done := u.progress.step(fmt.Sprintf("%d nodes", len(nodes)), "ready")
	if err := simulation.AwaitNodes(ctx, u.client, len(nodes)); err != nil {
		return u.blame(nodes[0].Name+"-kubelet", err)
	}
	done()
	return nil
}

// planNodes writes all that nodes read.
func (u *up) planNodes() ([]realnode.Node, error) {
	memory := u.options.NodeMemory
	if memory == 0 {
		var err error
		if memory, err = realnode.Memory(u.Nodes); err != nil {
			return nil, err
		}
	}
	nodes := realnode.Plan(u.Layout, u.Nodes, realnode.CPUs(), memory)
	server := fmt.Sprintf("https://%s:%d", realnode.ControlPlaneIP, u.Ports.Of(state.APIServer))
	for _, n := range nodes {
		if err := n.Save(u.Layout); err != nil {
			return nil, err
		}
		if err := realnode.WriteConfigs(u.Layout, n); err != nil {
			return nil, err
		}
		if err := pki.WriteNode(u.Layout, u.ca, server, n); err != nil {
			return nil, err
		}
	}
	archive, err := os.OpenFile(realnode.ImageFile(u.Layout), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer archive.Close()
	if err := image.Write(archive, u.options.WorkloadBinary, []string{"pause"}, realnode.PauseImage, realnode.WorkloadImage); err != nil {
		return nil, err
	}
	if u.options.SchedulerImage == "" {
		return nodes, nil
	}
	// A copy, which is there as long as the nodes are.
	return nodes, copyFile(u.options.SchedulerImage, realnode.SchedulerImageFile(u.Layout))
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	return target.Close()
}
