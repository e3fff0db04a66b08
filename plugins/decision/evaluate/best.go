// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"

	fwk "k8s.io/kube-scheduler/framework"
)

// Current returns the nodes as they are now, with their pods. Nobody may write to them.
func (e *Evaluator) Current(ctx context.Context) ([]fwk.NodeInfo, error) { return e.locked(ctx) }

// Best returns the nodes among which the profile would draw, if the pod left its node now: those that score highest. A pod that fits
// nowhere has none. It answers decision.ErrNotYet where the pod is not on its node. All is what Current returned: who asks about several pods asks
// about one state of the cluster, and keeps the scheduler from its nodes once.
func (e *Evaluator) Best(ctx context.Context, all []fwk.NodeInfo, p Placement) ([]string, error) {
	e.lock.Lock()
	defer e.lock.Unlock()
	defer e.lister.current.Store(newNodes(nil)) // and let go of them
	_, r, err := e.asIfUnplaced(ctx, all, &p)
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
