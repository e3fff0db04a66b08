// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Of the answer to a query about pods what can be is handed on, and the rest is counted by its reason.
func TestPodsAreAsked(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	series := func(labels string, at int64, value string) string {
		return fmt.Sprintf(`{"metric":{%s},"value":[%d,%q]}`, labels, at, value)
	}
	web := `"namespace":"shop","pod":"web-0"`
	answer := strings.Join([]string{
		series(web, now.Unix(), "0.25"), series(web+`,"uid":"u"`, now.Unix()-59, "0"), series(web, now.Unix(), "NaN"), series(web, now.Unix(), "+Inf"),
		series(web, now.Unix(), "-Inf"), series(web, now.Unix(), "1e999"), series(web, now.Unix(), "-1"), series(web, now.Unix()-61, "1"), series(web, now.Unix()+61, "1"),
		series(`"namespace":"shop"`, now.Unix(), "1"), series(`"pod":"web-0"`, now.Unix(), "1"), `{"metric":{` + web + `},"histogram":[1,{}]}`, "null",
	}, ",")
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("query")
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[`+answer+`]}}`)
	}))
	defer server.Close()
	s, err := New(Config{URL: server.URL, Window: time.Minute, MaxSeries: 20}, clock.RealClock{})
	if err != nil {
		t.Fatal(err)
	}
	var got []usage.PodValue
	drops, err := s.AskPods(t.Context(), "p99[$window]", now, func(v usage.PodValue) { got = append(got, v) })
	want := []usage.PodValue{{Namespace: "shop", Name: "web-0", Value: .25}, {Namespace: "shop", Name: "web-0", UID: "u"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if asked != "p99[60s]" || s.PodWindow() != time.Minute {
		t.Errorf("asked %q, over %v", asked, s.PodWindow())
	}
	counted := usage.Drops{usage.NotANumber: 3, usage.Infinite: 3, usage.Negative: 1, usage.Stale: 1, usage.Future: 1, usage.Nameless: 2}
	if drops != counted {
		t.Errorf("dropped %v, want %v", drops, counted)
	}
	answer += strings.Repeat(","+series(web, now.Unix(), "1"), 8)
	if _, err := s.AskPods(t.Context(), "p99", now, func(usage.PodValue) {}); !errors.Is(err, ErrTooLarge) || strings.Contains(err.Error(), "p99") {
		t.Errorf("21 series, where 20 are allowed: %v", err)
	}
}
