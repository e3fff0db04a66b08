// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"math"
	"strings"

	v1 "k8s.io/api/core/v1"
	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// view is what the plugins predicted by; nil where they predicted nothing.
type view struct {
	*cycle.Prediction
	// pressure is what Taints predicts; nil is nothing.
	pressure *cycle.Prediction
	state    fwk.CycleState
}

func viewIn(state fwk.CycleState) *view {
	fit, pressure := cycle.PredictionIn(state, cycle.PeaksState), cycle.PredictionIn(state, cycle.PressureState)
	switch {
	case fit != nil:
		return &view{fit, pressure, state}
	case pressure != nil:
		return &view{pressure, pressure, state}
	}
	return nil
}

// forecastOf is the pod's forecast, and whose history it is.
func forecastOf(v *view, pod *v1.Pod) *decision.Forecast {
	p := &v.View.Pod
	upper := p.Upper(v.View.Horizon)
	f := &decision.Forecast{Rung: p.Origin.String(), Amounts: decision.Amounts{CPU: upper[forecast.CPU], Memory: upper[forecast.Memory]}, Hours: v.View.Horizon.Hours()}
	switch p.Origin {
	case forecast.FromOwner:
		if w, ok := forecast.WorkloadOf(pod); ok {
			f.Of = w.Kind + " " + w.Namespace + "/" + w.Name
		}
	case forecast.FromClass:
		c := forecast.ClassOf(pod, forecast.RequestsOf(pod).Asked)
		f.Of = "pods of " + c.Namespace + " that run " + c.Image + " and request as much"
	case forecast.FromCluster:
		f.Of = "all pods of the cluster, as a multiple of what they request"
	}
	return f
}

// predict adds what is predicted of the candidate with the pod on it.
func (v *view) predict(r *answers, c *decision.Candidate) {
	info := r.nodes.byName[c.Node]
	if v == nil || info == nil {
		return
	}
	peaks, predicted := v.View.Peaks(v.state, info)
	expected, _ := v.View.Expected(v.state, info)
	allocatable, h := forecast.AllocatableOf(info), v.View.Horizon
	bounds := v.Bounds.Of(v.state, info)
	for res := range forecast.Resource(forecast.NumResources) {
		p := decision.Predicted{
			Resource: res.String(), Hours: h.Hours(), Expected: expected[res], Lower: peaks[res].Lower, Upper: peaks[res].Upper,
			Pod: v.View.Pod.Peaks[h][res].Upper, Allocatable: allocatable[res], Rung: predicted.Rung.String(),
		}
		if b := bounds.Share[res] * allocatable[res]; !bounds.Off && !math.IsInf(b, 0) && !math.IsNaN(b) {
			p.Bound = b
		}
		c.Predicted = append(c.Predicted, p)
	}
	c.Note = v.note(info, peaks)
}

// note names the pod that makes most of a node's predicted peak of CPU, where one makes half of it, with what is behind that.
func (v *view) note(info fwk.NodeInfo, peaks forecast.Intervals) string {
	var most forecast.PodForecast
	var who *v1.Pod
	h, allocatable := v.View.Horizon, forecast.AllocatableOf(info)
	for _, p := range info.GetPods() {
		f := v.View.Snapshot.Resident(p, allocatable)
		if who == nil || f.Peaks[h][forecast.CPU].Upper > most.Peaks[h][forecast.CPU].Upper {
			most, who = f, p.GetPod()
		}
	}
	if who == nil {
		return ""
	}
	upper := most.Peaks[h][forecast.CPU].Upper
	if upper < peaks[forecast.CPU].Upper/2 || upper < .1*allocatable[forecast.CPU] {
		return ""
	}
	note := fmt.Sprintf("pod %s counts for %s (by its %s)", who.Name, decision.AmountOf("cpu", upper), most.Origin)
	if own, ok := v.View.Snapshot.MeasuredOf(who.UID); ok {
		note += fmt.Sprintf("; it was measured at %s", decision.Amount("cpu", own.Use[forecast.CPU].Mean))
	}
	return note
}

// figuresOf says by which figures a prediction refuses the node: "7.6 + 1 of 8 cores passes 100 %".
func figuresOf(c *decision.Candidate) string {
	if c.Plugin != config.ResourceFitName || !strings.HasPrefix(c.Refused, "Predicted peak") {
		return ""
	}
	var said []string
	for i := range c.Predicted {
		p := &c.Predicted[i]
		if p.Bound == 0 || p.Upper <= p.Bound || !strings.Contains(c.Refused, p.Resource) {
			continue
		}
		said = append(said, fmt.Sprintf("%s–%s with the pod's %s, of %s; the bound is %.0f %%", decision.Amount(p.Resource, p.Lower),
			decision.Amount(p.Resource, p.Upper), decision.Amount(p.Resource, p.Pod), decision.AmountOf(p.Resource, p.Allocatable), 100*p.Bound/p.Allocatable))
	}
	return strings.Join(said, ", ")
}

// flip says what would have the best other node chosen: a lower forecast, where the plugins that judge by it can make up for the
// difference.
func (v *view) flip(e *decision.Evaluation, r *answers) string {
	chosen, other := pair(e)
	if chosen == nil || other == nil || chosen.Refused != "" || other.Refused != "" || chosen.Total <= other.Total {
		return ""
	}
	weight := weightOf(e, config.ResourceFitName)
	if v == nil || !v.Harm || weight == 0 {
		return ""
	}
	info := r.nodes.byName[other.Node]
	l := &lower{view: v, future: *v.View.Loads.Of(v.state, v.View.Snapshot, info), bounds: v.Bounds.Of(v.state, info), allocatable: forecast.AllocatableOf(info)}
	if l.bounds.Off || l.future.Forecast.Rung == forecast.Blind {
		return ""
	}
	was := l.expected(1)
	if v.pressure != nil {
		if bounds := v.pressure.Bounds.Of(v.state, info); !bounds.Off && bounds.Over(was, l.allocatable).Any() {
			l.pressure, l.relieved = bounds, max(0, partOf(chosen, config.TaintsName)-partOf(other, config.TaintsName))
		}
	}
	behind := chosen.Total - other.Total
	gain := func(by float64) int64 { return l.points(by, weight) - partOf(other, config.ResourceFitName) }
	if most := gain(0); most <= behind {
		return fmt.Sprintf("no forecast of %s alone: it is %d behind, and a lower one could make up for %d", other.Node, behind, max(0, most))
	}
	low, high := 0., 1.
	for range 30 {
		if mid := (low + high) / 2; gain(mid) > behind {
			low = mid
		} else {
			high = mid
		}
	}
	res := forecast.CPU
	if was[forecast.Memory]*l.allocatable[forecast.CPU] > was[forecast.CPU]*l.allocatable[forecast.Memory] {
		res = forecast.Memory
	}
	name := res.String()
	return fmt.Sprintf("%s, if with the pod it were expected to use at most %s of %s (%s is expected)", other.Node,
		decision.Amount(name, l.expected(low)[res]), decision.AmountOf(name, l.allocatable[res]), decision.Amount(name, was[res]))
}

// lower is a node that is thought to use less.
type lower struct {
	view        *view
	future      cycle.NodeFuture
	bounds      cycle.Bounds
	allocatable forecast.Amounts
	// relieved are the points that Taints gives where the expected use passes no bound of pressure.
	pressure cycle.Bounds
	relieved int64
}

// scaled is what the node uses without the pod, times by.
func (l *lower) scaled(by float64) (forecast.NodeUse, forecast.NodeForecast) {
	use, f := l.future.Use, l.future.Forecast
	for r := range use {
		use[r].Mean, use[r].Variance, use[r].Deviations = by*use[r].Mean, by*by*use[r].Variance, by*use[r].Deviations
		f.Beyond[r] = forecast.Use{Mean: by * f.Beyond[r].Mean, Variance: by * by * f.Beyond[r].Variance}
	}
	return use, f
}

func (l *lower) expected(by float64) forecast.Amounts {
	use, f := l.scaled(by)
	return l.view.View.ExpectedOf(&use, &f)
}

// points of the plugins that judge by forecasts.
func (l *lower) points(by float64, weight int64) int64 {
	use, f := l.scaled(by)
	points := weight * int64(l.view.View.ScoreOf(&use, &f, &l.bounds, l.allocatable))
	if l.relieved > 0 && !l.pressure.Over(l.expected(by), l.allocatable).Any() {
		points += l.relieved
	}
	return points
}

func weightOf(e *decision.Evaluation, plugin string) int64 {
	for _, w := range e.Weights {
		if w.Plugin == plugin {
			return w.Weight
		}
	}
	return 0
}

func partOf(c *decision.Candidate, plugin string) int64 {
	for _, p := range c.Parts {
		if p.Plugin == plugin {
			return p.Score
		}
	}
	return 0
}
