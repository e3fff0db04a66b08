// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package page is the page of what is decided and predicted: its files, of which nothing comes from elsewhere. foresight ui serves it on
// the user's machine, and the scheduler on its secure port.
package page

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
)

//go:embed files
var embedded embed.FS

// asks is how index.html says where the page asks, relative to itself, and after how many seconds again.
const asks = `data-api="api/" data-seconds="5"`

// Own serves the page of foresight ui, which asks for api/… and is told what was.
func Own() http.Handler { return http.FileServerFS(files()) }

// Schedulers serves the page of the scheduler itself at a path below those that it asks. It asks less often, since each
// answer is made anew, and knows nothing of the past.
func Schedulers() http.Handler {
	all := files()
	index, err := fs.ReadFile(all, "index.html")
	if err != nil || bytes.Count(index, []byte(asks)) != 1 {
		panic(fmt.Sprintf("the page does not say where it asks: %v", err)) // It is embedded.
	}
	index = bytes.Replace(index, []byte(asks), []byte(`data-api="../" data-seconds="15"`), 1)
	others := http.FileServerFS(all)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		Protect(w.Header())
		if r.URL.Path != "/" {
			others.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(index) // A browser that has gone needs no page.
	})
}

func files() fs.FS {
	sub, err := fs.Sub(embedded, "files")
	if err != nil {
		panic(err) // The folder is embedded.
	}
	return sub
}

// Protect has browsers load nothing from elsewhere, and show it within no other page.
func Protect(header http.Header) {
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}
