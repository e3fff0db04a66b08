// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package interference

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded/boundedtest"
)

// Whatever a table holds, it is read with a bounded multiple of its bytes, and no number is none where one is required.
func FuzzKind(f *testing.F) {
	var names []string
	for _, c := range columns {
		names = append(names, c.name)
	}
	header := strings.Join(names, ",") + "\n"
	row := strings.Repeat("1,", len(names)-1) + "1\n"
	f.Add([]byte(header + row + row))
	f.Add([]byte(header + strings.Replace(row, "1", "NaN", 1)))
	f.Add([]byte(header + strings.Repeat("1e999,", len(names))))
	f.Add([]byte(strings.Repeat(",", 1<<17)))
	f.Add([]byte(header + strings.Repeat(",", 1<<17)))
	f.Add([]byte("\"" + strings.Repeat("\n", 1<<12)))
	f.Fuzz(func(t *testing.T, data []byte) {
		boundedtest.Allocates(t, len(data), func() {
			k, err := ReadKind("fuzz", bytes.NewReader(data))
			for i := range k.Rows {
				for c, column := range columns {
					if v := *column.of(&k.Rows[i]); c < required && !(v >= 0 && !math.IsInf(v, 0)) {
						t.Errorf("row %d: %s is %v", i, column.name, v)
					}
				}
			}
			if err == nil && len(k.Rows) == 0 {
				t.Error("no row and no error")
			}
		})
	})
}

func TestLongLines(t *testing.T) {
	if _, err := ReadKind("long", strings.NewReader(strings.Repeat(",", 1<<20))); err == nil || !strings.Contains(err.Error(), "a line of more than") {
		t.Errorf("got %v", err)
	}
}
