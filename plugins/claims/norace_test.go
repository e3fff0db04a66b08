// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package claims

// dropped is how much more is allocated at most: nothing.
const dropped = 1
