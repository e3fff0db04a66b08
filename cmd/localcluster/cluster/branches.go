// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/addons"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/simulation"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

func (u *up) controllers(ctx context.Context) error {
	if !u.with(state.ControllerManager) {
		return nil
	}
	if err := u.start(ctx, state.ControllerManager); err != nil {
		return err
	}
	done := u.progress.step("default service account", "exists")
	if err := u.awaitServiceAccount(ctx); err != nil {
		return err
	}
	done()
	return nil
}

func (u *up) defaultScheduler(ctx context.Context) error {
	if !u.with(state.Scheduler) {
		return nil
	}
	return u.start(ctx, state.Scheduler)
}

func (u *up) nodesAndMetrics(ctx context.Context) error {
	if u.with(state.Kwok) {
		if err := u.simulate(ctx); err != nil {
			return err
		}
	}
	if u.Real {
		if err := u.realNodes(ctx); err != nil {
			return err
		}
	}
	if u.with(state.MetricsServer) {
		return u.metrics(ctx)
	}
	return nil
}

func (u *up) simulate(ctx context.Context) error {
	if err := u.applyEmbedded(ctx, simulation.RBAC()); err != nil {
		return err
	}
	if err := simulation.WriteConfig(u.Layout); err != nil {
		return fmt.Errorf("writing kwok's configuration: %w", err)
	}
	if err := u.start(ctx, state.Kwok); err != nil {
		return err
	}
	done := u.progress.step(fmt.Sprintf("%d nodes", u.Nodes), "ready")
	if err := simulation.CreateNodes(ctx, u.client, u.Nodes, u.Ports.Of(state.Kwok)); err != nil {
		return err
	}
	if u.with(state.ControllerManager) {
		if err := simulation.AwaitNodes(ctx, u.client, u.Nodes); err != nil {
			return u.blame(state.Kwok, err)
		}
	}
	done()
	return nil
}

func (u *up) metrics(ctx context.Context) error {
	if err := u.applyEmbedded(ctx, addons.MetricsServerRBAC()); err != nil {
		return err
	}
	if err := addons.WriteServiceAccountKubeconfig(ctx, u.client, u.ca, u.Server(),
		metav1.NamespaceSystem, "metrics-server", u.KubeconfigOf(state.MetricsServer)); err != nil {
		return err
	}
	if err := u.start(ctx, state.MetricsServer); err != nil {
		return err
	}
	objects, err := addons.MetricsAPI(u.Ports.Of(state.MetricsServer), u.ca.CertPEM())
	if err != nil {
		return err
	}
	done := u.progress.step("node metrics", "served")
	if err := addons.Apply(ctx, u.config, objects); err != nil {
		return err
	}
	nodes := u.Nodes
	if !u.with(state.Kwok) && !u.Real {
		nodes = 0
	}
	if err := addons.AwaitMetrics(ctx, u.client, nodes); err != nil {
		return u.blame(state.MetricsServer, err)
	}
	done()
	return nil
}

func (u *up) foresight(ctx context.Context) error {
	if !u.with(state.Foresight) {
		return nil
	}
	done := u.progress.step("manifests", "applied")
	if u.options.SchedulerImage != "" {
		if err := addons.ApplyKustomization(ctx, u.Layout, u.Self, u.options.Manifests); err != nil {
			return err
		}
		done()
		done = u.progress.step(state.Foresight+" pods", "ready")
		if err := addons.AwaitForesight(ctx, u.client); err != nil {
			return err
		}
		done()
		return nil
	}
	if err := addons.ApplyWithoutPods(ctx, u.Layout, u.Self, u.options.Manifests); err != nil {
		return err
	}
	if err := addons.WriteServiceAccountKubeconfig(ctx, u.client, u.ca, u.Server(),
		addons.ForesightNamespace, addons.ForesightServiceAccount, u.KubeconfigOf(state.Foresight)); err != nil {
		return err
	}
	config, err := addons.ForesightConfiguration(ctx, u.client, u.KubeconfigOf(state.Foresight))
	if err != nil {
		return err
	}
	if err := addons.WriteForesightConfig(u.Layout, config); err != nil {
		return fmt.Errorf("writing the scheduler's configuration: %w", err)
	}
	done()
	return u.start(ctx, state.Foresight)
}

func (u *up) applyEmbedded(ctx context.Context, manifest []byte) error {
	objects, err := addons.Parse(manifest)
	if err != nil {
		return err
	}
	return addons.Apply(ctx, u.config, objects)
}

// awaitNamespaces returns when the API server has made the namespaces it promises,
// which it does shortly after it says that it is ready.
func (u *up) awaitNamespaces(ctx context.Context) error {
	return await(ctx, "the namespaces", func(ctx context.Context) error {
		for _, name := range []string{metav1.NamespaceSystem, metav1.NamespaceDefault, corev1.NamespaceNodeLease} {
			if _, err := u.client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// awaitServiceAccount returns when pods may be created in the default namespace.
func (u *up) awaitServiceAccount(ctx context.Context) error {
	err := await(ctx, "the default service account", func(ctx context.Context) error {
		_, err := u.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
	if err != nil {
		return u.blame(state.ControllerManager, err)
	}
	return nil
}

func await(ctx context.Context, what string, try func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := try(ctx); err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s (last error: %w): %w", what, last, err)
	}
	return nil
}

// blame adds the log of the component that most likely knows why a wait was in vain.
func (u *up) blame(name string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	return supervise.Blame(state.Component{Name: name, Log: u.LogFile(name)}, err)
}
