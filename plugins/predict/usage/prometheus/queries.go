// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Window in a query stands for Config.Window, as in rate(x[$window]).
const Window = "$window"

// Query is PromQL for a quantity of all nodes, or of all pods, at once. Its answer is an
// instant vector with one series per object. Window in it stands for the configured
// window.
type Query struct {
	// Quantity that the query answers, in its unit.
	Quantity usage.Quantity
	PromQL   string
}

// Queries of one kind of object.
type Queries struct {
	// Values has one query per quantity.
	Values []Query
	// Time answers the time of each object's measurement, in seconds since the epoch.
	// Without it, samples have the time of the query's evaluation, and Prometheus answers
	// values from up to five minutes earlier, or longer ago when so configured, as if they
	// were of that time.
	Time string
}

// Labels name the labels in the answers.
type Labels struct {
	// Node holds the name of the Node object. In the answers of pods it may be missing.
	Node string
	// Namespace and Pod hold a pod's namespace and name.
	Namespace, Pod string
	// UID of the pod; optional, and most setups have none.
	UID string
}

// DefaultLabels are those of kube-prometheus.
func DefaultLabels() Labels {
	return Labels{Node: "node", Namespace: "namespace", Pod: "pod", UID: "uid"}
}

// containers selects the series of containers, which leaves out those of whole pods, of
// their sandboxes and of all cgroups above.
const containers = `container!="",container!="POD"`

// Rate is PromQL for the growth per second of the counters that selector selects, over
// the window.
//
// It is not plain rate(), which divides what a counter grew by the whole window, also
// when the counter was born within it: of a pod that started a minute ago, a rate over
// five minutes shows a fifth of its usage. So the rate counts for counters that were
// there when the window began, and for the young ones their growth between the last two
// scrapes.
func Rate(selector string) string {
	return `(rate(` + selector + `[$window]) and ` + selector + ` offset $window or irate(` + selector + `[$window]))`
}

// distinct is PromQL for what vector has of each object, by the labels that tell its parts apart: once, however often it is told.
// A kubelet that two jobs scrape, a pair of servers whose answers are not deduplicated, and a node in a container, whose cgroups the
// machine tells as well, all tell the same container several times, and sum would add it up.
func distinct(by, vector string) string {
	return `max by (` + by + `) (` + vector + `)`
}

// newest is PromQL for those series of selector that were measured last, of all that have the same labels by. A container that is
// dead is told for some minutes beside the one that took its place.
func newest(by, selector string) string {
	return selector + ` and (timestamp(` + selector + `) == on (` + by + `) group_left () max by (` + by + `) (timestamp(` + selector + `)))`
}

const (
	ofPod       = `node, namespace, pod`
	ofContainer = ofPod + `, container`
)

// CadvisorNodes ask for the root cgroup of each kubelet's cAdvisor, which has the node's
// name in the label node wherever the pods' series have it, and so needs no join.
func CadvisorNodes() Queries {
	return Queries{
		Values: []Query{
			// Kubelets tell all CPUs together; cAdvisor on its own tells them one by one.
			{usage.CPU, `sum by (node) (` + distinct(`node, cpu`, Rate(`container_cpu_usage_seconds_total{id="/"}`)) + `)`},
			{usage.Memory, distinct(`node`, newest(`node`, `container_memory_working_set_bytes{id="/"}`))},
		},
		Time: `max by (node) (timestamp(container_memory_working_set_bytes{id="/"}))`,
	}
}

// NodeExporterNodes ask node_exporter. Its series name the node in the label instance,
// or not at all: nodeOf is a PromQL suffix that adds the label node, such as
// KubeStateMetricsJoin; empty where relabelling added it.
func NodeExporterNodes(nodeOf string) Queries {
	on := func(metric string) string {
		return strings.TrimSpace(metric + " " + nodeOf)
	}
	return Queries{
		Values: []Query{
			{usage.CPU, `sum by (node) (` + distinct(`node, cpu, mode`, on(Rate(`node_cpu_seconds_total{mode!~"idle|iowait|steal|guest|guest_nice"}`))) + `)`},
			{usage.Memory, `max by (node) (` + on(`(node_memory_MemTotal_bytes - node_memory_MemAvailable_bytes)`) + `)`},
		},
		Time: `max by (node) (` + on(`timestamp(node_memory_MemAvailable_bytes)`) + `)`,
	}
}

// NodeExporterPressure asks node_exporter for the pressure of nodes.
func NodeExporterPressure(nodeOf string) []Query {
	rate := func(q usage.Quantity, metric string) Query {
		return Query{q, `max by (node) (` + strings.TrimSpace(Rate(metric)+` `+nodeOf) + `)`}
	}
	return []Query{
		rate(usage.CPUSome, "node_pressure_cpu_waiting_seconds_total"),
		rate(usage.MemorySome, "node_pressure_memory_waiting_seconds_total"),
		rate(usage.MemoryFull, "node_pressure_memory_stalled_seconds_total"),
		rate(usage.IOSome, "node_pressure_io_waiting_seconds_total"),
		rate(usage.IOFull, "node_pressure_io_stalled_seconds_total"),
	}
}

// KubeStateMetricsJoin gives series with the labels namespace and pod of the pod that
// exposed them, as those of node_exporter in kube-prometheus, the node of that pod.
const KubeStateMetricsJoin = `* on (namespace, pod) group_left(node) topk by (namespace, pod) (1, max by (namespace, pod, node) (kube_pod_info{node!=""}))`

// CadvisorPods ask for the containers of each pod. The time is that of the newest of them: one that has ended is told for some
// minutes, and would make the others as old as it is.
func CadvisorPods() Queries {
	return Queries{
		Values: []Query{
			{usage.CPU, `sum by (` + ofPod + `) (` + distinct(ofContainer+`, cpu`, Rate(`container_cpu_usage_seconds_total{`+containers+`}`)) + `)`},
			{usage.Memory, `sum by (` + ofPod + `) (` + distinct(ofContainer, newest(ofContainer, `container_memory_working_set_bytes{`+containers+`}`)) + `)`},
		},
		Time: `max by (` + ofPod + `) (timestamp(container_memory_working_set_bytes{` + containers + `}))`,
	}
}

// CadvisorPressure asks for the pressure and the throttling of pods: the pressure of the
// pod's own cgroup, and the throttled share over its containers.
func CadvisorPressure() []Query {
	const by = `by (` + ofPod + `)`
	const pod = `container="",image="",pod!=""`
	rate := func(q usage.Quantity, metric string) Query {
		return Query{q, `max ` + by + ` ` + Rate(metric+`{`+pod+`}`)}
	}
	return []Query{
		rate(usage.CPUSome, "container_pressure_cpu_waiting_seconds_total"),
		rate(usage.CPUFull, "container_pressure_cpu_stalled_seconds_total"),
		rate(usage.MemorySome, "container_pressure_memory_waiting_seconds_total"),
		rate(usage.MemoryFull, "container_pressure_memory_stalled_seconds_total"),
		rate(usage.IOSome, "container_pressure_io_waiting_seconds_total"),
		rate(usage.IOFull, "container_pressure_io_stalled_seconds_total"),
		{usage.Throttled, `sum ` + by + ` (` + distinct(ofContainer, Rate(`container_cpu_cfs_throttled_periods_total{`+containers+`}`)) +
			`) / (sum ` + by + ` (` + distinct(ofContainer, Rate(`container_cpu_cfs_periods_total{`+containers+`}`)) + `) > 0)`},
	}
}

// ofUse says whether anything but response times is asked for.
func (q Queries) ofUse() bool {
	return slices.ContainsFunc(q.Values, func(v Query) bool { return v.Quantity != usage.ResponseTime })
}

// expand puts the window into the queries and refuses those that cannot be asked.
func (q Queries) expand(window time.Duration) (Queries, error) {
	w := duration(window)
	out := Queries{Time: strings.ReplaceAll(q.Time, Window, w)}
	seen := map[usage.Quantity]bool{}
	for _, v := range q.Values {
		switch {
		case int(v.Quantity) >= usage.NumQuantities:
			return Queries{}, fmt.Errorf("a query of the quantity %d, which does not exist", v.Quantity)
		case seen[v.Quantity]:
			return Queries{}, fmt.Errorf("two queries of %v", v.Quantity)
		case strings.TrimSpace(v.PromQL) == "":
			return Queries{}, fmt.Errorf("the query of %v is empty", v.Quantity)
		}
		seen[v.Quantity] = true
		out.Values = append(out.Values, Query{v.Quantity, strings.ReplaceAll(v.PromQL, Window, w)})
	}
	return out, nil
}
