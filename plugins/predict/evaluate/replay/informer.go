// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// informer is a shared informer that is told of objects by hand, and tells its handlers before it returns: what happens in a
// replay happens in one goroutine, in one order. It never asks a server.
type informer struct {
	cache.SharedIndexInformer // of what nobody calls here
	indexer                   cache.Indexer
	handlers                  []cache.ResourceEventHandler
}

// newFactory returns informers of which those of nodes, pods, services and replica sets are told by hand. The others are empty.
func newFactory(client kubernetes.Interface) (factory informers.SharedInformerFactory, nodes, pods, services, sets *informer) {
	factory = informers.NewSharedInformerFactory(client, 0)
	add := func(object runtime.Object) *informer {
		i := &informer{indexer: cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})}
		factory.InformerFor(object, func(kubernetes.Interface, time.Duration) cache.SharedIndexInformer { return i })
		return i
	}
	return factory, add(&v1.Node{}), add(&v1.Pod{}), add(&v1.Service{}), add(&appsv1.ReplicaSet{})
}

func (i *informer) AddEventHandler(h cache.ResourceEventHandler) (cache.ResourceEventHandlerRegistration, error) {
	i.handlers = append(i.handlers, h)
	return synced{}, nil
}

func (i *informer) AddEventHandlerWithResyncPeriod(h cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(h)
}

func (i *informer) AddEventHandlerWithOptions(h cache.ResourceEventHandler, _ cache.HandlerOptions) (cache.ResourceEventHandlerRegistration, error) {
	return i.AddEventHandler(h)
}

// RemoveEventHandler has nothing to do: who ends does so with the world.
func (i *informer) RemoveEventHandler(cache.ResourceEventHandlerRegistration) error { return nil }

func (i *informer) GetStore() cache.Store                  { return i.indexer }
func (i *informer) GetIndexer() cache.Indexer              { return i.indexer }
func (i *informer) AddIndexers(x cache.Indexers) error     { return i.indexer.AddIndexers(x) }
func (i *informer) SetTransform(cache.TransformFunc) error { return nil }
func (i *informer) HasSynced() bool                        { return true }
func (i *informer) HasSyncedChecker() cache.DoneChecker    { return synced{} }
func (i *informer) IsStopped() bool                        { return false }
func (i *informer) Run(stop <-chan struct{})               { <-stop }
func (i *informer) RunWithContext(ctx context.Context)     { <-ctx.Done() }
func (i *informer) LastSyncResourceVersion() string        { return "" }

// add tells of a new object.
func (i *informer) add(object runtime.Object) error {
	if err := i.indexer.Add(object); err != nil {
		return err
	}
	for _, h := range i.handlers {
		h.OnAdd(object, false)
	}
	return nil
}

// update tells that an object took another one's place.
func (i *informer) update(old, object runtime.Object) error {
	if err := i.indexer.Update(object); err != nil {
		return err
	}
	for _, h := range i.handlers {
		h.OnUpdate(old, object)
	}
	return nil
}

// remove tells that an object is gone.
func (i *informer) remove(object runtime.Object) error {
	if err := i.indexer.Delete(object); err != nil {
		return err
	}
	for _, h := range i.handlers {
		h.OnDelete(object)
	}
	return nil
}

// synced is always so.
type synced struct{}

var done = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (synced) HasSynced() bool                     { return true }
func (synced) HasSyncedChecker() cache.DoneChecker { return synced{} }
func (synced) Name() string                        { return "replay" }
func (synced) Done() <-chan struct{}               { return done }
