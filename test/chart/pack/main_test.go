// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// The archive is the chart, with the version of the release for itself and for its image.
func TestPack(t *testing.T) {
	path, err := pack("../../../manifests/chart", t.TempDir(), "v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	chart, err := loader.LoadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if chart.Metadata.Version != "1.2.3" || chart.Metadata.AppVersion != "v1.2.3" || len(chart.Templates) == 0 {
		t.Errorf("%+v", chart.Metadata)
	}
	if _, err := pack("../../../manifests/chart", t.TempDir(), "v1x"); err == nil {
		t.Error("a version that is none was taken")
	}
}
