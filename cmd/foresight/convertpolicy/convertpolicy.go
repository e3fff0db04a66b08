// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package convertpolicy is foresight convert-policy: removed scheduler policies as today's configuration.
package convertpolicy

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/foresight-scheduler/foresight/cmd/internal/ownfile"
	"github.com/foresight-scheduler/foresight/cmd/internal/policy"
)

// NewCommand returns foresight convert-policy.
func NewCommand() *cobra.Command {
	var schedulerName, output string
	cmd := &cobra.Command{
		Use:   "convert-policy FILE",
		Short: "Turn a scheduler Policy of Kubernetes 1.22 or older into today's configuration",
		Long: `Turn a scheduler Policy (kind Policy, apiVersion v1), which Kubernetes read until 1.22, into
a KubeSchedulerConfiguration for the Foresight scheduler.

FILE is JSON or YAML; - reads the standard input. What has no equivalent today, and what
differs, is told on the standard error and in comments. A Policy that is not valid is
refused with the field's path and exit code 1.`,
		Example: `  foresight convert-policy policy.json > config.yaml
  kubectl -n kube-system get configmap scheduler-policy -o jsonpath='{.data.policy\.cfg}' | foresight convert-policy -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if wrong := validation.IsDNS1123Subdomain(schedulerName); len(wrong) > 0 {
				return fmt.Errorf("--scheduler-name %q: %s", schedulerName, wrong[0])
			}
			if output != "" {
				if err := ownfile.Check(output, policy.Mark); err != nil {
					return fmt.Errorf("--output: %w", err)
				}
			}
			data, err := readPolicy(cmd.InOrStdin(), args[0])
			if err != nil {
				return err
			}
			result, err := policy.Convert(data, schedulerName)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			for _, notice := range result.Notices {
				fmt.Fprintln(cmd.ErrOrStderr(), "note:", notice)
			}
			if output != "" {
				return os.WriteFile(output, result.Config, 0o644)
			}
			_, err = cmd.OutOrStdout().Write(result.Config)
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&schedulerName, "scheduler-name", "foresight-scheduler", "name that pods ask for the profile by")
	flags.StringVarP(&output, "output", "o", "", "file to write to, instead of the standard output; a file that convert-policy did not write is left alone")
	_ = cmd.MarkFlagFilename("output")
	return cmd
}

func readPolicy(stdin io.Reader, file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}
