// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"strings"
)

// KubectlArgs takes what is ours, --dir and a first --, off the arguments of kubectl.
func KubectlArgs(args []string, defaultDir string) (dir string, rest []string, err error) {
	dir = defaultDir
	for len(args) > 0 {
		value, found := strings.CutPrefix(args[0], "--dir=")
		switch {
		case found:
			dir, args = value, args[1:]
		case args[0] == "--dir":
			if len(args) < 2 {
				return "", nil, errors.New("--dir needs a directory")
			}
			dir, args = args[1], args[2:]
		case args[0] == "--":
			return dir, args[1:], nil
		default:
			return dir, args, nil
		}
	}
	return dir, args, nil
}
