// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
)

// As are args of the type that a plugin takes. The error says what was wanted and what came: "want *config.TaintsArgs, got *config.AffinityArgs".
func As[T runtime.Object](obj runtime.Object) (T, error) {
	args, ok := obj.(T)
	if !ok {
		return args, fmt.Errorf("want %T, got %T", args, obj)
	}
	return args, nil
}
