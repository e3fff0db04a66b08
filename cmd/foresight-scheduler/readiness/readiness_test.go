// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/authorization/authorizerfactory"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/kubernetes/scheme"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

var (
	leases    = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}
	forbidden = apierrors.NewForbidden(leases, "foresight-scheduler", errors.New("no RBAC policy matched"))
)

// fixture is a watched lock on a lease that is refused with an error of each verb.
type fixture struct {
	*Lock
	refuse map[string]error
	clock  time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	x := &fixture{refuse: map[string]error{}, clock: time.Now()}
	client := fake.NewClientset()
	client.PrependReactor("*", "leases", func(a clienttesting.Action) (bool, runtime.Object, error) {
		err := x.refuse[a.GetVerb()]
		return err != nil, nil, err
	})
	x.Lock = Watch(t.Context(), &resourcelock.LeaseLock{
		LeaseMeta:  metav1.ObjectMeta{Namespace: "other", Name: "foresight-scheduler"},
		Client:     client.CoordinationV1(),
		LockConfig: resourcelock.ResourceLockConfig{Identity: "us"},
	}, 15*time.Second)
	x.now = func() time.Time { return x.clock }
	x.worked = x.clock
	return x
}

// try does what client-go's elector does every retry period.
func (x *fixture) try(ctx context.Context) {
	record := resourcelock.LeaderElectionRecord{HolderIdentity: "us", LeaseDurationSeconds: 15}
	if _, _, err := x.Get(ctx); err == nil {
		_ = x.Update(ctx, record)
	} else if apierrors.IsNotFound(err) {
		_ = x.Create(ctx, record)
	}
}

// readyz is what a kubelet gets from the endpoint with the chain of handlers that upstream puts before it.
func (x *fixture) readyz(path string) (int, string) {
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok")) })
	handler := filters.WithAuthorization(ok, Authorizer(authorizerfactory.NewAlwaysAllowAuthorizer(), x.Check), scheme.Codecs)
	handler = filters.WithRequestInfo(handler, &request.RequestInfoFactory{})
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func TestReadyz(t *testing.T) {
	x := newFixture(t)
	want := func(what string, code int, says ...string) {
		t.Helper()
		got, body := x.readyz("/readyz")
		if got != code {
			t.Errorf("%s: /readyz answers %d: %s", what, got, body)
		}
		for _, s := range says {
			if !strings.Contains(body, s) {
				t.Errorf("%s: want %q in %s", what, s, body)
			}
		}
		if got, body := x.readyz("/livez"); got != http.StatusOK {
			t.Errorf("%s: /livez answers %d: %s", what, got, body)
		}
	}
	want("before anything was tried", http.StatusOK)
	x.refuse["get"] = forbidden
	x.try(t.Context())
	want("get is forbidden", http.StatusForbidden, "leader lease other/foresight-scheduler", "no RBAC policy matched")
	delete(x.refuse, "get")
	x.refuse["create"] = forbidden
	x.try(t.Context())
	want("create is forbidden", http.StatusForbidden)
	x.refuse["create"] = apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "other")
	x.try(t.Context())
	want("there is no such namespace", http.StatusForbidden, `namespaces \"other\" not found`)
	delete(x.refuse, "create")
	x.try(t.Context())
	want("all is granted", http.StatusOK)
	x.refuse["update"] = forbidden
	x.try(t.Context())
	want("update is forbidden", http.StatusForbidden)
	x.refuse["update"] = apierrors.NewConflict(leases, "foresight-scheduler", errors.New("changed"))
	x.try(t.Context())
	want("another one was faster", http.StatusOK)

	x.refuse["get"] = errors.New("connection refused")
	x.clock = x.clock.Add(14 * time.Second)
	x.try(t.Context())
	want("out of reach for a moment", http.StatusOK)
	x.clock = x.clock.Add(2 * time.Second)
	want("out of reach for longer than a lease lasts", http.StatusForbidden, "connection refused")
	clear(x.refuse)
	x.try(t.Context())
	want("back", http.StatusOK)
}
