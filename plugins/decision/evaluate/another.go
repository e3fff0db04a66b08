// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"
	"sync"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"

	"github.com/foresight-scheduler/foresight/config"
)

// another is what upstream's metrics call the profiles of other configurations: whoever tries one must not make a label value.
const another = "another"

// Profiles are those of another configuration, to try.
type Profiles struct {
	// Lacks says what of the configuration does not count.
	Lacks []string

	frameworks map[string]framework.Framework
	end        context.CancelFunc
}

// Made returns the profiles by name, as upstream made them. Nobody may write to it.
func (p *Profiles) Made() map[string]framework.Framework { return p.frameworks }

// Close lets go of the plugins that were made for the profiles.
func (p *Profiles) Close() { p.end() }

// Another makes plugins for other profiles, whose args must be decoded and defaulted. Plugins whose args are the scheduler's are not made
// again. A plugin may open no file for it. Close the result.
func (e *Evaluator) Another(ctx context.Context, profiles []kubeschedulerconfig.KubeSchedulerProfile) (*Profiles, error) {
	ctx, end := context.WithCancel(context.WithoutCancel(ctx))
	out := &Profiles{frameworks: map[string]framework.Framework{}, end: end}
	e.lock.Lock()
	defer e.lock.Unlock()
	for i := range profiles {
		p := silenced(profiles[i].DeepCopy())
		p.SchedulerName = another
		f, err := e.framework(ctx, e.make.again(e.registry, out), p, e.live)
		if err != nil {
			end()
			return nil, fmt.Errorf("profiles[%d]: %w", i, err)
		}
		out.frameworks[profiles[i].SchedulerName] = f
	}
	return out, nil
}

// maker remembers the plugins that were made for the scheduler's own profiles.
type maker struct {
	lock sync.Mutex
	made map[string][]made
}

type made struct {
	args   runtime.Object
	plugin fwk.Plugin
}

// noting returns the registry with factories whose plugins are remembered.
func (m *maker) noting(registry frameworkruntime.Registry) frameworkruntime.Registry {
	out := make(frameworkruntime.Registry, len(registry))
	for name, factory := range registry {
		out[name] = func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
			plugin, err := factory(ctx, args, h)
			if err == nil {
				m.lock.Lock()
				defer m.lock.Unlock()
				m.made[name] = append(m.made[name], made{args, plugin})
			}
			return plugin, err
		}
	}
	return out
}

// again returns the registry with factories that return what was made from the same args. What they make anew opens no file, sends
// nothing, and leaves nothing behind when its context ends.
func (m *maker) again(registry frameworkruntime.Registry, to *Profiles) frameworkruntime.Registry {
	out := make(frameworkruntime.Registry, len(registry))
	for name, factory := range registry {
		out[name] = func(ctx context.Context, args runtime.Object, h fwk.Handle) (fwk.Plugin, error) {
			m.lock.Lock()
			all := m.made[name]
			m.lock.Unlock()
			for _, was := range all {
				if apiequality.Semantic.DeepEqual(was.args, args) {
					return was.plugin, nil
				}
			}
			if name == names.VolumeBinding && len(all) > 0 {
				// Another one would listen to claims and volumes for ever: upstream has no way to end that.
				to.Lacks = append(to.Lacks, "args of "+name+" in the other configuration: the scheduler's own hold")
				return all[0].plugin, nil
			}
			if qos, ok := args.(*config.PredictedQoSArgs); ok && qos.ModelFile != "" {
				return nil, fmt.Errorf("%s: a trial opens no file of the scheduler; leave it out, or all args of %s as the scheduler has them",
					config.ArgsPath(name).Child("modelFile"), name)
			}
			return factory(ctx, args, quiet{h})
		}
	}
	return out
}

// quiet is a handle with which a plugin can ask the API server nothing.
type quiet struct{ fwk.Handle }

func (quiet) ClientSet() kubernetes.Interface { return nil }
