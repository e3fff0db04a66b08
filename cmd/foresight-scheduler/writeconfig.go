// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
)

// writtenConfigMark is what a file of --write-config-to begins with: upstream writes all fields, in the order of their names.
// A configuration that a person wrote has no reason to.
const writtenConfigMark = "apiVersion: kubescheduler.config.k8s.io/v1\nclientConnection:\n  acceptContentTypes: "

// checkWriteConfigTo returns an error where upstream would overwrite what --write-config-to did not write, such as the
// configuration that --config names.
func checkWriteConfigTo(path string) error {
	if path == "" {
		return nil
	}
	if err := ownfile.Check(path, writtenConfigMark); err != nil {
		return fmt.Errorf("--write-config-to: %w", err)
	}
	return nil
}
