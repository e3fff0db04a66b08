// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package commandtest runs commands in tests.
package commandtest

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Run runs the command as main does, which tells of an error itself, with stdin as its input.
func Run(ctx context.Context, cmd *cobra.Command, stdin string, args ...string) (stdout, stderr string, err error) {
	var out, errOut bytes.Buffer
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(stdin))
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	err = cmd.ExecuteContext(ctx)
	return out.String(), errOut.String(), err
}

// Output is what the command prints where nothing is its input.
func Output(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	stdout, _, err := Run(t.Context(), cmd, "", args...)
	return stdout, err
}
