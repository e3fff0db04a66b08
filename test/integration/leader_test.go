// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
)

// Short leases, in the proportion of the shipped ones, with the shipped retry period.
const (
	leaseDuration = 4 * time.Second
	renewDeadline = 3 * time.Second
	// takeover is how long pods may be without a scheduler when its leader dies.
	takeover = leaseDuration + 2*time.Second
	// burst is how many pods are to be bound when something happens to the leader.
	burst = 60
)

// Three replicas, and all that may happen to the one that leads while it binds pods. What
// the API server wrote down is the judge: every pod is bound once, by who then held the
// lease.
func TestLeaderLock(t *testing.T) {
	x := newElectorate(t)
	for _, tc := range []struct {
		name   string
		strike func(t *testing.T, leader *replica)
		// then is what happens when another one leads.
		then func(t *testing.T, leader *replica)
		exit int
		// releases is whether it gives the lease away, instead of letting it run out.
		releases bool
	}{
		{
			name:   "killed",
			strike: func(t *testing.T, r *replica) { r.signal(t, syscall.SIGKILL) },
			exit:   -1,
		}, {
			name:     "asked to end",
			strike:   func(t *testing.T, r *replica) { r.signal(t, syscall.SIGTERM) },
			releases: true,
		}, {
			name:   "paused",
			strike: func(t *testing.T, r *replica) { r.signal(t, syscall.SIGSTOP) },
			// There is work for both of them when it goes on.
			then: func(t *testing.T, r *replica) { x.work(t); r.signal(t, syscall.SIGCONT) },
			exit: 1,
		}, {
			name:   "paused and asked to end",
			strike: func(t *testing.T, r *replica) { r.signal(t, syscall.SIGSTOP) },
			then:   func(t *testing.T, r *replica) { r.signal(t, syscall.SIGTERM); r.signal(t, syscall.SIGCONT) },
			exit:   1,
		}, {
			name:   "cut off",
			strike: func(_ *testing.T, r *replica) { r.link.cut() },
			// What it has sent meanwhile arrives now.
			then: func(t *testing.T, r *replica) { x.work(t); r.link.mend() },
			exit: 1,
		},
	} {
		ok := t.Run(tc.name, func(t *testing.T) {
			leader, next := x.strike(t, tc.strike)
			if tc.then != nil {
				tc.then(t, leader)
			}
			leader.ended(t, tc.exit)
			x.allBound(t)
			x.audit.judgeLast(t, leader.name, next, tc.releases)
		})
		if !ok {
			return // What it left is not what the next one needs.
		}
	}
	t.Run("clocks differ", x.clocksDiffer)
	x.judge(t)
}

// TestLeaderKilledUnderLoad takes five seconds for each time it kills the leader.
func TestLeaderKilledUnderLoad(t *testing.T) {
	kills, err := strconv.Atoi(os.Getenv("LEADER_KILLS"))
	if err != nil {
		t.Skip("LEADER_KILLS does not say how often to kill the leader: make leader-lock")
	}
	x := newElectorate(t)
	var longest, sum time.Duration
	for range kills {
		at := time.Now()
		_, next := x.strike(t, func(t *testing.T, leader *replica) {
			at = time.Now()
			leader.signal(t, syscall.SIGKILL)
		})
		after := next.done.Sub(at)
		if after > takeover {
			t.Errorf("took over after %v, want it within %v", after, takeover)
		}
		longest, sum = max(longest, after), sum+after
		x.allBound(t)
	}
	t.Logf("%d kills with a lease of %v: taken over after %.2f s on average, %.2f s at most",
		kills, leaseDuration, (sum / time.Duration(kills)).Seconds(), longest.Seconds())
	x.judge(t)
}

// electorate is replicas of the scheduler that share a lease, and work for them.
type electorate struct {
	t         *testing.T
	namespace string
	pool      map[string]string
	audit     *auditLog
	replicas  map[string]*replica
	// config is the text of a replica's configuration; the shipped one where it is nil.
	config func(t *testing.T) string
	// want is how many replicas there are to be.
	want int
	// pods is how many were created, wave by wave.
	pods, waves int
	creating    sync.WaitGroup

	mu    sync.Mutex
	nodes map[types.UID]string
}

// newElectorate starts three replicas in the place of the cluster's own scheduler.
func newElectorate(t *testing.T) *electorate {
	t.Helper()
	return newElectorateOf(t, "lock", 3, nil)
}

func newElectorateOf(t *testing.T, pool string, want int, config func(*testing.T) string) *electorate {
	t.Helper()
	x := &electorate{t: t, namespace: newNamespace(t), replicas: map[string]*replica{}, nodes: map[types.UID]string{}, want: want, config: config}
	x.pool = newNodes(t, pool, 3, func(_ int, n *v1.Node) {
		n.Status.Capacity[v1.ResourcePods], n.Status.Allocatable[v1.ResourcePods] = resource.MustParse("5000"), resource.MustParse("5000")
	})
	x.audit = openAuditLog(t)
	onBound(t, x.namespace, func(p *v1.Pod) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if was, ok := x.nodes[p.UID]; ok && was != p.Spec.NodeName {
			t.Errorf("%s moved from %s to %s", p.Name, was, p.Spec.NodeName)
		}
		x.nodes[p.UID] = p.Spec.NodeName
	})
	mustLocalcluster(t, "stop", ours)
	t.Cleanup(func() { mustLocalcluster(t, "start", ours) })
	x.complete(t)
	return x
}

// complete starts what is missing of the replicas, and waits until each could lead.
func (x *electorate) complete(t *testing.T) {
	t.Helper()
	x.revive()
	eventually(t, "all replicas ready", func(context.Context) (bool, string) {
		for _, r := range x.replicas {
			if !r.hasEnded() && !r.ready() {
				return false, r.name + " is not"
			}
		}
		return true, ""
	})
}

// revive starts what is missing of the replicas, as their kubelets would.
func (x *electorate) revive() {
	for x.running() < x.want {
		x.start()
	}
}

func (x *electorate) running() (n int) {
	for _, r := range x.replicas {
		if !r.hasEnded() {
			n++
		}
	}
	return n
}

func (x *electorate) start() *replica {
	x.t.Helper()
	config := ""
	if x.config != nil {
		config = x.config(x.t)
	}
	r := startReplica(x.t, fmt.Sprintf("replica-%d", len(x.replicas)), config)
	x.replicas[r.name] = r
	return r
}

// strike does something to the leader while it binds pods, and returns when another one
// leads. On a machine that is too busy a leader may lose its lease before, by itself.
func (x *electorate) strike(t *testing.T, strike func(t *testing.T, leader *replica)) (leader *replica, next term) {
	t.Helper()
	for {
		x.complete(t)
		x.workBegun(t)
		leader = x.leader(t)
		at := time.Now()
		strike(t, leader)
		x.start()
		next = x.successor(t, leader)
		if after := next.done.Sub(at); after > 0 {
			t.Logf("%s took over from %s after %.2f s", next.agent, leader.name, after.Seconds())
			return leader, next
		}
		t.Logf("%s lost its lease before anything happened to it; once more", leader.name)
		_ = leader.cmd.Process.Kill() // It may have ended.
		<-leader.exited
	}
}

// leader waits until a replica leads.
func (x *electorate) leader(t *testing.T) (leader *replica) {
	t.Helper()
	eventually(t, "a leader", func(context.Context) (bool, string) {
		now, ok := x.audit.leader()
		leader = x.replicas[now.agent]
		return ok && leader != nil, fmt.Sprint(now)
	})
	return leader
}

// successor waits until another one leads than the one that something happened to.
func (x *electorate) successor(t *testing.T, old *replica) (next term) {
	t.Helper()
	eventually(t, "a successor", func(context.Context) (bool, string) {
		now, ok := x.audit.leader()
		next = now
		return ok && next.agent != old.name, fmt.Sprint(now)
	})
	return next
}

// work creates a burst of pods while the test goes on.
func (x *electorate) work(t *testing.T) {
	wave := x.waves
	x.waves++
	x.pods += burst
	const creators = 4
	for c := range creators {
		x.creating.Go(func() {
			for i := c; i < burst; i += creators {
				p := newPod(fmt.Sprintf("wave-%d-%d", wave, i), x.pool, "1m")
				if _, err := client.CoreV1().Pods(x.namespace).Create(context.Background(), p, metav1.CreateOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// workBegun creates a burst of pods and waits until some of them are bound.
func (x *electorate) workBegun(t *testing.T) {
	t.Helper()
	begin, before := time.Now(), x.bound()
	x.work(t)
	for x.bound()-before < burst/10 {
		if time.Since(begin) > patience {
			t.Fatal("no pods were bound")
		}
		time.Sleep(time.Millisecond) // All is over in half a second.
	}
}

func (x *electorate) bound() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.nodes)
}

func (x *electorate) allBound(t *testing.T) {
	t.Helper()
	x.creating.Wait()
	eventually(t, "all pods bound", func(context.Context) (bool, string) {
		return x.bound() == x.pods, fmt.Sprintf("%d of %d", x.bound(), x.pods)
	})
}

// judge asserts that what was bound is what the lock allows.
func (x *electorate) judge(t *testing.T) {
	t.Helper()
	answered, open, refused := x.audit.judge(x.namespace)
	t.Logf("%d pods bound; of the requests %d were answered, %d were taken back or left by their senders, %d refused",
		x.bound(), answered, open, refused)
	if answered+open < x.pods {
		t.Errorf("the audit log has %d binds of %d pods", answered+open, x.pods)
	}
}

// clocksDiffer has the lease held by one whose clock is off by an hour: the test, since
// all that a clock does to others is what it writes there.
func (x *electorate) clocksDiffer(t *testing.T) {
	own := rest.CopyConfig(restConfig)
	own.UserAgent = "skewed/"
	skewed, err := kubernetes.NewForConfig(own)
	if err != nil {
		t.Fatal(err)
	}
	renew := func(clock time.Duration) { holdLease(t, skewed, time.Now().Add(clock)) }
	leader := x.leader(t)
	renew(-time.Hour)
	leader.ended(t, 1)
	// An hour late, it holds the lease for as long as it renews it.
	for begin := time.Now(); time.Since(begin) < leaseDuration+time.Second/2; {
		renew(-time.Hour)
		time.Sleep(500 * time.Millisecond) // The period of its renewals.
	}
	if now, _ := x.audit.leader(); now.agent != "skewed" {
		t.Errorf("%v took the lease from one whose clock is an hour late", now)
	}
	// An hour early, it does not hold it for any longer.
	at := time.Now()
	renew(time.Hour)
	x.work(t)
	next := x.successor(t, &replica{name: "skewed"})
	t.Logf("%s took over after %.2f s", next.agent, next.done.Sub(at).Seconds())
	x.allBound(t)
}

// holdLease takes the scheduler's lease, or renews it, by somebody's clock.
func holdLease(t *testing.T, somebody kubernetes.Interface, now time.Time) {
	t.Helper()
	leases := somebody.CoordinationV1().Leases("foresight-system")
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		lease, err := leases.Get(t.Context(), ours, metav1.GetOptions{})
		if err != nil {
			return err
		}
		at := ptr.To(metav1.NewMicroTime(now))
		lease.Spec.HolderIdentity, lease.Spec.RenewTime, lease.Spec.AcquireTime = ptr.To("somebody"), at, at
		_, err = leases.Update(t.Context(), lease, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// replica is a scheduler process with its own name and its own link to the API server.
type replica struct {
	name     string
	cmd      *exec.Cmd
	link     *link
	endpoint string
	admin    *http.Client
	exited   chan struct{}
}

// startReplica starts one with the shipped configuration, or with the given one's text.
func startReplica(t *testing.T, name, config string) *replica {
	t.Helper()
	identity := filepath.Join(clusterDir, "pki", ours+".kubeconfig")
	access, err := clientcmd.LoadFromFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{name: name, exited: make(chan struct{})}
	for _, cluster := range access.Clusters {
		r.link = newLink(t, cluster.Server)
		cluster.Server = r.link.URL()
	}
	linked := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*access, linked); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--kubeconfig", linked}
	if config != "" {
		config = strings.Replace(config, "clientConnection:", "clientConnection:\n  kubeconfig: "+linked, 1)
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		flags = []string{"--config", file}
	}
	port := freePort(t)
	r.endpoint = "https://127.0.0.1:" + port
	if r.admin, err = rest.HTTPClientFor(restConfig); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(config, "leaseDuration:") {
		flags = append(flags, "--leader-elect-lease-duration", leaseDuration.String(), "--leader-elect-renew-deadline", renewDeadline.String())
	}
	r.cmd = exec.Command(bin(ours), append(servingFlags(port), flags...)...)
	// The name a process is called by is its user agent.
	r.cmd.Args[0] = name
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.exited
		log.Close()
		if t.Failed() {
			if said, err := os.ReadFile(log.Name()); err == nil {
				t.Logf("%s said:\n%s", name, said)
			}
		}
	})
	return r
}

func (r *replica) hasEnded() bool {
	select {
	case <-r.exited:
		return true
	default:
		return false
	}
}

// ready is whether its caches are filled, so that it could lead.
func (r *replica) ready() bool {
	response, err := r.admin.Get(r.endpoint + "/readyz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// metric is 0 while there is none.
func (r *replica) metric(series string) float64 {
	response, err := r.admin.Get(r.endpoint + "/metrics")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return valueOf(response, series)
}

// leads is whether it thinks so.
func (r *replica) leads() bool {
	return r.metric(`leader_election_master_status{name="kube-scheduler"}`) == 1 // Upstream's name for any.
}

func (r *replica) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		t.Fatalf("%s: %v: %v", r.name, s, err)
	}
}

// ended waits until the process is gone and asserts its exit code, -1 for a killed one.
func (r *replica) ended(t *testing.T, code int) {
	t.Helper()
	begin := time.Now()
	select {
	case <-r.exited:
	case <-time.After(patience):
		t.Fatalf("%s goes on", r.name)
	}
	if got := r.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("%s ended with exit code %d, want %d", r.name, got, code)
	}
	t.Logf("%s ended %.2f s later", r.name, time.Since(begin).Seconds())
}
