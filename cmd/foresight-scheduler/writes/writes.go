// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package writes puts what may hold back or refuse the writes of a client around its transport.
package writes

import (
	"errors"
	"net/http"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Wrap puts what around returns around the transport of a client, of which the other clients of the process know nothing.
func Wrap(client kubernetes.Interface, around func(next http.RoundTripper) http.RoundTripper) error {
	// All groups of a clientset share one http.Client.
	core, ok := client.CoreV1().RESTClient().(*rest.RESTClient)
	if !ok || core == nil || core.Client == nil {
		return errors.New("its clientset has no http.Client")
	}
	core.Client.Transport = around(core.Client.Transport)
	return nil
}

// Reads says whether the request changes nothing.
func Reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// Refuse ends a request that is not sent. A RoundTripper closes the body, also on errors.
func Refuse(r *http.Request, err error) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
	return nil, err
}
