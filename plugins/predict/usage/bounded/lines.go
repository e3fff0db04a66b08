// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package bounded

import (
	"bytes"
	"fmt"
	"io"
)

// Lines returns r with an error, ErrTooLarge, at the first line of more than max bytes: what is parsed line by line, as tables are,
// takes many times the bytes of a line.
func Lines(r io.Reader, max int) io.Reader { return &lines{r: r, max: max} }

type lines struct {
	r    io.Reader
	max  int
	line int // bytes of the line that has begun
}

func (l *lines) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			l.line += len(rest)
			rest = nil
		} else {
			l.line += end
			rest = rest[end+1:]
		}
		if l.line > l.max {
			return 0, fmt.Errorf("%w: a line of more than %d bytes", ErrTooLarge, l.max)
		}
		if end >= 0 {
			l.line = 0
		}
	}
	return n, err
}
