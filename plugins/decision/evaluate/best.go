// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"

	fwk "k8s.io/kube-scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Current returns the nodes as they are now, with their pods. Nobody may write to them.
func (e *Evaluator) Current(ctx context.Context) ([]fwk.NodeInfo, error) { return e.locked(ctx) }

// Best returns the nodes among which the profile would draw, if the pod left its node now: those that score highest. A pod that fits
// nowhere has none. It answers decision.ErrNotYet where the pod is not on its node.
func (e *Evaluator) Best(ctx context.Context, p Placement) ([]string, error) {
	f := e.profiles[p.Profile]
	if f == nil {
		return nil, fmt.Errorf("%w places pods of %q", ErrNoProfile, p.Profile)
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	all, err := e.turns.copyNodes(ctx)
	if err != nil {
		return nil, err
	}
	for _, info := range all {
		if info.Node().Name == p.Pod.Spec.NodeName && !holds(info, p.Pod) {
			return nil, decision.ErrNotYet
		}
	}
	pod := *p.Pod
	pod.Spec.NodeName, pod.Status.NominatedNodeName = "", ""
	seen := newNodes(before(ctx, all, &p))
	e.lister.current.Store(seen)
	defer e.lister.current.Store(newNodes(nil)) // and let go of them
	r, err := ask(ctx, f, seen, &pod)
	if err != nil {
		return nil, err
	}
	var best []string
	for _, s := range r.scores {
		if s.TotalScore < r.scores[0].TotalScore {
			break
		}
		best = append(best, s.Name)
	}
	return best, nil
}
