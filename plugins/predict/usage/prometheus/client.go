// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	promv1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

// ErrTooLarge is the error of an answer beyond MaxSeries or MaxBytes. The queries select
// more than nodes and pods then, or the limits are too low for the cluster.
var ErrTooLarge = errors.New("the answer is too large")

// client asks the server and bounds its answers.
type client struct {
	api       promv1.API
	timeout   time.Duration
	maxSeries int
}

func newClient(config Config) (*client, error) {
	httpClient, err := httpauth.NewClient(config.Files, 5*time.Minute)
	if err != nil {
		return nil, err
	}
	return newClientOver(httpClient, config)
}

// newClientOver returns a client that asks over the given one, whose answers it bounds.
func newClientOver(httpClient *http.Client, config Config) (*client, error) {
	httpClient.Transport = &bounded{next: httpClient.Transport, max: config.MaxBytes}
	c, err := api.NewClient(api.Config{Address: config.URL, Client: httpClient})
	if err != nil {
		return nil, err
	}
	return &client{api: promv1.NewAPI(c), timeout: config.QueryTimeout, maxSeries: config.MaxSeries}, nil
}

// instant answers an instant query.
func (c *client) instant(ctx context.Context, query string, at time.Time) (model.Vector, promv1.Warnings, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, warnings, err := c.api.Query(ctx, query, at, c.options()...)
	if err != nil {
		return nil, warnings, queryError(query, err)
	}
	vector, ok := value.(model.Vector)
	if !ok {
		return nil, warnings, fmt.Errorf("query %s: the answer is no vector, but %T", query, value)
	}
	if len(vector) > c.maxSeries {
		return nil, warnings, queryError(query, c.tooMany())
	}
	return vector, warnings, nil
}

// over answers a range query.
func (c *client) over(ctx context.Context, query string, r promv1.Range) (model.Matrix, promv1.Warnings, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	value, warnings, err := c.api.QueryRange(ctx, query, r, c.options()...)
	if err != nil {
		return nil, warnings, queryError(query, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, warnings, fmt.Errorf("query %s: the answer is no matrix, but %T", query, value)
	}
	if len(matrix) > c.maxSeries {
		return nil, warnings, queryError(query, c.tooMany())
	}
	return matrix, warnings, nil
}

// options tell the server when to give up. Servers that know the parameter limit cut the
// answer one series after the last one that is accepted, which then shows.
func (c *client) options() []promv1.Option {
	return []promv1.Option{promv1.WithTimeout(c.timeout), promv1.WithLimit(uint64(c.maxSeries) + 1)}
}

func (c *client) tooMany() error {
	return fmt.Errorf("%w: more than %d series", ErrTooLarge, c.maxSeries)
}

func queryError(query string, err error) error {
	var e *promv1.Error
	if errors.As(err, &e) && e.Detail != "" {
		// A proxy's error page may be long.
		return fmt.Errorf("query %s: %w: %.200s", query, err, e.Detail)
	}
	return fmt.Errorf("query %s: %w", query, err)
}

// bounded fails answers that are longer than max bytes when that many were read.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// Decompressed bytes are counted: the transport below has undone the compression.
	resp.Body = &boundedBody{ReadCloser: resp.Body, left: b.max, max: b.max}
	return resp, nil
}

type boundedBody struct {
	io.ReadCloser
	left, max int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	// One byte more than is left tells an answer of exactly max from a longer one.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.max)
	}
	return n, err
}
