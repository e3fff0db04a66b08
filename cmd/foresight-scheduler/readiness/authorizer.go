// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package readiness

import (
	"context"
	"strings"

	"k8s.io/apiserver/pkg/authorization/authorizer"
)

// Authorizer returns one that decides as next does, and denies /readyz while a check fails. Upstream makes its own list of
// checks, to which nothing can be added; the authorizer of its endpoint is the only part of the way there that is exchangeable.
// The answer is 403 with the reason, which is no less of a failure to a kubelet than upstream's 500.
func Authorizer(next authorizer.Authorizer, check func() error) authorizer.Authorizer {
	return &gate{Authorizer: next, check: check}
}

type gate struct {
	authorizer.Authorizer
	check func() error
}

// Authorize implements authorizer.Authorizer.
func (g *gate) Authorize(ctx context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if path := a.GetPath(); !a.IsResourceRequest() && (path == "/readyz" || strings.HasPrefix(path, "/readyz/")) {
		if err := g.check(); err != nil {
			return authorizer.DecisionDeny, "not ready: " + err.Error(), nil //nolint:nilerr // The answer is no, and has the reason.
		}
	}
	return g.Authorizer.Authorize(ctx, a)
}
