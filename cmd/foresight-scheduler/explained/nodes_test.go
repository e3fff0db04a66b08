// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package explained

import (
	"errors"
	"net/http"
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
