// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"

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
)

var (
	variants        = append(slices.Clone(defaultVariants), withoutIndex)
	defaultVariants = []string{foresight, stock, stockAllNodes, trimaran}
)

var variantHelp = map[string]string{
	foresight:     "the shipped configuration: every node, with the node index",
	stock:         "kube-scheduler's default profile: it samples nodes",
	stockAllNodes: "the default profile with percentageOfNodesToScore: 100",
	withoutIndex:  "the shipped configuration without the node index: what the plugins cost where no hint helps; it samples nodes",
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

// configOf returns the configuration that a variant runs with.
func configOf(variant, mix string) (*kubeschedulerconfig.KubeSchedulerConfiguration, error) {
	data := []byte(stockConfig)
	switch {
	case variant == foresight, variant == withoutIndex:
		data = manifests.SchedulerConfig
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
