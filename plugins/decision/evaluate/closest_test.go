// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision/evaluate"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// A pod that waits is told of the node that is least over its bound, of those that a prediction refused.
func TestClosest(t *testing.T) {
	config := strings.Replace(string(manifests.SchedulerConfig), "  pluginConfig:\n",
		"  pluginConfig:\n  - name: ResourceFit\n    args: {predictedPeak: {mode: Filter, max: [{resource: cpu, percentOfAllocatable: 90}]}}\n", 1)
	c := newCluster(t, config, 3, false)
	hot, hotter, small := c.addNode("8", "32Gi"), c.addNode("8", "32Gi"), c.addNode("500m", "32Gi")
	use := func(cores float64) forecast.NodeForecast {
		f := forecast.NodeForecast{Rung: forecast.Fresh}
		for h := range f.Residual {
			f.Residual[h][forecast.CPU] = forecast.Interval{Lower: cores, Upper: cores}
		}
		return f
	}
	c.future.Store(forecast.NewSnapshot(forecast.Contents{Epoch: 1, PodsEpoch: 1, Usage: map[string]forecast.NodeUsage{hot: {}, hotter: {}, small: {}},
		Forecasts: map[string]forecast.NodeForecast{hot: use(7.6), hotter: use(9), small: use(.1)}}))
	closest := func(cpu string) string {
		t.Helper()
		if err := c.sched.Cache.UpdateSnapshot(klog.Background(), c.snapshot); err != nil {
			t.Fatal(err)
		}
		info, err := framework.NewPodInfo(c.pod("waits-"+cpu, cpu, "1Gi"))
		if err != nil {
			t.Fatal(err)
		}
		state := framework.NewCycleState()
		_, err = c.sched.SchedulePod(t.Context(), c.sched.Profiles[profileName], state, &framework.QueuedPodInfo{PodInfo: info})
		var fit *framework.FitError
		if !errors.As(err, &fit) {
			t.Fatalf("it found a node, or %v", err)
		}
		return evaluate.Closest(state, c.snapshot.NodeInfos(), fit.Diagnosis.NodeToStatus)
	}
	got := closest("1")
	for _, want := range []string{"Closest is " + hot + ":", "predicted peak of cpu", "of 8 cores with the pod, and is 7.6 without; the bound is 90 %."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
	if got := closest("64"); got != "" {
		t.Errorf("requests alone refuse it, and it is told %q", got)
	}
}
