// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package alerts evaluates the shipped alerts with Prometheus itself. It is a module of its own, so that nothing else depends on
// Prometheus' server.
package alerts

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

const shipped = "../../manifests/components/prometheus-rule/rule.yaml"

// ruleFile writes the rules as a file that Prometheus reads.
func ruleFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	var object struct{ Spec any }
	if err := yaml.Unmarshal(text, &object); err != nil {
		t.Fatal(err)
	}
	spec, err := yaml.Marshal(object.Spec)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Two replicas of which a leads; another kube-scheduler with metrics of the same names.
const healthy = `
foresight_build_info{job="f",instance="a",version="v1"} 1x2000
foresight_build_info{job="f",instance="b",version="v1"} 1x2000
leader_election_master_status{job="f",instance="a",name="kube-scheduler"} 1x2000
leader_election_master_status{job="f",instance="b",name="kube-scheduler"} 0x2000
leader_election_master_status{job="k",instance="c",name="kube-scheduler"} 1x2000
scheduler_pending_pods{job="f",instance="a",queue="active"} 3x2000
scheduler_pending_pods{job="k",instance="c",queue="active"} 5000x2000
foresight_lease_refused_writes_total{job="f",instance="a"} 0x2000
foresight_usage_last_success_age_seconds{job="f",instance="a"} 12x2000
foresight_usage_last_success_age_seconds{job="f",instance="b"} 9000x2000
foresight_forecast_blind{job="f",instance="a"} 0x2000
foresight_forecast_blind{job="f",instance="b"} 1x2000
foresight_usage_samples_dropped_total{job="f",instance="a",reason="unknown_node"} 0x2000
foresight_forecast_node_hours_total{job="f",instance="a",resource="cpu",result="within"} 0+1x2000
foresight_forecast_node_hours_total{job="f",instance="a",resource="cpu",result="above"} 0+.04x2000
foresight_forecast_node_hours_total{job="f",instance="a",resource="cpu",result="below"} 0+.05x2000
foresight_forecast_let_pass_total{job="f",instance="a"} 7x2000
foresight_checkpoint_saves_total{job="f",instance="a",result="success"} 0+1x2000
foresight_checkpoint_saves_total{job="f",instance="a",result="failure"} 0x2000
foresight_training_runs_total{job="f",instance="a",result="failure"} 0x2000
foresight_node_index_bypasses_total{job="f",instance="a",reason="volumes"} 0+1x2000
foresight_node_index_searches_total{job="f",instance="a",result="accepted"} 0+60x2000
foresight_node_index_searches_total{job="f",instance="a",result="refused"} 0+.1x2000
foresight_node_index_refusals_total{job="f",instance="a",plugin="NodePorts"} 0+.1x2000
foresight_qos_model_demotions_total{job="f",instance="a"} 0x2000
foresight_qos_model_load_failures_total{job="f",instance="a"} 0x2000
foresight_qos_scores{job="f",instance="a",profile="p"} 1x2000
foresight_qos_scores{job="f",instance="b",profile="p"} 1x2000
foresight_qos_promised_violations_total{job="f",instance="a",profile="p",objective="latency",class="good"} 0+.04x2000
foresight_qos_realised_violations_total{job="f",instance="a",profile="p",objective="latency",class="good"} 0+.05x2000
foresight_qos_outcomes_total{job="f",instance="a",profile="p",objective="latency",result="kept"} 0+1x2000
foresight_qos_outcomes_total{job="f",instance="a",profile="p",objective="latency",result="violated"} 0+.05x2000
foresight_qos_objective_outcomes_total{job="f",instance="a",profile="p",name="p99",result="kept"} 0+1x2000
foresight_qos_objective_outcomes_total{job="f",instance="a",profile="p",name="p99",result="violated"} 0+.05x2000
foresight_qos_objective_queries_total{job="f",instance="a",profile="p",name="p99",result="success"} 0+4x2000
foresight_qos_objective_queries_total{job="f",instance="a",profile="p",name="p99",result="failure"} 0+.1x2000
foresight_qos_objective_values_total{job="f",instance="a",profile="p",name="p99"} 0+4x2000
`

// instead puts series in place of those of the same labels. Lines that begin with "-" name what is left out.
func instead(series string) string {
	lines := strings.Split(series, "\n")
	kept := slices.DeleteFunc(strings.Split(strings.TrimSpace(healthy), "\n"), func(line string) bool {
		id, _, _ := strings.Cut(line, " ")
		return slices.ContainsFunc(lines, func(other string) bool {
			without, leave := strings.CutPrefix(other, "-")
			return leave && strings.HasPrefix(line, without) || strings.HasPrefix(other, id+" ")
		})
	})
	return strings.Join(append(kept, slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, "-") })...), "\n")
}

// firing returns the alerts that fire when all series have lasted for so long.
func firing(t *testing.T, series string, after time.Duration) (names []string) {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n  "+strings.ReplaceAll(strings.TrimSpace(series), "\n", "\n  "))
	t.Cleanup(func() { storage.Close() })
	engine := promqltest.NewTestEngine(t, false, time.Minute, 1e8)
	manager := rules.NewManager(&rules.ManagerOptions{
		QueryFunc:  rules.EngineQueryFunc(engine, storage),
		Appendable: storage, Queryable: storage,
		Context:    context.Background(),
		NotifyFunc: func(context.Context, string, ...*rules.Alert) {},
		Logger:     slog.New(slog.DiscardHandler),
	})
	groups, errs := manager.LoadGroups(time.Minute, labels.EmptyLabels(), "", nil, false, ruleFile(t))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	begin := time.Unix(0, 0).UTC()
	for at := max(0, after-2*time.Hour); at <= after; at += time.Minute {
		for _, g := range groups {
			g.Eval(t.Context(), begin.Add(at))
		}
	}
	for _, g := range groups {
		for _, r := range g.Rules() {
			if r.LastError() != nil {
				t.Errorf("%s: %v", r.Name(), r.LastError())
			}
		}
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State == rules.StateFiring {
					names = append(names, r.Name())
					for _, text := range []string{"summary", "description"} {
						if s := a.Annotations.Get(text); strings.Contains(s, "error") || strings.Contains(s, "<") {
							t.Errorf("%s: its %s reads %q", r.Name(), text, s)
						}
					}
					break
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// each alert fires on what it is about, and alone.
var each = map[string]string{
	"ForesightDown":                     "-foresight_",
	"ForesightHasNoLeader":              `leader_election_master_status{job="f",instance="a",name="kube-scheduler"} 0x2000`,
	"ForesightLosesItsLease":            `foresight_lease_refused_writes_total{job="f",instance="a"} 0x1990 4x10`,
	"ForesightQueueStands":              `scheduler_pending_pods{job="f",instance="a",queue="active"} 200+1x2000`,
	"ForesightCannotReadUsage":          `foresight_usage_last_success_age_seconds{job="f",instance="a"} 0+60x2000`,
	"ForesightIsBlind":                  `foresight_forecast_blind{job="f",instance="a"} 1x2000`,
	"ForesightKnowsNoSuchNode":          `foresight_usage_samples_dropped_total{job="f",instance="a",reason="unknown_node"} 0+20x2000`,
	"ForesightForecastsMiss":            `foresight_forecast_node_hours_total{job="f",instance="a",resource="cpu",result="above"} 0+.2x2000`,
	"ForesightSeesAFullCluster":         `foresight_forecast_let_pass_total{job="f",instance="a"} 0+1x2000`,
	"ForesightCannotSave":               `foresight_checkpoint_saves_total{job="f",instance="a",result="failure"} 0+.1x2000`,
	"ForesightCannotTrain":              `foresight_training_runs_total{job="f",instance="a",result="failure"} 0x1900 1x100`,
	"ForesightIndexIsBypassed":          `foresight_node_index_bypasses_total{job="f",instance="a",reason="volumes"} 0+90x2000`,
	"ForesightIndexDisagrees":           `foresight_node_index_refusals_total{job="f",instance="a",plugin="NodePorts"} 0+2x2000`,
	"ForesightServiceModelIsPoor":       `foresight_qos_model_demotions_total{job="f",instance="a"} 0x1970 1x30`,
	"ForesightMovesAreStopped":          `foresight_rebalance_stopped{job="f",instance="a"} 1x2000`,
	"ForesightBreaksItsPromises":        `foresight_qos_realised_violations_total{job="f",instance="a",profile="p",objective="latency",class="good"} 0+.15x2000`,
	"ForesightBreaksANamedObjective":    `foresight_qos_objective_outcomes_total{job="f",instance="a",profile="p",name="p99",result="violated"} 0+.2x2000`,
	"ForesightCannotMeasureAnObjective": `foresight_qos_objective_queries_total{job="f",instance="a",profile="p",name="p99",result="success"} 7x2000`,
	"ForesightBreaksItsObjectives":      `foresight_qos_outcomes_total{job="f",instance="a",profile="p",objective="latency",result="violated"} 0+.2x2000`,
}

func TestEachAlertFires(t *testing.T) {
	if names := firing(t, healthy, 2000*time.Minute); len(names) > 0 {
		t.Errorf("of a healthy cluster fire %v", names)
	}
	for name, series := range each {
		if names := firing(t, instead(series), 2000*time.Minute); !slices.Equal(names, []string{name}) {
			t.Errorf("%s: %v fire", name, names)
		}
	}
}

// Where no model judges and the profile has no say by utilisation, no pod is placed by the predictions: that they are off wakes nobody.
func TestPredictionsWithoutASayWakeNobody(t *testing.T) {
	without := "foresight_qos_scores{job=\"f\",instance=\"a\",profile=\"p\"} 0x2000\nforesight_qos_scores{job=\"f\",instance=\"b\",profile=\"p\"} 0x2000\n"
	for _, name := range []string{"ForesightBreaksItsPromises", "ForesightBreaksItsObjectives"} {
		if names := firing(t, instead(without+each[name]), 2000*time.Minute); len(names) > 0 {
			t.Errorf("%s: without a say %v fire", name, names)
		}
	}
}

// A query that answers, and says nothing of the pods that wait, is told like one that fails.
func TestQueryThatNamesNoPods(t *testing.T) {
	series := `foresight_qos_objective_values_total{job="f",instance="a",profile="p",name="p99"} 0x2000`
	if names := firing(t, instead(series), 2000*time.Minute); !slices.Equal(names, []string{"ForesightCannotMeasureAnObjective"}) {
		t.Errorf("%v fire", names)
	}
}

// Every alert has a case above, and its part of the page that its runbook_url leads to; the page has no others.
func TestEveryAlertHasARunbook(t *testing.T) {
	text, err := os.ReadFile(shipped)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/operate/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		alerts = append(alerts, m[1])
		if _, ok := each[m[1]]; !ok {
			t.Errorf("%s has no case", m[1])
		}
		if !strings.Contains(string(text), "docs/operate/alerts.md#"+strings.ToLower(m[1])+"\n") {
			t.Errorf("%s has no runbook_url", m[1])
		}
	}
	var sections []string
	for _, m := range regexp.MustCompile(`(?m)^## (\w+)$`).FindAllStringSubmatch(string(page), -1) {
		sections = append(sections, m[1])
	}
	slices.Sort(alerts)
	slices.Sort(sections)
	if !slices.Equal(alerts, sections) || len(alerts) < 10 {
		t.Errorf("the alerts are %v, the page has %v", alerts, sections)
	}
}
