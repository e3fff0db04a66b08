// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// A scheduler with load-aware scores, reading the real metrics-server: a node that is
// used hot but requested cold is avoided, also by a burst of pods; and when
// metrics-server goes, scheduling goes on and the metrics say what is missing.
func TestUsage(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "usage", 3, nil)
	hog := newPod("hog", pool, "100m")
	hog.Annotations = map[string]string{"kwok.x-k8s.io/usage-cpu": "3500m", "kwok.x-k8s.io/usage-memory": "100Mi"}
	hog.Spec.NodeSelector = map[string]string{nodePool: "usage", v1.LabelHostname: "usage-0"}
	create(t, ns, hog)
	placed(t, ns, "hog")
	eventually(t, "metrics-server tells of the hog", func(ctx context.Context) (bool, string) {
		out, err := localcluster("kubectl", "top", "node", "usage-0", "--no-headers")
		return err == nil && usesAbout3500m("usage-0").MatchString(out), fmt.Sprint(out, err)
	})

	metric, _ := startScheduler(t, "manifests/examples/trimaran-config.yaml")
	// Nodes of other tests count as well, so that all are awaited.
	eventually(t, "usage of all nodes known", func(ctx context.Context) (bool, string) {
		all, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err.Error()
		}
		n := metric("foresight_usage_nodes")
		return n >= float64(len(all.Items)), fmt.Sprint(n, " nodes known of ", len(all.Items))
	})
	// A burst, all at once: more than one node's share, so the second node must take some.
	const burst = 12
	for i := range burst {
		p := newPod(fmt.Sprint("burst-", i), pool, "250m")
		p.Spec.SchedulerName = "packing-scheduler"
		create(t, ns, p)
	}
	nodes := map[string]int{}
	for i := range burst {
		nodes[placed(t, ns, fmt.Sprint("burst-", i))]++
	}
	// 12 pods at 1.5 × 250m fill one node's 60 % target of 2.4 cores after six.
	if nodes["usage-0"] > 0 || nodes["usage-1"] == 0 || nodes["usage-2"] == 0 {
		t.Errorf("the burst went to %v, want both nodes but the hot one", nodes)
	}
	steady := newPod("steady", pool, "100m")
	steady.Spec.SchedulerName = "steady-scheduler"
	create(t, ns, steady)
	if got := placed(t, ns, "steady"); got == "usage-0" {
		t.Error("the steady profile chose the hot node")
	}

	// A Job's pod finishes by itself, and how long that took is learned.
	task := newPod("task", pool, "100m")
	task.Spec.RestartPolicy = v1.RestartPolicyNever
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Name: "task"}, Spec: batchv1.JobSpec{Template: v1.PodTemplateSpec{Spec: task.Spec}}}
	if _, err := client.BatchV1().Jobs(ns).Create(t.Context(), job, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the life of a Job's pod", func(context.Context) (bool, string) {
		n := metric(`foresight_history_objects{kind="lives"}`)
		return n > 0, fmt.Sprint(n, " known")
	})
	eventually(t, "forecasts of all nodes", func(context.Context) (bool, string) {
		n := metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n >= 9, fmt.Sprint(n, " fresh")
	})
	mustLocalcluster(t, "stop", "metrics-server")
	eventually(t, "a failed reading", func(context.Context) (bool, string) {
		n := metric(`foresight_usage_readings_total{result="failure"}`)
		return n > 0, fmt.Sprint(n, " failed")
	})
	eventually(t, "all nodes down the ladder", func(context.Context) (bool, string) {
		fresh, stale := metric(`foresight_forecast_nodes{rung="fresh"}`), metric(`foresight_forecast_nodes{rung="stale"}`)
		return fresh == 0 && stale >= 9, fmt.Sprint(fresh, " fresh, ", stale, " stale")
	})
	blind := newPod("blind", pool, "100m")
	blind.Spec.SchedulerName = "packing-scheduler"
	create(t, ns, blind)
	placed(t, ns, "blind")
	before := metric(`foresight_usage_readings_total{result="success"}`)
	mustLocalcluster(t, "start", "metrics-server")
	eventually(t, "readings succeed again", func(context.Context) (bool, string) {
		n := metric(`foresight_usage_readings_total{result="success"}`)
		return n > before, fmt.Sprint(n, " good")
	})
	eventually(t, "all nodes up again", func(context.Context) (bool, string) {
		n := metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n >= 9, fmt.Sprint(n, " fresh")
	})
}

// usesAbout3500m is what kubectl top says of a node that uses about 3.5 cores. The columns of a node that was scraped only once say nothing
// of its CPU, and a rate between two scrapes is never exact.
func usesAbout3500m(node string) *regexp.Regexp {
	return regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(node) + ` +3[45]\d\dm `)
}

// A scheduler that is ended, long before its first save is due, saves what it learned, and the next one begins with it.
func TestWhatIsLearnedSurvivesARestart(t *testing.T) {
	keep := []string{"      usage:\n", "      checkpoint: {path: " + filepath.Join(t.TempDir(), "checkpoint") + "}\n      usage:\n"}
	metric, _, end := startSchedulerToEnd(t, "manifests/examples/trimaran-config.yaml", keep...)
	eventually(t, "forecasts of all nodes", func(context.Context) (bool, string) {
		n := metric(`foresight_forecast_nodes{rung="fresh"}`)
		return n >= 6, fmt.Sprint(n, " fresh")
	})
	end()
	metric, _ = startScheduler(t, "manifests/examples/trimaran-config.yaml", keep...)
	eventually(t, "a checkpoint that is read", func(context.Context) (bool, string) {
		return metric(`foresight_checkpoint_loads_total{result="success"}`) == 1, "none"
	})
}

// startScheduler runs our scheduler with a shipped configuration, beside the cluster's own
// one and with its identity, until the test ends. Pairs of texts are replaced in the
// configuration. It returns readers of its metrics and of what it has logged so far.
func startScheduler(t *testing.T, config string, replace ...string) (metric func(series string) float64, said func() string) {
	t.Helper()
	metric, said, _ = startSchedulerToEnd(t, config, replace...)
	return metric, said
}

// startSchedulerToEnd is startScheduler of one that can be ended before the test, as a kubelet ends it.
func startSchedulerToEnd(t *testing.T, config string, replace ...string) (metric func(series string) float64, said func() string, end func()) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repo, config))
	if err != nil {
		t.Fatal(err)
	}
	text := onThisCluster(string(data))
	if !strings.Contains(text, "kubeconfig:") {
		identity := filepath.Join(clusterDir, "pki", ours+".kubeconfig")
		text = strings.Replace(text, "clientConnection:", "clientConnection:\n  kubeconfig: "+identity, 1)
	}
	text = strings.ReplaceAll(text, "interval: 15s", "interval: 2s\n        expiry: 30s")
	text = strings.NewReplacer(replace...).Replace(text)
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	said, end = runScheduler(t, append(servingFlags(port), "--config", file)...)
	admin, err := rest.HTTPClientFor(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	return func(series string) float64 {
		response, err := admin.Get("https://127.0.0.1:" + port + "/metrics")
		if err != nil {
			return 0 // Not up yet; who asks asks again.
		}
		defer response.Body.Close()
		return valueOf(response, series)
	}, said, end
}

// onThisCluster has a text for the local cluster of make run name the tests' own.
func onThisCluster(text string) string {
	return strings.ReplaceAll(text, ".localcluster/", clusterDir+"/")
}

// servingFlags let a scheduler serve as the cluster's own one does, on another port.
func servingFlags(port string) []string {
	pki := filepath.Join(clusterDir, "pki", ours)
	return []string{
		"--bind-address=127.0.0.1", "--secure-port", port,
		"--authentication-kubeconfig", pki + ".kubeconfig", "--authorization-kubeconfig", pki + ".kubeconfig",
		"--tls-cert-file", pki + ".crt", "--tls-private-key-file", pki + ".key",
	}
}

func valueOf(response *http.Response, series string) float64 {
	scanner := bufio.NewScanner(io.LimitReader(response.Body, 16<<20))
	for scanner.Scan() {
		if value, ok := strings.CutPrefix(scanner.Text(), series+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err == nil {
				return v
			}
		}
	}
	return 0
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}
