// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

func TestTopReadsMetrics(t *testing.T) {
	nodes, _, err := classesIn(strings.NewReader(`# TYPE foresight_qos_node_risk gauge
foresight_qos_node_risk{node="a",objective="latency",profile="p"} 0.05
foresight_qos_node_risk{node="a",objective="batch",profile="p"} 0.5
foresight_qos_node_risk{node="a",objective="latency",profile="q"} 0.2
# TYPE go_goroutines gauge
go_goroutines 7
`))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := printTable(&out, nodes); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{"NODE PROFILE LATENCY REALTIME AVAILABILITY BATCH", "a p good (5%) - - poor (50%)", "a q fair (20%) - - -"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
	nodes, counted, err := classesIn(strings.NewReader(`# TYPE foresight_qos_nodes gauge
foresight_qos_nodes{class="good",objective="latency",profile="p"} 4000
`))
	if err != nil || len(nodes) > 0 || counted != "p latency good: 4000" {
		t.Errorf("of a large cluster: %v, %q, %v", nodes, counted, err)
	}
	if _, _, err := classesIn(strings.NewReader("<html>")); err == nil {
		t.Error("a page that is no metrics has classes")
	}
}

func TestTopFlagsAreChecked(t *testing.T) {
	for _, tc := range []struct{ args, want string }{
		{"-o yaml", "--output"}, {"--sort speed", "--sort"}, {"--scheduler-insecure --scheduler-ca x", "--scheduler-ca"},
		{"--kubeconfig /does/not/exist", "/does/not/exist"},
	} {
		if _, _, err := commandtest.Run(t.Context(), NewCommand(), "", strings.Fields(tc.args)...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one about %s", tc.args, err, tc.want)
		}
	}
}
