// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package feedback

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/klog/v2"

	"github.com/foresight-scheduler/foresight/plugins/predict/learn/outcome"
)

// written is what is in the file of observations.
func (l *loop) written() []outcome.Outcome {
	l.t.Helper()
	l.exporter.write(klog.Background(), 0)
	outcomes, err := outcome.ReadObservations(l.exporter.file)
	if err != nil {
		l.t.Fatal(err)
	}
	return outcomes
}

// What comes of decisions is written, a pod that is lost after it was judged too, and a loop that starts goes on with it.
func TestObservations(t *testing.T) {
	a := args()
	a.Feedback.ObservationsFile = filepath.Join(t.TempDir(), "observations.csv")
	l := newLoop(t, a)
	l.bind("kept", "a")
	l.bind("evicted", "b")
	l.Observe(evicted("evicted"))
	l.wait(10 * time.Minute)
	if got := l.written(); len(got) != 2 || !got[0].Violated || got[0].Node != "b" || got[1].Violated || got[1].Node != "a" {
		t.Errorf("%+v", got)
	}
	l.Observe(evicted("kept"))
	if got := l.written(); len(got) != 2 || !got[0].Violated || !got[1].Violated {
		t.Errorf("a pod is lost after ten minutes: %+v", got)
	}

	next := newLoop(t, a)
	next.bind("after", "c")
	next.wait(10 * time.Minute)
	if got := next.written(); len(got) != 3 || got[2].Violated || got[2].Node != "c" {
		t.Errorf("after an eviction: %+v", got)
	}
}

// A file that cannot be written is counted; one that is damaged starts anew.
func TestObservationsFileFails(t *testing.T) {
	a := args()
	a.Feedback.ObservationsFile = filepath.Join(t.TempDir(), "there", "observations.csv")
	l := newLoop(t, a)
	l.bind("p", "a")
	l.Observe(evicted("p"))
	l.exporter.write(klog.Background(), 0)
	if c, _ := l.Report(); c.Unwritten != 1 {
		t.Errorf("%d failures", c.Unwritten)
	}
	if err := os.Mkdir(filepath.Dir(a.Feedback.ObservationsFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := l.written(); len(got) != 1 {
		t.Errorf("once the folder is there: %+v", got)
	}
	if err := os.WriteFile(a.Feedback.ObservationsFile, []byte("bound,node\nyesterday"), 0o600); err != nil {
		t.Fatal(err)
	}
	l = newLoop(t, a)
	l.bind("p", "a")
	l.Observe(evicted("p"))
	if got := l.written(); len(got) != 1 || !got[0].Violated {
		t.Errorf("%+v", got)
	}
}
