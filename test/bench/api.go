// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// api is an API server in memory: it lists nodes and pods, takes bindings, and tells the
// watchers of pods about them. Everything else is an empty fake cluster. client-go's fake
// serves nodes and pods as well, but locks and reflects its way through every call, so
// that it, and not the scheduler, would be measured.
type api struct {
	kubernetes.Interface
	nodes *v1.NodeList
	pods  *v1.PodList
	// byName finds a pending pod.
	byName map[types.NamespacedName]*v1.Pod

	version atomic.Int64
	bound   atomic.Int64
	failed  atomic.Int64
	// goal many bindings close done.
	goal int64
	done chan struct{}

	mu       sync.Mutex
	watchers []chan watch.Event
	// noted learns where pods were bound; nil learns nothing.
	noted placements
}

// newAPI serves the cluster until goal many of its pending pods are bound. The objects are
// shared, and nobody writes to them.
func newAPI(c *synthetic.Cluster, goal int) *api {
	a := &api{
		Interface: fake.NewClientset(),
		nodes:     &c.Nodes, pods: &c.Pods, byName: c.Pending,
		goal: int64(goal), done: make(chan struct{}),
	}
	a.version.Store(1)
	return a
}

// IsWatchListSemanticsUnSupported tells reflectors to list before they watch.
func (a *api) IsWatchListSemanticsUnSupported() bool { return true }

func (a *api) CoreV1() corev1client.CoreV1Interface { return core{a.Interface.CoreV1(), a} }

type core struct {
	corev1client.CoreV1Interface
	api *api
}

func (c core) Nodes() corev1client.NodeInterface {
	return nodes{c.CoreV1Interface.Nodes(), c.api}
}

func (c core) Pods(namespace string) corev1client.PodInterface {
	return pods{c.CoreV1Interface.Pods(namespace), c.api}
}

type nodes struct {
	corev1client.NodeInterface
	api *api
}

func (n nodes) List(context.Context, metav1.ListOptions) (*v1.NodeList, error) {
	return n.api.nodes, nil
}

func (n nodes) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	return watch.NewProxyWatcher(make(chan watch.Event)), nil
}

type pods struct {
	corev1client.PodInterface
	api *api
}

func (p pods) List(context.Context, metav1.ListOptions) (*v1.PodList, error) { return p.api.pods, nil }

func (p pods) Watch(context.Context, metav1.ListOptions) (watch.Interface, error) {
	events := make(chan watch.Event, 1<<16)
	p.api.mu.Lock()
	defer p.api.mu.Unlock()
	p.api.watchers = append(p.api.watchers, events)
	return watch.NewProxyWatcher(events), nil
}

// Bind places the pod and tells the watchers.
func (p pods) Bind(_ context.Context, b *v1.Binding, _ metav1.CreateOptions) error {
	a := p.api
	pod, ok := a.byName[types.NamespacedName{Namespace: b.Namespace, Name: b.Name}]
	if !ok {
		return apierrors.NewNotFound(v1.Resource("pods"), b.Name)
	}
	placed := *pod
	placed.Spec.NodeName = b.Target.Name
	placed.ResourceVersion = strconv.FormatInt(a.version.Add(1), 10)
	a.mu.Lock()
	watchers := a.watchers
	if a.noted != nil {
		a.noted[types.NamespacedName{Namespace: b.Namespace, Name: b.Name}] = b.Target.Name
	}
	a.mu.Unlock()
	for _, w := range watchers {
		w <- watch.Event{Type: watch.Modified, Object: &placed}
	}
	if a.bound.Add(1) == a.goal {
		close(a.done)
	}
	return nil
}

// Patch is what the scheduler does with a pod that it cannot place.
func (p pods) Patch(_ context.Context, name string, _ types.PatchType, _ []byte, _ metav1.PatchOptions, _ ...string) (*v1.Pod, error) {
	p.api.failed.Add(1)
	return nil, apierrors.NewServiceUnavailable(fmt.Sprintf("pod %s: no statuses here", name))
}

// silent drops events.
type silent struct{}

func (s silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}

func (s silent) WithLogger(klog.Logger) events.EventRecorderLogger { return s }
