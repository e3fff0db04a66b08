// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/testutil"
)

const (
	namespace, name, us, other = "foresight-system", "foresight-scheduler", "us", "other"
	patience                   = 30 * time.Second
)

// fixture is a fence between a real clientset and an API server of the test's, on a lease
// in a fake one, with a clock that the test moves.
type fixture struct {
	*Fence
	lock    *lock
	leases  kubernetes.Interface
	client  kubernetes.Interface
	clock   instant
	lost    int
	arrived atomic.Int32
}

func newFixture(t *testing.T, serve http.HandlerFunc) *fixture {
	t.Helper()
	x := &fixture{leases: fake.NewClientset()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.arrived.Add(1)
		serve(w, r)
	}))
	t.Cleanup(server.Close)
	var err error
	if x.client, err = kubernetes.NewForConfig(&rest.Config{Host: server.URL}); err != nil {
		t.Fatal(err)
	}
	election := newElection(x.leases)
	m := NewMetrics()
	m.Register(metrics.NewKubeRegistry().MustRegister)
	if err := Install(election, x.client, m, func() { x.lost++ }); err != nil {
		t.Fatal(err)
	}
	x.lock = election.Lock.(*lock)
	x.Fence = x.lock.fence
	x.now = func() instant { return x.clock }
	return x
}

func newElection(leases kubernetes.Interface) *leaderelection.LeaderElectionConfig {
	return &leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: namespace, Name: name},
			Client:     leases.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: us},
		},
		LeaseDuration: 15 * time.Minute, RenewDeadline: 10 * time.Minute, RetryPeriod: 2 * time.Minute,
		ReleaseOnCancel: true,
	}
}

func (x *fixture) pass(d time.Duration) { x.clock.boot, x.clock.wall = x.clock.boot+d, x.clock.wall+d }

func (x *fixture) bind(ctx context.Context) error {
	return x.client.CoreV1().Pods("default").Bind(ctx, &v1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "pod"}, Target: v1.ObjectReference{Name: "node"}}, metav1.CreateOptions{})
}

func (x *fixture) record(holder string) resourcelock.LeaderElectionRecord {
	return resourcelock.LeaderElectionRecord{HolderIdentity: holder, LeaseDurationSeconds: 15}
}

func (x *fixture) acquire(t *testing.T) {
	t.Helper()
	if err := x.lock.Create(t.Context(), x.record(us)); err != nil {
		t.Fatal(err)
	}
}

func (x *fixture) renew(t *testing.T) {
	t.Helper()
	if err := x.lock.Update(t.Context(), x.record(us)); err != nil {
		t.Fatal(err)
	}
}

// takeOver writes another holder into the lease, as a standby does.
func takeOver(t *testing.T, leases kubernetes.Interface) {
	t.Helper()
	lease, err := leases.CoordinationV1().Leases(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	holder := other
	lease.Spec.HolderIdentity = &holder
	if _, err := leases.CoordinationV1().Leases(namespace).Update(t.Context(), lease, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func holder(t *testing.T, leases kubernetes.Interface) string {
	t.Helper()
	lease, err := leases.CoordinationV1().Leases(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if lease.Spec.HolderIdentity == nil {
		return ""
	}
	return *lease.Spec.HolderIdentity
}

func success(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusSuccess})
}

// open asserts that binds reach the server, or that none does.
func (x *fixture) open(t *testing.T, when string, want bool) {
	t.Helper()
	before, refused := x.arrived.Load(), x.count(t)
	err := x.bind(t.Context())
	arrived := x.arrived.Load() > before
	if arrived != want || (err == nil) != want {
		t.Errorf("%s: arrived %v, error %v, want open %v", when, arrived, err, want)
	}
	if !want && (!errors.Is(err, errNotHeld) || x.count(t) != refused+1) {
		t.Errorf("%s: error %v, %v refused after %v", when, err, x.count(t), refused)
	}
}

func (x *fixture) count(t *testing.T) float64 {
	t.Helper()
	n, err := testutil.GetCounterMetricValue(x.metrics.refused)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWritesNeedARenewal(t *testing.T) {
	x := newFixture(t, success)
	x.open(t, "never held", false)
	x.acquire(t)
	x.open(t, "acquired", true)
	x.pass(x.limit - time.Minute)
	x.open(t, "just before the renew deadline", true)
	x.pass(time.Minute)
	x.open(t, "at the renew deadline", false)
	x.renew(t)
	x.open(t, "renewed", true)

	// What the machine slept, and what only the wall clock knows of.
	x.clock.boot += x.limit
	x.open(t, "resumed from sleep", false)
	x.renew(t)
	x.clock.wall += x.limit
	x.open(t, "restored from a snapshot", false)
	x.renew(t)
	x.clock.wall -= 1000 * x.limit
	x.open(t, "wall clock set back", true)
	x.pass(x.limit)
	x.open(t, "renew deadline by the other clock", false)
}

// The age of a renewal counts from before its request: the others saw it no earlier.
func TestRenewalCountsFromItsRequest(t *testing.T) {
	x := newFixture(t, success)
	x.acquire(t)
	err := x.lock.write(x.record(us), func() error {
		x.pass(x.limit)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	x.open(t, "renewed by a request that took as long as the renew deadline", false)
}

func TestFailedRenewalsDoNotCount(t *testing.T) {
	x := newFixture(t, success)
	x.acquire(t)
	x.pass(x.limit)
	if err := x.lock.write(x.record(us), func() error { return errors.New("conflict") }); err == nil {
		t.Fatal("no error")
	}
	x.open(t, "renewal failed", false)
}

// The groups of a clientset share the fence, and reads pass it.
func TestEveryGroupIsFenced(t *testing.T) {
	x := newFixture(t, success)
	ctx := t.Context()
	for what, write := range map[string]func() error{
		"eviction by preemption": func() error {
			return x.client.CoreV1().Pods("default").Delete(ctx, "victim", metav1.DeleteOptions{})
		},
		"status": func() error {
			_, err := x.client.CoreV1().Pods("default").Patch(ctx, "pod", types.MergePatchType, []byte("{}"), metav1.PatchOptions{}, "status")
			return err
		},
		"storage": func() error {
			_, err := x.client.StorageV1().VolumeAttachments().Create(ctx, &storagev1.VolumeAttachment{}, metav1.CreateOptions{})
			return err
		},
		"resource claims": func() error {
			_, err := x.client.ResourceV1().ResourceClaims("default").Patch(ctx, "claim", types.MergePatchType, []byte("{}"), metav1.PatchOptions{})
			return err
		},
	} {
		if err := write(); !errors.Is(err, errNotHeld) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := x.arrived.Load(); n != 0 {
		t.Errorf("%d writes arrived", n)
	}
	if _, err := x.client.CoreV1().RESTClient().Get().AbsPath("/livez").DoRaw(ctx); err != nil {
		t.Errorf("a read: %v", err)
	}
}

// A write that is not answered in time is taken back, which the server sees.
func TestUnansweredWriteIsTakenBack(t *testing.T) {
	ended := make(chan struct{})
	x := newFixture(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(ended)
	})
	x.acquire(t)
	x.pass(x.limit - 50*time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := x.bind(ctx); !errors.Is(err, errNotHeld) {
		t.Errorf("error %v", err)
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("the server still works on it")
	}
	if n := x.count(t); n != 1 {
		t.Errorf("%v counted", n)
	}
	// Who gives up by himself has not lost the lease.
	x.renew(t)
	cancel()
	if err := x.bind(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, errNotHeld) {
		t.Errorf("error %v", err)
	}
}

// Whoever sees that another holds the lease that was its own writes nothing from then on.
func TestSeeingAnotherHolder(t *testing.T) {
	x := newFixture(t, success)
	x.acquire(t)
	takeOver(t, x.leases)
	x.open(t, "taken over, but not seen", true)
	if _, _, err := x.lock.Get(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.open(t, "seen", false)
	if x.lost != 1 {
		t.Errorf("told of the loss %d times", x.lost)
	}
	// A standby sees another holder all the time.
	if _, _, err := x.lock.Get(t.Context()); err != nil || x.lost != 1 {
		t.Errorf("error %v, told of the loss %d times", err, x.lost)
	}
	if err := x.lock.Update(t.Context(), x.record("")); err == nil || holder(t, x.leases) != other {
		t.Errorf("released the lease of another: error %v, holder %q", err, holder(t, x.leases))
	}
}

// A real elector whose context ends after another took over unseen, as with one that was
// paused and is then asked to end. Upstream's lock hands the other's lease away; should
// this half fail after an update of client-go, the guard in lock.Update has had its day.
func TestReleaseLeavesTheLeaseOfAnother(t *testing.T) {
	x := newFixture(t, success)
	fenced := newElection(x.leases)
	fenced.Lock = x.lock
	if got := releaseAfterTakeover(t, fenced, x.leases); got != other {
		t.Errorf("the fenced elector left the lease to %q, want %q", got, other)
	}
	leases := fake.NewClientset()
	if got := releaseAfterTakeover(t, newElection(leases), leases); got != "" {
		t.Errorf("upstream's elector left the lease to %q, as it should", got)
	}
}

func releaseAfterTakeover(t *testing.T, election *leaderelection.LeaderElectionConfig, leases kubernetes.Interface) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	leading := make(chan struct{})
	election.Callbacks = leaderelection.LeaderCallbacks{
		OnStartedLeading: func(context.Context) { close(leading) },
		OnStoppedLeading: func() {},
	}
	// It renews once more at once, and then not before the retry period.
	renewed := make(chan struct{}, 1)
	election.Lock = &watched{Interface: election.Lock, renewed: renewed}
	elector, err := leaderelection.NewLeaderElector(*election)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { elector.Run(ctx); close(done) }()
	<-leading
	<-renewed
	takeOver(t, leases)
	cancel()
	<-done
	return holder(t, leases)
}

// watched tells of renewals.
type watched struct {
	resourcelock.Interface
	renewed chan struct{}
}

func (w *watched) Update(ctx context.Context, record resourcelock.LeaderElectionRecord) error {
	defer func() {
		select {
		case w.renewed <- struct{}{}:
		default:
		}
	}()
	return w.Interface.Update(ctx, record)
}

func TestReleaseOfOurOwnLease(t *testing.T) {
	x := newFixture(t, success)
	x.acquire(t)
	if err := x.lock.Update(t.Context(), x.record("")); err != nil || holder(t, x.leases) != "" {
		t.Errorf("error %v, holder %q", err, holder(t, x.leases))
	}
	x.open(t, "released", false)
}

// A clientset that is not made of REST clients cannot be fenced, and that is said.
func TestUnknownClients(t *testing.T) {
	if err := Install(newElection(fake.NewClientset()), fake.NewClientset(), NewMetrics(), nil); err == nil {
		t.Error("a fake clientset was fenced")
	}
}

func TestClockReadsBothClocks(t *testing.T) {
	before := now()
	if since := now().since(before); since < 0 || since > patience {
		t.Errorf("%v have passed", since)
	}
	if wall := time.Since(time.Unix(0, int64(before.wall))).Abs(); wall > patience {
		t.Errorf("the wall clock is %v off", wall)
	}
}

func TestMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/operate/leader-lock.md")
	if err != nil {
		t.Fatal(err)
	}
	if name := "foresight_lease_refused_writes_total"; !strings.Contains(string(page), name) {
		t.Errorf("%s is not in docs/operate/leader-lock.md", name)
	}
}

// Who awaits the fence goes on at once while it is open, when it opens, and when the context ends.
func TestAwait(t *testing.T) {
	x := newFixture(t, success)
	if election := newElection(x.leases); Of(nil) != nil || Of(election) != nil {
		t.Error("there is a fence that nobody has installed")
	}
	if Of(&leaderelection.LeaderElectionConfig{Lock: x.lock}) != x.Fence {
		t.Error("the fence is not found")
	}
	returned := func(ctx context.Context) <-chan struct{} {
		done := make(chan struct{})
		go func() {
			x.Await(ctx)
			close(done)
		}()
		return done
	}
	waits := func(done <-chan struct{}) {
		t.Helper()
		select {
		case <-done:
			t.Error("it does not wait for the lease")
		case <-time.After(3 * look):
		}
	}
	returns := func(what string, done <-chan struct{}) {
		t.Helper()
		select {
		case <-done:
		case <-time.After(patience):
			t.Fatalf("%s: it waits on", what)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := returned(ctx)
	waits(ended)
	cancel()
	returns("the context has ended", ended)

	opened := returned(t.Context())
	waits(opened)
	x.acquire(t)
	returns("the lease is held", opened)
	returns("the lease is still held", returned(t.Context()))
}
