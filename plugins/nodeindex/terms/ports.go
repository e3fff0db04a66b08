// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"
	schedutil "k8s.io/kubernetes/pkg/scheduler/util"
)

// ports is the term of host ports.
type ports struct {
	wanted []v1.ContainerPort
}

func (t *ports) read(p *profile) bool { return p.filters(names.NodePorts) }

func (t *ports) compile(q *Query) {
	if q.State.GetSkipFilterPlugins().Has(names.NodePorts) {
		return
	}
	if t.wanted = append(t.wanted[:0], schedutil.GetHostPorts(q.Pod)...); len(t.wanted) > 0 {
		q.admits(t)
	}
}

func (t *ports) admit(q *Query, rows []int32, totals []int64) int {
	return keep(rows, totals, func(row int32) bool {
		used := q.table.Infos[row].GetUsedPorts()
		for i := range t.wanted {
			if port := &t.wanted[i]; used.CheckConflict(port.HostIP, string(port.Protocol), port.HostPort) {
				return false
			}
		}
		return true
	})
}
