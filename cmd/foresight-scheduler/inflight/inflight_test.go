// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package inflight

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/component-base/metrics"
)

const limit = 3

// server holds every write back until it is let go, and counts how many there are.
type server struct {
	now, most, writes atomic.Int64
	let               chan struct{}
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodGet {
		s.writes.Add(1)
		now := s.now.Add(1)
		for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
		}
		<-s.let
		s.now.Add(-1)
	}
	_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Success"}`))
}

func newClient(t *testing.T) (*kubernetes.Clientset, *server) {
	t.Helper()
	s := &server{let: make(chan struct{})}
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	client, err := kubernetes.NewForConfig(&rest.Config{Host: listening.URL, QPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := Install(client, limit, metrics.NewKubeRegistry().MustRegister); err != nil {
		t.Fatal(err)
	}
	return client, s
}

func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

// As many writes as may be are sent, none more; the others are sent when those are answered, and reads pass all the time.
func TestWritesAreBounded(t *testing.T) {
	client, s := newClient(t)
	const pods = 20
	var group sync.WaitGroup
	for range pods {
		group.Go(func() {
			if err := client.CoreV1().Pods("ns").Bind(t.Context(), &v1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "p"}}, metav1.CreateOptions{}); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "the bound is reached", func() bool { return s.now.Load() == limit })
	if _, err := client.CoreV1().Pods("ns").Get(t.Context(), "p", metav1.GetOptions{}); err != nil {
		t.Errorf("a read beside them: %v", err)
	}
	for range pods {
		s.let <- struct{}{}
	}
	group.Wait()
	if s.writes.Load() != pods || s.most.Load() != limit {
		t.Errorf("%d writes were sent, at most %d at a time; want %d and %d", s.writes.Load(), s.most.Load(), pods, limit)
	}
}

// Who gives up while it waits sends nothing and keeps no turn.
func TestWhoGivesUp(t *testing.T) {
	client, s := newClient(t)
	bind := func(ctx context.Context) error {
		return client.CoreV1().Pods("ns").Bind(ctx, &v1.Binding{ObjectMeta: metav1.ObjectMeta{Name: "p"}}, metav1.CreateOptions{})
	}
	var group sync.WaitGroup
	for range limit {
		group.Go(func() {
			if err := bind(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	await(t, "the bound is reached", func() bool { return s.now.Load() == limit })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := bind(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if s.writes.Load() != limit {
		t.Error("what was given up was sent")
	}
	for range limit {
		s.let <- struct{}{}
	}
	group.Wait()
	close(s.let)
	if err := bind(t.Context()); err != nil {
		t.Errorf("the next one: %v", err)
	}
}

func TestUnknownClients(t *testing.T) {
	if err := Install(&kubernetes.Clientset{}, limit, func(...metrics.Registerable) {}); err == nil {
		t.Error("a client without connection is taken")
	}
}
