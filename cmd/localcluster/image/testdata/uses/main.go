// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command uses is linked with one module beside this one.
package main

import (
	"fmt"

	"github.com/opencontainers/go-digest"
)

func main() { fmt.Println(digest.FromString("x")) }
