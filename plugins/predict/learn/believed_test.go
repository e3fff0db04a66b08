// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn/checkpoint"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// once is a source of one reading.
type once struct{ r usage.Reading }

func (o *once) Name() string                                { return "once" }
func (o *once) Read(context.Context) (usage.Reading, error) { return o.r, nil }

// through hands a reading over as Run does, without the cleaner.
func (l *learner) through(t *testing.T, r usage.Reading) usage.Reading {
	t.Helper()
	w := &watched{Source: &once{r}, logger: klog.FromContext(t.Context()), failed: func() {}, roster: l.roster}
	r, err := w.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Answers that name nodes which the cluster does not have teach nothing of it, however many they are, and no real node counts as
// seen for them; those that name nodes by what belongs to them do.
func TestNodesThatDoNotExist(t *testing.T) {
	f := newFleet(20, 4)
	l := testLearner(f)
	for range 5 {
		r := f.read(30*time.Second, .1)
		for i := range r.Nodes {
			r.Nodes[i].Node = fmt.Sprintf("10.0.0.%d:9100", i)
		}
		for i := range 5000 {
			s := r.Nodes[0]
			s.Node = fmt.Sprint("nobody-", i)
			r.Nodes = append(r.Nodes, s)
		}
		r = l.through(t, r)
		if r.Dropped[usage.UnknownNode] != 5020 || len(r.Nodes) != 0 {
			t.Fatalf("%d samples of nodes are left, dropped %v", len(r.Nodes), r.Dropped)
		}
		l.learn(r, nil)
	}
	l.learn(l.through(t, f.read(30*time.Second, .1)), nil) // one real reading, which is not enough for a forecast
	s, st := l.publish(f.now, true)
	if !s.Blind() || st.standing.Nodes != [forecast.NumNodeRungs]int{forecast.Blind: 20} || s.NumForecasts() != 20 {
		t.Errorf("blind: %v, nodes on rungs %v, %d forecasts", s.Blind(), st.standing.Nodes, s.NumForecasts())
	}
	for range 5 {
		l.learn(l.through(t, f.read(30*time.Second, .1)), nil)
	}
	if s, st := l.publish(f.now, true); s.Blind() || st.standing.Nodes != [forecast.NumNodeRungs]int{forecast.Fresh: 20} {
		t.Errorf("blind: %v, nodes on rungs %v", s.Blind(), st.standing.Nodes)
	}
	// Nodes that went are not counted, in the same moment.
	f.names = f.names[:15]
	if s, st := l.publish(f.now, true); st.standing.Nodes != [forecast.NumNodeRungs]int{forecast.Fresh: 15} || s.NumForecasts() != 15 {
		t.Errorf("nodes on rungs %v", st.standing.Nodes)
	}
}

// That names fit no node is said once, with one of them, cut short.
func TestUnknownNamesAreTold(t *testing.T) {
	f := newFleet(2, 1)
	l := testLearner(f)
	logger := ktesting.NewLogger(t, ktesting.NewConfig(ktesting.BufferLogs(true)))
	source := &once{}
	w := &watched{Source: source, logger: logger, roster: l.roster}
	for range 3 {
		r := f.read(30*time.Second, .1)
		r.Nodes[0].Node = strings.Repeat("x", 1000)
		source.r = r
		if _, err := w.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	log := logger.GetSink().(ktesting.Underlier).GetBuffer().String()
	if n := strings.Count(log, "Samples name nodes"); n != 1 || strings.Contains(log, strings.Repeat("x", 65)) {
		t.Errorf("told %d times: %s", n, log)
	}
}

// A source that tells one resource is believed about that one: nothing of the other counts as known, neither its forecast nor its
// freshness; and when a resource is not told any more, it ages alone.
func TestResourcesAgeApart(t *testing.T) {
	for only, other := range map[usage.Quantity]forecast.Resource{usage.CPU: forecast.Memory, usage.Memory: forecast.CPU} {
		f := newFleet(4, 2)
		l := testLearner(f)
		drop := usage.CPU + usage.Memory - only
		read := func(after time.Duration, both bool) {
			r := f.read(after, .1)
			for i := range r.Nodes {
				if !both {
					r.Nodes[i].Unset(drop)
				}
			}
			for i := range r.Pods {
				if !both {
					r.Pods[i].Unset(drop)
				}
			}
			l.learn(r, nil)
		}
		for range 5 {
			read(30*time.Second, false)
		}
		s, st := l.publish(f.now, true)
		n := s.NodeForecast("node-0")
		if s.Blind() || n.Rung != forecast.Fresh || !n.Lacks[other] || n.Lacks[1-other] || st.standing.Nodes[forecast.Blind] != 4 ||
			st.standing.Resources[other][forecast.Blind] != 4 || st.standing.Resources[1-other][forecast.Fresh] != 4 {
			t.Errorf("only %v: %+v, %+v", only, n, st.standing)
		}
		pod := s.Pod(f.objects[0])
		if p := pod.Peaks[forecast.Hour][other]; pod.Origin != forecast.FromOwner || p.Mean != p.Upper || p.Lower != 0 || p.Upper < .2 {
			t.Errorf("only %v: %v, the other one %+v, want what is requested", only, pod.Origin, p)
		}
		for range 5 {
			read(30*time.Second, true)
		}
		s, _ = l.publish(f.now, true)
		before := s.NodeForecast("node-0")
		for range 4 {
			read(10*time.Minute, false)
		}
		s, st = l.publish(f.now, true)
		after := s.NodeForecast("node-0")
		if st.standing.Resources[other][forecast.Stale] != 4 || st.standing.Resources[1-other][forecast.Fresh] != 4 || st.standing.Nodes[forecast.Stale] != 4 {
			t.Errorf("%v was told 40 minutes ago: %+v", other, st.standing)
		}
		for r, wider := range map[forecast.Resource]bool{other: true, 1 - other: false} {
			was, is := before.Residual[forecast.Hour][r], after.Residual[forecast.Hour][r]
			if got := is.Upper-is.Lower > was.Upper-was.Lower+1e-3; got != wider {
				t.Errorf("%v was told 40 minutes ago: the interval of %v was %+v and is %+v", other, r, was, is)
			}
		}
	}
}

// A checkpoint that is not read is not destroyed: it stays under a name that says why, and the last good one is read.
func TestCheckpointOfAnotherVersion(t *testing.T) {
	f := newFleet(2, 1)
	a := args()
	dir := t.TempDir()
	a.Checkpoint.Path = filepath.Join(dir, "checkpoint")
	l := testLearner(f)
	for range 2 {
		l.learn(f.read(time.Minute, .1), nil)
		l.save(t.Context(), &a)
	}
	// A newer binary sets it aside, and saves.
	newer, err := checkpoint.SetAside(a.Checkpoint.Path, checkpoint.Load(a.Checkpoint.Path, version+1, nil))
	if err != nil || newer != a.Checkpoint.Path+fmt.Sprint(".version-", version) {
		t.Fatal(newer, err)
	}
	if err := os.WriteFile(a.Checkpoint.Path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for what, damage := range map[string]func(){
		".version-7": func() {
			if err := checkpoint.Save(a.Checkpoint.Path, 7, func(io.Writer) error { return nil }); err != nil {
				t.Fatal(err)
			}
		},
		".damaged": func() {
			if err := os.WriteFile(a.Checkpoint.Path, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		_ = os.Remove(a.Checkpoint.Path + ".previous")
		damage()
		held, err := os.ReadFile(a.Checkpoint.Path)
		if err != nil {
			t.Fatal(err)
		}
		back := testLearner(f)
		if !back.restore(t.Context(), &a, f.now) || back.nodes.Len() != 2 || back.loadFailures != 1 {
			t.Errorf("%s: the last good one is not read", what)
		}
		back.save(t.Context(), &a)
		if got, err := os.ReadFile(a.Checkpoint.Path + what); err != nil || !slices.Equal(got, held) {
			t.Errorf("%s does not hold what was not read: %v", what, err)
		}
	}
}

// What is no file is neither waited for nor replaced.
func TestCheckpointIsNoFile(t *testing.T) {
	f := newFleet(2, 1)
	a := args()
	a.Checkpoint.Path = filepath.Join(t.TempDir(), "checkpoint")
	if err := syscall.Mkfifo(a.Checkpoint.Path, 0o600); err != nil {
		t.Fatal(err)
	}
	l := testLearner(f)
	if l.restore(t.Context(), &a, f.now) || l.loadFailures != 1 || l.saveFailures != 1 {
		t.Errorf("restored from a pipe; %d loads and %d saves failed", l.loadFailures, l.saveFailures)
	}
	l.learn(f.read(time.Minute, .1), nil)
	l.save(t.Context(), &a)
	if info, err := os.Lstat(a.Checkpoint.Path); err != nil || info.Mode()&os.ModeNamedPipe == 0 || l.saveFailures != 2 {
		t.Errorf("the pipe was replaced: %v, %v; %d saves failed", info, err, l.saveFailures)
	}
}
