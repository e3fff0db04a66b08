// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// Both pages are the same files, but for where they ask; the scheduler's may load nothing from elsewhere.
func TestWhereThePagesAsk(t *testing.T) {
	get := func(h http.Handler, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w
	}
	for want, h := range map[string]http.Handler{`data-api="api/"`: Own(), `data-api="../"`: Schedulers()} {
		if w := get(h, "/"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%d: no %s in %s", w.Code, want, w.Body)
		}
		if w := get(h, "/page.js"); w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
			t.Errorf("page.js: %d %v", w.Code, w.Header())
		}
		if w := get(h, "/page.go"); w.Code != http.StatusNotFound {
			t.Errorf("page.go: %d", w.Code)
		}
	}
	if policy := get(Schedulers(), "/").Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the page may load %q", policy)
	}
}

// Nothing in the page names another place, and all that it names of its own is relative: it works below any path.
func TestNothingComesFromElsewhere(t *testing.T) {
	elsewhere := regexp.MustCompile(`(?:src|href)="(?:/|[a-z]+:)|https?://|url\(`)
	all := files()
	err := fs.WalkDir(all, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(all, path)
		// What names a format is no place.
		if found := elsewhere.Find([]byte(strings.ReplaceAll(string(text), "http://www.w3.org/2000/svg", ""))); found != nil {
			t.Errorf("%s: %s", path, found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
