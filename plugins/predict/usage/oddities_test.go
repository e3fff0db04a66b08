// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/kubelet/pages"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/metricsapi"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/prometheus"
)

// now of the oddities. Node a has 4 cores and 16 GB, and so has the largest node.
var now = time.Date(2026, 1, 2, 3, 5, 0, 0, time.UTC)

// TestOddities holds what metric stacks have really told, one line each: the public report, what was told, and what is believed of it.
// The next report is one line more.
func TestOddities(t *testing.T) {
	for _, o := range []struct {
		report string
		told   told
		want   string
	}{
		// metrics.k8s.io: metrics-server, Prometheus' adapter, cloud providers' own.
		{"kubernetes-sigs/metrics-server#210: a container without a name is the sum of the others", api("", pod("p", 30, "x 100m 10Ki", "y 50m 10Ki", " 150m 20Ki")), "ns/p .15 2.048e+04"},
		{"kubernetes-sigs/prometheus-adapter#211: the pause container is told as POD", api("", pod("p", 30, "POD 1m 1Ki", "x 100m 10Ki")), "ns/p .1 1.024e+04"},
		{"cybozu-go/neco-apps#1718: the whole pod and its three containers", api("", pod("p", 30, " 10m 27Mi", "alertmanager 10m 21Mi", "a 0 2Mi", "b 0 4Mi")), "ns/p .01 2.831e+07"},
		{"helm/charts#23131: each kubelet is scraped by two jobs, so each container is told twice", api("", pod("p", 30, "x 100m 10Ki", "x 100m 10Ki")), "ns/p .1 1.024e+04"},
		{"google/cadvisor#2844: a container that was killed is told beside the one that took its place", api("", pod("p", 30, "x 0 4Gi", "x 100m 1Gi")), "ns/p .1 4.295e+09"},
		{"kubernetes-sigs/metrics-server#207: one container has no CPU, so the pod has none", api("", pod("p", 30, "x 100m 10Ki", "y - 10Ki")), "ns/p - 2.048e+04"},
		{"kubernetes-sigs/metrics-server#792: an init container has ended, and has no figures", api("", pod("p", 30, "init - -", "x 100m 10Ki")), "empty=1"},
		{"kubernetes-sigs/metrics-server#633: a pod without containers", api("", pod("p", 30)), "empty=1"},
		{"kubernetes-sigs/metrics-server#247: nodes are there and pods are not", api(node("a", 30, "1 1Gi")), "a 1 1.074e+09"},
		{"kubernetes-sigs/metrics-server#552: the second replica has scraped earlier, so time goes back", then(api(node("a", 10, "1 1Gi")), api(node("a", 40, "2 1Gi"))), "out_of_order=1"},
		{"kubernetes-sigs/metrics-server#419: a replica answers twice from its cache", then(api(node("a", 40, "1 1Gi")), api(node("a", 40, "1 1Gi"))), "duplicate=1"},
		{"kubernetes/kubernetes#107291: a StatefulSet's pod moved, and both of its name are told", api("", pod("p", 200, "x 100m 4Gi"), pod("p", 20, "x 100m 1Gi")), "ns/p .1 1.074e+09 | out_of_order=1"},
		{"kubernetes-sigs/metrics-server#1300: a node tells a pod that left it three days ago", api("", pod("p", 20, "x 100m 1Gi"), pod("p", 3*24*3600, "x 18446744074 1Gi")), "ns/p .1 1.074e+09 | stale=1"},
		{"kubernetes-sigs/metrics-server#785: the node has no figures", api(node("a", 30, "- -") + "," + node("b", 30, "1 1Gi")), "b 1 1.074e+09 | empty=1"},
		{"kubernetes-sigs/metrics-server#803: the figures of a node are older than its neighbours'", api(node("a", 330, "1 1Gi") + "," + node("b", 30, "1 1Gi")), "b 1 1.074e+09 | stale=1"},
		{"kubernetes-sigs/metrics-server#1428: a node is told at more than its memory", api(node("a", 30, "1 159Gi")), "a 1 - | absurd=1"},
		{"zalando-incubator/kubernetes-on-aws#6713: a time of zero", api(node("a", int(now.Unix()), "1 1Gi") + "," + node("b", 30, "1 1Gi")), "b 1 1.074e+09 | stale=1"},
		{"kubernetes-retired/heapster#1181: a difference below zero as a number of 64 bits", api(node("a", 30, "18446744073709040579m 1Gi")), "a - 1.074e+09 | absurd=1"},
		{"kubernetes/kubernetes#82300: nanocores overflow on machines of tens of CPUs", api("", pod("p", 30, "x 18446744073n 1Ki")), "ns/p - 1024 | absurd=1"},
		{"opencost/opencost#3787: CPU below zero after a counter began anew", api("", pod("p", 30, "x -12n 1Ki")), "ns/p - 1024 | negative=1"},
		{"google/cadvisor#2032: a little more than all of the CPU", api(node("a", 30, "4002123571n 1Gi")), "a 4.002 1.074e+09"},
		{"kubernetes/kubernetes#110611: memory is always 0, which nothing that runs uses", summary(page("a", 30, 100, 0, "u p 100 0")), "empty=2"},

		// Kubelets' own pages.
		{"kubernetes/kubernetes#75934: a node of Windows has counters and no rate", then(summary(page("a", 60, 100, 1000000000)), summary(page("a", 30, 130, 1000000000))), "a 1 1e+09"},
		{"kubernetes/kubernetes#72803: a runtime that leaves rates out, and a pod's first figures", summary(page("a", 30, 100, 1000000000, "u p 10 1000000")), "a - 1e+09 | ns/p - 1e+06"},
		{"kubernetes/kubernetes#122092: the rate is 0 where two ask in turn, and the counter goes on", then(summary(page("a", 60, 100, 1000000000, "u p 10 1000000 0")), summary(page("a", 30, 130, 1000000000, "u p 13 1000000 0"))), "a 1 1e+09 | ns/p .1 1e+06"},
		{"containerd/containerd#9531: the first rate of a container is 0", summary(page("a", 30, 100, 1000000000, "u p 10 1000000 0")), "a - 1e+09 | ns/p - 1e+06"},
		{"kubernetes-sigs/metrics-server#96: a virtual kubelet tells its pods and not its node", summary(page("a", 30, 0, 0, "u p 0 2113536 0")), "ns/p - 2.114e+06 | stale=1"},
		{"virtual-kubelet/virtual-kubelet#306: rates and no counters", summary(page("a", 30, 0, 0, "u p 0 23470080 250000000")), "ns/p .25 2.347e+07 | stale=1"},
		{"kubernetes/kubernetes#83507: a counter is set back to 0 in a container that lives", then(summary(page("a", 60, 100, 1000000000, "u p 500 1000000")), summary(page("a", 30, 130, 1000000000, "u p 3 1000000"))), "a 1 1e+09 | ns/p - 1e+06 | counter_reset=1"},
		{"kubernetes/kubernetes#30939: one answer holds a pod twice", then(summary(page("a", 60, 100, 1000000000, "u p 10 1000000", "u p 10 1000000")), summary(page("a", 30, 130, 1000000000, "u p 13 1000000", "u p 13 1000000"))), "a 1 1e+09 | ns/p .1 1e+06 | duplicate=1"},
		{"kubernetes/kubernetes#69658: pods run and none is told", summary(page("a", 30, 100, 1000000000)), "a - 1e+09"},
		{"kubernetes/kubernetes#27194: the same time in two answers, and the same figures", then(summary(page("a", 30, 100, 1000000000)), summary(page("a", 30, 100, 1000000000))), "duplicate=1"},
		{"kubernetes/kubernetes#104445: the node's time stood still for 46 s, and then went on", then(summary(page("a", 106, 100, 1000000000)), summary(page("a", 30, 176, 1000000000))), "a 1 1e+09"},
		{"DataDog/datadog-agent#5916: static pods of two nodes have one UID, the hash of their file", then(summary(page("a", 60, 100, 1000000000, "h p-a 10 1000000"), page("b", 60, 100, 1000000000, "h p-b 20 1000000")), summary(page("a", 30, 130, 1000000000, "h p-a 13 1000000"), page("b", 30, 130, 1000000000, "h p-b 26 1000000"))), "a 1 1e+09 | b 1 1e+09 | ns/p-a .1 1e+06 | ns/p-b .2 1e+06"},
		{"kubernetes-sigs/metrics-server#172: containers of CRI-O have counters and no rates", then(summary(page("a", 60, 100, 1000000000, "u p 10 1000000 -")), summary(page("a", 30, 130, 1000000000, "u p 40 1000000 -"))), "a 1 1e+09 | ns/p 1 1e+06"},
		{"newrelic/nri-kubernetes#817: the kubelet's own rate is enormous a few times a day", then(summary(page("a", 60, 100, 1000000000, "u p 10 1000000 9000000000000")), summary(page("a", 30, 130, 1000000000, "u p 13 1000000 9000000000000"))), "a 1 1e+09 | ns/p .1 1e+06"},
		{"google/cadvisor#2688: the pod's own cgroup beside its containers'", cadvisor(`pod="p",id="/kubepods/podu"`+"=.3", `pod="p",container="x",id="/kubepods/podu/x"`+"=.1", `pod="p",container="y",id="/kubepods/podu/y"`+"=.2"), "a - 1e+09 | ns/p .3 1e+06"},
		{"kubernetes-sigs/kubernetes-mixin#512: minikube's node in a container tells a pod's cgroup twice", cadvisor(`pod="p",id="/kubepods/podu"`+"=.3", `pod="p",id="/docker/f609/kubepods/podu"`+"=.3"), "a - 1e+09 | ns/p .3 1e+06"},
		{"google/cadvisor#592: a container is told three times", cadvisor(`pod="p",id="/kubepods/podu"`+"=.3", `pod="p",id="/kubepods/podu"`+"=.3", `pod="p",id="/kubepods/podu"`+"=.3"), "a - 1e+09 | ns/p .3 1e+06"},
		{"google/cadvisor#3853: one series for each CPU", cadvisor(`pod="p",cpu="cpu00",id="/kubepods/podu"`+"=.3", `pod="p",cpu="cpu01",id="/kubepods/podu"`+"=.3"), "a - 1e+09 | ns/p - 1e+06"},
		{"google/cadvisor#1495: a mount's unit has the container's labels and no use", cadvisor(`pod="p",id="/kubepods/podu"`+"=.3", `id="/system.slice/var-lib-docker-containers-u-shm.mount",image="i"`+"=0"), "a - 1e+09 | ns/p .3 1e+06"},
		{"kubernetes/kubernetes#111077: no labels of containers", cadvisor(`id="/kubepods/podu"`+"=.3", `id="/kubepods/podu/x"`+"=.3"), "a - 1e+09 | ns/p - 1e+06"},

		// Prometheus and its cousins. Queries that add up what is told twice are tried on a real server.
		{"opencost/opencost#2423: the node's name is in the label instance", prom(`"instance":"10.0.0.3:10250"`, "1", ""), "error: the answer holds no samples"},
		{"kubernetes-sigs/scheduler-plugins#702: there is no CPU and there is memory", prom(`"node":"a"`, "", "1e9"), "a - 1e+09"},
		{"thanos-io/thanos#1617: two series are left after deduplication", prom(`"node":"a"`, `1"]},{"metric":{"node":"a"},"value":[0,"1`, "1e9"), "a 1 1e+09 | duplicate=1"},
		{"thanos-io/thanos#5840: one replica has the value and the other 0", prom(`"node":"a"`, `1"]},{"metric":{"node":"a"},"value":[0,"0`, "1e9"), "a 1 1e+09 | duplicate=1"},
		{"prometheus/node_exporter#3105: CPU below zero", prom(`"node":"a"`, "-0.02", "1e9"), "a - 1e+09 | negative=1"},
		{"prometheus/node_exporter#1686: a counter of CPU dips, and rate() makes a spike of it", prom(`"node":"a"`, "51234", "1e9"), "a - 1e+09 | absurd=1"},
		{"prometheus-community/windows_exporter#2292: a counter drops to 0 and comes back: 800 % of 8 cores", prom(`"node":"a"`, "64", "1e9"), "a - 1e+09 | absurd=1"},
		{"prometheus/prometheus#1287: idle time of 1.4 s a second", prom(`"node":"a"`, "-1.6", "1e9"), "a - 1e+09 | negative=1"},
		{"GoogleCloudPlatform/k8s-stackdriver#160: nothing is known yet of what has just begun", prom(`"node":"a"`, "NaN", "1e9"), "a - 1e+09 | not_a_number=1"},
	} {
		name, _, _ := strings.Cut(o.report, ":")
		t.Run(name, func(t *testing.T) {
			if got := believed(o.told); got != o.want {
				t.Errorf("%s:\nbelieved %s\nwant     %s", o.report, got, o.want)
			}
		})
	}
}

// told is what a source tells, answer by answer. Kubelets' counters are kept from one to the next, by node.
type told []func(state map[string]pages.Counters) (usage.Reading, error)

// then is one after the other, of one source.
func then(all ...told) told { return slices.Concat(all...) }

// believed is what is believed of the last answer, in words.
func believed(t told) string {
	c := usage.NewCleaner(usage.DefaultBounds(), func(string) (usage.Machine, bool) { return usage.Machine{Cores: 4, Bytes: 16e9}, true })
	var r usage.Reading
	state := map[string]pages.Counters{}
	for _, read := range t {
		var err error
		if r, err = read(state); err != nil {
			return "error: " + err.Error()[strings.LastIndex(err.Error(), ": ")+2:]
		}
		r = c.Clean(now, r)
	}
	var words []string
	values := func(name string, s usage.Sample) {
		for _, q := range []usage.Quantity{usage.CPU, usage.Memory} {
			if x, ok := s.Get(q); ok {
				name += " " + strings.TrimPrefix(fmt.Sprintf("%.4g", x), "0")
			} else {
				name += " -"
			}
		}
		words = append(words, name)
	}
	slices.SortFunc(r.Nodes, func(a, b usage.NodeSample) int { return cmp.Compare(a.Node, b.Node) })
	for _, n := range r.Nodes {
		values(n.Node, n.Sample)
	}
	slices.SortFunc(r.Pods, func(a, b usage.PodSample) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range r.Pods {
		values(p.Namespace+"/"+p.Name, p.Sample)
	}
	for reason, n := range r.Dropped {
		if n > 0 {
			words = append(words, fmt.Sprintf("%s=%d", usage.Reason(reason), n))
		}
	}
	return strings.Join(words, " | ")
}

// ago is a time in JSON.
func ago(seconds int) string {
	return now.Add(-time.Duration(seconds) * time.Second).Format(`"` + time.RFC3339 + `"`)
}

// resources are those of "CPU memory" in JSON, where - is none.
func resources(amounts []string) string {
	var fields []string
	for i, name := range []string{"cpu", "memory"} {
		if amounts[i] != "-" {
			fields = append(fields, fmt.Sprintf("%q:%q", name, amounts[i]))
		}
	}
	return `"usage":{` + strings.Join(fields, ",") + `}`
}

// node is one of metrics.k8s.io that uses "CPU memory".
func node(name string, secondsAgo int, used string) string {
	return fmt.Sprintf(`{"metadata":{"name":%q},"timestamp":%s,"window":"15s",%s}`, name, ago(secondsAgo), resources(strings.Split(used, " ")))
}

// pod is one of metrics.k8s.io, of containers "name CPU memory".
func pod(name string, secondsAgo int, containers ...string) string {
	var all []string
	for _, c := range containers {
		parts := strings.Split(c, " ")
		all = append(all, fmt.Sprintf(`{"name":%q,%s}`, parts[0], resources(parts[1:])))
	}
	return fmt.Sprintf(`{"metadata":{"name":%q,"namespace":"ns"},"timestamp":%s,"window":"15s","containers":[%s]}`, name, ago(secondsAgo), strings.Join(all, ","))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// api is an answer of metrics.k8s.io. Without nodes it has one, of no concern, which is left out of the reading.
func api(nodes string, pods ...string) told {
	return told{func(map[string]pages.Counters) (usage.Reading, error) {
		source, err := metricsapi.NewForConfig(&rest.Config{Host: "http://in-memory", Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			items := strings.Join(pods, ",")
			if strings.HasSuffix(r.URL.Path, "/nodes") {
				items = cmp.Or(nodes, node("a", 30, "1 1Gi"))
			}
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"items":[` + items + `]}`)), Request: r}, nil
		})})
		if err != nil {
			return usage.Reading{}, err
		}
		r, err := source.Read(context.Background())
		if nodes == "" {
			r.Nodes = nil
		}
		return r, err
	}}
}

// stats are those of a summary: core-seconds, bytes and nanocores, of which "0" seconds and bytes and "-" nanocores are left out.
func stats(secondsAgo int, seconds, bytes, nanoCores string) string {
	cpu, memory := "", ""
	if seconds != "0" {
		cpu += `,"usageCoreNanoSeconds":` + seconds + "000000000"
	}
	if nanoCores != "-" {
		cpu += `,"usageNanoCores":` + nanoCores
	}
	if cpu != "" {
		cpu = `,"cpu":{"time":` + ago(secondsAgo) + cpu + `}`
	}
	if bytes != "0" || cpu != "" {
		memory = `,"memory":{"time":` + ago(secondsAgo) + `,"workingSetBytes":` + bytes + `}`
	}
	return cpu + memory
}

// page is a summary of a node and of pods "UID name seconds bytes [nanocores]".
func page(node string, secondsAgo, seconds, bytes int, pods ...string) string {
	var all []string
	for _, p := range pods {
		parts := append(strings.Split(p, " "), "-")
		all = append(all, fmt.Sprintf(`{"podRef":{"namespace":"ns","name":%q,"uid":%q}%s}`, parts[1], parts[0], stats(secondsAgo, parts[2], parts[3], parts[4])))
	}
	return fmt.Sprintf(`{"node":{"nodeName":%q%s},"pods":[%s]}`, node, stats(secondsAgo, fmt.Sprint(seconds), fmt.Sprint(bytes), "-"), strings.Join(all, ","))
}

// summary is what kubelets answer, each a page.
func summary(answers ...string) told {
	return told{func(state map[string]pages.Counters) (all usage.Reading, err error) {
		for _, answer := range answers {
			name, _, _ := strings.Cut(strings.TrimPrefix(answer, `{"node":{"nodeName":"`), `"`)
			s, err := pages.ParseSummary(strings.NewReader(answer), name)
			if err != nil {
				return all, err
			}
			n, pods, next, drops := pages.Samples(name, s, nil, state[name])
			state[name] = next
			all.Nodes, all.Pods = append(all.Nodes, n), append(all.Pods, pods...)
			all.Dropped.Add(drops)
		}
		return all, nil
	}}
}

// cadvisor are two pages of cAdvisor beside a summary, half a minute apart, whose series "labels=cores" are of CPU.
func cadvisor(series ...string) told {
	var t told
	for i := range 2 {
		t = append(t, func(state map[string]pages.Counters) (r usage.Reading, err error) {
			at := now.Add(time.Duration(30*i-60) * time.Second)
			var page strings.Builder
			for _, s := range series {
				equals := strings.LastIndexByte(s, '=')
				var cores float64
				if _, err := fmt.Sscan(s[equals+1:], &cores); err != nil {
					return r, err
				}
				fmt.Fprintf(&page, "container_cpu_usage_seconds_total{namespace=\"ns\",%s} %g %d\n", s[:equals], 1000+cores*30*float64(i), at.UnixMilli())
			}
			groups, err := pages.ParseCadvisor(strings.NewReader(page.String()), at)
			if err != nil {
				return r, err
			}
			s, err := pages.ParseSummary(strings.NewReader(`{"node":{"nodeName":"a"`+stats(60-30*i, "0", "1000000000", "-")+`},"pods":[{"podRef":{"namespace":"ns","name":"p","uid":"u"}`+stats(60-30*i, "0", "1000000", "-")+`}]}`), "a")
			if err != nil {
				return r, err
			}
			n, pods, next, drops := pages.Samples("a", s, groups, state["a"])
			state["a"] = next
			return usage.Reading{Nodes: []usage.NodeSample{n}, Pods: pods, Dropped: drops}, nil
		})
	}
	return t
}

// prom is what a Prometheus answers to queries of nodes' CPU and memory, of one series each with the labels; "" is none.
func prom(labels, cpu, memory string) told {
	return told{func(map[string]pages.Counters) (usage.Reading, error) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			value := map[string]string{"cpu": cpu, "memory": memory}[r.FormValue("query")]
			result := ""
			if value != "" {
				result = `{"metric":{` + labels + `},"value":[0,"` + value + `"]}`
			}
			_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+result+`]}}`)
		}))
		defer server.Close()
		source, err := prometheus.New(prometheus.Config{
			URL:   server.URL,
			Nodes: prometheus.Queries{Values: []prometheus.Query{{Quantity: usage.CPU, PromQL: "cpu"}, {Quantity: usage.Memory, PromQL: "memory"}}},
			Pods:  prometheus.Queries{Values: []prometheus.Query{{Quantity: usage.CPU, PromQL: "pods"}}},
		}, clocktesting.NewFakePassiveClock(now))
		if err != nil {
			return usage.Reading{}, err
		}
		return source.Read(context.Background())
	}}
}
