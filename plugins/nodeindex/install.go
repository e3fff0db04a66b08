// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeindex

import (
	"fmt"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/terms"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// Name is the name of the index's args in a pluginConfig.
const Name = config.NodeIndexName

// Options are those of the index.
type Options struct {
	// Metrics are counted in. If nil, nothing is counted.
	Metrics *Metrics
	// Judges are our plugins of the profiles, which tell the index their verdicts on nodes; see
	// plugins.Options. A profile with a plugin that is neither one of these nor upstream's is not
	// served.
	Judges *judge.Plugins
	// Seed is that of the random choice among equal nodes. If 0, it differs each time.
	Seed uint64
	// Tell is called with each answer, by the goroutine that schedules. It may be nil.
	Tell func(Answer)
}

// Install puts the index between the scheduler and its cache and profiles, except profiles whose
// args turn it off. Call it before the informers start, since the index learns of changes only from
// then on. profiles are those of the configuration that the scheduler was made from. It returns an
// error if upstream would never ask for a hint.
func Install(sched *scheduler.Scheduler, profiles []kubeschedulerconfig.KubeSchedulerProfile, factory informers.SharedInformerFactory, opts Options) error {
	if opts.Metrics == nil {
		opts.Metrics = NewMetrics()
	}
	changes := newChanges()
	index := newIndex(changes, terms.NewOwners(factory), opts.Metrics, opts.Seed)
	index.tell = opts.Tell
	gates := feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate)
	installed := false
	for i := range profiles {
		p := &profiles[i]
		if on, err := enabled(p); err != nil || !on {
			if err != nil {
				return fmt.Errorf("profiles[%d].%w", i, err)
			}
			continue
		}
		if !utilfeature.DefaultFeatureGate.Enabled(features.OpportunisticBatching) {
			return fmt.Errorf("profiles[%d].%s: the node index needs the feature gate OpportunisticBatching, "+
				"since upstream asks for node hints only then; set enabled: false to do without the index", i, config.ArgsPath(Name))
		}
		f, ok := sched.Profiles[p.SchedulerName]
		if !ok {
			return fmt.Errorf("profiles[%d].schedulerName: the scheduler has no profile %q", i, p.SchedulerName)
		}
		sched.Profiles[p.SchedulerName] = &hinted{Framework: f, index: index, terms: terms.Of(f.ListPlugins(), p.PluginConfig, gates,
			func(name string) fwk.Plugin { return opts.Judges.Of(p.SchedulerName, name) })}
		installed = true
	}
	if installed {
		sched.Cache = &cache{Cache: sched.Cache, changes: changes}
	}
	return nil
}

// enabled returns whether a profile uses the index, which is the default.
func enabled(p *kubeschedulerconfig.KubeSchedulerProfile) (bool, error) {
	for _, pc := range p.PluginConfig {
		if pc.Name != Name {
			continue
		}
		args, ok := pc.Args.(*config.NodeIndexArgs)
		if !ok {
			return false, fmt.Errorf("%s: want NodeIndexArgs, got %T", config.ArgsPath(Name), pc.Args)
		}
		return args.Enabled, nil
	}
	return true, nil
}
