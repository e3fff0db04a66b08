// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package replay

import (
	"testing"

	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"
)

// Plugins leave the informers when their world ends.
func TestInformersCanBeLeft(t *testing.T) {
	_, nodes, pods, services, sets := newFactory(fake.NewClientset())
	for _, i := range []*informer{nodes, pods, services, sets} {
		registration, err := i.AddEventHandler(cache.ResourceEventHandlerFuncs{})
		if err != nil {
			t.Fatal(err)
		}
		if err := i.RemoveEventHandler(registration); err != nil {
			t.Error(err)
		}
	}
}
