// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"debug/buildinfo"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/CycloneDX/cyclonedx-go"
)

// sbomName is where the image holds the list of what its binary is made of.
const sbomName = "sbom.cdx.json"

// SBOM is the bill of materials of a Go binary, as CycloneDX JSON: the modules that the linker wrote into the binary, each with its
// version, checksum and package URL, and the Go release that built it. The same binary gives the same bytes.
func SBOM(binary, version string, created time.Time) ([]byte, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("%s does not say what it is made of: %w", binary, err)
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Timestamp: created.UTC().Format(time.RFC3339),
		Component: &cyclonedx.Component{BOMRef: "main", Type: cyclonedx.ComponentTypeApplication, Name: info.Main.Path, Version: version},
	}
	components := []cyclonedx.Component{{
		BOMRef: "std", Type: cyclonedx.ComponentTypeLibrary, Name: "std", Version: info.GoVersion, PackageURL: "pkg:golang/std@" + info.GoVersion,
	}}
	for _, module := range info.Deps {
		components = append(components, component(module))
	}
	bom.Components = &components
	var out bytes.Buffer
	encoder := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON)
	encoder.SetPretty(true)
	if err := encoder.Encode(bom); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// component is a module as it was built: of a replaced one, its replacement.
func component(module *debug.Module) cyclonedx.Component {
	if module.Replace != nil {
		module = module.Replace
	}
	url := "pkg:golang/" + module.Path + "@" + module.Version
	c := cyclonedx.Component{BOMRef: url, Type: cyclonedx.ComponentTypeLibrary, Name: module.Path, Version: module.Version, PackageURL: url}
	if module.Sum != "" {
		// The checksum is go.sum's, of the module's tree and not of one file, so it is no hash of the component.
		c.Properties = &[]cyclonedx.Property{{Name: "go:sum", Value: module.Sum}}
	}
	return c
}
