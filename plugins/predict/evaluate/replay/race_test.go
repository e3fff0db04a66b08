// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build race

package replay

func init() { underRace = true }
