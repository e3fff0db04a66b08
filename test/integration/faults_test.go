// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
)

// fault is something that happens to two replicas, their cluster or their files while pods are created all the time.
type fault struct {
	name string
	// short: it is part of make test. The others take longer, or stop what other tests need.
	short  bool
	strike func(t *testing.T, x *siege) (note string)
}

// Whatever happens, every pod that was created is bound, once. What happened is told as a table, which docs/operate/reliability.md
// has of make faults.
func TestFaults(t *testing.T) {
	all := os.Getenv("FAULTS") != ""
	x := newSiege(t)
	var table strings.Builder
	out := tabwriter.NewWriter(&table, 0, 0, 1, ' ', tabwriter.Debug)
	fmt.Fprintln(out, "fault\tpods\tlost\ttwice\tstuck\tlongest wait\tnote")
	for _, f := range faults {
		if !all && !f.short {
			continue
		}
		if ok := t.Run(f.name, func(t *testing.T) {
			x.complete(t)
			x.leader(t)
			wave := x.begin()
			wave.await(t, 20) // The stream is there before the fault is.
			note := f.strike(t, x)
			x.complete(t)
			pods, longest := wave.end(t)
			lost, twice, stuck := x.count(wave)
			fmt.Fprintf(out, "%s\t%d\t%d\t%d\t%d\t%.1f s\t%s\n", f.name, pods, lost, twice, stuck, longest.Seconds(), note)
			if lost+twice+stuck > 0 {
				t.Errorf("of %d pods %d are lost, %d bound twice, %d stuck", pods, lost, twice, stuck)
			}
		}); !ok {
			break // What it left is not what the next one needs.
		}
	}
	x.judge(t)
	_ = out.Flush()
	t.Log("\n" + table.String())
}

var faults = []fault{
	{"leader killed (SIGKILL)", true, func(t *testing.T, x *siege) string {
		leader := x.leader(t)
		leader.signal(t, syscall.SIGKILL)
		leader.ended(t, -1)
		x.successor(t, leader)
		return ""
	}},
	{"leader paused beyond its lease, then resumed", false, func(t *testing.T, x *siege) string {
		leader := x.leader(t)
		leader.signal(t, syscall.SIGSTOP)
		x.successor(t, leader)
		leader.signal(t, syscall.SIGCONT)
		leader.ended(t, 1)
		return ""
	}},
	{"metrics are garbage", true, func(t *testing.T, x *siege) string { return x.metricsFail(t, garbage) }},
	{"nodes come, go and are relabelled", true, func(t *testing.T, x *siege) string {
		return fmt.Sprintf("%d nodes", x.churn(t, x.seconds(3, 60)))
	}},
	{"hopeless pods", true, func(t *testing.T, x *siege) string {
		n := int(x.seconds(200, 10000))
		x.hopeless(t, n)
		return fmt.Sprintf("%d pods that fit nowhere", n)
	}},
	{"QoS model swapped for garbage", true, func(t *testing.T, x *siege) string { return x.swapModel(t, x.seconds(2, 20)) }},
	{"metrics are slow", false, func(t *testing.T, x *siege) string { return x.metricsFail(t, slow) }},
	{"metrics are without end", false, func(t *testing.T, x *siege) string { return x.metricsFail(t, endless) }},
	{"metrics are gone", false, func(t *testing.T, x *siege) string { return x.metricsFail(t, gone) }},
	{"API server stopped for 12 s", false, func(t *testing.T, x *siege) string { return x.outage(t, "kube-apiserver", 12*time.Second) }},
	{"etcd stopped for 12 s", false, func(t *testing.T, x *siege) string { return x.outage(t, "etcd", 12*time.Second) }},
	{"checkpoint cut", false, func(t *testing.T, x *siege) string { return x.cutCheckpoints(t) }},
	{"disk full", false, func(t *testing.T, x *siege) string { return x.fullDisk(t) }},
}

// siege is two replicas, a stream of pods for them, and what the replicas depend on.
type siege struct {
	*electorate
	metrics atomic.Value // of http.HandlerFunc
	model   string
	// checkpoint is the file that the next replica that starts keeps what it learned in; "" is one of its own.
	checkpoint string
	last       string
	waves      int

	mu    sync.Mutex
	bound map[string]time.Time
	moves int
	uids  map[types.UID]string
}

func newSiege(t *testing.T) *siege {
	t.Helper()
	x := &siege{model: filepath.Join(t.TempDir(), "model.json"), bound: map[string]time.Time{}, uids: map[types.UID]string{}}
	// The default scheduler ends when it could not renew its lease, and no kubelet is there to start it again.
	t.Cleanup(func() { mustLocalcluster(t, "start", "kube-scheduler") })
	trainModel(t, x.model)
	x.metrics.Store(http.HandlerFunc(healthy))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // While the body is not read nobody is told that the client has gone, and a slow answer never ends.
		x.metrics.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(server.Close)
	data, err := os.ReadFile(filepath.Join(repo, "manifests/examples/qos-config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	x.electorate = newElectorateOf(t, "siege", 2, func(t *testing.T) string {
		x.last = x.checkpoint
		if x.last == "" {
			x.last = filepath.Join(t.TempDir(), "checkpoint")
		}
		text := string(data)
		for old, now := range map[string]string{
			"schedulerName: qos-scheduler":              "schedulerName: " + ours,
			"/etc/foresight/qos/model.json":             x.model,
			"leaderElect: true":                         "leaderElect: true\n  retryPeriod: 400ms\n  leaseDuration: 15s\n  renewDeadline: 10s",
			"      usage:\n":                            "      checkpoint: {path: " + x.last + ", interval: 1m}\n      usage:\n",
			"source: MetricsAPI\n        interval: 15s": "source: Prometheus\n        interval: 1s\n        prometheus: {url: " + server.URL + ", queryTimeout: 1s}",
		} {
			if !strings.Contains(text, old) {
				t.Fatalf("manifests/examples/qos-config.yaml does not say %q", old)
			}
			text = strings.Replace(text, old, now, 1)
		}
		return text
	})
	onBound(t, x.namespace, func(p *v1.Pod) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if was, ok := x.uids[p.UID]; ok && was != p.Spec.NodeName {
			x.moves++
		}
		x.uids[p.UID] = p.Spec.NodeName
		if _, ok := x.bound[p.Name]; !ok {
			x.bound[p.Name] = time.Now()
		}
	})
	return x
}

// seconds are fewer in make test than in make faults.
func (x *siege) seconds(few, many float64) float64 {
	if os.Getenv("FAULTS") == "" {
		return few
	}
	return many
}

// wave is the pods that are created while a fault is there.
type wave struct {
	x       *siege
	stop    chan struct{}
	ended   chan struct{}
	mu      sync.Mutex
	created map[string]time.Time
}

// begin creates 20 pods a second until the wave ends, each until the API server has it.
func (x *siege) begin() *wave {
	x.waves++
	w := &wave{x: x, stop: make(chan struct{}), ended: make(chan struct{}), created: map[string]time.Time{}}
	prefix := fmt.Sprint("pod-", x.waves, "-")
	go func() {
		defer close(w.ended)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for i := 0; ; {
			select {
			case <-w.stop:
				return
			case <-ticker.C:
			}
			name := prefix + strconv.Itoa(i)
			ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
			_, err := client.CoreV1().Pods(x.namespace).Create(ctx, newPod(name, x.pool, "1m"), metav1.CreateOptions{})
			cancel()
			if err == nil || apierrors.IsAlreadyExists(err) {
				w.mu.Lock()
				w.created[name] = time.Now()
				w.mu.Unlock()
				i++
			}
		}
	}()
	return w
}

func (w *wave) waiting() (created int, unbound []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.x.mu.Lock()
	defer w.x.mu.Unlock()
	for name := range w.created {
		if _, ok := w.x.bound[name]; !ok {
			unbound = append(unbound, name)
		}
	}
	return len(w.created), unbound
}

// await waits until n more pods are bound.
func (w *wave) await(t *testing.T, n int) {
	t.Helper()
	created, unbound := w.waiting()
	before := created - len(unbound)
	eventually(t, fmt.Sprint(n, " more pods bound"), func(context.Context) (bool, string) {
		w.x.revive()
		created, unbound := w.waiting()
		return created-len(unbound) >= before+n, fmt.Sprint(created, " created, ", len(unbound), " wait")
	})
}

// end ends the wave when what was struck works again, and waits until its pods are bound or patience ends.
func (w *wave) end(t *testing.T) (pods int, longest time.Duration) {
	t.Helper()
	w.await(t, 20)
	close(w.stop)
	<-w.ended
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(50 * time.Millisecond) {
		if _, unbound := w.waiting(); len(unbound) == 0 {
			break
		}
		w.x.revive()
	}
	w.x.mu.Lock()
	defer w.x.mu.Unlock()
	for name, created := range w.created {
		if at, ok := w.x.bound[name]; ok {
			longest = max(longest, at.Sub(created))
		}
	}
	return len(w.created), longest
}

// count tells what must be 0: pods that are gone and were never bound, pods bound twice, and pods that are there and not bound.
func (x *siege) count(w *wave) (lost, twice, stuck int) {
	_, unbound := w.waiting()
	for _, name := range unbound {
		if _, err := client.CoreV1().Pods(x.namespace).Get(context.Background(), name, metav1.GetOptions{}); apierrors.IsNotFound(err) {
			lost++
		} else {
			stuck++
		}
	}
	x.audit.read()
	bound := map[string]bool{}
	for _, b := range x.audit.binds {
		if b.status == http.StatusCreated && strings.HasPrefix(b.pod, x.namespace+"/") {
			if bound[b.pod] {
				twice++
			}
			bound[b.pod] = true
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return lost, twice + x.moves, stuck
}

// What a source of metrics may answer.
func healthy(w http.ResponseWriter, r *http.Request) {
	value, query := "1", r.FormValue("query")
	switch {
	case strings.HasPrefix(query, "max by (node) (timestamp("):
		value = strconv.FormatInt(time.Now().Unix(), 10)
	case strings.Contains(query, "memory"):
		value = "500000000"
	}
	var series []string
	for i := range 3 {
		series = append(series, fmt.Sprintf(`{"metric":{"node":"siege-%d"},"value":[%d,%q]}`, i, time.Now().Unix(), value))
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
}

func garbage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"node":"siege-0"},"value":[1e999,"\u0000`, strings.Repeat("9", 1<<16))
}

func slow(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"status":"success","data":{"resultType":"vector","result":[`)
	item := bytes.Repeat([]byte(`{"metric":{"node":"siege-0"},"value":[1,"1"]},`), 1000)
	for r.Context().Err() == nil {
		if _, err := w.Write(item); err != nil {
			return
		}
	}
}

func gone(w http.ResponseWriter, _ *http.Request) {
	hijacked, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		hijacked.Close()
	}
}

// metricsFail has the source answer in a way until three readings of the leader have failed, and then well until one is good again.
func (x *siege) metricsFail(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	leader := x.leader(t)
	const series, good = `foresight_usage_readings_total{result="failure"}`, `foresight_usage_readings_total{result="success"}`
	eventually(t, "a reading that is good", func(context.Context) (bool, string) { return leader.metric(good) > 0, "none" })
	before, size := leader.metric(series), leader.memory(t)
	x.metrics.Store(answer)
	defer x.metrics.Store(http.HandlerFunc(healthy))
	eventually(t, "readings that fail", func(context.Context) (bool, string) {
		n := leader.metric(series) - before
		return n >= 3, fmt.Sprint(n, " failed")
	})
	x.metrics.Store(http.HandlerFunc(healthy))
	was := leader.metric(good)
	eventually(t, "a reading that is good again", func(context.Context) (bool, string) { return leader.metric(good) > was, "none" })
	grown := leader.memory(t) - size
	if grown > 300 {
		t.Errorf("the leader holds %d MiB more", grown)
	}
	return fmt.Sprintf("3 failed readings, %+d MiB", grown)
}

// memory is what the process holds at most since it began, in MiB.
func (r *replica) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	t.Fatalf("no VmHWM in %s", status)
	return 0
}

// outage stops a component of the control plane for a time.
func (x *siege) outage(t *testing.T, component string, length time.Duration) string {
	t.Helper()
	mustLocalcluster(t, "stop", component)
	running := x.running()
	time.Sleep(length) // The length of the outage is the fault.
	mustLocalcluster(t, "start", component)
	return fmt.Sprintf("%d of %d replicas ended (renew deadline %s)", running-x.running(), running, 10*time.Second)
}

// churn makes nodes, relabels and deletes them for some seconds, and returns how many.
func (x *siege) churn(t *testing.T, seconds float64) (n int) {
	t.Helper()
	nodes := client.CoreV1().Nodes()
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end); n++ {
		name := fmt.Sprint("siege-passing-", n)
		node := &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{nodePool: "siege", v1.LabelHostname: name, v1.LabelTopologyZone: fmt.Sprint("zone-", n)}},
			Spec:       v1.NodeSpec{Taints: []v1.Taint{{Key: nodePool, Value: "siege", Effect: v1.TaintEffectNoSchedule}}},
			Status:     v1.NodeStatus{Capacity: capacity("4", "8Gi", "110"), Allocatable: capacity("4", "8Gi", "110")},
		}
		if _, err := nodes.Create(t.Context(), node, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		for i := range 3 {
			patch := fmt.Sprintf(`{"metadata":{"labels":{%q:"zone-%d","team-%d":"x"}}}`, v1.LabelTopologyZone, i, n)
			if _, err := nodes.Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // Pods are created all the time; some are placed here.
		}
		if err := nodes.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// hopeless creates pods that fit nowhere, waits until the last one was refused while the stream goes on, and deletes them.
func (x *siege) hopeless(t *testing.T, n int) {
	t.Helper()
	const creators = 8
	var group sync.WaitGroup
	for c := range creators {
		group.Go(func() {
			for i := c; i < n; i += creators {
				p := newPod(fmt.Sprint("hopeless-", i), x.pool, "1000")
				p.Labels["app"] = "hopeless"
				if _, err := client.CoreV1().Pods(x.namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	// Each refusal is a request to the API server, which a busy machine answers late: it is waited for as long as they go on.
	const refusals = `scheduler_schedule_attempts_total{profile="foresight-scheduler",result="unschedulable"}`
	for told, at := 0., time.Now(); told < float64(n); time.Sleep(time.Second) {
		if now := x.leader(t).metric(refusals); now != told { // Another leader begins anew.
			told, at = now, time.Now()
		} else if time.Since(at) > patience {
			t.Fatalf("%v pods are refused, and no more", told)
		}
	}
	for _, name := range []string{"hopeless-0", fmt.Sprint("hopeless-", n-1)} {
		refused(t, x.namespace, name, "Insufficient cpu")
	}
	for tries := 1; ; tries++ {
		err := client.CoreV1().Pods(x.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}, metav1.ListOptions{LabelSelector: "app=hopeless"})
		if err == nil {
			return
		}
		if tries == 10 {
			t.Fatal(err)
		}
		// The API server gives up after a minute, with some of them gone, and breaks the stream off.
	}
}

// swapModel puts other things in the place of the QoS model, again and again, and the good one last.
func (x *siege) swapModel(t *testing.T, seconds float64) string {
	t.Helper()
	good, err := os.ReadFile(x.model)
	if err != nil {
		t.Fatal(err)
	}
	others := [][]byte{nil, []byte("{"), good[:len(good)/2], bytes.Repeat([]byte("["), 1<<20), otherSchema(t, x.model), good}
	n := 0
	for end := time.Now().Add(time.Duration(seconds * float64(time.Second))); time.Now().Before(end) || n%len(others) != 0; n++ {
		if err := os.WriteFile(x.model, others[n%len(others)], 0o600); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // A model that is there for less is not read.
	}
	return fmt.Sprintf("%d times", n)
}

// saved ends the leader and returns the checkpoint that it leaves.
func (x *siege) saved(t *testing.T) []byte {
	t.Helper()
	for _, r := range x.replicas {
		if !r.hasEnded() {
			r.signal(t, syscall.SIGTERM)
			r.ended(t, 0)
		}
	}
	data, err := os.ReadFile(x.last)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// cutCheckpoints starts replicas from checkpoints that end at every 4,096th byte.
func (x *siege) cutCheckpoints(t *testing.T) string {
	t.Helper()
	whole := x.saved(t)
	defer func() { x.checkpoint, x.want = "", 2 }()
	x.want = 1
	cuts := 0
	for cut := 0; cut < len(whole); cut += 4096 {
		x.checkpoint = filepath.Join(t.TempDir(), "checkpoint")
		if err := os.WriteFile(x.checkpoint, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		x.complete(t)
		begin := x.electorate.bound()
		eventually(t, fmt.Sprint("pods bound by a replica that began with ", cut, " bytes"), func(context.Context) (bool, string) {
			return x.electorate.bound() >= begin+5, ""
		})
		x.saved(t)
		cuts++
	}
	return fmt.Sprintf("%d cuts of %d bytes", cuts, len(whole))
}

// fullDisk has a replica keep its checkpoint on a file system without room.
func (x *siege) fullDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		return "not tried: a small file system takes root"
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		return "not tried: " + err.Error()
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	x.saved(t)
	x.checkpoint = filepath.Join(dir, "checkpoint")
	defer func() { x.checkpoint = "" }()
	x.complete(t)
	filler, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer filler.Close()
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	before := x.electorate.bound()
	eventually(t, "pods bound", func(context.Context) (bool, string) { return x.electorate.bound() >= before+40, "" })
	leader := x.leader(t)
	leader.signal(t, syscall.SIGTERM)
	leader.ended(t, 0)
	return "the last save fails, too"
}
