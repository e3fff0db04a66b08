// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/recording"
)

// watchPlacement has the writer told of nodes and pods, as they are and from now on. failed is told of what could not be written.
func watchPlacement(factory informers.SharedInformerFactory, w *recording.Writer, failed func(error)) error {
	core := factory.Core().V1()
	nodes, err := core.Nodes().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	pods, err := core.Pods().Lister().List(labels.Everything())
	if err != nil {
		return err
	}
	if err := w.Present(time.Now(), nodes, pods); err != nil {
		return err
	}
	tell := func(object any, gone bool) {
		if tombstone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = tombstone.Obj
		}
		var err error
		switch o := object.(type) {
		case *v1.Node:
			err = w.Node(time.Now(), o, gone)
		case *v1.Pod:
			err = w.Pod(time.Now(), o, gone)
		}
		if err != nil {
			failed(err)
		}
	}
	for _, informer := range []cache.SharedIndexInformer{core.Nodes().Informer(), core.Pods().Informer()} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(o any) { tell(o, false) },
			UpdateFunc: func(_, o any) { tell(o, false) },
			DeleteFunc: func(o any) { tell(o, true) },
		}); err != nil {
			return err
		}
	}
	return nil
}
