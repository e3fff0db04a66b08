// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// A bill of materials names the modules that the binary was linked with, and the same binary gives the same bill.
func TestSBOM(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "uses")
	if out, err := exec.Command("go", "build", "-o", binary, "./testdata/uses").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	first, err := SBOM(binary, "v1", time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	again, err := SBOM(binary, "v1", time.Unix(0, 0))
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("made again it differs, %v", err)
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(first), cyclonedx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	found := false
	for _, c := range *bom.Components {
		if c.Version == "" || !strings.HasSuffix(c.PackageURL, "@"+c.Version) {
			t.Errorf("no version: %+v", c)
		}
		found = found || c.Name == "github.com/opencontainers/go-digest"
	}
	if !found || bom.Metadata.Component.Version != "v1" {
		t.Errorf("the bill does not name what this test is linked with:\n%.2000s", first)
	}
	if _, err := SBOM("/etc/passwd", "v1", time.Unix(0, 0)); err == nil {
		t.Error("a file that is no binary has a bill")
	}
}
