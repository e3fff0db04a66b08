// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"math"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// upper is what plugins read of the node: how many cores it will use at most in the next hour, with the pods it has now.
func (c *cluster) upper(node string) float64 {
	s, _ := c.publish()
	load := forecast.Load{}
	for _, pod := range c.pods {
		if pod.Spec.NodeName == node {
			load = load.Add(s.Pod(pod).Peaks[forecast.Hour][forecast.CPU])
		}
	}
	residual := s.NodeForecast(node).Residual[forecast.Hour][forecast.CPU]
	return forecast.PeakWith(residual, load, forecast.Peak{}, s.Combiner(forecast.Hour, forecast.CPU)).Upper
}

// A pod that goes, or that comes, in the midst of an hour moves the node's forecast at once and for the rest of the hour, also
// when the pod has been forgotten or when another one has its name. The next hour's forecast counts the pods that there are, each
// once.
func podsComeAndGo(t *testing.T, c *cluster, read func()) {
	all := c.upper("node-1")
	delete(c.pods, "w0-1")
	c.place("w1-1", "w1", "node-2") // The successor of its name is on another node.
	c.pods["w1-1"].UID = "successor"
	c.place("new", "w2", "node-3")
	fewer, other, more := c.upper("node-1"), c.upper("node-2"), c.upper("node-3")
	if all-fewer < 1 || more-c.upper("node-4") < .2 {
		t.Fatalf("node-1: %v with its pods, %v without two; node-3: %v with another pod", all, fewer, more)
	}
	check := func(when, node string, want float64) {
		t.Helper()
		if got := c.upper(node); math.Abs(got-want) > .1 {
			t.Errorf("%s: %s is forecast to use %v, at first %v", when, node, got, want)
		}
	}
	for _, when := range []string{"after 15 minutes", "after 30 minutes", "after 45 minutes"} {
		read()
		check(when, "node-1", fewer)
		check(when, "node-2", other)
		check(when, "node-3", more)
	}

	c.place("last", "w3", "node-4") // first seen in the reading that begins the hour
	read()
	for _, node := range []string{"node-1", "node-2", "node-3", "node-4"} {
		if got, whole := c.upper(node), c.nodes[node].direct[forecast.Hour][forecast.CPU].Upper; math.Abs(got-whole) > 1e-6 {
			t.Errorf("%s is forecast to use %v when the hour begins, but %v with its pods", node, whole, got)
		}
	}
}

// A pod that one answer held and the next ones do not has come once: it does not make other pods of those that a decision was of.
func TestSeenOnce(t *testing.T) {
	c := newCluster(time.Minute)
	c.place("stays", "shop", "node-1")
	c.place("brief", "shop", "node-1")
	for range 4 {
		c.read([]string{"node-1"}, constant(.5), constant(.1))
		c.untold["brief"] = true
	}
	if got := c.nodes["node-1"].arrivals; got != 2 {
		t.Errorf("%d pods came, want 2", got)
	}
}
