// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package plugintest

import (
	"fmt"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
)

// Handle is the framework handle of a scheduler that sees the snapshot, and the Services. Its events are logged.
func Handle(t testing.TB, snapshot *cache.Snapshot, services ...*v1.Service) fwk.Handle {
	t.Helper()
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	for _, s := range services {
		if err := factory.Core().V1().Services().Informer().GetStore().Add(s); err != nil {
			t.Fatal(err)
		}
	}
	h, err := frameworkruntime.NewFramework(t.Context(), nil, nil,
		frameworkruntime.WithSnapshotSharedLister(snapshot),
		frameworkruntime.WithEventRecorder(recorder{t}),
		frameworkruntime.WithInformerFactory(factory))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// recorder logs events.
type recorder struct{ testing.TB }

func (r recorder) Eventf(about, _ runtime.Object, _, reason, _, note string, args ...any) {
	r.Logf("%T: %s: %s", about, reason, fmt.Sprintf(note, args...))
}
func (r recorder) WithLogger(klog.Logger) events.EventRecorderLogger { return r }

// Nodes are all nodes of a snapshot.
func Nodes(t testing.TB, snapshot *cache.Snapshot) []fwk.NodeInfo {
	t.Helper()
	nodes, err := snapshot.NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return nodes
}

// Node is one node of a snapshot, to change as preemption does.
func Node(t testing.TB, snapshot *cache.Snapshot, name string) fwk.NodeInfo {
	t.Helper()
	n, err := snapshot.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
