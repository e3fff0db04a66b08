// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// build makes a small static binary.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "hello")
	cmd := exec.Command("go", "build", "-o", binary, source)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

func TestArchiveHoldsTheBinaryUnderItsNames(t *testing.T) {
	binary := build(t)
	var out bytes.Buffer
	if err := Write(&out, binary, []string{"wave"}, "a.local/x:1", "b.local/y:2"); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(&out); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if files[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(d ocispec.Descriptor) []byte {
		content := files["blobs/sha256/"+d.Digest.Encoded()]
		if int64(len(content)) != d.Size || d.Digest.Validate() != nil || d.Digest.Algorithm().FromBytes(content) != d.Digest {
			t.Errorf("the blob of %s does not fit its descriptor", d.MediaType)
		}
		return content
	}
	var index ocispec.Index
	decode(t, files["index.json"], &index)
	var names []string
	for _, m := range index.Manifests {
		names = append(names, m.Annotations["io.containerd.image.name"])
		var manifest ocispec.Manifest
		decode(t, blob(m), &manifest)
		var config ocispec.Image
		decode(t, blob(manifest.Config), &config)
		if !slices.Equal(config.Config.Entrypoint, []string{"/hello"}) || !slices.Equal(config.Config.Cmd, []string{"wave"}) {
			t.Errorf("%+v", config.Config)
		}
		want, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		layer := tar.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
		for {
			header, err := layer.Next()
			if err != nil {
				t.Fatalf("the binary is not in the layer: %v", err)
			}
			if header.Name != "hello" {
				continue
			}
			if got, _ := io.ReadAll(layer); !bytes.Equal(got, want) || header.Mode != 0o755 {
				t.Error("the binary in the layer differs")
			}
			break
		}
	}
	if !slices.Equal(names, []string{"a.local/x:1", "b.local/y:2"}) {
		t.Errorf("names %q", names)
	}
}

func decode(t *testing.T, data []byte, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

func TestWhatCannotStartInAnImageIsRefused(t *testing.T) {
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{script: "no Linux binary", "/bin/ls": "CGO_ENABLED=0", "/does/not/exist": "no such file"} {
		if err := Write(io.Discard, file, nil, "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want an error about %q, got %v", file, want, err)
		}
	}
}
