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

	for _, view := range []struct {
		name string
		want []string
	}{
		{"nodes", []string{node, "predicted", "requested"}},
		{"nodes/" + node, []string{"Hours below the upper bound", "The last hours that did not come out as forecast"}},
		{"qos", []string{"No profile predicts the service"}},
		{"decisions", []string{ns + "/shown", "→ " + node}},
		{"decisions/" + ns + "/shown", []string{"(chosen)", "default profile would choose"}},
		{"workloads", []string{"foresight-system/foresight-scheduler"}},
		{"shadow", []string{"No onlooker answers"}},
		{"trust", []string{"Did forecasts hold?", "Where forecasts of nodes come from"}},
	} {
		for _, window := range []browsertest.View{{Width: 1280}, {Width: 480, Dark: true}} {
			window.Height, window.Address = 900, address+"#"+view.name
			picture := fmt.Sprintf("%s-%d.png", strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(view.name, ns, "pod"), node, "one"), "/", "-"), window.Width)
			window.Screenshot = filepath.Join(t.ArtifactDir(), picture)
			var document string
			eventually(t, "the page to show "+view.name, func(context.Context) (bool, string) {
				document = browsertest.Open(t, chromium, window)
				for _, text := range view.want {
					if !strings.Contains(document, text) {
						return false, fmt.Sprintf("no %q in %s", text, document)
					}
				}
				return true, ""
			})
			if strings.Contains(document, "undefined") || strings.Contains(document, "NaN") {
				t.Errorf("%s shows what is none: %s", view.name, document)
			}
		}
	}
}
