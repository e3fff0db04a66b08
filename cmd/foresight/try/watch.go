// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// podWatch follows the pods of a workload from the moment it is made.
type podWatch struct {
	workload *workload

	mu      sync.Mutex
	pods    map[types.UID]*sighting
	changed chan struct{}
}

// sighting is what was seen of one pod. Times are this process's own, since the API's
// are in whole seconds.
type sighting struct {
	pod     *v1.Pod
	created time.Time
	bound   time.Time
	// before: the pod was there before the workload was applied.
	before bool
}

func watchPods(ctx context.Context, client kubernetes.Interface, w *workload) (*podWatch, error) {
	watch := &podWatch{workload: w, pods: map[types.UID]*sighting{}, changed: make(chan struct{}, 1)}
	for namespace := range w.namespaces() {
		// An informer retries what a user should rather hear of: no rights, no server.
		if _, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return nil, fmt.Errorf("watching pods of %s: %w", namespace, err)
		}
		informer := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace)).Core().V1().Pods().Informer()
		registration, err := informer.AddEventHandler(cache.ResourceEventHandlerDetailedFuncs{
			AddFunc:    func(obj any, initial bool) { watch.see(obj.(*v1.Pod), initial) },
			UpdateFunc: func(_, obj any) { watch.see(obj.(*v1.Pod), false) },
			DeleteFunc: watch.forget,
		})
		if err != nil {
			return nil, err
		}
		go informer.RunWithContext(ctx)
		if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
			return nil, fmt.Errorf("watching pods of %s: %w", namespace, context.Cause(ctx))
		}
	}
	return watch, nil
}

func (w *podWatch) see(pod *v1.Pod, before bool) {
	if !w.workload.owns(pod) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s, ok := w.pods[pod.UID]
	if !ok {
		s = &sighting{created: time.Now(), before: before}
		w.pods[pod.UID] = s
	}
	s.pod = pod
	if pod.Spec.NodeName != "" && s.bound.IsZero() {
		s.bound = time.Now()
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *podWatch) forget(obj any) {
	key, err := cache.DeletionHandlingObjectToName(obj)
	if err != nil {
		return // Not an object that was ever seen.
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for uid, s := range w.pods {
		if s.pod.Namespace == key.Namespace && s.pod.Name == key.Name {
			delete(w.pods, uid)
		}
	}
}

// settleTime without news is taken as the end: controllers make pods in batches.
const settleTime = 2 * time.Second

// wait returns when all controllers have made their pods and the scheduler has decided
// about each, or with an error that says what is missing when the context ends.
func (w *podWatch) wait(ctx context.Context, client kubernetes.Interface, scheduler string, progress io.Writer) error {
	if !w.workload.makesPods() {
		return nil
	}
	if err := w.workload.startCronJobs(ctx, client); err != nil {
		return err
	}
	quiet := time.NewTimer(settleTime)
	defer quiet.Stop()
	report := time.NewTicker(2 * time.Second)
	defer report.Stop()
	missing := "no pod was seen"
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("not decided in time: %s", missing)
		case <-report.C:
			placed, waiting, undecided := w.count(scheduler)
			fmt.Fprintf(progress, "%d pods placed, %d cannot be, %d undecided\n", placed, waiting, undecided)
		case <-w.changed:
			quiet.Reset(settleTime)
		case <-quiet.C:
			var err error
			if missing, err = w.workload.unfinished(); err != nil {
				return err
			}
			placed, waiting, undecided := w.count(scheduler)
			switch {
			case missing == "" && undecided == 0 && placed+waiting > 0:
				return nil
			case undecided > 0:
				missing = fmt.Sprintf("%d pods wait for a decision of %s; does it run?", undecided, strings.Join(w.undecided(scheduler), ", "))
			case missing == "":
				missing = fmt.Sprintf("no pod with schedulerName %q was seen", scheduler)
			}
			quiet.Reset(settleTime / 4)
		}
	}
}

func (w *podWatch) count(scheduler string) (placed, waiting, undecided int) {
	for _, p := range w.placements(scheduler) {
		switch {
		case p.Node != "":
			placed++
		case p.Reason != "":
			waiting++
		default:
			undecided++
		}
	}
	return placed, waiting, undecided
}

// undecided returns the schedulers that have pods to decide about.
func (w *podWatch) undecided(scheduler string) []string {
	names := sets.New[string]()
	for _, p := range w.placements(scheduler) {
		if p.Node == "" && p.Reason == "" {
			names.Insert(p.Scheduler)
		}
	}
	return sets.List(names)
}

// placement is one row of the answer.
type placement struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Owner     string `json:"owner"`
	Scheduler string `json:"scheduler"`
	Node      string `json:"node,omitempty"`
	// Seconds from seeing the pod to seeing it bound; 0 where it was there before.
	Seconds float64 `json:"decision_seconds,omitempty"`
	// Reason a pod waits, in the scheduler's words.
	Reason string `json:"reason,omitempty"`
}

// placements returns the pods of the scheduler, by owner and name.
func (w *podWatch) placements(scheduler string) []placement {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []placement
	for _, s := range w.pods {
		if scheduler != "" && s.pod.Spec.SchedulerName != scheduler {
			continue
		}
		p := placement{
			Namespace: s.pod.Namespace, Pod: s.pod.Name, Owner: ownerOf(s.pod),
			Scheduler: s.pod.Spec.SchedulerName, Node: s.pod.Spec.NodeName,
		}
		switch {
		case p.Node == "":
			p.Reason = unschedulable(s.pod)
		case !s.before:
			p.Seconds = s.bound.Sub(s.created).Seconds()
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b placement) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Pod, b.Pod))
	})
	return all
}

func ownerOf(pod *v1.Pod) string {
	for _, ref := range pod.OwnerReferences {
		if ref.Controller != nil && *ref.Controller {
			return ref.Kind + "/" + ref.Name
		}
	}
	return "Pod"
}

func unschedulable(pod *v1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == v1.PodScheduled && c.Status == v1.ConditionFalse {
			return cmp.Or(c.Message, c.Reason)
		}
	}
	return ""
}
