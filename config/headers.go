// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"net/http"
	"slices"

	"golang.org/x/net/http/httpguts"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// maxHeaders of a request, and maxHeader bytes of a value.
const maxHeaders, maxHeader = 16, 4096

// ownHeaders are set by whoever sends a request.
var ownHeaders = []string{"Connection", "Content-Length", "Content-Type", "Host", "Idempotency-Key", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

func validateHeaders(path *field.Path, p *PrometheusArgs) (errs field.ErrorList) {
	if len(p.Headers) > maxHeaders {
		return field.ErrorList{field.TooMany(path, len(p.Headers), maxHeaders)}
	}
	seen := map[string]bool{}
	for i, h := range p.Headers {
		at := path.Index(i)
		name := http.CanonicalHeaderKey(h.Name)
		switch {
		case h.Name == "":
			errs = append(errs, field.Required(at.Child("name"), ""))
		case !httpguts.ValidHeaderFieldName(h.Name):
			errs = append(errs, field.Invalid(at.Child("name"), h.Name, "not the name of a header"))
		case slices.Contains(ownHeaders, name):
			errs = append(errs, field.Forbidden(at.Child("name"), "is set with the request"))
		case name == "Authorization" && (p.TokenFile != "" || p.Username != ""):
			errs = append(errs, field.Forbidden(at.Child("name"), "a token file or a user name already says it"))
		case seen[name]:
			errs = append(errs, field.Duplicate(at.Child("name"), h.Name))
		}
		seen[name] = true
		// No value is told in an error: it may be a secret that belongs in a file.
		switch {
		case h.Value == "" && h.ValueFile == "":
			errs = append(errs, field.Required(at.Child("value"), "or valueFile"))
		case h.Value != "" && h.ValueFile != "":
			errs = append(errs, field.Forbidden(at.Child("value"), "valueFile is given"))
		case h.Value != "" && name == "Authorization":
			errs = append(errs, field.Forbidden(at.Child("value"), "credentials belong in a file: use valueFile or tokenFile"))
		case len(h.Value) > maxHeader, !httpguts.ValidHeaderFieldValue(h.Value):
			errs = append(errs, field.Invalid(at.Child("value"), "", fmt.Sprintf("cannot be sent in a header: at most %d bytes, and no control characters", maxHeader)))
		}
	}
	return errs
}
