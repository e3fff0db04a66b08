// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package recording

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/world"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/trace"
)

// seen is what a recording says of one object.
type seen struct {
	node        *v1.Node
	pod         *v1.Pod
	first, gone int64 // Unix seconds; gone is 0 while it is there
}

// World returns the world that was recorded: the pods that came while it was, or were there when it began, with what they used.
func World(dir string) (*world.World, error) {
	objects := map[string]*seen{}
	var order []*seen
	err := read(filepath.Join(dir, "objects.jsonl"), func(l *line, _ int) error {
		if l.Version != 0 {
			return nil
		}
		s := objects[l.name()]
		if s == nil {
			s = &seen{first: l.At}
			objects[l.name()] = s
			order = append(order, s)
		}
		s.node, s.pod, s.gone = l.Node, l.Pod, 0
		if l.Gone {
			s.gone = l.At
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	used, err := trace.Read(UsageDir(dir))
	if err != nil {
		return nil, err
	}
	if used.Usage["cpu"] == nil || used.Usage["memory"] == nil {
		return nil, fmt.Errorf("%s: want cpu and memory", UsageDir(dir))
	}
	interval := time.Duration(used.IntervalSeconds) * time.Second
	length := (time.Duration(used.Steps) * interval).Truncate(world.Step)
	w := &world.World{Name: used.Name, Begin: time.Unix(used.StartUnix, 0).UTC(), Steps: world.Index(length)}
	if w.Steps < 24 {
		return nil, fmt.Errorf("%s: %v of usage; want two hours at least", dir, length)
	}
	columns := make(map[string]int, len(used.Workloads))
	for i := range used.Workloads {
		columns[used.Workloads[i].Name] = i
	}
	end := w.Begin.Add(length).Unix()
	for _, s := range order {
		switch {
		case s.node != nil:
			// A world's nodes stay. Those are taken that were there for half of the time.
			there := min(end, cmpOr(s.gone, end)) - max(w.Begin.Unix(), s.first)
			if 2*there >= int64(length/time.Second) {
				s.node.ResourceVersion = "1"
				w.Nodes = append(w.Nodes, s.node)
			}
		case s.pod != nil:
			i, measured := columns[s.pod.Namespace+"/"+s.pod.Name]
			if s.gone != 0 && s.gone <= w.Begin.Unix() || !measured {
				continue // Nobody knows what it used.
			}
			p := podOf(s, w)
			p.CPU, p.Memory = steps(used.Usage["cpu"][i], interval, w.Steps), steps(used.Usage["memory"][i], interval, w.Steps)
			if p.End > p.Start && p.Start < length {
				w.Pods = append(w.Pods, p)
			}
		}
	}
	if len(w.Nodes) < 2 || len(w.Pods) == 0 {
		return nil, fmt.Errorf("%s: %d nodes and %d pods with usage; want two nodes and a pod at least", dir, len(w.Nodes), len(w.Pods))
	}
	w.ReplicaSets = replicaSets(w)
	w.Sort()
	return w, nil
}

func cmpOr(a, b int64) int64 {
	if a != 0 {
		return a
	}
	return b
}

// podOf is the pod as it was created. One that was there from the beginning comes first, the oldest before the others.
func podOf(s *seen, w *world.World) world.Pod {
	p := world.Pod{Object: s.pod, End: time.Duration(w.Steps+1) * world.Step}
	if s.gone != 0 {
		p.End = time.Unix(s.gone, 0).Sub(w.Begin)
	}
	if created := s.pod.CreationTimestamp.Time; created.After(w.Begin) {
		p.Start = created.Sub(w.Begin)
	}
	if owner := metav1.GetControllerOfNoCopy(s.pod); owner != nil && (owner.Kind == "Node" || owner.Kind == "DaemonSet") {
		p.Pinned = s.pod.Spec.NodeName // No scheduler's choice.
	}
	s.pod.Spec.NodeName = ""
	s.pod.ResourceVersion = "1"
	s.pod.Status = v1.PodStatus{Phase: v1.PodPending}
	// Who was preempted would have come again, and nobody knows when.
	s.pod.Spec.PreemptionPolicy = ptr.To(v1.PreemptNever)
	return p
}

// steps brings a column to the world's steps. Gaps keep what was measured before, and begin with nothing.
func steps(column []float64, interval time.Duration, n int) []float32 {
	out := make([]float32, n)
	held := float32(0)
	for k := range out {
		at := time.Duration(k) * world.Step
		sum, count := 0.0, 0
		for i := int(at / interval); i < len(column) && time.Duration(i)*interval < at+world.Step; i++ {
			if v := column[i]; !math.IsNaN(v) {
				sum, count = sum+v, count+1
			}
		}
		if count > 0 {
			held = float32(sum / float64(count))
		}
		out[k] = held
	}
	return out
}

// replicaSets are those that own pods, with the labels that all of their pods have: what default spreading goes by.
func replicaSets(w *world.World) (sets []*appsv1.ReplicaSet) {
	byName := map[string]*appsv1.ReplicaSet{}
	for i := range w.Pods {
		pod := w.Pods[i].Object
		owner := metav1.GetControllerOfNoCopy(pod)
		if owner == nil || owner.Kind != "ReplicaSet" || len(pod.Labels) == 0 {
			continue
		}
		key := pod.Namespace + "/" + owner.Name
		if known := byName[key]; known != nil {
			for k, v := range known.Spec.Selector.MatchLabels {
				if pod.Labels[k] != v {
					delete(known.Spec.Selector.MatchLabels, k)
				}
			}
			continue
		}
		labels := map[string]string{}
		for k, v := range pod.Labels {
			labels[k] = v
		}
		set := &appsv1.ReplicaSet{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: owner.Name, UID: owner.UID},
			Spec:       appsv1.ReplicaSetSpec{Selector: &metav1.LabelSelector{MatchLabels: labels}},
		}
		byName[key] = set
		sets = append(sets, set)
	}
	slices.SortFunc(sets, func(a, b *appsv1.ReplicaSet) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return sets
}
