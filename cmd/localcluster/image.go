// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/image"
)

// newImageCommand is hidden: `make image` needs it, since no container engine is needed for anything else either.
func newImageCommand() *cobra.Command {
	release := image.Release{User: "65532:65532", Port: "10259/tcp"}
	var out, created string
	cmd := &cobra.Command{
		Use:    "image BINARY...",
		Short:  "Write an OCI archive of static binaries, one a platform, without a container engine",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			release.Binaries = args
			if release.Created, err = time.Parse(time.RFC3339, created); err != nil {
				return fmt.Errorf("--created: %w", err)
			}
			file, err := os.Create(out)
			if err != nil {
				return err
			}
			defer file.Close()
			buffered := bufio.NewWriter(file)
			sum, err := image.WriteRelease(buffered, release)
			if err != nil {
				return err
			}
			if err := buffered.Flush(); err != nil {
				return err
			}
			if err := file.Close(); err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", out, release.Name, sum)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "image.tar", "the archive to write")
	flags.StringVar(&release.Name, "name", "foresight-scheduler:dev", "name and tag")
	flags.StringVar(&created, "created", "1970-01-01T00:00:00Z", "time of the commit, RFC 3339")
	flags.StringVar(&release.CACertificates, "ca-certificates", "", "file of certificate authorities to put into it")
	flags.StringToStringVar(&release.Labels, "label", nil, "labels, KEY=VALUE,…")
	return cmd
}

// newSBOMCommand is hidden as the one above is: releases need it (hack/release.sh).
func newSBOMCommand() *cobra.Command {
	var created, version string
	cmd := &cobra.Command{
		Use:    "sbom BINARY",
		Short:  "Print what a Go binary is made of, as CycloneDX JSON",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := time.Parse(time.RFC3339, created)
			if err != nil {
				return fmt.Errorf("--created: %w", err)
			}
			bill, err := image.SBOM(args[0], version, at)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(bill)
			return err
		},
	}
	cmd.Flags().StringVar(&created, "created", "1970-01-01T00:00:00Z", "time of the commit, RFC 3339")
	cmd.Flags().StringVar(&version, "version", "", "of the binary, such as v0.1.0")
	return cmd
}
