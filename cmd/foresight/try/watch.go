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
		// A Job may end, and go with its pods, before anybody looks. What was decided about them stays worth showing.
		decided := s.pod.Spec.NodeName != "" && strings.HasPrefix(ownerOf(s.pod), "Job/")
		if s.pod.Namespace == key.Namespace && s.pod.Name == key.Name && !decided {
			delete(w.pods, uid)
		}
	}
}

// settleTime without news is taken as the end: controllers make pods in batches.
const settleTime = 2 * time.Second

// sureTime is how long a controller must have had a reason to make no more pods. Some reasons pass in a moment, such as that
// a new namespace has no service account yet.
const sureTime = time.Second

// wait returns when the scheduler has decided about all pods that the controllers have made, and no more pods come for now.
// It returns the controllers that have not made all, with their reasons, and an error that says what is missing when the
// context ends.
func (w *podWatch) wait(ctx context.Context, client kubernetes.Interface, scheduler string, progress io.Writer) ([]shortfall, error) {
	if !w.workload.makesPods() {
		return nil, nil
	}
	if err := w.workload.startCronJobs(ctx, client); err != nil {
		return nil, err
	}
	quiet := time.NewTimer(settleTime)
	defer quiet.Stop()
	report := time.NewTicker(2 * time.Second)
	defer report.Stop()
	missing := "no pod was seen"
	var held time.Time
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("not decided in time: %s", missing)
		case <-report.C:
			placed, waiting, undecided := w.count(scheduler)
			fmt.Fprintf(progress, "%d pods placed, %d cannot be, %d undecided\n", placed, waiting, undecided)
		case <-w.changed:
			held = time.Time{}
			quiet.Reset(settleTime)
		case <-quiet.C:
			short, err := w.shortfalls(ctx, client)
			if err != nil {
				return nil, err
			}
			_, _, undecided := w.count(scheduler)
			coming := slices.IndexFunc(short, func(s shortfall) bool { return s.reason == "" })
			switch {
			case undecided > 0:
				missing = fmt.Sprintf("%d pods wait for a decision of %s; does it run?", undecided, strings.Join(w.undecided(scheduler), ", "))
			case coming >= 0:
				missing = fmt.Sprintf("%s/%s has yet to make %d pods", short[coming].namespace, short[coming].owner, short[coming].missing)
			case len(short) == 0:
				return nil, w.noneOf(scheduler)
			case held.IsZero():
				held = time.Now()
			case time.Since(held) >= sureTime:
				return short, w.noneOf(scheduler)
			}
			if undecided > 0 || coming >= 0 {
				held = time.Time{}
			}
			quiet.Reset(settleTime / 4)
		}
	}
}

// noneOf returns an error where pods were asked for by their scheduler, and all have another one.
func (w *podWatch) noneOf(scheduler string) error {
	if scheduler == "" || len(w.placements(scheduler)) > 0 {
		return nil
	}
	others := sets.New[string]()
	for _, p := range w.placements("") {
		others.Insert(p.Scheduler)
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("no pod has schedulerName %q: they have %s", scheduler, strings.Join(sets.List(others), ", "))
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
	// Missing is, in a row without a pod, how many pods its controller has not made.
	Missing int64 `json:"missing_pods,omitempty"`
	// Reason a pod waits, in the scheduler's words, or why a controller makes no more pods, in its words.
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
	sortPlacements(all)
	return all
}

func sortPlacements(all []placement) {
	slices.SortFunc(all, func(a, b placement) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Owner, b.Owner), cmp.Compare(a.Pod, b.Pod))
	})
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
	if gates := pod.Spec.SchedulingGates; len(gates) > 0 {
		names := make([]string, len(gates))
		for i := range gates {
			names[i] = gates[i].Name
		}
		return "held back by scheduling gates: " + strings.Join(names, ", ")
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == v1.PodScheduled && c.Status == v1.ConditionFalse {
			return cmp.Or(c.Message, c.Reason)
		}
	}
	return ""
}
