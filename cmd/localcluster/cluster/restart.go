// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/health"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/supervise"
)

// StopComponent stops one component of a running cluster.
func StopComponent(layout state.Layout, name string, out io.Writer) error {
	saved, unlock, err := open(layout)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := saved.Component(name)
	if err != nil {
		return err
	}
	if !c.Running() {
		fmt.Fprintf(out, "%s was not running\n", name)
	} else {
		begin := time.Now()
		killed, err := supervise.Stop(*c)
		if err != nil {
			return err
		}
		how := "stopped"
		if killed {
			how = "killed"
		}
		fmt.Fprintf(out, "%s %s %.1fs\n", name, how, time.Since(begin).Seconds())
	}
	return supervise.NewRecord(layout, saved).Update(func(*state.State) { c.Stopped, c.Identity = true, process.Identity{} })
}

// StartComponent starts a component again with the command line it had.
func StartComponent(ctx context.Context, layout state.Layout, name string, timeout time.Duration, out io.Writer) error {
	saved, unlock, err := open(layout)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := saved.Component(name)
	if err != nil {
		return err
	}
	if c.Running() {
		fmt.Fprintf(out, "%s is already running\n", name)
		return nil
	}
	probe, err := health.NewProber(layout)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if name == state.Kwok {
		if err := releaseLeases(ctx, layout); err != nil {
			return err
		}
	}
	progress := progress{out: out}
	done := progress.step(name, "ready")
	if err := supervise.NewRecord(layout, saved).Launch(ctx, probe, *c); err != nil {
		_, stopErr := supervise.Stop(*c)
		return errors.Join(err, stopErr)
	}
	done()
	return nil
}

// open locks a cluster and reads its state.
func open(layout state.Layout) (*state.State, func(), error) {
	unlock, err := layout.Lock()
	if err != nil {
		return nil, nil, err
	}
	saved, err := layout.Load()
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return saved, unlock, nil
}

// releaseLeases deletes the leases of the last kwok. The next one has another identity
// and would leave the nodes alone until they run out.
func releaseLeases(ctx context.Context, l state.Layout) error {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	err = client.CoordinationV1().Leases(corev1.NamespaceNodeLease).
		DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("releasing the nodes' leases: %w", err)
	}
	return nil
}
