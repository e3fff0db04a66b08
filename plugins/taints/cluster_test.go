// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package taints_test

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/tainttoleration"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/taints"
)

// predicted is a view of pressure that says for each node what will run short.
type predicted map[string]taints.Resources

func (p predicted) On(_ fwk.CycleState, node fwk.NodeInfo) taints.Resources {
	return p[node.Node().Name]
}

// Lasts says that nothing is short of anything without its pods.
func (p predicted) Lasts(fwk.CycleState, fwk.NodeInfo) taints.Resources { return 0 }

// read returns a reader that always has this view.
func (p predicted) read(fwk.CycleState, *v1.Pod, int) taints.Pressure { return p }

// from is a source whose every profile has one reader.
func from(reader taints.PressureReader) taints.PressureSource {
	return func(*config.PredictedPressure) taints.PressureReader { return reader }
}

// handle makes the framework handle of a scheduler that sees the pods and nodes.
func handle(t testing.TB, pods []*v1.Pod, nodes []*v1.Node) fwk.Handle {
	t.Helper()
	return plugintest.Handle(t, cache.NewSnapshot(pods, nodes))
}

func args(effect v1.TaintEffect) *config.TaintsArgs {
	return &config.TaintsArgs{PredictedPressure: config.PredictedPressure{Effect: effect}}
}

// scheduler is the plugin, and upstream's beside it, among some nodes.
type scheduler struct {
	*taints.Taints
	upstream *tainttoleration.TaintToleration
	nodes    []fwk.NodeInfo
}

func schedulerWith(t testing.TB, reader taints.PressureReader, effect v1.TaintEffect, fts feature.Features, nodes ...*v1.Node) scheduler {
	t.Helper()
	h := handle(t, nil, nodes)
	plugin, err := taints.NewFactory(from(reader), nil)(t.Context(), args(effect), h, fts)
	if err != nil {
		t.Fatal(err)
	}
	upstream, err := tainttoleration.New(t.Context(), nil, h, fts)
	if err != nil {
		t.Fatal(err)
	}
	infos, err := h.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return scheduler{plugin.(*taints.Taints), upstream.(*tainttoleration.TaintToleration), infos}
}

// filterAndScorer is what our plugin and upstream's have in common.
type filterAndScorer interface {
	fwk.PreFilterPlugin
	fwk.FilterPlugin
	fwk.PreScorePlugin
	fwk.ScorePlugin
}

// begin runs what comes before the nodes are looked at.
func begin(t testing.TB, p filterAndScorer, pod *v1.Pod, nodes []fwk.NodeInfo) fwk.CycleState {
	t.Helper()
	state := framework.NewCycleState()
	if _, status := p.PreFilter(t.Context(), state, pod, nodes); !status.IsSuccess() {
		t.Fatalf("PreFilter: %v", status)
	}
	if status := p.PreScore(t.Context(), state, pod, nodes); !status.IsSuccess() {
		t.Fatalf("PreScore: %v", status)
	}
	return state
}

// decide runs a whole cycle and returns each node's status and normalized score.
func decide(t testing.TB, p filterAndScorer, pod *v1.Pod, nodes []fwk.NodeInfo) (map[string]*fwk.Status, map[string]int64) {
	t.Helper()
	state := begin(t, p, pod, nodes)
	statuses, scores, list := map[string]*fwk.Status{}, map[string]int64{}, fwk.NodeScoreList{}
	for _, n := range nodes {
		name := n.Node().Name
		statuses[name] = p.Filter(t.Context(), state, pod, n)
		score, status := p.Score(t.Context(), state, pod, n)
		if !status.IsSuccess() {
			t.Fatalf("Score: %v", status)
		}
		list = append(list, fwk.NodeScore{Name: name, Score: score})
	}
	if status := p.ScoreExtensions().NormalizeScore(t.Context(), state, pod, list); !status.IsSuccess() {
		t.Fatalf("NormalizeScore: %v", status)
	}
	for _, s := range list {
		scores[s.Name] = s.Score
	}
	return statuses, scores
}

func node(name string, taint ...v1.Taint) *v1.Node {
	return st.MakeNode().Name(name).Taints(taint).Obj()
}

func pod(tolerations ...v1.Toleration) *v1.Pod {
	return st.MakePod().Namespace("shop").Name("p").UID("p").Tolerations(tolerations).Obj()
}
