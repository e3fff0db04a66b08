// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

var (
	errNoPort    = errors.New("the node's status names no port of its kubelet")
	errNoAddress = errors.New("the node's status names no internal IP")
)

// client gets pages from kubelets.
type client struct {
	http     *http.Client
	maxBytes int64
}

func newClient(config Config) (*client, error) {
	files := httpauth.Files{CA: config.CAFile, Token: config.TokenFile, Cert: config.CertFile, Key: config.KeyFile}
	// Connections outlast the interval: a new TLS handshake with every node in every
	// interval costs more than the pages.
	httpClient, err := httpauth.NewClient(files, config.Spread+2*time.Minute)
	if err != nil {
		return nil, err
	}
	return &client{http: httpClient, maxBytes: config.MaxBytes}, nil
}

// get returns the page at https://address/path.
func (c *client) get(ctx context.Context, address, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", path, err)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("getting %s: %s: %s", path, resp.Status, strings.TrimSpace(string(body[:min(len(body), 200)])))
	case int64(len(body)) > c.maxBytes:
		return nil, fmt.Errorf("getting %s: the answer is longer than %d bytes", path, c.maxBytes)
	}
	return body, nil
}
