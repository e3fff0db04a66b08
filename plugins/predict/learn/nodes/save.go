// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodes

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
	"unsafe"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/history"
)

// saved is what is kept of Learned. Models are not: they are trained again from the decisions.
type saved struct {
	Nodes     map[string]*savedNode
	Completed [forecast.NumHorizons][forecast.NumResources][]*Decision
}

// savedNode is a Node in a file.
type savedNode struct {
	Newest    int64
	Hours     int
	Resources [forecast.NumResources]savedResource
	Account   *Account
}

type savedResource struct {
	Newest int64
	Whole  *history.Series
	Own    savedOwn
	Peak   float64
}

type savedOwn struct {
	Mean, Variance, Samples float64
	Profile                 [week]float32 // negative is not known
}

func (n *Node) saved() *savedNode {
	s := &savedNode{Newest: n.Newest, Hours: n.Hours, Account: n.Account}
	for i := range n.Resources {
		r := &n.Resources[i]
		own := savedOwn{Mean: r.Own.Mean, Variance: r.Own.Variance, Samples: r.Own.Samples, Profile: r.Own.Profile.all()}
		s.Resources[i] = savedResource{Newest: r.Newest, Whole: r.Whole, Own: own, Peak: r.Peak}
	}
	return s
}

// node of the name, as of a file.
func (n *savedNode) node(name string) *Node {
	of := &Node{name: name, Newest: n.Newest, Hours: n.Hours, Account: n.Account}
	for i := range n.Resources {
		r := &n.Resources[i]
		own := Own{Mean: r.Own.Mean, Variance: r.Own.Variance, Samples: r.Own.Samples, Profile: profileOf(&r.Own.Profile)}
		of.Resources[i] = Resource{Newest: r.Newest, Whole: r.Whole, Own: own, Peak: r.Peak}
		if r.Newest == 0 && own.Samples > 0 {
			of.Resources[i].Newest = n.Newest // Files did not say it once.
		}
	}
	return of
}

// Save writes what is learned of nodes.
func (h *Learned) Save(w io.Writer) error {
	s := saved{Nodes: make(map[string]*savedNode, len(h.nodes))}
	for name, n := range h.nodes {
		s.Nodes[name] = n.saved()
	}
	h.mu.Lock()
	s.Completed = h.completed
	h.mu.Unlock()
	return gob.NewEncoder(w).Encode(s)
}

// Load reads what Save wrote, in place of what is known. Its errors leave the history unusable. Decisions of a binary
// with other features are left out.
func (h *Learned) Load(r io.Reader, now time.Time) error {
	var s saved
	if err := gob.NewDecoder(r).Decode(&s); err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	h.nodes = map[string]*Node{}
	for name, of := range s.Nodes {
		if err := of.validate(); err != nil {
			return fmt.Errorf("nodes: %s: %w", name, err)
		}
		if now.Sub(time.Unix(of.Newest, 0)).Abs() > silentAfter {
			continue
		}
		n := of.node(name)
		h.resize(name, n)
		n.forecast()
		h.nodes[name] = n
	}
	h.account()
	h.mu.Lock()
	defer h.mu.Unlock()
	for horizon := range s.Completed {
		for r, all := range s.Completed[horizon] {
			for _, d := range all {
				if len(d.Features) == history.FeatureLen && len(h.completed[horizon][r]) < mostDecisions {
					h.completed[horizon][r] = append(h.completed[horizon][r], d)
				}
			}
			h.fresh[horizon][r] = len(h.completed[horizon][r])
		}
	}
	h.wake <- struct{}{} // It holds one, and nothing runs yet.
	return nil
}

func (n *savedNode) validate() error {
	for i := range n.Resources {
		r := &n.Resources[i]
		if r.Whole == nil {
			return errors.New("its past is missing")
		}
		for _, v := range [...]float64{r.Own.Mean, r.Own.Variance, r.Own.Samples} {
			if !(v >= 0) || math.IsInf(v, 0) {
				return fmt.Errorf("a use of %v", v)
			}
		}
	}
	return n.Account.validate()
}

// Bytes estimates the memory of the history, with the forecasts that Publish made of it: the current ones, and those before, which
// cycles may still hold.
func (h *Learned) Bytes() uint64 {
	const names, entry = 64, 3. / 2 // Go's maps are two thirds full on average.
	ofNode := names + uint64(unsafe.Sizeof(Node{})) +
		uint64(entry*float64(unsafe.Sizeof("")+unsafe.Sizeof(uintptr(0)))) + 2*uint64(entry*float64(unsafe.Sizeof("")+unsafe.Sizeof(forecast.NodeForecast{})))
	n := uint64(len(h.nodes)) * ofNode
	for _, node := range h.nodes {
		n += uint64(cap(node.members)) * uint64(unsafe.Sizeof(node))
		for i := range node.Resources {
			n += uint64(node.Resources[i].Whole.Bytes() + node.Resources[i].Own.Profile.hours.Bytes())
		}
		if a := node.Account; a != nil {
			n += uint64(entry*float64(unsafe.Sizeof("")+unsafe.Sizeof(a))) + uint64(unsafe.Sizeof(*a)) + uint64(cap(a.Misses))*uint64(unsafe.Sizeof(Miss{}))
		}
	}
	decision := uint64(unsafe.Sizeof(Decision{})) + 4*uint64(history.FeatureLen)
	for horizon := range h.open {
		for r := range h.open[horizon] {
			n += decision * uint64(len(h.open[horizon][r]))
		}
	}
	return n + decision*uint64(h.Training().Decisions)
}
