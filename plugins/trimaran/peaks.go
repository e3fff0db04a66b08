// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// PowerModelEnv is the environment variable that names the JSON file of power models
// where the args have none, as in {"node-1": {"k0": 471.7, "k1": -91.5, "k2": -0.0719}}.
const PowerModelEnv = "NODE_POWER_MODEL"

// Peaks prefers the node whose power would rise least with the pod.
//
// A node draws K0 + K1·e^(K2·x) watts at a CPU utilization of x percent. With x what the
// node uses and p what it would use with the pod's request (scheduler-plugins
// kep/tbd-peaks-power-aware-scheduling):
//
//	jump  = K1 · (e^(K2·p) − e^(K2·x))
//	score = 100 · (largest jump − jump) / (largest jump − least jump)   100 where all are equal
//
// A node of unknown usage, without a power model, or that the pod would take beyond 100 %
// has no jump and gets 0: taken for a jump of nothing it would get 100. While nothing is
// known, and for a pod that requests no CPU, the plugin has nothing to say.
type Peaks struct {
	scorer
	// models by node name.
	models map[string]*schedulerplugins.PowerModel
}

const (
	// noJump is the raw score of a node that has none.
	noJump = math.MaxInt64
	// largestJump in nanowatts bounds raw scores, so that their difference is an int64.
	largestJump = math.MaxInt64 / 4
)

func newPeaks(ctx context.Context, args *schedulerplugins.PeaksArgs, opts Options) (fwk.Plugin, error) {
	models, from := args.NodePowerModel, "NodePowerModel"
	if file := os.Getenv(PowerModelEnv); len(models) == 0 && file != "" {
		from = file
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("power models, from the environment variable %s: %w", PowerModelEnv, err)
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.DisallowUnknownFields()
		if err := d.Decode(&models); err != nil {
			return nil, fmt.Errorf("power models in %s: want {\"<node>\": {\"k0\": …, \"k1\": …, \"k2\": …}}: %w", file, err)
		}
	}
	if len(models) == 0 {
		return nil, invalid(PeaksName, "NodePowerModel", "", "set, or the environment variable "+PowerModelEnv+" must name a JSON file that has power models")
	}
	for node, m := range models {
		if full := m.K0 + m.K1*math.Exp(m.K2*100); math.IsNaN(full) || math.IsInf(full, 0) {
			return nil, fmt.Errorf("power model of node %q in %s: K0 + K1·e^(K2·100), the watts at 100 %%, is %v", node, from, full)
		}
	}
	warnOfSource(ctx, PeaksName, schedulerplugins.TrimaranSpec{WatcherAddress: args.WatcherAddress})
	p := &Peaks{models: make(map[string]*schedulerplugins.PowerModel, len(models))}
	for node, m := range models {
		p.models[node] = &m
	}
	p.init(PeaksName, opts)
	p.formula = p.score
	p.read = func(_ fwk.CycleState, nodeInfo fwk.NodeInfo, n *nodePart) {
		n.model = p.models[nodeInfo.Node().Name]
	}
	p.nothingToSay = func(c *cycle) bool { return c.usage == nil || c.use[forecast.CPU] == 0 }
	return p, nil
}

// score is the jump in nanowatts, which NormalizeScore turns into 0–100.
func (p *Peaks) score(c *cycle, n *nodePart) int64 {
	mean, _ := n.load(c, p.options.Expiry)
	before, after := 100*mean[forecast.CPU]/n.capacity[forecast.CPU], 100*(mean[forecast.CPU]+c.use[forecast.CPU])/n.capacity[forecast.CPU]
	if n.model == nil || !(after <= 100) { // NaN where usage is unknown, NaN or +Inf where there is no CPU
		return noJump
	}
	return int64(max(-largestJump, min(largestJump, math.Round(1e9*jump(n.model, before, after)))))
}

// jump is the formula: utilizations in percent, result in watts.
func jump(m *schedulerplugins.PowerModel, before, after float64) float64 {
	return m.K1 * (math.Exp(m.K2*after) - math.Exp(m.K2*before))
}

// ScoreExtensions returns the normalizer.
func (p *Peaks) ScoreExtensions() fwk.ScoreExtensions { return p }

// NormalizeScore gives 100 to the least jump and 0 to the largest, and to nodes without.
func (p *Peaks) NormalizeScore(_ context.Context, _ fwk.CycleState, _ *v1.Pod, scores fwk.NodeScoreList) *fwk.Status {
	normalizeJumps(len(scores), func(i int) *int64 { return &scores[i].Score })
	return nil
}

// normalizeJumps does so with n raw scores.
func normalizeJumps(n int, at func(int) *int64) {
	least, largest := int64(noJump), int64(math.MinInt64)
	for i := range n {
		if raw := *at(i); raw != noJump {
			least, largest = min(least, raw), max(largest, raw)
		}
	}
	for i := range n {
		switch raw := at(i); {
		case *raw == noJump:
			*raw = 0
		case largest == least:
			*raw = 100
		default:
			*raw = int64(math.Round(100 * float64(largest-*raw) / float64(largest-least)))
		}
	}
}
