// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"

	"github.com/foresight-scheduler/foresight/config"
)

// CheckPod returns an error that names an annotation or label of ours that has no effect: it is misspelt, stands at the wrong
// object, or says nothing that is known. What keeps a pod waiting is its plugin's to tell.
func CheckPod(pod *v1.Pod) error {
	if name, ok := unknown(pod.Annotations, PodAnnotations); ok {
		if name == QoS.Name {
			return fmt.Errorf("annotation %s: nothing reads it here; of a pod it is a label", name)
		}
		return fmt.Errorf("annotation %s: nothing reads it here; what is read: %s", name, names(PodAnnotations))
	}
	if name, ok := unknown(pod.Labels, PodLabels); ok {
		return fmt.Errorf("label %s: nothing reads it here; what is read: %s", name, names(PodLabels))
	}
	if _, _, err := Objective(pod.Labels); err != nil {
		if e := (*Error)(nil); errors.As(err, &e) {
			e.label = true
		}
		return err
	}
	_, _, err := MayTake(pod.Annotations)
	return err
}

// CheckNode is CheckPod for a node.
func CheckNode(node *v1.Node) error {
	// The name beside a mark is ours: nobody is told that it has no effect.
	if name, ok := unknown(node.Annotations, append([]*Key{{Name: EmptyingBy}}, NodeAnnotations...)); ok {
		return fmt.Errorf("annotation %s: nothing reads it here; what is read: %s", name, names(NodeAnnotations))
	}
	_, _, _, err := MaxPeak(node.Annotations)
	return err
}

// unknown returns the first name of ours, in their order, that is not among those that are read.
func unknown(values map[string]string, read []*Key) (first string, found bool) {
	for name := range values {
		if strings.HasPrefix(name, config.AnnotationPrefix) && (!found || name < first) &&
			!slices.ContainsFunc(read, func(k *Key) bool { return k.Name == name }) {
			first, found = name, true
		}
	}
	return first, found
}

func names(keys []*Key) string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Name
	}
	return strings.Join(out, ", ")
}

// Teller tells of what has no effect in events, each once. Its Policy may be nil.
type Teller struct {
	Policy *Policy

	last atomic.Pointer[v1.Pod]
	mu   sync.Mutex
	// young and old are what was told of pods lately, by UID, in two generations.
	young, old map[types.UID]string
}

// tellings are kept in each generation, of pods that wait with something to tell.
const tellings = 10_000

// Tell records an event where something that the pod says has no effect, unless that was told of it already. Call it once
// a cycle.
func (t *Teller) Tell(recorder events.EventRecorder, pod *v1.Pod) {
	if t.last.Swap(pod) == pod {
		return
	}
	reason, err := "UnknownAnnotation", CheckPod(pod)
	if err == nil {
		reason, err = "ClaimNotAllowed", t.Policy.refused(pod)
	}
	if err != nil && t.first(pod, err.Error()) {
		recorder.Eventf(pod, nil, v1.EventTypeWarning, reason, "Scheduling", "%s", err.Error())
	}
}

// first says whether the pod was not told this last.
func (t *Teller) first(pod *v1.Pod, note string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	told, ok := t.young[pod.UID]
	if !ok {
		told, ok = t.old[pod.UID]
	}
	if ok && told == note {
		return false
	}
	if len(t.young) >= tellings {
		t.old, t.young = t.young, nil
	}
	if t.young == nil {
		t.young = map[types.UID]string{}
	}
	t.young[pod.UID] = note
	return true
}
