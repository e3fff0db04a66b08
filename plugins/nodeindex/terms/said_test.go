// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"fmt"
	"slices"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle/judge"
)

// byCPU judges by a part of the pod, and notes which rows it is shown.
type byCPU struct {
	judge.Lasting
	world, cpu int
	now        time.Time
	holds      time.Duration
	refuses    int32
	shown      *[]int32
}

func (j byCPU) World() any     { return j.world }
func (j byCPU) Shape() any     { return j.cpu }
func (j byCPU) Now() time.Time { return j.now }

func (j byCPU) Look(rows []judge.Row, verdicts []judge.Verdict) (until time.Time) {
	for i := range rows {
		*j.shown = append(*j.shown, rows[i].At)
		verdicts[i] = judge.Verdict{Raw: int64(100*j.cpu) + int64(rows[i].At), Refused: rows[i].At == j.refuses}
	}
	if j.holds > 0 {
		until = j.now.Add(j.holds)
	}
	return until
}

// listed lists one node.
type listed struct {
	fwk.NodeInfoLister
	info fwk.NodeInfo
}

func (l listed) Get(string) (fwk.NodeInfo, error) { return l.info, nil }

// A plugin is shown a row once for all pods that it judges alike, and again when the row has changed, when what it judges by has, and
// when the time is over for which that holds.
func TestPluginIsShownRowsOnce(t *testing.T) {
	rows := table.New()
	snapshot := func(changed ...int) {
		for _, n := range changed {
			info := framework.NewNodeInfo()
			info.SetNode(&v1.Node{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("node-", n)}})
			rows.Update(listed{info: info}, map[string]struct{}{info.Node().Name: {}})
		}
	}
	snapshot(0, 1, 2, 3)
	term, now := &asked{}, time.Unix(1000, 0)
	for step, with := range []struct {
		change  []int
		judge   byCPU
		look    []int32
		shown   []int32
		refused bool // row 2
	}{
		{judge: byCPU{cpu: 1}, look: []int32{0, 1, 2}, shown: []int32{0, 1, 2}, refused: true},
		{judge: byCPU{cpu: 1}, look: []int32{0, 1, 2, 3}, shown: []int32{3}, refused: true},
		{judge: byCPU{cpu: 2}, look: []int32{1}, shown: []int32{1}},
		{judge: byCPU{cpu: 1}, look: []int32{0, 1, 2, 3}, refused: true},
		{change: []int{1}, judge: byCPU{cpu: 1}, look: []int32{0, 1}, shown: []int32{1}},
		{judge: byCPU{cpu: 2}, look: []int32{1, 2}, shown: []int32{1, 2}, refused: true},
		{change: []int{4}, judge: byCPU{cpu: 1}, look: []int32{3, 4}, shown: []int32{4}},
		{judge: byCPU{cpu: 1, world: 1}, look: []int32{0, 1}, shown: []int32{0, 1}},
		{judge: byCPU{cpu: 1, world: 1, holds: time.Minute}, look: []int32{2}, shown: []int32{2}, refused: true},
		{judge: byCPU{cpu: 1, world: 1, now: now.Add(time.Minute)}, look: []int32{0, 2}, refused: true},
		{judge: byCPU{cpu: 1, world: 1, now: now.Add(time.Minute + 1)}, look: []int32{0, 2}, shown: []int32{0, 2}, refused: true},
	} {
		snapshot(with.change...)
		var shown []int32
		j := with.judge
		j.refuses, j.shown = 2, &shown
		if j.now.IsZero() {
			j.now = now
		}
		s := &saying{Judge: j, ask: ask{filters: true}, said: term.kept[0].by(j.World(), j.Shape(), j.Now, rows)}
		term.look(&Query{table: rows}, s, with.look)
		if !slices.Equal(shown, with.shown) {
			t.Errorf("step %d: shown %v, want %v", step, shown, with.shown)
		}
		for _, row := range with.look {
			want := int64(100*j.cpu) + int64(row)
			if row == 2 && with.refused {
				want = refusedRow
			}
			if got := s.said.raw[row]; got != want {
				t.Errorf("step %d: row %d is %d, want %d", step, row, got, want)
			}
		}
	}
}
