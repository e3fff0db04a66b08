// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

// learning is the shipped configuration of a scheduler that reads usage every two seconds, with a checkpoint of its own.
func learning(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(repo, "manifests/base/config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	const file, source = "path: /var/lib/foresight/checkpoint\n", "        source: MetricsAPI\n"
	if !strings.Contains(text, file) || !strings.Contains(text, source) {
		t.Fatalf("the shipped configuration does not say %q and %q:\n%s", file, source, text)
	}
	text = strings.Replace(text, file, "path: "+filepath.Join(t.TempDir(), "checkpoint")+"\n", 1)
	// A busy machine may delay a reading for long; nothing here is about old ones.
	return strings.Replace(text, source, source+"        interval: 2s\n        window: 1m\n", 1)
}

// fresh waits until the replicas have forecasts of so many nodes, and have read usage after now.
func fresh(t *testing.T, nodes int, replicas ...*replica) {
	t.Helper()
	const readings = `foresight_usage_readings_total{result="success"}`
	before := map[*replica]float64{}
	for _, r := range replicas {
		before[r] = r.metric(readings)
	}
	for _, r := range replicas {
		eventually(t, r.name+" knows what nodes will use", func(context.Context) (bool, string) {
			n, read := r.metric(`foresight_forecast_nodes{rung="fresh"}`), r.metric(readings)-before[r]
			return n >= float64(nodes) && read >= 2, fmt.Sprint(n, " fresh after ", read, " readings")
		})
	}
}

// A standby learns as the leader does. When the leader is killed, the first pods that the next one places go by what nodes
// are used, which it knows already: one that is requested full but idle is chosen before one that is hot.
func TestStandbyIsWarm(t *testing.T) {
	ns := newNamespace(t)
	pool := newNodes(t, "standby", 2, nil)
	for i, p := range []*v1.Pod{newPod("hog", pool, "100m"), newPod("sloth", pool, "2")} {
		p.Spec.NodeSelector = map[string]string{nodePool: "standby", v1.LabelHostname: fmt.Sprintf("standby-%d", i)}
		p.Annotations = map[string]string{"kwok.x-k8s.io/usage-cpu": []string{"3500m", "10m"}[i], "kwok.x-k8s.io/usage-memory": "100Mi"}
		create(t, ns, p)
		placed(t, ns, p.Name)
	}
	mustLocalcluster(t, "stop", ours)
	t.Cleanup(func() { mustLocalcluster(t, "start", ours) })
	// Upstream's plugins go by requests.
	const beside = "- schedulerName: by-requests\n"
	replicas := []*replica{startReplica(t, "replica-a", learning(t)+beside), startReplica(t, "replica-b", learning(t)+beside)}
	eventually(t, "metrics-server tells of both nodes", func(context.Context) (bool, string) {
		out, err := localcluster("kubectl", "top", "nodes", "-l", nodePool+"=standby", "--no-headers")
		return err == nil && usesAbout3500m("standby-0").MatchString(out) && strings.Contains(out, "standby-1"), fmt.Sprint(out, err)
	})
	fresh(t, 8, replicas...)

	leader, standby := replicas[0], replicas[1]
	if standby.leads() {
		leader, standby = standby, leader
	}
	if !leader.leads() || standby.leads() {
		t.Fatal("not one of the two leads")
	}
	leader.signal(t, syscall.SIGKILL)
	leader.ended(t, -1)
	killed := time.Now()
	byForecasts, byRequests := newPod("by-forecasts", pool, "10m"), newPod("by-requests", pool, "10m")
	byRequests.Spec.SchedulerName = "by-requests"
	create(t, ns, byForecasts, byRequests)
	if got := placed(t, ns, "by-forecasts"); got != "standby-1" {
		t.Errorf("by forecasts it is %s, want the idle one", got)
	}
	if got := placed(t, ns, "by-requests"); got != "standby-0" {
		t.Errorf("by requests it is %s, want the one with the lower requests", got)
	}
	t.Logf("placed %.1f s after the leader was killed", time.Since(killed).Seconds())
	if standby.hasEnded() || !standby.leads() {
		t.Error("it was not the standby who placed them")
	}
}

// A scheduler that loses its lease ends, long before its first save is due; and it saves what it learned, so that the next
// process in its place begins with that.
func TestWhatIsLearnedSurvivesALostLease(t *testing.T) {
	mustLocalcluster(t, "stop", ours)
	t.Cleanup(func() { mustLocalcluster(t, "start", ours) })
	for name, lose := range map[string]func(*testing.T, *replica){
		"to another one":       func(t *testing.T, _ *replica) { holdLease(t, client, time.Now()) },
		"since it was cut off": func(_ *testing.T, r *replica) { r.link.cut() },
	} {
		t.Run(name, func(t *testing.T) {
			config := learning(t)
			r := startReplica(t, "loser", config)
			eventually(t, "it leads, and has learned something", func(context.Context) (bool, string) {
				return r.leads() && r.metric("foresight_usage_nodes") >= 6, "not yet"
			})
			if n := r.metric(`foresight_checkpoint_saves_total{result="success"}`); n != 0 {
				t.Fatalf("it has saved already, %v times", n)
			}
			lose(t, r)
			r.ended(t, 1)
			next := startReplica(t, "next", config)
			eventually(t, "a checkpoint that is read", func(context.Context) (bool, string) {
				return next.metric(`foresight_checkpoint_loads_total{result="success"}`) == 1, "none"
			})
		})
	}
}
