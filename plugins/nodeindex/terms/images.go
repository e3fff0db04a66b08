// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package terms

import (
	"strings"

	fwk "k8s.io/kube-scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/names"

	"github.com/foresight-scheduler/foresight/plugins/nodeindex/table"
)

// images is the term of the images on nodes.
type images struct {
	weight int64

	columns []*table.Image // of the pod's images that any node has
	count   int            // of all
	kind    []int64        // all that the scores depend on
}

func (t *images) read(p *profile) bool {
	t.weight = p.weight(names.ImageLocality)
	return t.weight > 0
}

// maxPlainImages is the most images of a pod for which rows are scored alike.
const maxPlainImages = 16

func (t *images) compile(q *Query) {
	t.columns, t.count = t.columns[:0], 0
	for i := range q.Pod.Spec.InitContainers {
		t.add(q, q.Pod.Spec.InitContainers[i].Image)
	}
	for i := range q.Pod.Spec.Containers {
		t.add(q, q.Pod.Spec.Containers[i].Image)
	}
	for i := range q.Pod.Spec.Volumes {
		if image := q.Pod.Spec.Volumes[i].Image; image != nil {
			t.add(q, image.Reference)
		}
	}
	switch {
	case len(t.columns) == 0:
	case len(t.columns) > maxPlainImages:
		q.scores(t)
	default:
		t.kind = append(t.kind[:0], int64(t.count), int64(q.table.Used))
		for _, image := range t.columns {
			t.kind = append(t.kind, image.ID)
		}
		q.scoresAlike(t, t.kind)
	}
}

func (t *images) add(q *Query, image string) {
	t.count++
	if column := q.table.Image(normalizedImage(image)); column != nil {
		t.columns = append(t.columns, column)
	}
}

// normalizedImage adds the tag ":latest" if the name has none, as upstream's ImageLocality does.
func normalizedImage(name string) string {
	if strings.LastIndex(name, ":") <= strings.LastIndex(name, "/") {
		name += ":latest"
	}
	return name
}

func (t *images) score(q *Query, rows []int32, totals []int64) {
	for i, row := range rows {
		totals[i] += t.of(q, row)
	}
}

func (t *images) scoreRows(q *Query, first int32, scores []int64) {
	for i, score := range scores {
		if score != Infeasible {
			scores[i] += t.of(q, first+int32(i))
		}
	}
}

// leastImage and mostImage are the bounds of image sizes, in bytes, as in
// pkg/scheduler/framework/plugins/imagelocality.
const (
	leastImage = int64(23 << 20)
	mostImage  = int64(1000 << 20)
)

// of returns the weighted score for the images on the row.
func (t *images) of(q *Query, row int32) int64 {
	most := mostImage * int64(t.count)
	nodes := float64(q.table.Used)
	var sum int64
	for _, image := range t.columns {
		if size, on := image.On(row); on > 0 {
			sum += int64(float64(size) * (float64(on) / nodes))
		}
	}
	sum = min(max(sum, leastImage), most)
	return t.weight * (fwk.MaxScore * (sum - leastImage) / (most - leastImage))
}
