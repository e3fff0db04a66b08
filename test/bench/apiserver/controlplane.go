// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// controlPlane is etcd and kube-apiserver, with nobody else at work on them.
type controlPlane struct {
	bin, dir   string
	kubeconfig string
	client     kubernetes.Interface
	// pids by the component's name.
	pids map[string]int
}

func startControlPlane(ctx context.Context, bin, dir string) (*controlPlane, error) {
	p := &controlPlane{bin: bin, dir: dir, pids: map[string]int{}}
	// What a run that was killed has left would be measured too.
	if err := p.stop(); err != nil {
		return nil, err
	}
	if _, err := p.localcluster(ctx, "up", "--nodes", "0",
		"--without", "kube-controller-manager,kube-scheduler,kwok,metrics-server,foresight-scheduler"); err != nil {
		return nil, err
	}
	out, err := p.localcluster(ctx, "status", "-o", "json")
	if err != nil {
		return nil, err
	}
	var status struct {
		Kubeconfig string `json:"kubeconfig"`
		Components []struct {
			Name string `json:"name"`
			PID  int    `json:"pid"`
		} `json:"components"`
	}
	if err := json.Unmarshal(out, &status); err != nil {
		return nil, fmt.Errorf("localcluster status: %w", err)
	}
	p.kubeconfig = status.Kubeconfig
	for _, c := range status.Components {
		p.pids[c.Name] = c.PID
	}
	config, err := clientcmd.BuildConfigFromFlags("", p.kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	config.ContentType = "application/vnd.kubernetes.protobuf"
	p.client, err = kubernetes.NewForConfig(config)
	return p, err
}

// stop also runs after the context is done.
func (p *controlPlane) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := p.localcluster(ctx, "down")
	return err
}

func (p *controlPlane) localcluster(ctx context.Context, args ...string) ([]byte, error) {
	var out, said bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(p.bin, "localcluster"), append(args, "--dir", p.dir)...)
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("localcluster %s: %w\n%s", args[0], err, &said)
	}
	return out.Bytes(), nil
}

// workers is how many requests are under way at once.
const workers = 16

// fill creates the nodes and the placed pods.
func (p *controlPlane) fill(ctx context.Context, c *synthetic.Cluster) error {
	ns := &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: synthetic.Namespace}}
	if _, err := p.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return err
	}
	// The controller manager would make it, and then busy itself with nodes that nobody answers for.
	account := &v1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
	if _, err := p.client.CoreV1().ServiceAccounts(ns.Name).Create(ctx, account, metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := inParallel(ctx, len(c.Nodes.Items), func(ctx context.Context, i int) error {
		n := c.Nodes.Items[i].DeepCopy()
		n, err := p.client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{})
		if err != nil {
			return err
		}
		// Admission taints a new node until somebody says that it is ready.
		n.Spec.Taints = c.Nodes.Items[i].Spec.Taints
		_, err = p.client.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
		return err
	}); err != nil {
		return fmt.Errorf("creating nodes: %w", err)
	}
	placed := c.Pods.Items[:len(c.Pods.Items)-len(c.Pending)]
	if err := inParallel(ctx, len(placed), func(ctx context.Context, i int) error {
		return p.create(ctx, placed[i].DeepCopy())
	}); err != nil {
		return fmt.Errorf("creating placed pods: %w", err)
	}
	return nil
}

func (p *controlPlane) create(ctx context.Context, pod *v1.Pod) error {
	pod.ResourceVersion, pod.UID = "", ""
	_, err := p.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
	return err
}

func inParallel(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(workers)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error { return do(ctx, i) })
	}
	return g.Wait()
}
