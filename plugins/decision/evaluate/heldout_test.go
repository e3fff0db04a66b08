// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Records say which pods were held out of predictions and how likely that was, and the sentence that explains such a pod says so, too. The
// evaluation comes to the scores that the index decided by, in both arms.
func TestHeldOutPodsAreExplained(t *testing.T) {
	config := strings.TrimRight(string(manifests.SchedulerConfig), "\n") + "\n  - name: ResourceFit\n    args: {predictedPeak: {heldOutPercent: 30}}\n"
	c := newCluster(t, config, 3, true)
	fill(c)
	const pods = 100
	heldOut := 0
	for i := range pods {
		pod := c.pod(fmt.Sprint("pod-", i), "100m", "128Mi")
		record := c.schedule(pod)
		got := c.evaluate(pod, record.Node)
		want := .7
		if record.HeldOut {
			heldOut++
			want = .3
		}
		if record.Chance != want || record.Path != decision.ByIndex {
			t.Errorf("%s: recorded %+v, want the chance %v", pod.Name, record, want)
		}
		if got.Candidates[0].Total != record.Total {
			t.Errorf("%s: decided by %d, evaluated %d", pod.Name, record.Total, got.Candidates[0].Total)
		}
		if forecast := got.Forecast != nil; forecast == record.HeldOut {
			t.Errorf("%s: held out %v, and explained by the forecast %+v", pod.Name, record.HeldOut, got.Forecast)
		}
		if said := strings.Contains(got.Because, "held out"); said != record.HeldOut {
			t.Errorf("%s: held out %v, and explained by %q", pod.Name, record.HeldOut, got.Because)
		}
	}
	if heldOut < pods/6 || heldOut > pods/2 {
		t.Errorf("%d of %d pods are held out, want about %d", heldOut, pods, 3*pods/10)
	}
}
