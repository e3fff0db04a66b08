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

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
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

// get gives read the page at https://address/path as it comes in.
func (c *client) get(ctx context.Context, address, path string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+path, nil)
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // What there is of it.
		return fmt.Errorf("getting %s: %s: %s", path, resp.Status, strings.TrimSpace(string(text)))
	}
	if err := read(bounded.Reader(resp.Body, c.maxBytes)); err != nil {
		return fmt.Errorf("getting %s: %w", path, err)
	}
	// The rest, of which there is none but the end, lets the connection be used again.
	_, _ = io.CopyN(io.Discard, resp.Body, 512)
	return nil
}
