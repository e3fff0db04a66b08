// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package served

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	resourcev1 "k8s.io/api/resource/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
)

func caches(typed map[reflect.Type]bool, dyn map[schema.GroupVersionResource]bool) Caches {
	client := dynamicfake.NewSimpleDynamicClient(scheme.Scheme)
	client.PrependReactor("list", "devicetaintrules", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Group: "resource.k8s.io", Resource: "devicetaintrules"}, "", nil)
	})
	return Caches{
		Typed:   func() map[reflect.Type]bool { return typed },
		Dynamic: func() map[schema.GroupVersionResource]bool { return dyn },
		Client:  client,
	}
}

// The caches that do not fill are named with what the API server says about them, the others are not.
func TestAwaitCachesNamesThem(t *testing.T) {
	services := schema.GroupVersionResource{Version: "v1", Resource: "services"}
	err := AwaitCaches(t.Context(), caches(map[reflect.Type]bool{
		reflect.TypeFor[*v1.Pod](): true, reflect.TypeFor[*resourcev1.DeviceTaintRule](): false,
	}, map[schema.GroupVersionResource]bool{services: false}), time.Millisecond)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"devicetaintrules.v1.resource.k8s.io (devicetaintrules.resource.k8s.io is forbidden", "services.v1 (it can be listed"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "pods") {
		t.Errorf("pods have synced: %v", err)
	}
}

func TestAwaitCachesEnds(t *testing.T) {
	if err := AwaitCaches(t.Context(), caches(map[reflect.Type]bool{reflect.TypeFor[*v1.Pod](): true}, nil), time.Millisecond); err != nil {
		t.Errorf("all have synced: %v", err)
	}
	// A standby that starts its informers when it leads may wait for as long as it likes.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := AwaitCaches(ctx, caches(nil, nil), time.Millisecond); err != nil {
		t.Errorf("none was started: %v", err)
	}
}
