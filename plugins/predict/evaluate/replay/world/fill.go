// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// scale gives the pods the CPU that makes the density, and memory of the same density.
func (m *maker) scale() {
	cores, bytes := m.world.Total()
	smallest := float64(nodeCores)
	if m.options.Mixed {
		smallest /= 2
	}
	for _, p := range m.places {
		if own := mean(p.cpu); own > 0 {
			by := float32(math.Pow(own, keptSize-1))
			for k := range p.cpu {
				p.cpu[k] *= by
			}
		}
	}
	// What jobs use is set against the average of the others.
	for _, of := range []func(*place) []float32{func(p *place) []float32 { return p.cpu }, func(p *place) []float32 { return p.memory }} {
		all, n := 0.0, 0
		for _, p := range m.places {
			if !p.group.job {
				all, n = all+mean(of(p)), n+1
			}
		}
		for _, p := range m.places {
			if own := mean(of(p)); p.group.job && own > 0 {
				by := float32(jobCPU * all / float64(n) / own * math.Exp(.5*m.rng.NormFloat64()))
				for k := range of(p) {
					of(p)[k] *= by
				}
			}
		}
	}
	m.fill(func(p *place) []float32 { return p.cpu }, m.options.Density*cores, largestPod*smallest)
	m.fill(func(p *place) []float32 { return p.memory }, m.options.Density*bytes, largestPod*smallest/nodeCores*nodeBytes)
	for _, p := range m.places {
		p.group.use += mean(p.cpu)
	}
	n := map[*group]int{}
	for _, p := range m.places {
		n[p.group]++
	}
	for g, places := range n {
		g.use /= float64(places)
	}
}

// fill multiplies all use so that it comes to the target on average from From on. A place whose highest use would pass most is
// multiplied by less, so that what it does keeps its shape.
func (m *maker) fill(of func(*place) []float32, target, most float64) {
	from := Index(m.options.From)
	type sum struct{ use, peak float64 }
	sums := make(map[*place]*sum, len(m.places))
	for _, p := range m.places {
		sums[p] = &sum{peak: float64(slices.Max(of(p)))}
	}
	for i := range m.stays {
		s := &m.stays[i]
		series, into := of(s.place), sums[s.place]
		for k := max(from, Index(s.start+Step-1)); k < min(m.steps, Index(s.end+Step-1)); k++ {
			into.use += float64(series[k])
		}
	}
	times := func(by float64, s *sum) float64 {
		if s.peak*by > most {
			return most / s.peak
		}
		return by
	}
	total := func(by float64) (all float64) {
		for _, p := range m.places {
			all += times(by, sums[p]) * sums[p].use
		}
		return all / float64(m.steps-from)
	}
	low, high := 0.0, 1.0
	for total(high) < target && high < 1e18 {
		high *= 2
	}
	for range 40 {
		if mid := (low + high) / 2; total(mid) < target {
			low = mid
		} else {
			high = mid
		}
	}
	for _, p := range m.places {
		series, by := of(p), float32(times(high, sums[p]))
		for k := range series {
			series[k] *= by
		}
	}
}

// request gives each group what its pods request.
func (m *maker) request() {
	cores, bytes := m.world.Total()
	byUse := slices.Clone(m.groups)
	slices.SortStableFunc(byUse, func(a, b *group) int { return cmp.Compare(a.use, b.use) })
	// Spearman's correlation of two normals is a little below Pearson's.
	rho := 2 * math.Sin(math.Pi/6*requestRank)
	for i, g := range byUse {
		z := math.Sqrt2 * math.Erfinv(2*(float64(i)+.5)/float64(len(byUse))-1)
		g.cpu = math.Exp(requestSpread * (rho*z + math.Sqrt(1-rho*rho)*m.rng.NormFloat64()))
	}
	memory := map[*group]float64{}
	for _, p := range m.places {
		memory[p.group] = max(memory[p.group], mean(p.memory))
	}
	slices.SortStableFunc(byUse, func(a, b *group) int { return cmp.Compare(memory[a], memory[b]) })
	for _, g := range byUse {
		g.memory = memory[g] * math.Exp(.5*m.rng.NormFloat64())
	}
	medians := func(of func(*group) float64) float64 {
		all := make([]float64, 0, len(m.groups))
		for _, g := range m.groups {
			if v := of(g); v > 0 && !math.IsInf(v, 0) {
				all = append(all, v)
			}
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	cpuBy := usualRequest * medians(func(g *group) float64 { return g.use / g.cpu })
	memoryBy := usualMemory * medians(func(g *group) float64 { return memory[g] / g.memory })
	mostCPU, mostMemory := m.requested()
	smallest := 1.0
	if m.options.Mixed {
		smallest = .5
	}
	cpuBy = min(cpuBy, mostRequested*cores/mostCPU)
	memoryBy = min(memoryBy, mostRequested*bytes/mostMemory)
	for _, g := range m.groups {
		g.cpu = max(.01, min(g.cpu*cpuBy, largestPod*smallest*nodeCores))
		g.memory = max(16<<20, min(g.memory*memoryBy, largestPod*smallest*nodeBytes))
	}
}

// requested is the most that all pods request at any one time.
func (m *maker) requested() (cpu, memory float64) {
	type change struct {
		at          time.Duration
		cpu, memory float64
	}
	var changes []change
	for i := range m.stays {
		s := &m.stays[i]
		g := s.place.group
		changes = append(changes, change{s.start, g.cpu, g.memory}, change{s.end, -g.cpu, -g.memory})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Compare(a.at, b.at) })
	c, b := 0.0, 0.0
	for _, x := range changes {
		c, b = c+x.cpu, b+x.memory
		cpu, memory = max(cpu, c), max(memory, b)
	}
	return cpu, memory
}
