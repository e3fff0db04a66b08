// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package served

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
)

// Caches are the informers that the scheduler waits for before it schedules.
type Caches struct {
	// Typed and Dynamic say of each informer that was started whether it has synced: WaitForCacheSync of the informer
	// factories with a channel that is closed.
	Typed   func() map[reflect.Type]bool
	Dynamic func() map[schema.GroupVersionResource]bool
	// Client asks the API server what is the matter with a resource.
	Client dynamic.Interface
}

// AwaitCaches returns when all informers that were started have synced, or ctx has ended, with nil; and with an error that names
// the ones that have not, and why, when that takes longer than the bound. The time counts from the first one that is seen to be
// started: a standby may start them when it leads.
func AwaitCaches(ctx context.Context, c Caches, bound time.Duration) error {
	const period = time.Second
	var started time.Time
	told := false
	for {
		all, behind := c.state()
		switch now := time.Now(); {
		case all > 0 && len(behind) == 0:
			return nil
		case all == 0:
		case started.IsZero():
			started = now
		case now.Sub(started) >= bound:
			return fmt.Errorf("no pod can be scheduled: caches were not filled within %v: %s", bound, c.reasons(ctx, behind))
		case !told && now.Sub(started) >= bound/8:
			told = true
			klog.FromContext(ctx).Info("Waiting for caches; no pod is scheduled until they are filled", "resources", names(behind), "for", bound)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(period, bound)):
		}
	}
}

// state returns how many informers were started, and the resources of those that have not synced.
func (c *Caches) state() (started int, behind []schema.GroupVersionResource) {
	typed, dyn := c.Typed(), c.Dynamic()
	for t, synced := range typed {
		if !synced {
			behind = append(behind, resourceOf(t))
		}
	}
	for r, synced := range maps.All(dyn) {
		if !synced {
			behind = append(behind, r)
		}
	}
	slices.SortFunc(behind, func(a, b schema.GroupVersionResource) int { return strings.Compare(resourceName(a), resourceName(b)) })
	return len(typed) + len(dyn), behind
}

// resourceOf returns the resource that informers of a type list.
func resourceOf(t reflect.Type) schema.GroupVersionResource {
	if t.Kind() == reflect.Pointer {
		if object, ok := reflect.New(t.Elem()).Interface().(runtime.Object); ok {
			if kinds, _, err := scheme.Scheme.ObjectKinds(object); err == nil {
				plural, _ := meta.UnsafeGuessKindToResource(kinds[0])
				return plural
			}
		}
	}
	return schema.GroupVersionResource{Resource: t.String()}
}

// reasons says of each resource what the API server answers to a list.
func (c *Caches) reasons(ctx context.Context, behind []schema.GroupVersionResource) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	said := make([]string, len(behind))
	for i, r := range behind {
		why := "it can be listed, but not watched or not in time"
		if _, err := c.Client.Resource(r).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			why = err.Error()
		}
		said[i] = fmt.Sprintf("%s (%s)", resourceName(r), why)
	}
	return strings.Join(said, ", ")
}

func names(resources []schema.GroupVersionResource) []string {
	out := make([]string, len(resources))
	for i, r := range resources {
		out[i] = resourceName(r)
	}
	return out
}
