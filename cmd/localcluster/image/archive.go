// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package image makes container images out of static binaries, without a builder and
// without a registry.
package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// nameAnnotation is what containerd calls an imported image by.
const nameAnnotation = "io.containerd.image.name"

// Write writes an OCI archive of an image that holds one static binary, which is its
// entrypoint with args as the default arguments, under one or more names.
func Write(out io.Writer, binary string, args []string, names ...string) error {
	if err := checkStatic(binary); err != nil {
		return err
	}
	entrypoint := "/" + filepath.Base(binary)
	layer, err := layerOf(binary, entrypoint)
	if err != nil {
		return err
	}
	config := ocispec.Image{
		Platform: ocispec.Platform{Architecture: runtime.GOARCH, OS: "linux"},
		Config:   ocispec.ImageConfig{Entrypoint: []string{entrypoint}, Cmd: args, WorkingDir: "/"},
		RootFS:   ocispec.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromBytes(layer)}},
	}
	archive := tar.NewWriter(out)
	a := &writer{archive: archive}
	manifest := ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2},
		MediaType: ocispec.MediaTypeImageManifest,
		Config:    a.object(ocispec.MediaTypeImageConfig, config),
		Layers:    []ocispec.Descriptor{a.blob(ocispec.MediaTypeImageLayer, layer)},
	}
	descriptor := a.object(ocispec.MediaTypeImageManifest, manifest)
	index := ocispec.Index{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageIndex}
	for _, name := range names {
		named := descriptor
		named.Annotations = map[string]string{nameAnnotation: name}
		index.Manifests = append(index.Manifests, named)
	}
	a.file(ocispec.ImageIndexFile, encode(index))
	a.file(ocispec.ImageLayoutFile, encode(ocispec.ImageLayout{Version: ocispec.ImageLayoutVersion}))
	if a.err != nil {
		return fmt.Errorf("writing an image of %s: %w", binary, a.err)
	}
	return archive.Close()
}

// checkStatic refuses what could not start in an image without libraries.
func checkStatic(binary string) error {
	file, err := elf.Open(binary)
	if err != nil {
		return fmt.Errorf("%s is no Linux binary: %w", binary, err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			return fmt.Errorf("%s needs shared libraries, which the image has not: build it with CGO_ENABLED=0", binary)
		}
	}
	return nil
}

func layerOf(binary, entrypoint string) ([]byte, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	for _, dir := range []string{"tmp/", "etc/"} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o1777}); err != nil {
			return nil, err
		}
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: entrypoint[1:], Mode: 0o755, Size: int64(len(content))}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	return layer.Bytes(), w.Close()
}

// writer writes blobs until the first error.
type writer struct {
	archive *tar.Writer
	err     error
}

func (w *writer) object(mediaType string, object any) ocispec.Descriptor {
	return w.blob(mediaType, encode(object))
}

func (w *writer) blob(mediaType string, content []byte) ocispec.Descriptor {
	sum := digest.FromBytes(content)
	w.file(filepath.Join(ocispec.ImageBlobsDir, sum.Algorithm().String(), sum.Encoded()), content)
	return ocispec.Descriptor{MediaType: mediaType, Digest: sum, Size: int64(len(content))}
}

func (w *writer) file(name string, content []byte) {
	if w.err != nil {
		return
	}
	w.err = w.archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content))})
	if w.err == nil {
		_, w.err = w.archive.Write(content)
	}
}

// encode cannot fail: the types of the specification are plain data.
func encode(object any) []byte {
	data, err := json.Marshal(object)
	if err != nil {
		panic(err)
	}
	return data
}
