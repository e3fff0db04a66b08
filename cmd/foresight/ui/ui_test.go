// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/decision"
	"github.com/foresight-scheduler/foresight/plugins/decision/shadow"
	"github.com/foresight-scheduler/foresight/plugins/rebalance"
)

// fake is a scheduler whose answers are as given.
type fake struct {
	nodes  decision.Nodes
	shadow *shadow.Report
	qos    *decision.QoS
	moves  *rebalance.Report
	// decisions that are recorded, and what is explained of each.
	decisions []decision.Record
	explained *decision.Explanation
	err       error
}

func (f *fake) Get(_ context.Context, path string, query url.Values, into any) error {
	if f.err != nil {
		return f.err
	}
	var v any = f.nodes
	switch {
	case path == "shadow" && f.shadow != nil:
		v = f.shadow
	case path == "qos" && f.qos != nil:
		v = f.qos
	case path == "rebalance" && f.moves != nil:
		v = f.moves
	case path == "decisions" && f.decisions != nil:
		v = f.decisions
	case path == "explain" && f.explained != nil:
		v = f.explained
	case path != "nodes":
		v = map[string]string{"path": path, "pod": query.Get("pod")}
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func node(name string, used float64) decision.Node {
	return decision.Node{Name: name, CPU: decision.Resources{Allocatable: 4, Used: &used}}
}

// served runs the command's server and returns the address that it prints.
func served(t *testing.T, from asker) string {
	t.Helper()
	out, print := io.Pipe()
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		ended <- serve(ctx, print, io.Discard, from, from, 0, time.Hour)
		print.Close()
	}()
	said := make([]byte, 4096)
	n, err := out.Read(said)
	if err != nil {
		t.Fatal(<-ended)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return regexp.MustCompile(`http://\S+`).FindString(string(said[:n]))
}

func get(t *testing.T, client *http.Client, address, host string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body), response.Header
}

// Only who was told the address sees anything, and only by a name of this machine.
func TestWhoSeesThePage(t *testing.T) {
	address := served(t, &fake{nodes: decision.Nodes{Nodes: []decision.Node{node("node-1", 1)}}})
	at, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + at.Host
	stranger := &http.Client{}
	for _, path := range []string{"/", "/api/nodes", "/page.js", "/?secret=guess", "/api/nodes?secret=" + at.Query().Get("secret")} {
		if code, body, _ := get(t, stranger, base+path, at.Host); code != http.StatusForbidden || strings.Contains(body, "node-1") {
			t.Errorf("%s: a stranger gets %d %s", path, code, body)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	friend := &http.Client{Jar: jar}
	code, body, header := get(t, friend, address, at.Host)
	if code != http.StatusOK || !strings.Contains(body, "<title>Foresight</title>") {
		t.Fatalf("got %d %s", code, body)
	}
	if policy := header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page may load %q", policy)
	}
	for path, want := range map[string]string{
		"/api/nodes": `"node-1"`, "/api/heat": `"cpu":{"node-1":"Pw=="}`, "/api/explain?pod=web-1": `"pod":"web-1"`, "/api/qos": `"qos"`, "/api/nodes?node=node-1": `"node-1"`, "/api/workloads": `"workloads"`, "/api/shadow": `"shadow"`, "/list.js": "class List",
	} {
		if code, body, _ := get(t, friend, base+path, at.Host); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d %s, want %s", path, code, body, want)
		}
	}
	// A name that leads to this machine is another page's.
	if code, _, _ := get(t, friend, base+"/api/nodes", "evil.example:"+at.Port()); code != http.StatusMisdirectedRequest {
		t.Errorf("by the name of another one: got %d", code)
	}
	if code, _, _ := get(t, friend, base+"/api/metrics", at.Host); code != http.StatusNotFound {
		t.Errorf("a path that is none of the page's: got %d", code)
	}
}

func TestWithoutAScheduler(t *testing.T) {
	refused := errors.New("no scheduler leads")
	if err := serve(t.Context(), io.Discard, io.Discard, &fake{err: refused}, &fake{}, 0, time.Hour); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	for _, args := range []string{"--interval 10ms", "--port 70000"} {
		cmd := NewCommand()
		cmd.SetArgs(strings.Fields(args))
		cmd.SetOut(io.Discard)
		cmd.SetErr(io.Discard)
		if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), strings.Fields(args)[0]) {
			t.Errorf("%s: got %v, want the flag's name", args, err)
		}
	}
}

// How full nodes were is remembered for a while, of nodes that are there.
func TestHeat(t *testing.T) {
	from := &fake{}
	h := newHeat(from, time.Second)
	read := func(second int64, nodes ...decision.Node) {
		t.Helper()
		from.nodes = decision.Nodes{Time: time.Unix(second, 0), Nodes: nodes}
		if err := h.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	want := func(text string) {
		t.Helper()
		p := h.history()
		if got := fmt.Sprint(p.Times, p.CPU); got != text {
			t.Errorf("got  %s\nwant %s", got, text)
		}
	}
	unmeasured := decision.Node{Name: "c", CPU: decision.Resources{Allocatable: 4}}
	read(1, node("a", 2), node("b", 9))
	read(2, node("a", 4), unmeasured)
	want("[1 2] map[a:[125 250] c:[255 255]]")

	from.err = errors.New("away")
	if err := h.read(t.Context()); err == nil {
		t.Error("a failed reading is no error")
	}
	want("[1 2] map[a:[125 250] c:[255 255]]")
	answer, err := h.newest()
	text, _ := json.Marshal(answer)
	if err != nil || !bytes.Contains(text, []byte(`"problem":"away"`)) || !bytes.Contains(text, []byte(`"name":"a"`)) {
		t.Errorf("got %s, %v: want the last good answer and what is wrong", text, err)
	}
	from.err = nil
	for i := range int64(2 * kept) {
		read(10+i, node("a", 1))
	}
	if p := h.history(); len(p.Times) != kept || len(p.CPU["a"]) != kept || p.Times[kept-1] != 9+2*kept {
		t.Errorf("%d times, %d shares, want %d", len(p.Times), len(p.CPU["a"]), kept)
	}
}
