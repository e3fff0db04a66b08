// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package world

import (
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"
)

func (m *maker) deployments() {
	rng, left := m.rng, m.options.Nodes*podsOfNode
	for left > 0 {
		n := min(left, [...]int{1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 6, 8}[rng.IntN(12)])
		left -= n
		cpu, memory := m.draw()
		g := m.group("app")
		// When its pods are replaced: at the roll-outs, which take a while.
		var rolls []time.Duration
		rate := rollOutsADay * math.Exp(rollOutSpread*rng.NormFloat64())
		for at := time.Hour; ; { // when all have started
			at += time.Duration(rng.ExpFloat64()/rate*float64(day)) + 2*surge*time.Duration(n)
			if at >= m.options.Length {
				break
			}
			rolls = append(rolls, at.Truncate(time.Second))
		}
		for r := range n {
			p := m.place(g, cpu, memory)
			start := time.Duration(rng.Int64N(int64(30 * time.Minute))).Truncate(time.Second)
			generation := 0
			for _, at := range append(rolls, m.options.Length) {
				at += time.Duration(r) * surge
				m.deploy(p, start, at+overlap, generation, r)
				start, generation = at, generation+1
			}
		}
		if rng.Float64() >= scaled {
			continue
		}
		around, half := time.Duration(busiest(cpu))*time.Hour, time.Duration(3+rng.IntN(3))*time.Hour
		half += time.Duration(rng.IntN(30)) * time.Minute
		for r := n; r < n+max(1, n*(50+rng.IntN(51))/100); r++ {
			p := m.place(g, cpu, memory)
			for d := -day; d < m.options.Length; d += day {
				start, end := d+around-half+time.Duration(rng.IntN(300))*time.Second, d+around+half+time.Duration(rng.IntN(300))*time.Second
				if start = max(0, start); end > start+Step && start < m.options.Length {
					generation := sort.Search(len(rolls), func(i int) bool { return rolls[i] > start })
					m.deploy(p, start, end, generation, 1000*r+int((d+day)/day))
				}
			}
		}
	}
}

func (m *maker) deploy(p *place, start, end time.Duration, generation, suffix int) {
	if start >= m.options.Length {
		return
	}
	hash := strconv.FormatUint(uint64(generation)*2654435761%(1<<31)+1<<31, 36)
	set := p.group.name + "-" + hash
	m.stays = append(m.stays, stay{place: p, start: start, end: end, name: fmt.Sprintf("%s-%05d", set, suffix), hash: hash, owner: set})
}

func (m *maker) jobs() {
	rng := m.rng
	cron := func(every time.Duration, long time.Duration) {
		cpu, memory := m.draw()
		g := m.group("cron")
		g.job = true
		p := m.place(g, cpu, memory)
		long = time.Duration(float64(long) * math.Exp(.5*rng.NormFloat64()))
		for at := time.Duration(rng.Int64N(int64(every))).Truncate(time.Minute); at < m.options.Length; at += every {
			took := max(2*Step, min(every-time.Minute, time.Duration(float64(long)*math.Exp(.2*rng.NormFloat64())))).Truncate(time.Second)
			name := fmt.Sprintf("%s-%d", g.name, m.world.Begin.Add(at).Unix()/60)
			m.stays = append(m.stays, stay{place: p, start: at, end: at + took, name: name + "-0", owner: name})
		}
	}
	for range max(1, m.options.Nodes/hourly) {
		cron(time.Duration(1+rng.IntN(2))*time.Hour, 20*time.Minute)
	}
	for range max(1, m.options.Nodes/daily) {
		cron(time.Duration(6+6*rng.IntN(4))*time.Hour, 90*time.Minute)
	}
	for at := time.Duration(0); ; {
		at += time.Duration(rng.ExpFloat64() / jobsOfNode / float64(m.options.Nodes) * float64(day))
		if at = at.Truncate(time.Second); at >= m.options.Length {
			break
		}
		cpu, memory := m.draw()
		g := m.group("job")
		g.job = true
		took := max(2*Step, min(day, time.Duration(float64(time.Hour)*math.Exp(rng.NormFloat64())))).Truncate(time.Second)
		m.stays = append(m.stays, stay{place: m.place(g, cpu, memory), start: at, end: at + took, name: g.name + "-0", owner: g.name})
	}
}
