// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// docs/reference/old-settings.md says of every name, argument and field of a policy what became of it.
func TestPolicyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/reference/old-settings.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range knownPredicates {
		names = append(names, name)
	}
	for name := range knownPriorities {
		names = append(names, name)
	}
	for _, kind := range []any{policy{}, predicateArgument{}, priorityArgument{}} {
		for _, f := range reflect.VisibleFields(reflect.TypeOf(kind)) {
			if name := f.Tag.Get("json"); name != "kind" && name != "apiVersion" {
				names = append(names, name)
			}
		}
	}
	_, tables, _ := strings.Cut(string(page), "## What became of what")
	for _, name := range names {
		if !strings.Contains(tables, "`"+name+"`") && !strings.Contains(tables, "`"+name+": []`") {
			t.Errorf("%s is not in docs/reference/old-settings.md", name)
		}
	}
}
