// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// StepsADay of a trace that is made here.
const StepsADay = 24 * 4

// Trace makes a small usage trace of CPU, and returns its folder. A workload has 1 to 4 cores and uses so many per mille of them in a step.
func Trace(t *testing.T, name string, workloads, days int, use func(workload, step int) float64) string {
	t.Helper()
	dir := t.TempDir()
	var header, limits, usage strings.Builder
	header.WriteString("step")
	limits.WriteString("workload,cpu_limit_cores,memory_limit_bytes\n")
	for w := range workloads {
		fmt.Fprintf(&header, ",w%d", w)
		fmt.Fprintf(&limits, "w%d,%d,1e9\n", w, 1+w%4)
	}
	for step := range days * StepsADay {
		fmt.Fprintf(&usage, "\n%d", step)
		for w := range workloads {
			fmt.Fprintf(&usage, ",%.0f", use(w, step))
		}
	}
	for file, data := range map[string]string{
		"trace.json": fmt.Sprintf(`{"name":%q,"interval_seconds":%d,"start_unix":1700000000,"steps":%d,"unit":"per-mille of the workload's limit","resources":["cpu"]}`,
			name, 86400/StepsADay, days*StepsADay),
		"workloads.csv": limits.String(),
		"cpu.csv":       header.String() + usage.String() + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
