// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package bounded

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// Long lines end the reading, in whatever pieces they come; short ones are read as they are.
func TestLines(t *testing.T) {
	for _, tc := range []struct {
		text string
		long bool
	}{
		{"", false}, {"1234", false}, {"1234\n1234\n", false}, {"\n\n\n", false},
		{"12345", true}, {"1\n12345", true}, {"12345\n1", true}, {"1234\n1234\n12345\n", true},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(tc.text), "by bytes": iotest.OneByteReader(strings.NewReader(tc.text))} {
			got, err := io.ReadAll(Lines(r, 4))
			if errors.Is(err, ErrTooLarge) != tc.long || !tc.long && (err != nil || string(got) != tc.text) {
				t.Errorf("%q %s: got %q, %v", tc.text, name, got, err)
			}
		}
	}
}
