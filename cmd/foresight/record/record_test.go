// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// Whoever records nodes needs no right to see pods, and whoever records pods without it hears so at once: neither hangs.
func TestWithoutTheRightToListPods(t *testing.T) {
	const node = `{"kind":"Node","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"1"},"status":{"capacity":{"cpu":"4","memory":"8Gi"}}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/pods"):
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden","reason":"Forbidden","code":403}`)
		case r.URL.Query().Get("watch") != "":
			_, _ = io.WriteString(w, `{"type":"ADDED","object":`+node+`}{"type":"BOOKMARK","object":{"kind":"Node","apiVersion":"v1","metadata":{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}`)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		default:
			_, _ = io.WriteString(w, `{"kind":"NodeList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`+node+`]}`)
		}
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	config := &rest.Config{Host: server.URL}
	sizes, err := watchSizes(ctx, config, false)
	if err != nil {
		t.Fatalf("nodes: %v", err)
	}
	if m, ok := sizes.machine("a"); !ok || m.Cores != 4 {
		t.Errorf("node a has %+v, %v", m, ok)
	}
	if _, err := watchSizes(ctx, config, true); err == nil || !strings.Contains(err.Error(), "watching pods: pods is forbidden") {
		t.Errorf("pods: error %v", err)
	}
}
