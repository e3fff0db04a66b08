// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ends tells pods that failed from pods that were deleted. The scheduler's informer holds pods that are not finished, so a pod
// that failed, was evicted or succeeded leaves it as a deleted one does: as it was before. Another watch tells which pods failed, and
// how, and the two are brought together here.
package ends

import (
	"context"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

// Follow tells of every pod that has failed, as it is, until ctx ends. After the watch was broken it tells of all of them again.
//
// To get a pod when it has left the informer would be too late for some: a StatefulSet's failed pods are replaced under their name at
// once. It would also take a request for every pod of a Job that ends; few pods fail.
func Follow(ctx context.Context, client kubernetes.Interface, tell func(*v1.Pod)) {
	logger := klog.FromContext(ctx)
	told := false
	for ctx.Err() == nil {
		// Resource version 0 is what the API server has in memory: all failed pods first, one at a time, and then what happens.
		w, err := client.CoreV1().Pods(metav1.NamespaceAll).Watch(ctx, metav1.ListOptions{
			FieldSelector: fields.OneTermEqualSelector("status.phase", string(v1.PodFailed)).String(), ResourceVersion: "0",
		})
		if err == nil {
			err = pass(ctx, w, tell)
		}
		if err != nil && ctx.Err() == nil && !told {
			logger.Info("Pods that fail cannot be watched; evictions are taken for deletions until they can", "reason", err.Error())
		}
		told = err != nil
		select {
		case <-ctx.Done():
		case <-time.After(wait.Jitter(pause, 1)):
		}
	}
}

// pause between two watches: at least that, at most twice that.
const pause = time.Second

// pass tells of the pods of a watch until it ends, which is no error: API servers end watches after half an hour or more.
func pass(ctx context.Context, w watch.Interface, tell func(*v1.Pod)) error {
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-w.ResultChan():
			switch pod, isPod := event.Object.(*v1.Pod); {
			case !ok:
				return nil
			case event.Type == watch.Error:
				return apierrors.FromObject(event.Object)
			case isPod && event.Type != watch.Deleted && pod.Status.Phase == v1.PodFailed:
				tell(pod)
			}
		}
	}
}

// Grace is for how long a pod that has left the informer may yet turn out to have failed: the two watches may come from two API
// servers.
const Grace = 10 * time.Second

// most bounds how many pods wait for that, and how many are remembered that were evicted first: those of a thousand ends a second.
const most = 10_000

// Sieve passes on pods that have left the informer, unless they were evicted: those that somebody deleted at once, the others after
// Grace. Where too many wait already they are passed on at once. Its methods may be called by several goroutines.
type Sieve struct {
	pass func(pod *v1.Pod, at time.Time)

	lock    sync.Mutex
	waiting map[types.UID]*time.Timer
	evicted map[types.UID]struct{} // and have not left yet
	closed  bool
}

// NewSieve returns a sieve that tells pass of pods, as they were last seen, and of when they left, until ctx ends.
func NewSieve(ctx context.Context, pass func(pod *v1.Pod, at time.Time)) *Sieve {
	s := &Sieve{pass: pass, waiting: map[types.UID]*time.Timer{}, evicted: map[types.UID]struct{}{}}
	context.AfterFunc(ctx, func() {
		s.lock.Lock()
		defer s.lock.Unlock()
		s.closed = true
		for _, timer := range s.waiting {
			timer.Stop()
		}
		clear(s.waiting)
	})
	return s
}

// Left says that a pod is not in the informer any more.
func (s *Sieve) Left(pod *v1.Pod) {
	if at := time.Now(); !s.wait(pod, at) {
		s.pass(pod, at)
	}
}

// wait returns false where the pod is to be passed on at once.
func (s *Sieve) wait(pod *v1.Pod, at time.Time) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	if _, evicted := s.evicted[pod.UID]; evicted || s.closed {
		delete(s.evicted, pod.UID)
		return true
	}
	if pod.DeletionTimestamp != nil || len(s.waiting) >= most {
		return false
	}
	s.waiting[pod.UID] = time.AfterFunc(Grace, func() {
		s.lock.Lock()
		_, waits := s.waiting[pod.UID]
		delete(s.waiting, pod.UID)
		s.lock.Unlock()
		if waits {
			s.pass(pod, at)
		}
	})
	return true
}

// Failed takes a pod that failed. One that was evicted is not passed on.
func (s *Sieve) Failed(pod *v1.Pod) {
	if evicted, _ := Evicted(pod); !evicted {
		return
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	if timer, ok := s.waiting[pod.UID]; ok {
		timer.Stop()
		delete(s.waiting, pod.UID)
		return
	}
	if len(s.evicted) >= most {
		clear(s.evicted) // Most of them left long ago.
	}
	s.evicted[pod.UID] = struct{}{}
}

// Evicted says whether a pod that failed was ended by its node, and whether it brought that upon itself. A kubelet says by a condition
// that it ended a pod for want of memory, disk or process IDs, for a pod of higher priority, or as the node shut down. It says nothing
// so when a pod used more disk than its own limit, which it would have done on any node.
func Evicted(pod *v1.Pod) (evicted, own bool) {
	if pod.Status.Phase != v1.PodFailed {
		return false, false
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == v1.DisruptionTarget && c.Status == v1.ConditionTrue && c.Reason == v1.PodReasonTerminationByKubelet {
			return true, false
		}
	}
	switch pod.Status.Reason {
	case "Evicted":
		return true, limitsDisk(pod) // Kubelets before 1.26 set no condition.
	case "NodeLost", "NodeShutdown":
		return true, false
	}
	return false, false
}

// limitsDisk says whether a pod has a limit of disk that it may be evicted for.
func limitsDisk(pod *v1.Pod) bool {
	for i := range pod.Spec.Volumes {
		if e := pod.Spec.Volumes[i].EmptyDir; e != nil && e.SizeLimit != nil {
			return true
		}
	}
	for _, containers := range [][]v1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			if !containers[i].Resources.Limits.StorageEphemeral().IsZero() {
				return true
			}
		}
	}
	return false
}
