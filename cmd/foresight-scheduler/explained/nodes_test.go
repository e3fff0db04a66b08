// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// Of nodes, those that are named are told, in that order; a name that is none's is refused.
func TestNodesThatAreNamed(t *testing.T) {
	all := func() *decision.Nodes {
		return &decision.Nodes{Nodes: []decision.Node{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	}
	for _, tc := range []struct{ names, want []string }{{nil, []string{"a", "b", "c"}}, {[]string{"c", "a"}, []string{"c", "a"}}} {
		nodes := all()
		if err := only(nodes, tc.names); err != nil {
			t.Fatal(err)
		}
		for i, n := range nodes.Nodes {
			if len(nodes.Nodes) != len(tc.want) || n.Name != tc.want[i] {
				t.Errorf("%v: %+v", tc.names, nodes.Nodes)
			}
		}
	}
	var refused *refusal
	if err := only(all(), []string{"a", "d"}); !errors.As(err, &refused) || refused.code != http.StatusNotFound {
		t.Errorf("a node that there is not: %v", err)
	}
}

// The page asks beside itself. A standby answers as it does to all other questions, so that a proxy asks the next replica.
func TestThePageIsTheLeaders(t *testing.T) {
	leads := true
	h := &Handler{Leads: func() bool { return leads }}
	served := h.Ready()
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		served.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/foresight/v1/"+path, nil))
		return w
	}
	if w := get("ui/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `data-api="../"`) || w.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := get("ui/page.css"); w.Code != http.StatusOK {
		t.Errorf("its style: %d", w.Code)
	}
	leads = false
	for _, path := range []string{"ui/", "ui/page.css", "nodes"} {
		if w := get(path); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "does not lead") {
			t.Errorf("%s of a standby: %d %s", path, w.Code, w.Body)
		}
	}
}
