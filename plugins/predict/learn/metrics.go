// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"k8s.io/component-base/metrics"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Metrics exports how an engine fares; register it with legacyregistry.
type Metrics struct {
	metrics.BaseStableCollector
	engine *Engine

	readings, dropped, age, duration, nodes *metrics.Desc
	unread, warnings, oldest, loads         *metrics.Desc
	rungs, blind, objects, evicted, bytes   *metrics.Desc
	resources, untold, mute                 *metrics.Desc
	hours, excess, headroom                 *metrics.Desc
	trainings, training, decisions, saves   *metrics.Desc
	// use and peak of each node.
	use, peak [forecast.NumResources]*metrics.Desc
}

var _ metrics.StableCollector = &Metrics{}

// NewMetrics returns the metrics of an engine.
func NewMetrics(e *Engine) *Metrics {
	desc := func(name, help string, labels ...string) *metrics.Desc {
		return metrics.NewDesc("foresight_"+name, help, labels, nil, metrics.ALPHA, "")
	}
	m := &Metrics{
		engine:   e,
		readings: desc("usage_readings_total", "Readings of usage by result: success or failure.", "result"),
		dropped:  desc("usage_samples_dropped_total", "Samples that were not believed, by reason.", "reason"),
		age:      desc("usage_last_success_age_seconds", "Time since the last good reading of usage ended; absent before the first."),
		duration: desc("usage_reading_duration_seconds", "How long the last reading of usage took, good or not."),
		unread:   desc("usage_node_failures_total", "Nodes that good readings of usage could not read."),
		warnings: desc("usage_warnings_total", "Remarks of the queried server beside good readings, such as that its answer is not complete."),
		nodes:    desc("usage_nodes", "Nodes whose usage is known."),

		untold: desc("usage_unmeasured_pods", "Pods that run on measured nodes and are not measured themselves: they count with what is expected of them."),
		mute:   desc("usage_nodes_without_pods", "Measured nodes on which pods run and none is measured."),

		rungs:     desc("forecast_nodes", "Nodes by where their forecast comes from: fresh, stale, profile or requests.", "rung"),
		resources: desc("forecast_node_resources", "Nodes by where their forecast of a resource comes from.", "resource", "rung"),
		oldest:    desc("forecast_sample_age_seconds", "Age of the newest sample of a node, the oldest of the nodes on each rung.", "rung"),
		blind:     desc("forecast_blind", "1 when too many nodes are without recent samples, and forecasts refuse and score nothing; else 0."),
		objects:   desc("history_objects", "What is remembered: pods, workloads, classes of pods, nodes, and lives: workloads whose pods were seen to finish.", "kind"),
		evicted:   desc("history_evicted_total", "Workloads and classes of pods that were forgotten to bound the memory."),
		bytes:     desc("history_bytes", "Memory of what is remembered, estimated."),

		hours:    desc("forecast_node_hours_total", "Hours of nodes that are over, by whether the peak was within, above or below what was forecast when they began.", "resource", "result"),
		excess:   desc("forecast_excess_node_ratio_total", "By how much peaks of an hour were above their upper bound, as shares of the node, added up.", "resource"),
		headroom: desc("forecast_headroom_node_ratio_total", "How far peaks of an hour were off their upper bound, as shares of the node, added up.", "resource"),

		trainings: desc("training_runs_total", "Trainings of models by result: success or failure.", "result"),
		training:  desc("training_duration_seconds", "How long the last training took."),
		decisions: desc("training_decisions", "Forecasts with known outcome that models are trained on."),
		loads:     desc("checkpoint_loads_total", "Readings of the checkpoint at start by result: success or failure; neither where there is none.", "result"),
		saves:     desc("checkpoint_saves_total", "Saves of the checkpoint by result: success or failure.", "result"),
	}
	const none = "; none above nodeMetricsLimit nodes."
	for r, unit := range units {
		m.use[r] = desc("node_"+unit+"_used", "Newest measured use of a node"+none, "node")
		m.peak[r] = desc("node_"+unit+"_predicted_peak", "Upper bound of the largest use that a node is predicted to have within the horizon, 1h or 24h"+none, "node", "horizon")
	}
	return m
}

// units of the resources, in names of metrics.
var units = [forecast.NumResources]string{forecast.CPU: "cpu_cores", forecast.Memory: "memory_bytes"}

// DescribeWithStability announces the metrics.
func (m *Metrics) DescribeWithStability(ch chan<- *metrics.Desc) {
	for _, d := range []*metrics.Desc{
		m.readings, m.dropped, m.age, m.duration, m.nodes, m.rungs, m.blind, m.objects, m.evicted, m.bytes, m.resources, m.untold, m.mute,
		m.hours, m.excess, m.headroom, m.trainings, m.training, m.decisions, m.saves, m.loads, m.unread, m.warnings, m.oldest,
	} {
		ch <- d
	}
	for r := range units {
		ch <- m.use[r]
		ch <- m.peak[r]
	}
}

// CollectWithStability reads the engine.
func (m *Metrics) CollectWithStability(ch chan<- metrics.Metric) {
	collector := m.engine.collector.Load()
	if collector == nil {
		return
	}
	counter := func(d *metrics.Desc, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, metrics.CounterValue, v, labels...)
	}
	gauge := func(d *metrics.Desc, v float64, labels ...string) {
		ch <- metrics.NewLazyConstMetric(d, metrics.GaugeValue, v, labels...)
	}

	read := collector.Status()
	counter(m.readings, float64(read.Readings), "success")
	counter(m.readings, float64(read.Failures), "failure")
	for reason, n := range read.Dropped {
		counter(m.dropped, float64(n), usage.Reason(reason).String())
	}
	counter(m.unread, float64(read.NodeFailures))
	counter(m.warnings, float64(read.Warnings))
	if !read.LastSuccess.IsZero() {
		gauge(m.age, m.engine.clock.Since(read.LastSuccess).Seconds())
	}
	gauge(m.duration, read.LastDuration.Seconds())
	gauge(m.nodes, float64(m.engine.Snapshot().Nodes(m.engine.clock.Now(), m.engine.Expiry())))

	st := m.engine.status.Load()
	if st == nil {
		return
	}
	gauge(m.untold, float64(st.standing.Untold))
	gauge(m.mute, float64(st.standing.Mute))
	for r := range st.standing.Resources {
		for rung, n := range st.standing.Resources[r] {
			gauge(m.resources, float64(n), forecast.Resource(r).String(), forecast.NodeRung(rung).String())
		}
	}
	for rung, n := range st.standing.Nodes {
		gauge(m.rungs, float64(n), forecast.NodeRung(rung).String())
		if n > 0 {
			gauge(m.oldest, st.standing.Ages[rung].Seconds(), forecast.NodeRung(rung).String())
		}
	}
	blind := 0.
	if st.blind {
		blind = 1
	}
	gauge(m.blind, blind)
	for i := range st.outlooks {
		o := &st.outlooks[i]
		for r := range units {
			if used := o.Used[r]; used >= 0 {
				gauge(m.use[r], used, o.Node)
			}
			for h := range o.Upper {
				if upper := o.Upper[h][r]; upper >= 0 {
					gauge(m.peak[r], upper, o.Node, forecast.Horizon(h).String())
				}
			}
		}
	}
	gauge(m.objects, float64(st.pods.Pods), "pods")
	gauge(m.objects, float64(st.pods.Workloads), "workloads")
	gauge(m.objects, float64(st.pods.Classes), "classes")
	gauge(m.objects, float64(st.nodes), "nodes")
	gauge(m.objects, float64(st.lives), "lives")
	counter(m.evicted, float64(st.pods.Evicted))
	gauge(m.bytes, float64(st.bytes))
	for r := range forecast.NumResources {
		name := forecast.Resource(r).String()
		counter(m.hours, float64(st.realised.Within[r]), name, "within")
		counter(m.hours, float64(st.realised.Above[r]), name, "above")
		counter(m.hours, float64(st.realised.Below[r]), name, "below")
		counter(m.excess, st.realised.Excess[r], name)
		counter(m.headroom, st.realised.Headroom[r], name)
	}
	counter(m.trainings, float64(st.training.Fits), "success")
	counter(m.trainings, float64(st.training.Failures), "failure")
	gauge(m.training, st.training.Seconds)
	gauge(m.decisions, float64(st.training.Decisions))
	counter(m.saves, float64(st.saves), "success")
	counter(m.saves, float64(st.saveFailures), "failure")
	counter(m.loads, float64(st.loads), "success")
	counter(m.loads, float64(st.loadFailures), "failure")
}
