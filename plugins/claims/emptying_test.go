// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package claims

import (
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whose a mark is, and since when; whatever somebody else wrote there. Who is named beside it is no annotation without effect.
func TestEmptying(t *testing.T) {
	for name, tc := range map[string]struct {
		value, by string
		seconds   int64
		want      string
	}{
		"ours":               {"1790000000", "ns/scheduler", 1790000000, "ns/scheduler"},
		"nobody's":           {"1790000000", "", 1790000000, ""},
		"a name of a novel":  {"1790000000", strings.Repeat("x", 513), 1790000000, ""},
		"no time":            {"", "ns/scheduler", 0, "ns/scheduler"},
		"a time of long ago": {"-5", "ns/scheduler", 0, "ns/scheduler"},
		"no number":          {"tomorrow", "ns/scheduler", 0, "ns/scheduler"},
	} {
		node := &v1.Node{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{EmptyingBy: tc.by}}}
		if _, _, marked := Emptying(node); marked {
			t.Errorf("%s: an annotation is a mark", name)
		}
		node.Spec.Taints = []v1.Taint{{Key: "other"}, {Key: EmptyingTaint, Value: tc.value}}
		by, since, marked := Emptying(node)
		if !marked || by != tc.want || (tc.seconds == 0) != since.IsZero() || tc.seconds != 0 && since.Unix() != tc.seconds {
			t.Errorf("%s: %q since %v, %v", name, by, since, marked)
		}
		if err := CheckNode(node); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
