// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package try

import (
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/cmd/internal/commandtest"
)

// Flags that do not go together are refused before anything is read or asked.
func TestFlagsThatDoNotGoTogether(t *testing.T) {
	for args, want := range map[string]string{
		"":                                 "--filename, -f",
		"--dry-run":                        "--filename, -f",
		"-f x --compare default-scheduler": "--compare: takes --dry-run too",
		"--without-node n":                 "--without-node: takes --dry-run too",
		"-f x --config y":                  "--config: takes --dry-run too",
		"-f x --dry-run --rm":              "--rm: has no meaning with --dry-run",
		"-f x --dry-run --yes":             "--yes: has no meaning",
		"-f x --dry-run --timeout 1s":      "--timeout: has no meaning",
		"--dry-run --without-node n --compare volcano":        `--compare "volcano": must be default-scheduler`,
		"--dry-run --without-node n --config /does/not/exist": "--config: open /does/not/exist",
		"--dry-run -f x -o xml":                               "table, wide, json or yaml",
	} {
		if _, _, err := commandtest.Run(t.Context(), NewCommand(), "", strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that says %q", args, err, want)
		}
	}
}
