// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

var variants = []string{turns.Foresight, turns.Stock, turns.StockAllNodes, binder}

// clientQPS is that of upstream's scheduler_perf: no limit of a client's is to be measured.
const clientQPS = 5000

// runLabel marks the pods of a run, for their removal.
const runLabel = "bench/run"

// The processes whose CPU time is told apart.
const (
	scheduler = "scheduler"
	apiServer = "kube-apiserver"
	etcd      = "etcd"
	load      = "load"
)

// measurement is one run of one variant.
type measurement struct {
	podsPerSecond float64
	// cpu seconds of each process, per pod.
	cpu map[string]float64
}

// measure starts the variant's scheduler, creates the pending pods and waits until all are bound.
func (o *options) measure(ctx context.Context, plane *controlPlane, c *synthetic.Cluster, variant string) (_ measurement, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	bound := plane.watchBound(ctx)
	defer bound.stop()
	process, err := o.startScheduler(ctx, plane, variant)
	if err != nil {
		return measurement{}, err
	}
	defer func() {
		cancel()
		_ = process.Wait()
		err = errors.Join(err, plane.removeRun(bound))
	}()
	pids := map[string]int{scheduler: process.Process.Pid, load: os.Getpid(), apiServer: plane.pids[apiServer], etcd: plane.pids[etcd]}

	// The first pod is placed when the scheduler has read the cluster and built what it needs.
	first := runPod(c, 0)
	first.Name = "first"
	if err := plane.create(ctx, first); err != nil {
		return measurement{}, err
	}
	if err := bound.await(ctx, 1); err != nil {
		return measurement{}, fmt.Errorf("the first pod: %w", err)
	}

	before, err := cpuSeconds(pids)
	if err != nil {
		return measurement{}, err
	}
	start := time.Now()
	if err := inParallel(ctx, len(c.Pending), func(ctx context.Context, i int) error {
		return plane.create(ctx, runPod(c, i))
	}); err != nil {
		return measurement{}, fmt.Errorf("creating pods: %w", err)
	}
	if err := bound.await(ctx, 1+len(c.Pending)); err != nil {
		return measurement{}, err
	}
	elapsed := time.Since(start)
	after, err := cpuSeconds(pids)
	if err != nil {
		return measurement{}, err
	}
	m := measurement{podsPerSecond: float64(len(c.Pending)) / elapsed.Seconds(), cpu: map[string]float64{}}
	for name := range pids {
		m.cpu[name] = (after[name] - before[name]) / float64(len(c.Pending))
	}
	return m, nil
}

// runPod is the i-th pending pod.
func runPod(c *synthetic.Cluster, i int) *v1.Pod {
	p := c.Pods.Items[len(c.Pods.Items)-len(c.Pending)+i].DeepCopy()
	p.Labels[runLabel] = ""
	return p
}

// configOf returns the KubeSchedulerConfiguration of a variant: the shipped one, or stock's defaults.
func configOf(variant, kubeconfig string) ([]byte, error) {
	config := map[string]any{
		"apiVersion": "kubescheduler.config.k8s.io/v1",
		"kind":       "KubeSchedulerConfiguration",
		"profiles":   []any{map[string]any{"schedulerName": synthetic.SchedulerName}},
	}
	switch variant {
	case turns.Foresight:
		if err := yaml.Unmarshal(manifests.SchedulerConfig, &config); err != nil {
			return nil, err
		}
	case turns.StockAllNodes:
		config["percentageOfNodesToScore"] = 100
	}
	config["leaderElection"] = map[string]any{"leaderElect": false}
	config["clientConnection"] = map[string]any{"kubeconfig": kubeconfig, "qps": clientQPS, "burst": clientQPS}
	return yaml.Marshal(config)
}

// command of the variant's process.
func (o *options) command(plane *controlPlane, variant string) ([]string, error) {
	if variant == binder {
		self, err := os.Executable()
		return []string{self, binder, "--kubeconfig", plane.kubeconfig}, err
	}
	config, err := configOf(variant, plane.kubeconfig)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(plane.dir, variant+".yaml")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return nil, err
	}
	args := []string{"--config", file, "--secure-port", "0"}
	if variant == turns.Foresight {
		return append([]string{filepath.Join(o.bin, "foresight-scheduler")}, args...), nil
	}
	return append([]string{filepath.Join(o.bin, "localcluster"), "component", "kube-scheduler"}, args...), nil
}

// startScheduler starts a process that is asked to end when the context does.
func (o *options) startScheduler(ctx context.Context, plane *controlPlane, variant string) (*exec.Cmd, error) {
	command, err := o.command(plane, variant)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(plane.dir, "logs", variant+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = log, log
	return cmd, cmd.Start()
}

// boundPods counts the pods of a run that have a node.
type boundPods struct {
	mu      sync.Mutex
	count   int
	changed chan struct{}
	stop    func()
}

func (p *controlPlane) watchBound(ctx context.Context) *boundPods {
	b := &boundPods{changed: make(chan struct{})}
	factory := informers.NewSharedInformerFactoryWithOptions(p.client, 0, informers.WithNamespace(synthetic.Namespace),
		informers.WithTweakListOptions(func(l *metav1.ListOptions) {
			l.LabelSelector = runLabel
			l.FieldSelector = fields.OneTermNotEqualSelector("spec.nodeName", "").String()
		}))
	informer := factory.Core().V1().Pods().Informer()
	add := func(n int) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.count += n
		close(b.changed)
		b.changed = make(chan struct{})
	}
	_, _ = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { add(1) },
		DeleteFunc: func(any) { add(-1) },
	})
	// It outlives the run's context, so that the removal can be awaited.
	watchCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	factory.Start(watchCtx.Done())
	factory.WaitForCacheSync(ctx.Done())
	b.stop = func() {
		cancel()
		factory.Shutdown()
	}
	return b
}

func (b *boundPods) await(ctx context.Context, count int) error {
	for {
		b.mu.Lock()
		now, changed := b.count, b.changed
		b.mu.Unlock()
		if now == count {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d pods are bound, not %d: %w", now, count, ctx.Err())
		case <-changed:
		}
	}
}

// removeRun deletes the pods of the run, with no kubelet to wait for.
func (p *controlPlane) removeRun(bound *boundPods) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	now := int64(0)
	if err := p.client.CoreV1().Pods(synthetic.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now},
		metav1.ListOptions{LabelSelector: runLabel}); err != nil {
		return fmt.Errorf("deleting the pods of the run: %w", err)
	}
	return bound.await(ctx, 0)
}

// cpuSeconds is what each process has used so far, in user and system mode.
func cpuSeconds(pids map[string]int) (map[string]float64, error) {
	out := make(map[string]float64, len(pids))
	for name, pid := range pids {
		p, err := procfs.NewProc(pid)
		if err != nil {
			return nil, fmt.Errorf("CPU time of %s: %w", name, err)
		}
		stat, err := p.Stat()
		if err != nil {
			return nil, fmt.Errorf("CPU time of %s: %w", name, err)
		}
		out[name] = stat.CPUTime()
	}
	return out, nil
}
