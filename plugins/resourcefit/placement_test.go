// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package resourcefit

import (
	"testing"

	v1 "k8s.io/api/core/v1"
	kubeschedulerv1 "k8s.io/kube-scheduler/config/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// assignment of a pod to a node, as a pod group's cycle proposes it.
type assignment struct {
	pod   fwk.PodInfo
	node  string
	state fwk.CycleState
}

func (a assignment) GetPod() *v1.Pod               { return a.pod.GetPod() }
func (a assignment) GetPodInfo() fwk.PodInfo       { return a.pod }
func (a assignment) GetNodeName() string           { return a.node }
func (a assignment) GetCycleState() fwk.CycleState { return a.state }

// Of placements of a pod group the one is best whose nodes suffer least from it: two pods together do more harm on a warm node than one
// of them on a hot one. Where nodes are not scored by
// harm, or of one of the nodes nothing is known, the score is upstream's.
func TestScorePlacement(t *testing.T) {
	nodes := []*v1.Node{big("hot"), big("warm"), big("idle"), big("idler"), big("unknown")}
	view := future(1, map[string]forecast.Interval{"hot": exactly(3), "warm": exactly(2.5), "idle": exactly(0), "idler": exactly(0)})
	args := predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated)
	args.PredictedPeak.Score = config.ScoreByHarm
	fts := gates()
	fts.EnableTopologyAwareWorkloadScheduling = true
	score := func(args *config.ResourceFitArgs, forecasts Forecasts, on ...string) int64 {
		t.Helper()
		s := predictingSchedulerWith(t, args, forecasts, fts, nodes)
		p := &fwk.PodGroupAssignments{Placement: &fwk.Placement{}}
		for _, n := range nodes {
			p.Nodes = append(p.Nodes, s.node(t, n.Name))
		}
		for i, node := range on {
			in := plugintest.Pod([]string{"a", "b"}[i], "", amounts{"cpu": "1", "memory": "0"}, nil)
			info, err := framework.NewPodInfo(in)
			if err != nil {
				t.Fatal(err)
			}
			p.ProposedAssignments = append(p.ProposedAssignments, assignment{info, node, s.begin(t, in)})
		}
		got, status := s.ScorePlacement(t.Context(), framework.NewCycleState(), &framework.PodGroupInfo{Type: fwk.PodGroupKeyType}, p)
		if !status.IsSuccess() || got < fwk.MinScore || got > fwk.MaxScore {
			t.Fatalf("score %d, %v", got, status)
		}
		return got
	}

	last := int64(fwk.MaxScore)
	for _, on := range [][]string{{"idle", "idler"}, {"idle", "idle"}, {"idle", "warm"}, {"warm", "hot"}, {"warm", "warm"}, {"hot", "hot"}} {
		got := score(args, reading(view), on...)
		// One pod more on an idle node harms nobody yet.
		if got > last || got == last && on[1] != "idle" {
			t.Errorf("on %v the score is %d, on the better ones before %d", on, got, last)
		}
		last = got
	}

	byStrategy := predicting(config.PredictedPeakScore, kubeschedulerv1.LeastAllocated)
	upstream := score(byStrategy, Forecasts{}, "hot", "hot")
	for name, got := range map[string]int64{
		"by the strategy":     score(byStrategy, reading(view), "hot", "hot"),
		"nothing predicted":   score(args, Forecasts{}, "hot", "hot"),
		"a node that is dark": score(args, reading(view), "hot", "unknown"),
	} {
		if got != upstream {
			t.Errorf("%s: score %d, upstream's is %d", name, got, upstream)
		}
	}
	if harm := score(args, reading(view), "hot", "hot"); harm == upstream {
		t.Fatalf("upstream's score is that of harm, %d: the test tells nothing", harm)
	}
}
