// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package process

import (
	"errors"
	"time"
)

// Stop needs pidfds and /proc, so local clusters run on Linux only.
func Stop(Identity, time.Duration) (bool, error) {
	return false, errors.ErrUnsupported
}
