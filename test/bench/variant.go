// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"

	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
	"github.com/foresight-scheduler/foresight/test/bench/turns"
)

// The variants, in the order in which they run.
const (
	foresight     = turns.Foresight
	stock         = turns.Stock
	stockAllNodes = turns.StockAllNodes
	trimaran      = "trimaran"
	withoutIndex  = "foresight-without-index"
	unrecorded    = "foresight-without-records"
	foresightQoS  = "foresight-qos"
	withoutQoS    = "foresight-without-qos"
	predicting    = "foresight-predicting"
	everything    = "foresight-everything"
	floor         = "floor"
)

var (
	variants        = append(slices.Clone(defaultVariants), withoutIndex, unrecorded, withoutQoS, predicting, foresightQoS, everything, floor)
	defaultVariants = []string{foresight, stock, stockAllNodes, trimaran}
)

var variantHelp = map[string]string{
	foresight:     "the shipped configuration: every node, with the node index; nodes' use is known, and too little yet to predict",
	predicting:    "the shipped configuration that has watched nodes and pods for an hour: its forecasts score",
	stock:         "kube-scheduler's default profile: it samples nodes",
	stockAllNodes: "the default profile with percentageOfNodesToScore: 100",
	withoutIndex:  "the shipped configuration without the node index: what the plugins cost where no hint helps; it samples nodes",
	unrecorded:    "the shipped configuration without records of decisions",
	withoutQoS:    "the shipped configuration without PredictedQoS, which has no model there and only watches",
	foresightQoS:  "the shipped configuration with PredictedQoS that scores",
	everything:    "the shipped configuration that has watched nodes and pods for an hour, with PredictedQoS that scores, TargetLoadPacking, predictions and a guard on limits that filter, and pressure that refuses",
	floor:         "the default profile, told by a table where foresight put each pod: a decision that costs nothing; what is left is upstream's",
	trimaran:      "the default profile with TargetLoadPacking and LoadVariationRiskBalancing",
}

const stockConfig = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: ` + synthetic.SchedulerName + "\n"

// Upstream signs no pod while there are default topology spread constraints, and batches
// only what is signed.
const batchingConfig = stockConfig + `
  pluginConfig:
  - name: PodTopologySpread
    args:
      defaultingType: List
      defaultConstraints: []
`

const trimaranConfig = stockConfig + `
  plugins:
    multiPoint:
      enabled:
      - name: TargetLoadPacking
        weight: 1
      - name: LoadVariationRiskBalancing
        weight: 1
`

// hasIndex says whether a variant looks at every node by the node index.
func hasIndex(variant string) bool {
	return variant == foresight || variant == unrecorded || variant == withoutQoS || variant == foresightQoS || variant == predicting || variant == everything
}

// predicts says whether the engine of a variant has watched long enough to predict.
func predicts(variant string) bool { return variant == predicting || variant == everything }

// records says whether a variant keeps what it decides, as the shipped configuration does.
func records(variant string) bool {
	return variant == foresight || variant == withoutIndex || variant == withoutQoS || variant == foresightQoS || variant == predicting || variant == everything
}

const qosPlugin = `
      - name: PredictedQoS
        weight: 2
`

const everythingElse = `
      - name: TargetLoadPacking
`

const everythingArgs = `
  - name: ResourceFit
    args:
      predictedPeak: {mode: Filter}
      limitsGuard: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 1000}]}
  - name: Taints
    args:
      predictedPressure: {effect: NoSchedule}
`

// shippedWith is the shipped configuration with more plugins and args.
func shippedWith(plugins, args string) []byte {
	const before = "      # Each of ours holds its upstream twin"
	config := strings.TrimRight(string(shippedWithoutQoS()), "\n")
	return []byte(strings.Replace(config, before, strings.TrimLeft(plugins, "\n")+before, 1) + args)
}

// shippedWithoutQoS is the shipped configuration without PredictedQoS, which watches decisions there and has no model to score by.
func shippedWithoutQoS() []byte {
	return []byte(strings.NewReplacer(
		"      - name: PredictedQoS\n        weight: 1\n", "", "  - name: PredictedQoS\n    args:\n      scoreFrom: Model\n", "",
	).Replace(string(manifests.SchedulerConfig)))
}

// configOf returns the configuration that a variant runs with.
func configOf(variant, mix string) (*kubeschedulerconfig.KubeSchedulerConfiguration, error) {
	data := []byte(stockConfig)
	switch {
	case variant == foresight, variant == predicting, variant == withoutIndex, variant == unrecorded:
		data = manifests.SchedulerConfig
	case variant == withoutQoS:
		data = shippedWithoutQoS()
	case variant == foresightQoS:
		data = shippedWith(qosPlugin, "\n")
	case variant == everything:
		data = shippedWith(qosPlugin+strings.TrimLeft(everythingElse, "\n"), everythingArgs)
	case variant == trimaran:
		data = []byte(trimaranConfig)
	case mix == "identical":
		data = []byte(batchingConfig)
	}
	object, _, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of %s: %w", variant, err)
	}
	cfg, ok := object.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	if !ok {
		return nil, fmt.Errorf("reading the configuration of %s: got %T", variant, object)
	}
	if variant == stockAllNodes {
		all := int32(100)
		cfg.PercentageOfNodesToScore = &all
	}
	return cfg, nil
}
