// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package output is how commands answer: a table for people, or JSON or YAML for programs, and meanwhile how far they are.
package output

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// Format of an answer, the value of a flag --output.
type Format string

// The formats there are.
const (
	Table Format = "table"
	JSON  Format = "json"
	YAML  Format = "yaml"
	// Wide is a table with more in it, where the command has one.
	Wide Format = "wide"
)

// AddFlag adds --output, -o, to the command; without it the format is a table.
func (f *Format) AddFlag(cmd *cobra.Command) {
	*f = Table
	cmd.Flags().VarP(f, "output", "o", "table, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{string(Table), string(JSON), string(YAML)}, cobra.ShellCompDirectiveNoFileComp))
}

// AddWideFlag is AddFlag for a command that has a wide table too.
func (f *Format) AddWideFlag(cmd *cobra.Command) {
	*f = Table
	cmd.Flags().VarP((*withWide)(f), "output", "o", "table, wide, json or yaml")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{string(Table), string(Wide), string(JSON), string(YAML)}, cobra.ShellCompDirectiveNoFileComp))
}

// withWide is a format that may be wide.
type withWide Format

func (f *withWide) String() string { return string(*f) }

func (f *withWide) Set(s string) error {
	if s == string(Wide) {
		*f = withWide(Wide)
		return nil
	}
	if (*Format)(f).Set(s) != nil {
		return errors.New("must be table, wide, json or yaml")
	}
	return nil
}

func (f *withWide) Type() string { return "string" }

// String is what the user types.
func (f *Format) String() string { return string(*f) }

// Set takes what the user typed.
func (f *Format) Set(s string) error {
	if s != string(Table) && s != string(JSON) && s != string(YAML) {
		return errors.New("must be table, json or yaml")
	}
	*f = Format(s)
	return nil
}

// Type is shown in the help.
func (f *Format) Type() string { return "string" }

// Print writes the answer in the format; table writes it as a table.
func Print[T any](out io.Writer, f Format, answer T, table func(io.Writer, T) error) error {
	switch f {
	case JSON:
	case YAML:
		data, err := yaml.Marshal(answer)
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return err
	default:
		return table(out, answer)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(answer)
}

// Progress returns a function that tells how far a command is (0–1) and at what, at most every two seconds.
func Progress(out io.Writer) func(done float64, what string) {
	last := time.Now()
	return func(done float64, what string) {
		if now := time.Now(); now.Sub(last) >= 2*time.Second {
			last = now
			fmt.Fprintf(out, "%3.0f%% %s\n", 100*done, what)
		}
	}
}
