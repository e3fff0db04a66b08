// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bufio"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/test/browsertest"
)

// The page shows what the scheduler of a real cluster decides and predicts, in wide and narrow windows, light and dark.
func TestPage(t *testing.T) {
	chromium := browsertest.Chromium(t)
	ns := newNamespace(t)
	pool := newNodes(t, "page", 3, nil)
	create(t, ns, newPod("shown", pool, "250m"))
	node := placed(t, ns, "shown")

	cmd := exec.CommandContext(t.Context(), bin("foresight"), "ui", "--kubeconfig", kubeconfig(), "--port", "0")
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // The test's context has ended by then.
	lines := bufio.NewScanner(out)
	lines.Scan()
	address := regexp.MustCompile(`http://\S+`).FindString(lines.Text())
	if address == "" {
		t.Fatalf("foresight ui said %q", lines.Text())
	}

	for view, want := range map[string][]string{
		"nodes":     {node, "predicted", "requested"},
		"decisions": {ns + "/shown", "→ " + node},
		"workloads": {"workload"},
		"trust":     {"Did forecasts hold?", "Where forecasts of nodes come from"},
	} {
		for _, width := range []int{1280, 480} {
			for _, dark := range []bool{false, true} {
				name := fmt.Sprintf("%s-%d", view, width)
				if dark {
					name += "-dark"
				}
				var document string
				eventually(t, "the page to show "+view, func(context.Context) (bool, string) {
					document = browsertest.Open(t, chromium, browsertest.View{
						Address: address + "#" + view, Width: width, Height: 900, Dark: dark, Screenshot: filepath.Join(t.ArtifactDir(), name+".png"),
					})
					for _, text := range want {
						if !strings.Contains(document, text) {
							return false, fmt.Sprintf("%s: no %q in %s", name, text, document)
						}
					}
					return true, ""
				})
				if strings.Contains(document, "undefined") || strings.Contains(document, "NaN") {
					t.Errorf("%s shows what is none: %s", name, document)
				}
			}
		}
	}
}
