// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"context"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

// api takes a scheduler's bindings, and the statuses of pods that it could not place, which go nowhere.
type api struct {
	kubernetes.Interface
	bound chan *v1.Binding
}

func newAPI() *api { return &api{Interface: fake.NewClientset(), bound: make(chan *v1.Binding, 1)} }

func (a *api) CoreV1() corev1client.CoreV1Interface { return core{a.Interface.CoreV1(), a} }

type core struct {
	corev1client.CoreV1Interface
	api *api
}

func (c core) Pods(namespace string) corev1client.PodInterface {
	return pods{c.CoreV1Interface.Pods(namespace), c.api}
}

type pods struct {
	corev1client.PodInterface
	api *api
}

func (p pods) Bind(_ context.Context, b *v1.Binding, _ metav1.CreateOptions) error {
	p.api.bound <- b
	return nil
}

func (p pods) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*v1.Pod, error) {
	return &v1.Pod{}, nil
}

// silent drops events.
type silent struct{}

func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}
func (s silent) WithLogger(klog.Logger) events.EventRecorderLogger                           { return s }

// virtual is a clock that stands until it is set. Nobody waits by it.
type virtual struct {
	clock.RealClock
	now time.Time
}

func (v *virtual) Now() time.Time                  { return v.now }
func (v *virtual) Since(t time.Time) time.Duration { return v.now.Sub(t) }
