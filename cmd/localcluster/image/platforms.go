// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Release is an image for registries: of several platforms, not root's, with labels. What it is made of decides every byte of
// it, so that two who make the same one can compare digests.
type Release struct {
	// Name is what it is called, with its tag.
	Name string
	// Binaries are static ones of the same program, one a platform, whose architecture their headers say.
	Binaries []string
	// User is a number, since there is no /etc/passwd, with its group.
	User string
	// Port is where it listens, such as 10259/tcp.
	Port string
	// CACertificates is a file of the authorities that connections are checked by; empty for none.
	CACertificates string
	// Created is the time of what it is made of, not of its making.
	Created time.Time
	Labels  map[string]string
}

const caBundle = "etc/ssl/certs/ca-certificates.crt"

var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

// WriteRelease writes an OCI archive, for `skopeo copy oci-archive:FILE docker://…`, `podman load` or `ctr images import`, and
// returns the digest that a registry will know the image by.
func WriteRelease(out io.Writer, r Release) (digest.Digest, error) {
	archive := tar.NewWriter(out)
	w := &writer{archive: archive}
	platforms := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, binary := range r.Binaries {
		descriptor, err := r.platform(w, binary)
		if err != nil {
			return "", err
		}
		platforms.Manifests = append(platforms.Manifests, descriptor)
	}
	all := w.object(ocispec.MediaTypeImageIndex, platforms)
	named := all
	named.Annotations = map[string]string{nameAnnotation: r.Name, ocispec.AnnotationRefName: r.Name}
	w.file(ocispec.ImageIndexFile, encode(ocispec.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex, Manifests: []ocispec.Descriptor{named},
	}))
	w.file(ocispec.ImageLayoutFile, encode(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}))
	if w.err != nil {
		return "", fmt.Errorf("writing image %s: %w", r.Name, w.err)
	}
	return all.Digest, archive.Close()
}

// platform writes the image of one binary.
func (r *Release) platform(w *writer, binary string) (ocispec.Descriptor, error) {
	if err := checkStatic(binary); err != nil {
		return ocispec.Descriptor{}, err
	}
	architecture, err := architectureOf(binary)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	entrypoint := "/" + filepath.Base(binary)
	layer, err := r.layer(binary, entrypoint[1:])
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	var compressed bytes.Buffer
	z := gzip.NewWriter(&compressed)
	if _, err := z.Write(layer); err != nil {
		return ocispec.Descriptor{}, err
	}
	if err := z.Close(); err != nil {
		return ocispec.Descriptor{}, err
	}
	created := r.Created.UTC()
	platform := ocispec.Platform{Architecture: architecture, OS: "linux"}
	manifest := w.object(ocispec.MediaTypeImageManifest, ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config: w.object(ocispec.MediaTypeImageConfig, ocispec.Image{
			Created:  &created,
			Platform: platform,
			Config: ocispec.ImageConfig{
				User: r.User, Entrypoint: []string{entrypoint}, WorkingDir: "/",
				ExposedPorts: map[string]struct{}{r.Port: {}}, Labels: r.Labels,
			},
			RootFS: ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
		}),
		Layers:      []ocispec.Descriptor{w.blob(ocispec.MediaTypeImageLayerGzip, compressed.Bytes())},
		Annotations: r.Labels,
	})
	manifest.Platform = &platform
	return manifest, nil
}

func architectureOf(binary string) (string, error) {
	file, err := elf.Open(binary)
	if err != nil {
		return "", err
	}
	defer file.Close()
	architecture, known := architectures[file.Machine]
	if !known {
		return "", fmt.Errorf("%s is of %v, for which there are no images", binary, file.Machine)
	}
	return architecture, nil
}

// layer is the one layer: the binary, what it is made of and the authorities, without anything that differs from build to build.
func (r *Release) layer(binary, name string) ([]byte, error) {
	var layer bytes.Buffer
	t := tar.NewWriter(&layer)
	write := func(name string, content []byte, mode int64) error {
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), ModTime: r.Created}); err != nil {
			return err
		}
		_, err := t.Write(content)
		return err
	}
	add := func(name, from string, mode int64) error {
		content, err := os.ReadFile(from)
		if err != nil {
			return err
		}
		return write(name, content, mode)
	}
	if r.CACertificates != "" {
		for _, dir := range []string{"etc/", "etc/ssl/", "etc/ssl/certs/"} {
			if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755, ModTime: r.Created}); err != nil {
				return nil, err
			}
		}
		if err := add(caBundle, r.CACertificates, 0o644); err != nil {
			return nil, err
		}
	}
	if err := add(name, binary, 0o755); err != nil {
		return nil, err
	}
	bill, err := SBOM(binary, r.Labels[ocispec.AnnotationVersion], r.Created)
	if err != nil {
		return nil, err
	}
	if err := write(sbomName, bill, 0o644); err != nil {
		return nil, err
	}
	return layer.Bytes(), t.Close()
}
