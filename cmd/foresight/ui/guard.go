// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strconv"

	"github.com/foresight-scheduler/foresight/cmd/internal/page"
)

// guard lets through who knows the secret. Every process of the machine reaches a port of 127.0.0.1, and so does every page that
// a browser of the machine has open: by its address, or by a name that its owner lets lead there.
func guard(next http.Handler, port int, secret string) http.Handler {
	// Cookies are not told apart by port.
	cookie := "foresight-ui-" + strconv.Itoa(port)
	known := func(said string) bool { return subtle.ConstantTimeCompare([]byte(said), []byte(secret)) == 1 }
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page.Protect(w.Header())
		if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "127.0.0.1" && host != "localhost" {
			http.Error(w, "this page is served to 127.0.0.1 and localhost only", http.StatusMisdirectedRequest)
			return
		}
		if said := r.URL.Query().Get("secret"); r.URL.Path == "/" && known(said) {
			http.SetCookie(w, &http.Cookie{Name: cookie, Value: secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
			// The secret leaves the address bar.
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if said, err := r.Cookie(cookie); err != nil || !known(said.Value) {
			http.Error(w, "open the address that foresight ui printed: it holds the secret of this run", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
