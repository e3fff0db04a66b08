// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package qos

import (
	"math"

	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
	"github.com/foresight-scheduler/foresight/plugins/qos/feedback"
	"github.com/foresight-scheduler/foresight/plugins/qos/objective"
)

// Metrics exports the results of a service's plugins. Register it with legacyregistry.
type Metrics struct {
	metrics.BaseStableCollector
	service *Service
	named   namedMetrics

	decisions, outcomes, violations, unjudged, rung, scores, demotions, failures, unwritten *metrics.Desc
	judged, promised, realised                                                              *metrics.Desc
	auc, plainAUC, brier, ece, coverage, nodeRisk, nodes                                    *metrics.Desc
}

var _ metrics.StableCollector = &Metrics{}

// NewMetrics returns the metrics of a service.
func NewMetrics(s *Service) *Metrics {
	desc := func(name, help string, labels ...string) *metrics.Desc {
		return metrics.NewDesc("foresight_qos_"+name, help, append([]string{"profile"}, labels...), nil, metrics.ALPHA, "")
	}
	return &Metrics{
		service:    s,
		named:      newNamedMetrics(desc),
		decisions:  desc("decisions_total", "Pods bound, by objective.", "objective"),
		outcomes:   desc("outcomes_total", "Decisions judged, by objective and result: kept or violated.", "objective", "result"),
		judged:     desc("promises_judged_total", "Decisions whose outcome tells something of their nodes, by objective and by the class of the risk that was predicted.", "objective", "class"),
		promised:   desc("promised_violations_total", "Violations that were predicted of these decisions: the sum of their risks.", "objective", "class"),
		realised:   desc("realised_violations_total", "Violations that came of these decisions.", "objective", "class"),
		violations: desc("violations_total", "Violations by what happened.", "reason"),
		unjudged:   desc("unjudged_total", "Decisions that could not be judged: the pod was gone, or there were too many."),
		rung:       desc("rung", "1 for what judges now: model or utilisation.", "rung"),
		scores:     desc("scores", "1 where nodes are scored and refused by what judges now, 0 where it is only told."),
		demotions:  desc("model_demotions_total", "Times the model was found worse than utilisation."),
		failures:   desc("model_load_failures_total", "Times the model file could not be used."),
		unwritten:  desc("observations_write_failures_total", "Times the file of observations could not be written."),
		auc:        desc("auc", "AUC of the predicted risk on the decisions that are kept."),
		plainAUC:   desc("utilisation_auc", "AUC of ranking the same decisions by the node's predicted CPU."),
		brier:      desc("brier_score", "Mean squared error of the predicted risk."),
		ece:        desc("calibration_error", "Expected calibration error of the predicted risk, 0-1."),
		coverage:   desc("coverage", "Share of the decisions that were judged, 0-1."),
		nodeRisk:   desc("node_risk", "Risk of a typical pod, 0-1, by node and objective; none above nodeMetricsLimit nodes.", "node", "objective"),
		nodes:      desc("nodes", "Nodes by objective and class: good, fair or poor.", "objective", "class"),
	}
}

// DescribeWithStability sends the descriptions of the metrics.
func (m *Metrics) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{
		m.decisions, m.outcomes, m.judged, m.promised, m.realised, m.violations, m.unjudged, m.rung, m.scores, m.demotions, m.failures, m.unwritten,
		m.auc, m.plainAUC, m.brier, m.ece, m.coverage, m.nodeRisk, m.nodes,
	} {
		ch <- d
	}
	for _, d := range m.named.all() {
		ch <- d
	}
}

// CollectWithStability sends the current values of the plugins.
func (m *Metrics) CollectWithStability(ch chan<- metrics.Metric) {
	for _, p := range m.service.all() {
		m.collect(ch, p)
	}
}

func (m *Metrics) collect(ch chan<- metrics.Metric, p *PredictedQoS) {
	counted := func(d *metrics.Desc, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, metrics.CounterValue, v, append([]string{p.profile}, labels...)...)
	}
	counter := func(d *metrics.Desc, v int, labels ...string) { counted(d, float64(v), labels...) }
	gauge := func(d *metrics.Desc, v float64, labels ...string) {
		if !math.IsNaN(v) {
			ch <- metrics.NewLazyConstMetric(d, metrics.GaugeValue, v, append([]string{p.profile}, labels...)...)
		}
	}
	counts, verdict := p.feedback.Report()
	decided, judged := 0, 0
	for o := range objective.Count {
		name := objective.Objective(o).String()
		counter(m.decisions, counts.Decided[o], name)
		counter(m.outcomes, counts.Kept[o], name, "kept")
		counter(m.outcomes, counts.Violated[o], name, "violated")
		decided += counts.Decided[o]
		judged += counts.Kept[o] + counts.Violated[o]
		for k, class := range quality.Classes {
			promise := &counts.Promises[o][k]
			counter(m.judged, promise.Judged, name, class)
			counted(m.promised, promise.Risk, name, class)
			counter(m.realised, promise.Violated, name, class)
		}
	}
	for reason, n := range counts.Violations {
		counter(m.violations, n, reason)
	}
	m.named.collect(p, counts.Named, counted)
	counter(m.unjudged, counts.Unjudged)
	counter(m.demotions, counts.Demotions)
	counter(m.failures, counts.Failures)
	counter(m.unwritten, counts.Unwritten)
	now := p.feedback.Judge().Rung
	for _, r := range []feedback.Rung{feedback.RungUtilisation, feedback.RungModel} {
		is := 0.
		if r == now {
			is = 1
		}
		gauge(m.rung, is, r.String())
	}
	scores := 0.
	if p.scoresBy(p.frame.Load()) {
		scores = 1
	}
	gauge(m.scores, scores)
	gauge(m.auc, verdict.AUC)
	gauge(m.plainAUC, verdict.PlainAUC)
	gauge(m.brier, verdict.Brier)
	gauge(m.ece, verdict.ECE)
	if decided > 0 {
		gauge(m.coverage, min(1, float64(judged)/float64(decided)))
	}
	out := p.exported.Load()
	if out == nil {
		return
	}
	for o := range objective.Count {
		name := objective.Objective(o).String()
		count := map[string]int{"good": 0, "fair": 0, "poor": 0}
		for i, node := range out.nodes {
			if len(out.nodes) <= p.named {
				gauge(m.nodeRisk, float64(out.risks[i][o].Likely), node, name)
			}
			count[quality.Class(float64(out.risks[i][o].Likely))]++
		}
		for c, n := range count {
			gauge(m.nodes, float64(n), name, c)
		}
	}
}
