// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ends

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func running(name string) *v1.Pod {
	return &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}, Status: v1.PodStatus{Phase: v1.PodRunning}}
}

// evicted is a pod as the kubelet leaves it that wanted for memory.
func evicted(name string) *v1.Pod {
	p := running(name)
	p.Status = v1.PodStatus{Phase: v1.PodFailed, Reason: "Evicted", Conditions: []v1.PodCondition{{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: v1.PodReasonTerminationByKubelet}}}
	return p
}

func TestEvicted(t *testing.T) {
	limited := func(p *v1.Pod) *v1.Pod {
		p.Spec.Volumes = []v1.Volume{{VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{SizeLimit: new(resource.MustParse("1Mi"))}}}}
		return p
	}
	failed := func(reason string, conditions ...v1.PodCondition) *v1.Pod {
		p := running("p")
		p.Status = v1.PodStatus{Phase: v1.PodFailed, Reason: reason, Conditions: conditions}
		return p
	}
	byKubelet := v1.PodCondition{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: v1.PodReasonTerminationByKubelet}
	ephemeral := failed("Evicted")
	ephemeral.Spec.Containers = []v1.Container{{Resources: v1.ResourceRequirements{Limits: v1.ResourceList{v1.ResourceEphemeralStorage: resource.MustParse("1Gi")}}}}
	stillRuns := failed("Evicted", byKubelet)
	stillRuns.Status.Phase = v1.PodRunning
	for _, c := range []struct {
		what         string
		pod          *v1.Pod
		evicted, own bool
	}{
		{"out of memory", evicted("p"), true, false},
		{"out of memory, and has a limit of disk", limited(evicted("p")), true, false},
		{"over the limit of its emptyDir", limited(failed("Evicted")), true, true},
		{"over its containers' limit of disk", ephemeral, true, true},
		{"by an old kubelet", failed("Evicted"), true, false},
		{"for a critical pod", failed("Preempting", byKubelet), true, false},
		{"as the node shut down", failed("Terminated", byKubelet), true, false},
		{"its own exit code", failed(""), false, false},
		{"not admitted", failed("OutOfcpu"), false, false},
		{"drained, and failed as it ended", failed("", v1.PodCondition{Type: v1.DisruptionTarget, Status: v1.ConditionTrue, Reason: "EvictionByEvictionAPI"}), false, false},
		{"not ended yet", stillRuns, false, false},
	} {
		if is, own := Evicted(c.pod); is != c.evicted || own != c.own {
			t.Errorf("%s: evicted: %v, its own doing: %v", c.what, is, own)
		}
	}
}

// Pods that end are passed on once, with the time at which they left; those that were evicted never, in whatever order that is heard.
func TestSieve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var lock sync.Mutex
		var passed []string
		begin := time.Now()
		s := NewSieve(ctx, func(p *v1.Pod, at time.Time) {
			lock.Lock()
			defer lock.Unlock()
			passed = append(passed, fmt.Sprint(p.Name, " after ", at.Sub(begin)))
		})
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			lock.Lock()
			defer lock.Unlock()
			slices.Sort(passed)
			if !slices.Equal(passed, want) {
				t.Errorf("passed %q, want %q", passed, want)
			}
			passed = nil
		}
		deleted := running("deleted")
		deleted.DeletionTimestamp = new(metav1.Now())
		s.Left(deleted)
		expect("deleted after 0s")

		time.Sleep(time.Second)
		s.Left(running("succeeded"))
		s.Left(running("crashed"))
		crashed := running("crashed")
		crashed.Status.Phase = v1.PodFailed
		s.Failed(crashed)
		s.Left(running("left first"))
		s.Failed(evicted("left first"))
		s.Failed(evicted("failed first"))
		s.Left(running("failed first"))
		time.Sleep(Grace - 1)
		expect()
		time.Sleep(time.Nanosecond)
		expect("crashed after 1s", "succeeded after 1s")

		for i := range most + 1 {
			s.Left(running(fmt.Sprint(i)))
			s.Failed(evicted(fmt.Sprint("old", i)))
		}
		expect(fmt.Sprint(most, " after 11s"))
		if n := len(s.evicted); n > most {
			t.Errorf("%d pods are remembered", n)
		}
		cancel()
		synctest.Wait()
		s.Left(running("too late"))
		time.Sleep(2 * Grace)
		expect()
	})
}

// Failed pods are told of, also after the watch broke or could not be begun, and nothing goes on after the context's end.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset()
		var lock sync.Mutex
		var watches []*watch.FakeWatcher
		var refuse error
		last := func() *watch.FakeWatcher {
			synctest.Wait()
			lock.Lock()
			defer lock.Unlock()
			return watches[len(watches)-1]
		}
		refused := func(err error) {
			lock.Lock()
			defer lock.Unlock()
			refuse = err
		}
		client.PrependWatchReactor("pods", func(action clienttesting.Action) (bool, watch.Interface, error) {
			if f := action.(clienttesting.WatchAction).GetWatchRestrictions().Fields.String(); f != "status.phase=Failed" {
				t.Errorf("pods with %q are watched", f)
			}
			w := watch.NewFake()
			lock.Lock()
			defer lock.Unlock()
			watches = append(watches, w)
			return true, w, refuse
		})
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		ended := false
		go func() {
			Follow(ctx, client, func(p *v1.Pod) { told = append(told, p.Name) })
			ended = true
		}()
		last().Add(evicted("a"))
		last().Modify(evicted("b"))
		last().Delete(evicted("c"))
		last().Add(running("d"))
		last().Error(&metav1.Status{Message: "too old", Code: 410})
		refused(errors.New("not now"))
		time.Sleep(2 * pause)
		refused(nil)
		time.Sleep(2 * pause)
		last().Add(evicted("e"))
		if n := len(watches); n < 3 || n > 5 {
			t.Errorf("%d watches in four seconds", n)
		}
		last().Stop()
		time.Sleep(2 * pause)
		last().Add(evicted("f"))
		cancel()
		synctest.Wait()
		if !slices.Equal(told, []string{"a", "b", "e", "f"}) || !ended {
			t.Errorf("told of %v, ended: %v", told, ended)
		}
	})
}
