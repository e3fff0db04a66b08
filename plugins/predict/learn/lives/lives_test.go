// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package lives

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Only pods that end by themselves tell how long such pods run.
func TestLives(t *testing.T) {
	l := New(2)
	job := func(name string, minutes int, change func(*v1.Pod)) {
		start := metav1.NewTime(time.Unix(1_700_000_000, 0))
		yes := true
		p := &v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: name, Controller: &yes}}},
			Spec:       v1.PodSpec{RestartPolicy: v1.RestartPolicyNever},
			Status:     v1.PodStatus{Phase: v1.PodRunning, StartTime: &start},
		}
		if change != nil {
			change(p)
		}
		l.Ended(p, start.Add(time.Duration(minutes)*time.Minute))
	}
	for range 30 {
		job("report", 10, nil)
	}
	job("report", 20, nil)
	for _, change := range []func(*v1.Pod){
		func(p *v1.Pod) { p.Spec.RestartPolicy = v1.RestartPolicyAlways },
		func(p *v1.Pod) { p.Status.Phase = v1.PodPending },
		func(p *v1.Pod) { p.DeletionTimestamp = p.Status.StartTime },
		func(p *v1.Pod) { p.Status.StartTime = nil },
		func(p *v1.Pod) { p.OwnerReferences = nil },
	} {
		job("report", 600, change)
	}
	life := l.All()[forecast.Workload{Namespace: "shop", Kind: "Job", Name: "report"}]
	if life < 10*time.Minute || life > 11*time.Minute {
		t.Errorf("life %v, want about 10 minutes", life)
	}
	for i := range 5 {
		job(fmt.Sprint("other", i), 1, nil)
	}
	if n := l.Len(); n != 2 {
		t.Errorf("%d workloads are remembered, want 2", n)
	}
}

// Those go of which nothing was heard for longest, also after a restart.
func TestLivesAreForgottenByAge(t *testing.T) {
	l := New(100)
	yes := true
	end := func(name string, at int64) {
		start := metav1.NewTime(time.Unix(at-60, 0))
		l.Ended(&v1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, OwnerReferences: []metav1.OwnerReference{{Kind: "Job", Name: name, Controller: &yes}}},
			Status:     v1.PodStatus{Phase: v1.PodRunning, StartTime: &start},
		}, time.Unix(at, 0))
	}
	for i := range 300 {
		end(fmt.Sprint("once-", i), int64(1000+i))
		end("nightly", int64(1000+i))
		if i == 150 {
			var file bytes.Buffer
			if err := l.Save(&file); err != nil {
				t.Fatal(err)
			}
			l = New(100)
			if err := l.Load(&file); err != nil {
				t.Fatal(err)
			}
		}
		if n := l.Len(); n > 100 || i > 100 && n < 97 {
			t.Fatalf("%d workloads are remembered after %d", n, i)
		}
	}
	all := l.All()
	for name, remembered := range map[string]bool{"nightly": true, "once-299": true, "once-250": true, "once-150": false, "once-0": false} {
		if _, ok := all[forecast.Workload{Namespace: "shop", Kind: "Job", Name: name}]; ok != remembered {
			t.Errorf("%s is remembered: %v", name, ok)
		}
	}
}
