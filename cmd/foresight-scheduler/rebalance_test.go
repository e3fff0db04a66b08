// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	testclock "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/config"
	configv1 "github.com/foresight-scheduler/foresight/config/v1"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// Off is nothing at all: no loop, no copy of the nodes, and the engine learns no hours of pods for it.
func TestRebalancerIsOff(t *testing.T) {
	for name, plugins := range map[string][]kubeschedulerconfig.PluginConfig{"no args": nil, "off": {{Name: config.RebalanceName, Args: rebalanceArgs(t)}}} {
		cfg := &kubeschedulerconfig.KubeSchedulerConfiguration{Profiles: []kubeschedulerconfig.KubeSchedulerProfile{{SchedulerName: "ours", PluginConfig: plugins}}}
		d := &decisions{}
		// Without an engine: to ask it for anything would panic.
		r, err := newRebalancer(cfg, nil, d, nil)
		if r.listen(); r != nil || err != nil || len(d.more) > 0 || d.moves != nil || r.install(t.Context(), nil, nil) != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

func rebalanceArgs(t *testing.T) *config.RebalanceArgs {
	t.Helper()
	defaults, args := &configv1.RebalanceArgs{}, &config.RebalanceArgs{}
	configv1.SetDefaults_RebalanceArgs(defaults)
	if err := configv1.Convert_v1_RebalanceArgs_To_config_RebalanceArgs(defaults, args, nil); err != nil {
		t.Fatal(err)
	}
	return args
}

// An onlooker suggests moves and writes no event of them, which its client would refuse; evicting is refused at start.
func TestRebalancerOfAnOnlooker(t *testing.T) {
	args := rebalanceArgs(t)
	cfg := &kubeschedulerconfig.KubeSchedulerConfiguration{Profiles: []kubeschedulerconfig.KubeSchedulerProfile{{
		SchedulerName: "foresight-shadow", PluginConfig: []kubeschedulerconfig.PluginConfig{{Name: config.RebalanceName, Args: args}},
	}}}
	e := learn.New(config.PredictionArgs{}, testclock.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)))
	args.Mode = config.RebalanceSuggest
	for _, looks := range []*onlooker{nil, {}} {
		r, err := newRebalancer(cfg, e, &decisions{}, looks)
		if err != nil || r.looksOn != (looks != nil) {
			t.Errorf("onlooker %v: %+v, %v", looks != nil, r, err)
		}
	}
	(&world{}).Tell(&rebalance.Pod{Namespace: "shop", Name: "web-7"}, rebalance.Suggested, "node-3 was full")
	args.Mode = config.RebalanceEvict
	if _, err := newRebalancer(cfg, e, &decisions{}, &onlooker{}); err == nil {
		t.Error("an onlooker evicts")
	}
}
