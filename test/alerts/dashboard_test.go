// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package alerts

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/promqltest"
)

// told are the labels by which metrics of the dashboard tell their series apart.
var told = map[string]string{
	"scheduler_pending_pods":                               `queue="active"`,
	"scheduler_schedule_attempts_total":                    `result="scheduled"`,
	"scheduler_pod_scheduling_sli_duration_seconds_bucket": `attempts="1",le="+Inf"`,
	"foresight_node_index_searches_total":                  `result="accepted"`,
	"foresight_node_index_bypasses_total":                  `reason="volumes"`,
	"foresight_node_index_refusals_total":                  `plugin="NodePorts"`,
	"foresight_node_index_search_duration_seconds_bucket":  `le="+Inf"`,
	"foresight_node_index_update_duration_seconds_bucket":  `le="+Inf"`,
	"foresight_forecast_nodes":                             `rung="fresh"`,
	"foresight_forecast_sample_age_seconds":                `rung="fresh"`,
	"foresight_forecast_node_hours_total":                  `resource="cpu",result="within"`,
	"foresight_forecast_headroom_node_ratio_total":         `resource="cpu"`,
	"foresight_forecast_excess_node_ratio_total":           `resource="cpu"`,
	"foresight_usage_readings_total":                       `result="success"`,
	"foresight_usage_samples_dropped_total":                `reason="stale"`,
	"foresight_qos_outcomes_total":                         `objective="latency",result="violated"`,
	"foresight_qos_objective_outcomes_total":               `name="checkout-p99",result="violated"`,
	"foresight_qos_nodes":                                  `objective="latency",class="good"`,
	"foresight_rebalance_moves_total":                      `result="moved"`,
	"foresight_rebalance_refused_total":                    `reason="stays"`,
	"foresight_rebalance_followed_core_minutes":            `kind="promised"`,
	"foresight_history_objects":                            `kind="pods"`,
	"foresight_training_runs_total":                        `result="success"`,
	"foresight_checkpoint_saves_total":                     `result="success"`,
	"foresight_checkpoint_loads_total":                     `result="success"`,
	"foresight_build_info":                                 `version="v1"`,
	"foresight_node_cpu_cores_used":                        `node="n"`,
	"foresight_node_memory_bytes_used":                     `node="n"`,
	"foresight_node_cpu_cores_predicted_peak":              `node="n",horizon="1h"`,
	"foresight_node_memory_bytes_predicted_peak":           `node="n",horizon="1h"`,
}

type panel struct {
	Title   string
	Type    string
	Targets []struct{ Expr string }
}

func dashboard(t *testing.T) (panels []panel) {
	t.Helper()
	text, err := os.ReadFile("../../manifests/dashboards/foresight.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels     []panel
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%s asks for nothing", p.Title)
		}
		for i := range p.Targets {
			p.Targets[i].Expr = strings.NewReplacer("$job", ".+", "$__rate_interval", "5m", "$node", ".+").Replace(p.Targets[i].Expr)
		}
		panels = append(panels, p)
	}
	return panels
}

// Every expression has series of two replicas, and one that asks for the leader's says the same without the other replica: which
// learns by itself, has no queue, and may have read nothing for hours.
func TestDashboardIsTheLeaders(t *testing.T) {
	panels := dashboard(t)
	names := map[string]bool{}
	for _, p := range panels {
		for _, target := range p.Targets {
			for _, name := range regexp.MustCompile(`(foresight|scheduler)_[a-z_]+`).FindAllString(target.Expr, -1) {
				names[name] = true
			}
		}
	}
	series := func(replicas ...string) string {
		lines := []string{
			`leader_election_master_status{job="f",instance="a",name="kube-scheduler"} 1x500`,
			`leader_election_master_status{job="f",instance="b",name="kube-scheduler"} 0x500`,
		}
		for i, replica := range replicas {
			for name := range names {
				labels := fmt.Sprintf(`job="f",instance=%q`, replica)
				if more := told[name]; more != "" {
					labels += "," + more
				}
				lines = append(lines, fmt.Sprintf("%s{%s} 1+%dx500", name, labels, 1+1000*i))
			}
		}
		return strings.Join(lines, "\n  ")
	}
	ask := func(expr string, replicas ...string) string {
		storage := promqltest.LoadedStorage(t, "load 1m\n  "+series(replicas...))
		defer storage.Close()
		engine := promqltest.NewTestEngine(t, false, time.Minute, 1e8)
		query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, time.Unix(0, 0).Add(450*time.Minute))
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		defer query.Close()
		result := query.Exec(t.Context())
		if result.Err != nil {
			t.Fatalf("%s: %v", expr, result.Err)
		}
		return result.String()
	}
	for _, p := range panels {
		for _, target := range p.Targets {
			both := ask(target.Expr, "a", "b")
			if both == "" {
				t.Errorf("%s: nothing comes of %s", p.Title, target.Expr)
			}
			if alone := ask(target.Expr, "a"); strings.Contains(target.Expr, "leader_election_master_status") && both != alone {
				t.Errorf("%s: %s is %s beside a replica that does not lead, %s without", p.Title, target.Expr, both, alone)
			}
		}
	}
}
