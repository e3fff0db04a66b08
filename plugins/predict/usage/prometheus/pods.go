// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"cmp"
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

var _ usage.PodAsker = &Source{}

// AskPods asks a query of one's own about pods, which its answer names by the labels Namespace and Pod.
func (s *Source) AskPods(ctx context.Context, query string, at time.Time, each func(usage.PodValue)) (drops usage.Drops, err error) {
	_, err = s.client.instant(ctx, strings.ReplaceAll(query, Window, duration(s.window)), at, func(series *series) error {
		if series == nil || series.Value == nil {
			drops[usage.NotANumber]++
			return nil
		}
		v := usage.PodValue{
			Namespace: series.Metric[s.labels.Namespace], Name: series.Metric[s.labels.Pod], UID: series.Metric[s.labels.UID], Value: series.Value.value,
		}
		switch age := at.Sub(series.Value.at); {
		case v.Namespace == "" || v.Name == "":
			drops[usage.Nameless]++
		case math.IsNaN(v.Value):
			drops[usage.NotANumber]++
		case math.IsInf(v.Value, 0):
			drops[usage.Infinite]++
		case v.Value < 0:
			drops[usage.Negative]++
		// The answer is for another moment than was asked for, as of a cache.
		case age > s.window:
			drops[usage.Stale]++
		case age < -s.window:
			drops[usage.Future]++
		default:
			each(v)
		}
		return nil
	})
	if err != nil {
		err = cmp.Or(errors.Unwrap(err), err) // Without the query, which who asks has.
	}
	return drops, err
}

// PodWindow is that of rates.
func (s *Source) PodWindow() time.Duration { return s.window }
