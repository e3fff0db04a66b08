// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pack writes the Helm chart as an archive, for releases: pack DIR VERSION. The chart and its image have that version.
package main

import (
	"fmt"
	"os"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/chart/v2/util"
)

func main() {
	if len(os.Args) != 3 || !strings.HasPrefix(os.Args[2], "v") {
		fmt.Fprintln(os.Stderr, "usage: pack DIR vX.Y.Z, in test/chart")
		os.Exit(2)
	}
	path, err := pack("../../manifests/chart", os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(path)
}

// pack returns the path of the archive. Helm refuses versions that are no semantic ones.
func pack(source, dir, version string) (string, error) {
	chart, err := loader.LoadDir(source)
	if err != nil {
		return "", err
	}
	chart.Metadata.Version, chart.Metadata.AppVersion = strings.TrimPrefix(version, "v"), version
	if err := chart.Validate(); err != nil {
		return "", err
	}
	return util.Save(chart, dir)
}
