// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package ui

import (
	"embed"
	"io/fs"
)

//go:embed page
var embedded embed.FS

// files of the page: nothing of it comes from elsewhere.
func files() fs.FS {
	sub, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // The folder is embedded.
	}
	return sub
}
