// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// teller is a plugin that can be asked.
type teller string

func (t teller) Name() string { return string(t) }

func (t teller) Judge(fwk.CycleState, *v1.Pod) (judge.Judge, bool) { return nil, true }

func enabled(filters, scores string, weight int32) *kubeschedulerconfig.Plugins {
	set := func(plugins string) (s kubeschedulerconfig.PluginSet) {
		for _, name := range strings.Fields(plugins) {
			s.Enabled = append(s.Enabled, kubeschedulerconfig.Plugin{Name: name, Weight: weight})
		}
		return s
	}
	return &kubeschedulerconfig.Plugins{Filter: set(filters), Score: set(scores)}
}

const filters = names.TaintToleration + " " + names.NodeResourcesFit + " " + names.NodeName

// Whatever a profile has that no term models, the index does not serve it; plugins that can be asked are.
func TestProfilesThatAreNotKnown(t *testing.T) {
	added := &v1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &v1.NodeSelector{}}
	for _, test := range []struct {
		filters, scores string
		weight          int32
		args            []kubeschedulerconfig.PluginConfig
		want            string
	}{
		{filters: filters},
		{filters: filters, scores: names.ImageLocality + " " + names.PodTopologySpread},
		{filters: names.TaintToleration, want: "no filter for resources"},
		{filters: names.NodeResourcesFit, want: "no filter for taints"},
		{filters: filters, scores: "Unheard", want: "score plugin Unheard"},
		{filters: filters, scores: names.NodePorts, want: "score plugin NodePorts"},
		{filters: filters, scores: names.VolumeBinding, want: "score plugin VolumeBinding"},
		{filters: filters + " " + names.VolumeBinding, scores: names.VolumeBinding},
		{filters: filters, scores: "Tells", weight: 3},
		{filters: filters, scores: "Tells", weight: maxWeight + 1, want: "a weight over 1000000"},
		{filters: filters, scores: "Tells1 Tells2 Tells3 Tells4 Tells5 Tells6"},
		{filters: filters, scores: "Tells1 Tells2 Tells3 Tells4 Tells5 Tells6 Tells7", want: "score plugin Tells7"},
		{filters: filters, scores: names.NodeResourcesFit, want: "no args of the plugin that scores resources"},
		{filters: filters + " " + config.ResourceFitName, want: "both upstream's fit and ResourceFit"},
		{filters: filters + " " + names.NodeAffinity + " " + config.AffinityName, want: "two plugins that add node affinity", args: []kubeschedulerconfig.PluginConfig{
			{Name: names.NodeAffinity, Args: &kubeschedulerconfig.NodeAffinityArgs{AddedAffinity: added}},
			{Name: config.AffinityName, Args: &config.AffinityArgs{AddedAffinity: added}},
		}},
	} {
		p := Of(enabled(test.filters, test.scores, max(test.weight, 1)), test.args, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate), func(name string) fwk.Plugin {
			if strings.HasPrefix(name, "Tells") {
				return teller(name)
			}
			return nil
		})
		if p.Unknown() != test.want {
			t.Errorf("filters %s, scores %s: unknown is %q, want %q", test.filters, test.scores, p.Unknown(), test.want)
		}
	}
}

// A filter that no term models leaves the pods to upstream about which it has something to say.
func TestFiltersThatAreNotKnown(t *testing.T) {
	p := Of(enabled(filters+" Unheard", "", 1), nil, feature.NewSchedulerFeaturesFromGates(utilfeature.DefaultFeatureGate), func(string) fwk.Plugin { return nil })
	q := NewQuery(table.New(), Owners{})
	for _, skips := range []bool{false, true} {
		state, want := framework.NewCycleState(), ReasonFilter+"Unheard"
		if skips {
			state.SetSkipFilterPlugins(sets.New("Unheard"))
			want = ""
		}
		if p.Compile(q, &v1.Pod{}, state); q.Why() != want {
			t.Errorf("PreFilter skips: %v. The index cannot say for %q, want %q", skips, q.Why(), want)
		}
	}
}
