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
