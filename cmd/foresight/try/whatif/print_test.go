// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"bytes"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

func predicted(cpu float64) []decision.Predicted {
	const gib = 1 << 30
	return []decision.Predicted{
		{Resource: "cpu", Hours: 24, Expected: cpu, Lower: cpu / 2, Upper: 2 * cpu, Allocatable: 8, Rung: "fresh"},
		{Resource: "memory", Hours: 24, Expected: 2 * gib, Lower: gib, Upper: 3 * gib, Allocatable: 32 * gib, Rung: "fresh"},
	}
}

func goes(pod, node string, cpu float64, because string) decision.TriedPod {
	return decision.TriedPod{
		Pod: decision.Pod{Namespace: "shop", Name: pod}, Owner: "Deployment/web", Scheduler: "foresight-scheduler", Profile: "foresight-scheduler", Node: node,
		Evaluation: &decision.Evaluation{
			Now: true, Nodes: 3, Feasible: 2, MaxTotal: 1500, Because: because,
			Weights:    []decision.Weight{{Plugin: "Taints", Weight: 3}, {Plugin: "ResourceFit", Weight: 2}},
			Candidates: []decision.Candidate{{Node: node, Chosen: true, Total: 692, Parts: []decision.Part{{Plugin: "Taints", Score: 300}, {Plugin: "ResourceFit", Score: 192}}, Predicted: predicted(cpu)}},
		},
	}
}

func waits(pod string) decision.TriedPod {
	return decision.TriedPod{
		Pod: decision.Pod{Namespace: "shop", Name: pod}, Owner: "Job/import", Scheduler: "foresight-scheduler", Profile: "foresight-scheduler",
		Evaluation: &decision.Evaluation{Now: true, Nodes: 3, MaxTotal: 1500, Because: "2 of 3 nodes: Insufficient cpu (node-1: requested 4.2 + 6 of 8 cores); 1 of 3 nodes: node(s) had untolerated taint(s)"},
		Lacks:      []string{"room that the pod could take from pods of lower priority"},
	}
}

// example is a Deployment of two and a Job that fits nowhere.
func example() *answer {
	return &answer{Tried: decision.Tried{Nodes: 3, Pods: []decision.TriedPod{
		goes("web-1", "node-2", .3, "node-2 is 174 ahead of node-1; ResourceFit gives it 174 more (expected cpu with the pod: 0.3 of 8 cores against 6.9 of 8 cores)"),
		goes("web-2", "node-2", .8, "node-2 is 98 ahead of node-1; ResourceFit gives it 98 more (expected cpu with the pod: 0.8 of 8 cores against 6.9 of 8 cores)"),
		waits("import-1"), waits("import-2"),
	}}}
}

func withStock() *answer {
	a := example()
	a.Pods, a.compare = a.Pods[:2], true
	a.Pods[0].Stock = &decision.TriedStock{Choice: decision.Choice{Node: "node-1", Alike: 1}, Predicted: predicted(6.9)}
	a.Pods[1].Stock = &decision.TriedStock{Choice: decision.Choice{Node: "node-2", Alike: 2}, Predicted: predicted(.3)}
	a.Excess = &decision.Excesses{Before: decision.Amounts{CPU: .21}, After: decision.Amounts{CPU: .21}, Stock: &decision.Amounts{CPU: .68}, Nodes: 3}
	return a
}

func drained() *answer {
	a := example()
	a.Pods = a.Pods[:1]
	a.Pods[0].Pod.Name, a.Pods[0].Was, a.Nodes = "web-7d9c4-x2x8p", "node-3", 2
	a.Left = []decision.LeftPods{{Reason: "of a DaemonSet", Pods: 2}}
	return a
}

func printed(t *testing.T, a *answer, wide bool) string {
	t.Helper()
	var out bytes.Buffer
	if err := a.print(&out, wide); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The transcripts in the docs are what the command prints.
func TestTranscripts(t *testing.T) {
	for command, a := range map[string]*answer{
		"foresight try --dry-run -f shop.yaml":                            example(),
		"foresight try --dry-run -f web.yaml --compare default-scheduler": withStock(),
		"foresight try --dry-run --without-node node-3":                   drained(),
	} {
		commandtest.Transcript(t, "../../../../docs/use/commands.md", command, printed(t, a, false))
	}
}

func TestWhatIsNotObviousIsSaid(t *testing.T) {
	foreign := example()
	foreign.Pods[0].Scheduler = "default-scheduler"
	late := example()
	late.Pods, late.Undecided = late.Pods[:1], 3
	replaced := example()
	replaced.Replaced = 2
	blind := withStock()
	blind.Excess = nil
	empty := &answer{Notes: []string{"daemonsets/agent: the pods of a DaemonSet are not shown; each is for one node."}}
	unpredicted := example()
	for i := range unpredicted.Pods {
		for j := range unpredicted.Pods[i].Evaluation.Candidates {
			unpredicted.Pods[i].Evaluation.Candidates[j].Predicted = nil
		}
	}
	semicolons := example()
	semicolons.Pods[2].Evaluation.Because = "2 of 3 nodes: Predicted peak of cpu too high (node-0: 9.1 of 8 cores; the bound is 100 %); 1 of 3 nodes: Too many pods"
	for name, tc := range map[string]struct {
		a    *answer
		wide bool
		want []string
		not  string
	}{
		"a line a reason":     {example(), false, []string{"shop/import-1 and 1 more of Job/import would wait:\n  - 2 of 3 nodes", "  - 1 of 3 nodes: node(s) had", "(of 2 pods)", "2 pods would be placed on 1 node, 2 would wait"}, ""},
		"a reason's figures":  {semicolons, false, []string{"  - 2 of 3 nodes: Predicted peak of cpu too high (node-0: 9.1 of 8 cores; the bound is 100 %)\n  - 1 of 3 nodes: Too many pods\n"}, ""},
		"another scheduler's": {foreign, false, []string{"decided on: 1 pod of default-scheduler, by the profile foresight-scheduler"}, ""},
		"too late":            {late, false, []string{"3 are not decided on"}, ""},
		"replaced":            {replaced, false, []string{"replaced: 2 pods"}, ""},
		"nothing known":       {blind, false, []string{"Too little is known"}, "EXPECTED OVERLOAD"},
		"nothing predicted":   {unpredicted, false, []string{"WHY"}, "EXPECTED CPU"},
		"no pods":             {empty, false, []string{"no pods to decide on", "DaemonSet are not shown"}, "nothing was created"},
		"wide":                {withStock(), true, []string{"shop/web-1 → node-2 (692 of 1500) · profile foresight-scheduler · 2 of 3 nodes feasible\nNODE", "PREDICTED CPU, 24 H", "draw among 2 nodes, such as node-2 (expected 0.3 of 8 of CPU"}, ""},
		"wide and waiting":    {example(), true, []string{"shop/import-2 would wait · ", "because:          2 of 3 nodes: Insufficient cpu"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := printed(t, tc.a, tc.wide)
			for _, want := range tc.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q:\n%s", want, got)
				}
			}
			if tc.not != "" && strings.Contains(got, tc.not) {
				t.Errorf("it says %q:\n%s", tc.not, got)
			}
		})
	}
}
