// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pressure

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const busy = "some avg10=28.50 avg60=12.00 avg300=3.10 total=1500\nfull avg10=1.00 avg60=0.50 avg300=0.25 total=7\n"
const idle = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"

func write(t *testing.T, dir, cpu string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"cpu": cpu, "memory": idle, "io": idle} {
		if err := os.WriteFile(filepath.Join(dir, name+".pressure"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNodesAndPodsOfAllClasses(t *testing.T) {
	node := t.TempDir()
	write(t, node, busy)
	write(t, filepath.Join(node, "kubepods", "podguaranteed"), idle)
	write(t, filepath.Join(node, "kubepods", "burstable", "podburst"), busy)
	write(t, filepath.Join(node, "kubepods", "besteffort", "podbest"), idle)
	s, err := Of(node, "node-1", time.Unix(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	if s.Node.NodeName != "node-1" || s.Node.CPU.PSI.Some.Avg10 != 28.5 || s.Node.CPU.PSI.Some.Total != 1_500_000 || s.Node.CPU.PSI.Full.Avg300 != 0.25 {
		t.Errorf("node: %+v", s.Node.CPU.PSI)
	}
	some := map[string]float64{}
	for _, p := range s.Pods {
		some[p.PodRef.UID] = p.CPU.PSI.Some.Avg60
	}
	if len(some) != 3 || some["burst"] != 12 || some["guaranteed"] != 0 || some["best"] != 0 {
		t.Errorf("pods: %v", some)
	}
}

func TestAMachineWithoutPSI(t *testing.T) {
	if _, err := Of(t.TempDir(), "n", time.Now()); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoPSIIsAnError(t *testing.T) {
	for _, text := range []string{"some avg10=much", "some avg10=-1", "full total="} {
		if psi, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, psi)
		}
	}
}
