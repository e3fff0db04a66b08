// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"context"
	"fmt"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
)

// told keeps the last event.
type told struct{ last *string }

func (r told) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	*r.last = reason + ": " + fmt.Sprintf(note, args...)
}
func (r told) WithLogger(klog.Logger) events.EventRecorderLogger { return r }

// A misspelt annotation of ours is told in an event, and costs the pod nothing; what others annotate is theirs.
func TestUnknownAnnotationIsTold(t *testing.T) {
	var last string
	h, err := frameworkruntime.NewFramework(context.Background(), nil, nil,
		frameworkruntime.WithSnapshotSharedLister(cache.NewSnapshot(nil, nil)),
		frameworkruntime.WithEventRecorder(told{&last}),
		frameworkruntime.WithInformerFactory(informers.NewSharedInformerFactory(fake.NewClientset(), 0)))
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := NewFactory(Forecasts{})(t.Context(), guarded(config.LimitsGuardNone), h, gates())
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "foresight-scheduler.dev/"
	for name, want := range map[string]string{
		prefix + "predicted-cpu":      "",
		"example.com/predicted-cup":   "",
		prefix + "predicted-cup":      "UnknownAnnotation: annotation foresight-scheduler.dev/predicted-cup: nothing reads it here; what is read: foresight-scheduler.dev/overcommit, ",
		prefix + "max-predicted-peak": "UnknownAnnotation: annotation foresight-scheduler.dev/max-predicted-peak: nothing reads it here", // It is one of nodes.
		prefix + "qos":                "UnknownAnnotation: annotation foresight-scheduler.dev/qos: nothing reads it here",                // It is a label of pods.
	} {
		last = ""
		p := pod("p", "", amounts{"cpu": "1"}, nil)
		p.Annotations = map[string]string{name: "1"}
		if _, status := plugin.(*ResourceFit).PreFilter(t.Context(), framework.NewCycleState(), p, nil); !status.IsSuccess() {
			t.Errorf("%s: %v", name, status)
		}
		if len(last) < len(want) || last[:len(want)] != want || want == "" && last != "" {
			t.Errorf("%s: told %q, want %q", name, last, want)
		}
	}
}
