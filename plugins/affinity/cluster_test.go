// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package affinity_test

import (
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/feature"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/affinity"
	"github.com/foresight-scheduler/foresight/plugins/plugintest"
)

const (
	zone = "topology.kubernetes.io/zone"
	rack = "example.com/rack"
)

// cluster is what a scheduler sees at the beginning of a cycle.
type cluster struct {
	nodes    []*v1.Node
	pods     []*v1.Pod
	services []*v1.Service
	features feature.Features
}

// handle makes the framework handle of a scheduler that sees the cluster.
func (c cluster) handle(t *testing.T) fwk.Handle {
	t.Helper()
	return plugintest.Handle(t, cache.NewSnapshot(c.pods, c.nodes), c.services...)
}

// scheduler is the plugin in the cluster.
type scheduler struct {
	*affinity.Affinity
	nodes []fwk.NodeInfo
}

func (c cluster) scheduler(t *testing.T, args *config.AffinityArgs) scheduler {
	t.Helper()
	if args.ServiceAntiAffinity.Weight == 0 {
		args.ServiceAntiAffinity.Weight = 1 // The default.
	}
	handle := c.handle(t)
	plugin, err := affinity.New(t.Context(), args, handle, c.features)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := handle.SnapshotSharedLister().NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return scheduler{plugin.(*affinity.Affinity), nodes}
}

// node returns the node's NodeInfo, to change as preemption does.
func (s scheduler) node(t *testing.T, name string) fwk.NodeInfo {
	t.Helper()
	for _, n := range s.nodes {
		if n.Node().Name == name {
			return n
		}
	}
	t.Fatalf("no node %s", name)
	return nil
}

// begin runs PreFilter for a pod that it does not refuse, and returns the cycle's
// state. As in the framework, a Skip turns Filter off.
func (s scheduler) begin(t *testing.T, pod *v1.Pod) fwk.CycleState {
	t.Helper()
	state := framework.NewCycleState()
	_, status := s.PreFilter(t.Context(), state, pod, s.nodes)
	if !status.IsSuccess() && !status.IsSkip() {
		t.Fatalf("PreFilter: %v", status)
	}
	if status.IsSkip() {
		state.SetSkipFilterPlugins(sets.New(s.Name()))
	}
	return state
}

// passing returns the names of the nodes that Filter lets through.
func (s scheduler) passing(t *testing.T, state fwk.CycleState, pod *v1.Pod) []string {
	t.Helper()
	names := []string{}
	for _, n := range s.nodes {
		if state.GetSkipFilterPlugins().Has(s.Name()) {
			names = append(names, n.Node().Name)
			continue
		}
		switch status := s.Filter(t.Context(), state, pod, n); {
		case status.IsSuccess():
			names = append(names, n.Node().Name)
		case !status.IsRejected():
			t.Fatalf("Filter: %v", status)
		}
	}
	slices.Sort(names)
	return names
}

// feasible returns the names of the nodes that the pod may go to.
func (s scheduler) feasible(t *testing.T, pod *v1.Pod) []string {
	t.Helper()
	return s.passing(t, s.begin(t, pod), pod)
}

// scores returns the normalized score by node, or nil where the plugin has nothing to say.
func (s scheduler) scores(t *testing.T, pod *v1.Pod) map[string]int64 {
	t.Helper()
	state := framework.NewCycleState()
	switch status := s.PreScore(t.Context(), state, pod, s.nodes); {
	case status.IsSkip():
		return nil
	case !status.IsSuccess():
		t.Fatalf("PreScore: %v", status)
	}
	list := make(fwk.NodeScoreList, len(s.nodes))
	for i, n := range s.nodes {
		score, status := s.Score(t.Context(), state, pod, n)
		if !status.IsSuccess() {
			t.Fatalf("Score: %v", status)
		}
		list[i] = fwk.NodeScore{Name: n.Node().Name, Score: score}
	}
	if status := s.NormalizeScore(t.Context(), state, pod, list); !status.IsSuccess() {
		t.Fatalf("NormalizeScore: %v", status)
	}
	byName := map[string]int64{}
	for _, score := range list {
		byName[score.Name] = score.Score
	}
	return byName
}

func expectNodes(t *testing.T, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the pod may go to %v, want %v", got, want)
	}
}

func node(name string, labels ...string) *v1.Node {
	n := st.MakeNode().Name(name)
	for i := 0; i < len(labels); i += 2 {
		n = n.Label(labels[i], labels[i+1])
	}
	return n.Obj()
}

// web is a pod of the Service web, born at the given minute.
func web(name string, minute int) *st.PodWrapper {
	born := time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC)
	return st.MakePod().Namespace("shop").Name(name).UID(name).Label("app", "web").CreationTimestamp(metav1.NewTime(born))
}

func service(namespace, name string, selector map[string]string) *v1.Service {
	return &v1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1.ServiceSpec{Selector: selector}}
}

// webService selects the pods that web makes.
var webService = service("shop", "web", map[string]string{"app": "web"})

func together(labels ...string) *config.AffinityArgs {
	return &config.AffinityArgs{ServiceAffinity: config.ServiceAffinity{Labels: labels}}
}

func apart(labels ...string) *config.AffinityArgs {
	return &config.AffinityArgs{ServiceAntiAffinity: config.ServiceAntiAffinity{Labels: labels}}
}
