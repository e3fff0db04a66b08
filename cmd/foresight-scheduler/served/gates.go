// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package served fits the scheduler to the APIs that the API server serves, which its version and --runtime-config decide.
//
// Upstream takes for granted that the API server is as new as the scheduler. It waits for the caches of all resources that its
// feature gates ask for, and it does so for ever: beside a server that does not serve one of them it would place no pod, and
// still look alive. Here [Adapt] turns such gates off before the scheduler is built, and [AwaitCaches] ends the process when a
// cache stays empty all the same.
package served

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/features"
)

// Discovery is what is asked of an API server; *discovery.DiscoveryClient has it.
type Discovery interface {
	ServerResourcesForGroupVersionWithContext(ctx context.Context, groupVersion string) (*metav1.APIResourceList, error)
	ServerVersionWithContext(ctx context.Context) (*version.Info, error)
}

// A need is a feature gate of upstream's scheduler, with the resources whose caches it waits for while the gate is on.
type need struct {
	gate      featuregate.Feature
	resources []schema.GroupVersionResource
}

// needs has all such gates; TestNeedsAreUpstreams derives them from upstream's code.
var needs = []need{
	{features.DynamicResourceAllocation, []schema.GroupVersionResource{
		{Group: "resource.k8s.io", Version: "v1", Resource: "deviceclasses"},
		{Group: "resource.k8s.io", Version: "v1", Resource: "resourceclaims"},
		{Group: "resource.k8s.io", Version: "v1", Resource: "resourceslices"},
	}},
	{features.DRADeviceTaintRules, []schema.GroupVersionResource{{Group: "resource.k8s.io", Version: "v1", Resource: "devicetaintrules"}}},
	{features.GenericWorkload, []schema.GroupVersionResource{{Group: "scheduling.k8s.io", Version: "v1beta1", Resource: "podgroups"}}},
	{features.CompositePodGroup, []schema.GroupVersionResource{{Group: "scheduling.k8s.io", Version: "v1alpha3", Resource: "compositepodgroups"}}},
}

// settable is what Adapt needs of feature gates.
type settable interface {
	featuregate.MutableVersionedFeatureGate
	featuregate.MutableFeatureGateWithLogger
}

// adapter is one call of Adapt.
type adapter struct {
	server   Discovery
	gates    settable
	patience time.Duration
	// served has the resources of the group versions that were asked for.
	served map[schema.GroupVersion]map[string]bool
}

// Adapt turns off the feature gates that need an API which the server does not serve, with those that depend on them. A gate
// that the user has turned on, or that is locked, is an error that names the API. Call it before anything asks for a gate.
// It waits up to a minute for a server that does not answer.
func Adapt(ctx context.Context, server Discovery, gates featuregate.FeatureGate) error {
	s, ok := gates.(settable)
	if !ok {
		return fmt.Errorf("feature gates of type %T cannot be set", gates)
	}
	a := adapter{server: server, gates: s, patience: time.Minute, served: map[schema.GroupVersion]map[string]bool{}}
	return a.run(ctx)
}

func (a *adapter) run(ctx context.Context) error {
	off := map[string]bool{}
	var missing []string
	for _, n := range needs {
		if !a.gates.Enabled(n.gate) {
			continue
		}
		for _, r := range n.resources {
			served, err := a.serves(ctx, r)
			if err != nil {
				return fmt.Errorf("asking the API server which resources of %s it serves: %w", r.GroupVersion(), err)
			}
			if served {
				continue
			}
			missing = append(missing, resourceName(r))
			for _, gate := range a.dependents(n.gate) {
				if err := a.refuse(ctx, gate, r); err != nil {
					return err
				}
				off[string(gate)] = false
			}
		}
	}
	if len(off) == 0 {
		return nil
	}
	klog.FromContext(ctx).Info("The API server does not serve resources that feature gates of the scheduler need: these gates are off",
		"server", a.version(ctx), "resources", missing, "featureGates", slices.Sorted(maps.Keys(off)))
	// Its warning that a gate of GA will go one day is of no use to anybody here.
	return a.gates.SetFromMapWithLogger(logr.Discard(), off)
}

// refuse returns an error where a gate must not be turned off.
func (a *adapter) refuse(ctx context.Context, gate featuregate.Feature, without schema.GroupVersionResource) error {
	switch {
	case a.gates.ExplicitlySet(gate):
		return fmt.Errorf("--feature-gates: %s=true needs %s, which the API server (%s) does not serve", gate, resourceName(without), a.version(ctx))
	case a.gates.GetAll()[gate].LockToDefault:
		return fmt.Errorf("the API server (%s) does not serve %s, which this scheduler cannot do without; Kubernetes serves it from 1.34 on, unless --runtime-config turns it off",
			a.version(ctx), resourceName(without))
	}
	return nil
}

// serves says whether the server has a resource. It asks for one group version and not for all there are, so that an aggregated
// API that is down does not matter.
func (a *adapter) serves(ctx context.Context, r schema.GroupVersionResource) (bool, error) {
	gv := r.GroupVersion()
	if a.served[gv] == nil {
		list, err := a.ask(ctx, gv.String())
		if err != nil {
			return false, err
		}
		a.served[gv] = map[string]bool{}
		for _, served := range list.APIResources {
			a.served[gv][served.Name] = true
		}
	}
	return a.served[gv][r.Resource], nil
}

// ask returns the resources of a group version, none where the server does not know it, and asks again while the server does not
// answer.
func (a *adapter) ask(ctx context.Context, gv string) (*metav1.APIResourceList, error) {
	var list *metav1.APIResourceList
	var last error
	err := wait.PollUntilContextTimeout(ctx, time.Second, a.patience, true, func(ctx context.Context) (bool, error) {
		var err error
		list, err = a.server.ServerResourcesForGroupVersionWithContext(ctx, gv)
		switch {
		case err == nil:
			return true, nil
		case apierrors.IsNotFound(err):
			list = &metav1.APIResourceList{}
			return true, nil
		case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
			return false, err // Asking again would not help.
		}
		if last == nil {
			klog.FromContext(ctx).Info("The API server does not answer; asking it again", "for", a.patience, "reason", err.Error())
		}
		last = err
		return false, nil
	})
	if wait.Interrupted(err) && last != nil {
		err = last
	}
	return list, err
}

// dependents returns a gate and all enabled ones that depend on it.
func (a *adapter) dependents(gate featuregate.Feature) []featuregate.Feature {
	found := []featuregate.Feature{gate}
	dependencies := a.gates.Dependencies()
	for i := 0; i < len(found); i++ {
		for f, of := range dependencies {
			if slices.Contains(of, found[i]) && a.gates.Enabled(f) && !slices.Contains(found, f) {
				found = append(found, f)
			}
		}
	}
	return found
}

func (a *adapter) version(ctx context.Context) string {
	v, err := a.server.ServerVersionWithContext(ctx)
	if err != nil {
		return "of unknown version"
	}
	return v.GitVersion
}

// resourceName is a resource as kubectl takes it, and RBAC asks for it: devicetaintrules.v1.resource.k8s.io.
func resourceName(r schema.GroupVersionResource) string {
	return strings.TrimRight(strings.Join([]string{r.Resource, r.Version, r.Group}, "."), ".")
}
