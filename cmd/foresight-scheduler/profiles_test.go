// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	kubeschedulerv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/nodeindex"
)

const header = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
profiles:
`

const withOurs = `  plugins:
    multiPoint:
      enabled: [{name: Taints, weight: 3}, {name: Affinity, weight: 2}, {name: ResourceFit, weight: 2}]
      disabled: [{name: TaintToleration}, {name: NodeAffinity}, {name: NodeResourcesFit}, {name: NodeResourcesBalancedAllocation}]
`

// What a profile says counts at every verbosity, and is in what --write-config-to writes, which can be read again and then says
// the same. (From -v=2 on upstream puts profiles in its place that hold args of enabled plugins only.)
func TestProfilesAtEveryVerbosity(t *testing.T) {
	file := writeFile(t, "config.yaml", header+`- schedulerName: noindex
  pluginConfig:
  - {name: NodeIndex, args: {enabled: false}}
  - {name: Prediction, args: {percentile: 77, usage: {source: MetricsAPI, interval: 7s}}}
  - {name: Claims, args: {overcommit: {namespaceSelector: {matchLabels: {team: ops}}}}}
  - {name: ResourceFit, args: {predictedPeak: {mode: None}}}
`+withOurs)
	var first string
	for v := range 11 {
		cfg, stderr, err := runCommand(t, "--config", file, fmt.Sprintf("--v=%d", v))
		if err != nil {
			t.Fatalf("-v=%d: %v\n%.2000s", v, err, stderr)
		}
		index, prediction := argsOf[*config.NodeIndexArgs](t, cfg, nodeindex.Name), argsOf[*config.PredictionArgs](t, cfg, config.PredictionName)
		allowed := argsOf[*config.ClaimsArgs](t, cfg, config.ClaimsName)
		if index.Enabled || prediction.Percentile != 77 || prediction.Usage.Interval.Seconds() != 7 || allowed.Overcommit.NamespaceSelector.MatchLabels["team"] != "ops" ||
			argsOf[*config.ResourceFitArgs](t, cfg, "ResourceFit").PredictedPeak.Mode != config.PredictedPeakNone ||
			// Not given, and told all the same.
			argsOf[*config.TaintsArgs](t, cfg, "Taints").PredictedPressure.Effect == "" {
			t.Errorf("-v=%d: NodeIndex %+v, Prediction %+v, Claims %+v", v, index, prediction, allowed)
		}
		// Read again, it says the same.
		again := encode(t, cfg)
		if first == "" {
			first = again
			reread, stderr, err := runCommand(t, "--config", writeFile(t, "again.yaml", again))
			if err != nil {
				t.Fatalf("what was written is refused: %v\n%.2000s", err, stderr)
			}
			if encode(t, reread) != again {
				t.Errorf("what was written says something else when it is read:\n%s\n---\n%s", again, encode(t, reread))
			}
		} else if again != first {
			t.Errorf("-v=%d writes another configuration than -v=0:\n%s", v, again)
		}
	}
}

func encode(t *testing.T, cfg *kubeschedulerconfig.KubeSchedulerConfiguration) string {
	t.Helper()
	for _, info := range scheme.Codecs.SupportedMediaTypes() {
		if info.MediaType == "application/yaml" {
			var out strings.Builder
			if err := scheme.Codecs.EncoderForVersion(info.Serializer, kubeschedulerv1.SchemeGroupVersion).Encode(cfg, &out); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
	}
	t.Fatal("no YAML")
	return ""
}

// What would have no effect, or be done twice, is refused at start and named by its field.
func TestIneffectiveConfigurationsAreRefused(t *testing.T) {
	qos := `  plugins: {multiPoint: {enabled: [{name: PredictedQoS}]}}
  pluginConfig: [{name: PredictedQoS, args: {feedback: {observationsFile: /tmp/a/../o.json}}}]
`
	for name, tc := range map[string]struct{ profiles, says string }{
		"args without a plugin": {`- schedulerName: guarded
  pluginConfig: [{name: ResourceFit, args: {limitsGuard: {max: [{resource: memory, percentOfAllocatable: 100}]}}}]
`, `profiles[0].pluginConfig[0].name: Invalid value: "ResourceFit": the profile does not enable this plugin`},
		"args of QoS without the plugin": {`- schedulerName: a
- schedulerName: b
  pluginConfig: [{name: PredictedQoS, args: {maxRiskPercent: 5}}]
`, `profiles[1].pluginConfig[0].name: Invalid value: "PredictedQoS"`},
		"args of the plugin that ours stands in for": {"- schedulerName: a\n  pluginConfig: [{name: NodeResourcesFit, args: {ignoredResources: [example.com/x]}}]\n" + withOurs,
			`profiles[0].pluginConfig[0].name: Invalid value: "NodeResourcesFit": the profile does not enable this plugin: ResourceFit stands in for it`},
		"a twin left enabled": {"- schedulerName: a\n  plugins: {multiPoint: {enabled: [{name: Affinity}], disabled: [{name: TaintToleration}]}}\n",
			`profiles[0].plugins.multiPoint.enabled: Invalid value: "NodeAffinity": Affinity holds this plugin: disable it`},
		"two writers of one file": {"- schedulerName: a\n" + qos + "- schedulerName: b\n" + strings.ReplaceAll(qos, "/tmp/a/..", "/tmp"),
			`profiles[1].pluginConfig[0].args.feedback.observationsFile: Invalid value: "/tmp/o.json": is written by profiles[0].pluginConfig[0].args.feedback.observationsFile too`},
		"an interval of nothing": {"- schedulerName: a\n  pluginConfig: [{name: Prediction, args: {usage: {interval: 0s}}}]\n",
			`pluginConfig[Prediction].args.usage.interval: Invalid value: "0s": not in valid range [1s-1h0m0s]`},
		"a percentile of nothing": {"- schedulerName: a\n  pluginConfig: [{name: Prediction, args: {percentile: 0}}]\n",
			`pluginConfig[Prediction].args.percentile: Invalid value: 0`},
		"claims in two profiles": {"- schedulerName: a\n  pluginConfig: [{name: Claims, args: {}}]\n- schedulerName: b\n  pluginConfig: [{name: Claims, args: {}}]\n",
			`profiles[1].pluginConfig[Claims]: it stands in another profile already`},
		"a selector that is none": {"- schedulerName: a\n  pluginConfig: [{name: Claims, args: {predictions: {namespaceSelector: {matchLabels: {\"a b\": c}}}}}]\n",
			`pluginConfig[Claims].args.predictions.namespaceSelector.matchLabels: Invalid value: "a b"`},
		"the scheduler's own token": {"- schedulerName: a\n  pluginConfig: [{name: Prediction, args: {usage: {source: Kubelet, kubelet: {tokenFile: /run/secrets/kubernetes.io/serviceaccount/token}}}}]\n",
			`pluginConfig[Prediction].args.usage.kubelet.tokenFile: Forbidden: this is the scheduler's own token`},
	} {
		t.Run(name, func(t *testing.T) {
			_, stderr, err := runCommand(t, "--config", writeFile(t, "config.yaml", header+tc.profiles))
			if err == nil || !strings.Contains(stderr, tc.says) {
				t.Errorf("%v, want %s\n%s", err, tc.says, stderr)
			}
		})
	}
}
