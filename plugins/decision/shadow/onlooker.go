// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package shadow

import (
	"context"
	"errors"
	"sync"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

const (
	// waiting is how many pods wait to be decided. More would be decided on nodes that have changed much since.
	waiting = 512
	// remembered is how many pods are known beyond them, to be taken off the nodes for those that came before.
	remembered = 4 * waiting
	// saved is how much of its share of a CPU the onlooker may save up for when pods come in a burst.
	saved = time.Second
	// pause before the cache is looked at again for a pod that it does not have yet, mostTries times at most.
	pause, mostTries = 20 * time.Millisecond, 50
)

// Decide says where this scheduler would have placed a pod. Later returns pods that were placed after it, and is asked once what is decided
// on stands; moved are those that are taken to be on other nodes than they are on. It returns decision.ErrNotYet for a pod that it has not
// seen on its node.
type Decide func(ctx context.Context, pod *v1.Pod, later func() []*v1.Pod, moved []Moved) (*decision.Placed, error)

// Onlooker decides about pods that other schedulers place, in the order in which they are placed.
type Onlooker struct {
	schedulers map[string]bool
	decide     Decide
	ledger     *Ledger
	share      float64

	lock  sync.Mutex
	queue []seen // in the order of placement
	open  int    // that wait to be decided
	news  chan struct{}
}

// seen is a pod that was placed.
type seen struct {
	pod  *v1.Pod
	time time.Time
	// passed says that it is not decided.
	passed bool
}

// NewOnlooker returns one that looks at pods of the schedulers and takes that share of a CPU, more than 0 and at most 1.
func NewOnlooker(schedulers []string, share float64, decide Decide, ledger *Ledger) *Onlooker {
	o := &Onlooker{schedulers: map[string]bool{}, decide: decide, ledger: ledger, share: share, news: make(chan struct{}, 1)}
	for _, name := range schedulers {
		o.schedulers[name] = true
	}
	return o
}

// Handler sees pods being placed. It waits for nobody.
func (o *Onlooker) Handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerDetailedFuncs{
		AddFunc: func(obj any, isInInitialList bool) {
			// What is there at the beginning was placed before. What comes with a node later was placed while the watch was down, or has
			// its node from who made it, as a kubelet's own pods have.
			if p, ok := obj.(*v1.Pod); ok && !isInInitialList && o.schedulers[p.Spec.SchedulerName] && p.Spec.NodeName != "" && !ofKubelet(p) {
				o.ledger.unseen()
			}
		},
		UpdateFunc: func(before, after any) {
			p, ok := after.(*v1.Pod)
			old, was := before.(*v1.Pod)
			if ok && was && old.Spec.NodeName == "" && p.Spec.NodeName != "" && o.schedulers[p.Spec.SchedulerName] {
				o.Placed(p, time.Now())
			}
		},
	}
}

// ofKubelet says that a kubelet made the pod for a file of its own.
func ofKubelet(p *v1.Pod) bool {
	owner := metav1.GetControllerOfNoCopy(p)
	return owner != nil && owner.Kind == "Node"
}

// Placed notes a pod that has got its node. It does not wait.
func (o *Onlooker) Placed(p *v1.Pod, at time.Time) {
	o.lock.Lock()
	defer o.lock.Unlock()
	s := seen{pod: p, time: at, passed: o.open >= waiting}
	if s.passed {
		o.ledger.passed()
		if len(o.queue) >= remembered {
			return
		}
	} else {
		o.open++
	}
	o.queue = append(o.queue, s)
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// next takes the pod that was placed first of those that wait.
func (o *Onlooker) next() (s seen, ok bool) {
	o.lock.Lock()
	defer o.lock.Unlock()
	for len(o.queue) > 0 {
		s = o.queue[0]
		o.queue[0] = seen{} // and let go of it
		o.queue = o.queue[1:]
		if s.passed {
			continue
		}
		o.open--
		return s, true
	}
	o.queue = nil
	return s, false
}

// later are the pods that were placed after the one that next returned last.
func (o *Onlooker) later() []*v1.Pod {
	o.lock.Lock()
	defer o.lock.Unlock()
	pods := make([]*v1.Pod, len(o.queue))
	for i := range o.queue {
		pods[i] = o.queue[i].pod
	}
	return pods
}

// twice decides on the nodes as they were, and on the nodes as they would have been, had this scheduler placed all pods before.
func (o *Onlooker) twice(ctx context.Context, p *v1.Pod) (placed *decision.Placed, together string, err error) {
	for tries := 0; ; tries++ {
		placed, err = o.decide(ctx, p, o.later, nil)
		if err == nil {
			break
		}
		if !errors.Is(err, decision.ErrNotYet) || tries == mostTries || o.ledger.options.Pod(p.Namespace, p.Name) == nil {
			return nil, "", err
		}
		select {
		case <-ctx.Done():
			return nil, "", ctx.Err()
		case <-time.After(pause):
		}
	}
	moved := o.ledger.Moved()
	if len(moved) == 0 {
		return placed, placed.Node, nil
	}
	own, err := o.decide(ctx, p, o.later, moved)
	if err != nil {
		return nil, "", err
	}
	return placed, own.Node, nil
}

// Run decides until ctx ends.
func (o *Onlooker) Run(ctx context.Context) {
	credit, since := saved, time.Now()
	for {
		s, ok := o.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-o.news:
			}
			continue
		}
		start, behind := time.Now(), len(o.later())
		placed, together, err := o.twice(ctx, s.pod)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			o.ledger.failed()
			klog.FromContext(ctx).V(2).Info("A pod was not decided", "pod", klog.KObj(s.pod), "reason", err.Error())
		} else {
			o.ledger.Add(s.pod, s.time, start.Sub(s.time), behind, placed, together)
		}
		now := time.Now()
		credit = min(saved, credit+time.Duration(o.share*float64(now.Sub(since)))) - now.Sub(start)
		since = now
		if credit >= 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(float64(-credit) / o.share)):
		}
	}
}
