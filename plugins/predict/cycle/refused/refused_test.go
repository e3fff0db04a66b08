// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package refused

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	fwk "k8s.io/kube-scheduler/framework"
)

func pod(i int) *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: fmt.Sprint("p", i)}}
}

// Of 10,000 pods that are refused whenever they are tried, each forecast has 100 tried again, those that wait longest; so each is
// tried once before any is tried twice, and a pod that can be placed by now is among them.
func TestHopelessPodsAreTriedInTurn(t *testing.T) {
	p := &Pods{}
	const pods = 10_000
	for i := range pods {
		p.Add(pod(i))
	}
	tried := map[string]int{}
	for forecast := range pods / AtATime {
		taken := p.Take()
		if len(taken) != AtATime {
			t.Fatalf("forecast %d: %d pods are tried", forecast, len(taken))
		}
		for name, again := range taken {
			var i int
			if _, err := fmt.Sscanf(name, "ns/p%d", &i); err != nil || i/AtATime != forecast {
				t.Fatalf("forecast %d: %s is tried before older ones (%v)", forecast, name, err)
			}
			tried[name]++
			p.Add(again)
		}
	}
	for name, n := range tried {
		if n != 1 {
			t.Errorf("%s was tried %d times before others", name, n)
		}
	}
	if len(tried) != pods || len(p.pods) != pods || len(p.order) > 2*pods {
		t.Errorf("%d were tried, %d are remembered in a list of %d", len(tried), len(p.pods), len(p.order))
	}
	// Those beyond what is remembered are upstream's to flush.
	if p.Add(pod(pods)); len(p.pods) > most {
		t.Errorf("%d are remembered", len(p.pods))
	}
}

// A pod that is refused again before it was taken keeps its place, and is taken as it is now.
func TestRefusedTwiceIsOnce(t *testing.T) {
	p := &Pods{}
	p.Add(pod(1))
	p.Add(pod(2))
	now := pod(1)
	p.Add(now)
	if taken := p.Take(); len(taken) != 2 || taken["ns/p1"] != now {
		t.Errorf("%v", taken)
	}
	if taken := p.Take(); len(taken) != 0 {
		t.Errorf("%v is taken twice", taken)
	}
}

// Pods are activated once for each new forecast, and not without one.
func TestReactivateWithEachForecast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pods{}
		var epoch atomic.Uint64
		var activated atomic.Int64
		ctx, cancel := context.WithCancel(t.Context())
		go p.Reactivate(ctx, epoch.Load, func(_ klog.Logger, pods map[string]*v1.Pod) { activated.Add(int64(len(pods))) })
		synctest.Wait()
		for i := range 250 {
			p.Add(pod(i))
		}
		for _, want := range []int64{100, 200, 250, 250} {
			time.Sleep(5 * time.Second)
			if before := activated.Load(); before > want-50 && before != want {
				t.Errorf("%d were activated without a forecast", before)
			}
			epoch.Add(1)
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if got := activated.Load(); got != want {
				t.Errorf("%d were activated, want %d", got, want)
			}
		}
		cancel()
	})
}

// Of all plugins' calls one has pods tried again. When it ends another one does.
func TestOneReactivates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &Pods{}
		var epoch atomic.Uint64
		var activated [2]atomic.Int64
		var ends [2]context.CancelFunc
		for i := range activated {
			var ctx context.Context
			ctx, ends[i] = context.WithCancel(t.Context())
			go p.Reactivate(ctx, epoch.Load, func(_ klog.Logger, pods map[string]*v1.Pod) { activated[i].Add(int64(len(pods))) })
			synctest.Wait()
		}
		again := func() {
			p.Add(pod(1))
			epoch.Add(1)
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		again()
		if got := [2]int64{activated[0].Load(), activated[1].Load()}; got != [2]int64{1, 0} {
			t.Errorf("activated %v times", got)
		}
		ends[0]()
		synctest.Wait()
		again()
		if got := [2]int64{activated[0].Load(), activated[1].Load()}; got != [2]int64{1, 1} {
			t.Errorf("after the first ended: activated %v times", got)
		}
		// Without a new forecast, where something else changed.
		p.Add(pod(2))
		p.Now()
		synctest.Wait()
		if got := activated[1].Load(); got != 2 {
			t.Errorf("activated %d times at once", got)
		}
		ends[1]()
	})
}

// An event has only those tried again that were refused for a prediction; where there are too many to remember, any may be.
func TestEventsAreForTheRefused(t *testing.T) {
	p := &Pods{}
	hints := func(i int) (queue int) {
		for _, e := range p.Events() {
			hint, err := e.QueueingHintFn(klog.Background(), pod(i), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if hint == fwk.Queue {
				queue++
			}
		}
		return queue
	}
	p.Add(pod(1))
	if one, other := hints(1), hints(2); one != len(p.Events()) || other != 0 {
		t.Errorf("%d and %d of %d events have pods tried again, want all and none", one, other, len(p.Events()))
	}
	p.Take()
	if n := hints(1); n != 0 {
		t.Errorf("%d events for a pod that is being tried", n)
	}
	for i := range most + 1 {
		p.Add(pod(i))
	}
	if n := hints(most); n != len(p.Events()) {
		t.Errorf("%d events for a pod that may be waiting", n)
	}
}
