// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// auditLog is what the API server wrote down of leases, binds and evictions since the test began.
type auditLog struct {
	t      *testing.T
	file   *os.File
	rest   []byte
	leases []leaseWrite
	terms  []term
	binds  []bind
	// evictions are written down as binds are.
	evictions []bind
}

// leaseWrite is a successful write of the lease.
type leaseWrite struct {
	holder, agent      string
	received, answered time.Time
}

// term is a time in which the lease named one holder, by the API server's clock.
type term struct {
	holder, agent string
	// begun and done are when the request that acquired the lease came in, and when it
	// was answered: it took effect in between.
	begun, done time.Time
	// ended is when it was answered that the lease names another holder or none; zero as
	// long as that is not so.
	ended time.Time
}

// bind is a request to bind a pod.
type bind struct {
	pod, agent string
	received   time.Time
	status     int
}

// auditEvent is what the tests read of an audit.k8s.io/v1 Event.
type auditEvent struct {
	Verb, UserAgent string
	ObjectRef       struct{ Resource, Subresource, Namespace, Name string }
	Response        struct{ Code int } `json:"responseStatus"`
	Lease           struct {
		Spec struct{ HolderIdentity string }
	} `json:"requestObject"`
	Received time.Time `json:"requestReceivedTimestamp"`
	Answered time.Time `json:"stageTimestamp"`
}

func (e *auditEvent) wroteOurLease() bool {
	return e.ObjectRef.Resource == "leases" && e.ObjectRef.Namespace == "foresight-system" &&
		(e.Verb == "create" || e.Verb == "update") && (e.Response.Code == http.StatusOK || e.Response.Code == http.StatusCreated)
}

func openAuditLog(t *testing.T) *auditLog {
	t.Helper()
	file, err := os.Open(filepath.Join(clusterDir, "logs", "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		t.Fatal(err)
	}
	return &auditLog{t: t, file: file}
}

// read takes in what was written since it was last called.
func (a *auditLog) read() {
	a.t.Helper()
	more, err := io.ReadAll(a.file)
	if err != nil {
		a.t.Fatal(err)
	}
	a.rest = append(a.rest, more...)
	for {
		line, rest, found := bytes.Cut(a.rest, []byte("\n"))
		if !found {
			return
		}
		a.rest = rest
		var e auditEvent
		if err := json.Unmarshal(line, &e); err != nil {
			a.t.Fatalf("audit: %v in %s", err, line)
		}
		agent, _, _ := strings.Cut(e.UserAgent, "/")
		switch {
		case e.ObjectRef.Subresource == "binding":
			a.binds = append(a.binds, bind{pod: e.ObjectRef.Namespace + "/" + e.ObjectRef.Name, agent: agent, received: e.Received, status: e.Response.Code})
		case e.ObjectRef.Subresource == "eviction":
			a.evictions = append(a.evictions, bind{pod: e.ObjectRef.Namespace + "/" + e.ObjectRef.Name, agent: agent, received: e.Received, status: e.Response.Code})
		case e.wroteOurLease():
			a.written(leaseWrite{e.Lease.Spec.HolderIdentity, agent, e.Received, e.Answered})
		}
	}
}

func (a *auditLog) written(w leaseWrite) {
	a.leases = append(a.leases, w)
	if n := len(a.terms); n > 0 && a.terms[n-1].ended.IsZero() {
		if a.terms[n-1].holder == w.holder {
			return
		}
		a.terms[n-1].ended = w.answered
	}
	if w.holder != "" {
		a.terms = append(a.terms, term{holder: w.holder, agent: w.agent, begun: w.received, done: w.answered})
	}
}

// leader is the term that goes on now, if any.
func (a *auditLog) leader() (term, bool) {
	a.read()
	if n := len(a.terms); n > 0 && a.terms[n-1].ended.IsZero() {
		return a.terms[n-1], true
	}
	return term{}, false
}

// judgeLast fails the test where the agent wrote the lease after its successor had it, and
// where it did not release it before, or did.
func (a *auditLog) judgeLast(t *testing.T, agent string, next term, releases bool) {
	t.Helper()
	a.read()
	released := false
	for _, w := range a.leases {
		if w.agent != agent {
			continue
		}
		if w.received.After(next.done) {
			t.Errorf("%s, which had lost the lease to %v, wrote %q into it", agent, next, w.holder)
		}
		released = w.holder == ""
	}
	if released != releases {
		t.Errorf("%s released its lease: %v, want %v", agent, released, releases)
	}
}

// judge fails the test for every pod of the namespace that was bound more than once, or by
// who did not hold the lease when the request came in. It returns how many requests the API
// server answered with a success, how many it did not answer, and how many it refused.
func (a *auditLog) judge(namespace string) (answered, open, refused int) {
	a.t.Helper()
	a.read()
	var unanswered []bind
	bound := map[string]bind{}
	for _, b := range a.binds {
		switch {
		case !strings.HasPrefix(b.pod, namespace+"/"):
		case b.status == http.StatusCreated:
			answered++
			if first, again := bound[b.pod]; again {
				a.t.Errorf("%s was bound by %s and then by %s", b.pod, first.agent, b.agent)
			}
			bound[b.pod] = b
			a.mustHold(b)
		case b.status >= http.StatusInternalServerError || b.status == 0:
			open++
			unanswered = append(unanswered, b)
		default:
			refused++
		}
	}
	// What its sender took back, or left with its death, took effect only where nothing else did:
	// a pod that has a node is not bound again.
	for _, b := range unanswered {
		if _, otherwise := bound[b.pod]; !otherwise {
			a.mustHold(b)
		}
	}
	return answered, open, refused
}

func (a *auditLog) mustHold(b bind) {
	a.t.Helper()
	if !a.held(b.agent, b.received) {
		a.t.Errorf("%s was bound at %s by %s (status %d), which did not hold the lease then; terms: %v",
			b.pod, b.received.Format(time.StampMicro), b.agent, b.status, a.terms)
	}
}

func (a *auditLog) held(agent string, at time.Time) bool {
	for _, t := range a.terms {
		if t.agent == agent && !at.Before(t.begun) && (t.ended.IsZero() || !at.After(t.ended)) {
			return true
		}
	}
	return false
}

func (t term) String() string {
	ended := "now"
	if !t.ended.IsZero() {
		ended = t.ended.Format(time.StampMicro)
	}
	return t.agent + " from " + t.begun.Format(time.StampMicro) + " to " + ended
}
