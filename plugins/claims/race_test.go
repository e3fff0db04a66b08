// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build race

package claims

// dropped is how much more is allocated at most: the race detector has sync.Pool, in which regular expressions keep their
// machines, forget one object in four.
const dropped = 8
