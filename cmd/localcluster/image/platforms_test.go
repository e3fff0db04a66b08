// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// binaries are a small static binary with the header of each architecture.
func binaries(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile(build(t))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, machine := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64} {
		file, header := filepath.Join(t.TempDir(), "scheduler"), slices.Clone(content)
		// Where ELF says which machine it is for.
		binary.LittleEndian.PutUint16(header[18:], uint16(machine))
		if err := os.WriteFile(file, header, 0o700); err != nil {
			t.Fatal(err)
		}
		out = append(out, file)
	}
	return out
}

func files(t *testing.T, archive io.Reader) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for r := tar.NewReader(archive); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if out[header.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// A release is an image a platform under one name and digest, every blob is what its descriptor says, and made again it is the
// same to the byte.
func TestRelease(t *testing.T) {
	certificates := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(certificates, []byte("an authority"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Release{
		Name: "foresight-scheduler:v1", Binaries: binaries(t), User: "65532:65532", Port: "10259/tcp", CACertificates: certificates,
		Created: time.Unix(1700000000, 0), Labels: map[string]string{ocispec.AnnotationVersion: "v1"},
	}
	var out, again bytes.Buffer
	sum, err := WriteRelease(&out, r)
	if err != nil {
		t.Fatal(err)
	}
	if sameSum, err := WriteRelease(&again, r); err != nil || sameSum != sum || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Errorf("made again it is %v, not %v, %v", sameSum, sum, err)
	}
	content := files(t, &out)
	read := func(d ocispec.Descriptor, into any) []byte {
		t.Helper()
		blob := content["blobs/sha256/"+d.Digest.Encoded()]
		if int64(len(blob)) != d.Size || digest.FromBytes(blob) != d.Digest {
			t.Fatalf("the blob of %+v is another one", d)
		}
		if into != nil {
			if err := json.Unmarshal(blob, into); err != nil {
				t.Fatal(err)
			}
		}
		return blob
	}
	var top, platforms ocispec.Index
	if err := json.Unmarshal(content["index.json"], &top); err != nil {
		t.Fatal(err)
	}
	if len(top.Manifests) != 1 || top.Manifests[0].Digest != sum || top.Manifests[0].Annotations["io.containerd.image.name"] != r.Name {
		t.Fatalf("index.json: %+v", top)
	}
	read(top.Manifests[0], &platforms)
	var seen []string
	for i, d := range platforms.Manifests {
		seen = append(seen, d.Platform.OS+"/"+d.Platform.Architecture)
		var manifest ocispec.Manifest
		var config ocispec.Image
		read(d, &manifest)
		read(manifest.Config, &config)
		if config.Architecture != d.Platform.Architecture || config.Config.User != "65532:65532" || config.Config.Labels[ocispec.AnnotationVersion] != "v1" ||
			!cmp.Equal(config.Config.Entrypoint, []string{"/scheduler"}) || !config.Created.Equal(r.Created) {
			t.Errorf("configuration: %+v", config)
		}
		z, err := gzip.NewReader(bytes.NewReader(read(manifest.Layers[0], nil)))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if digest.FromBytes(layer) != config.RootFS.DiffIDs[0] {
			t.Error("the layer is not the one of the configuration")
		}
		inside := files(t, bytes.NewReader(layer))
		want, err := os.ReadFile(r.Binaries[i])
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(inside["scheduler"], want) || string(inside["etc/ssl/certs/ca-certificates.crt"]) != "an authority" {
			t.Error("the layer holds something else")
		}
		if !strings.Contains(string(inside[sbomName]), `"bomFormat": "CycloneDX"`) {
			t.Errorf("the bill of materials: %.200s", inside[sbomName])
		}
	}
	if diff := cmp.Diff([]string{"linux/amd64", "linux/arm64"}, seen); diff != "" {
		t.Error(diff)
	}
	r.Binaries = []string{certificates}
	if _, err := WriteRelease(io.Discard, r); err == nil {
		t.Error("a file that is no binary was taken")
	}
}
