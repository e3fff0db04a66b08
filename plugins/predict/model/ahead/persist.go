// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ahead

const (
	// keepsHour is the share of what was seen of a pod's persistence that still counts after an hour: half of it after a day.
	keepsHour = .9715
	// unseen is as many hours without any persistence as a pod begins with.
	unseen = 6
)

// Persistence is how much of the way from a pod's mean to its level was kept an hour later: Σ (l − m)·(u − m) over Σ (l − m)², with l the level when
// an hour began, u the use in it and m the mean, over the last day or two. It is drawn towards 0 while few hours were seen: with the six hours that a pod begins
// with, three hours that kept all of it give 1/3. The zero value has seen nothing.
type Persistence struct{ both, square, hours float32 }

// Saw takes what an hour came to.
func (p *Persistence) Saw(level, mean, use float64) {
	d := float32(level - mean)
	p.both = keepsHour*p.both + d*float32(use-mean)
	p.square = keepsHour*p.square + d*d
	p.hours = keepsHour*p.hours + 1
}

// Of the pod, 0–1.
func (p *Persistence) Of() float64 {
	if !(p.square > 0) {
		return 0
	}
	return float64(max(0, min(1, p.both/(p.square*(1+unseen/p.hours)))))
}
