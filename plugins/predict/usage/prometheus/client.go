// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

// ErrTooLarge is the error of an answer beyond MaxSeries or MaxBytes. The queries select
// more than nodes and pods then, or the limits are too low for the cluster.
var ErrTooLarge = errors.New("the answer is too large")

// client asks the server and bounds its answers. client_golang's would hold a whole answer, and all of its series, before
// they can be counted.
type client struct {
	http      *http.Client
	api       *url.URL
	timeout   time.Duration
	maxSeries int
	maxBytes  int64
}

func newClient(config Config) (*client, error) {
	api, err := url.Parse(config.URL)
	if err != nil {
		return nil, err
	}
	httpClient, err := httpauth.NewClient(config.Files, 5*time.Minute)
	if err != nil {
		return nil, err
	}
	return &client{
		http: httpClient, api: api.JoinPath("api/v1"),
		timeout: config.QueryTimeout, maxSeries: config.MaxSeries, maxBytes: config.MaxBytes,
	}, nil
}

// span is the time that a range query asks for, at from and every step later until to.
type span struct {
	from, to time.Time
	step     time.Duration
}

// instant asks an instant query, and hands its series to each as readAnswer does. It returns the server's warnings.
func (c *client) instant(ctx context.Context, query string, at time.Time, each func(*series) error) ([]string, error) {
	return c.ask(ctx, "query", url.Values{"query": {query}, "time": {seconds(at)}}, "vector", each)
}

// over asks a range query in the same way.
func (c *client) over(ctx context.Context, query string, s span, each func(*series) error) ([]string, error) {
	return c.ask(ctx, "query_range", url.Values{
		"query": {query}, "start": {seconds(s.from)}, "end": {seconds(s.to)},
		"step": {strconv.FormatFloat(s.step.Seconds(), 'f', -1, 64)},
	}, "matrix", each)
}

// seconds since the epoch, with milliseconds, which is as fine as Prometheus' times are.
func seconds(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', -1, 64)
}

func (c *client) ask(ctx context.Context, endpoint string, query url.Values, resultType string, each func(*series) error) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	// The server is told when to give up. Servers that know the parameter limit cut the answer one series after the last one
	// that is accepted, which then shows.
	query.Set("timeout", c.timeout.String())
	query.Set("limit", strconv.Itoa(c.maxSeries+1))
	a, err := c.do(ctx, endpoint, query, each)
	if err == nil && a.resultType != resultType {
		err = fmt.Errorf("the answer is no %s, but %q", resultType, a.resultType)
	}
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query.Get("query"), err)
	}
	return a.warnings, nil
}

// do posts the query, since a URL may be too short for it, and gets it where the server does not let us post.
func (c *client) do(ctx context.Context, endpoint string, query url.Values, each func(*series) error) (answer, error) {
	u := c.api.JoinPath(endpoint)
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(query.Encode()))
	if err != nil {
		return answer{}, err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	// Lets net/http repeat it on another connection, for it changes nothing; a header without values is not sent.
	post.Header["Idempotency-Key"] = nil
	response, err := c.http.Do(post)
	if err != nil {
		return answer{}, err
	}
	switch response.StatusCode {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		response.Body.Close()
		u.RawQuery = query.Encode()
		get, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return answer{}, err
		}
		if response, err = c.http.Do(get); err != nil {
			return answer{}, err
		}
	}
	defer response.Body.Close()
	return c.read(response, each)
}

func (c *client) read(response *http.Response, each func(*series) error) (answer, error) {
	if response.StatusCode/100 != 2 {
		return answer{}, refusal(response)
	}
	// Decompressed bytes are counted: net/http has undone the compression.
	a, err := readAnswer(&bounded{Reader: response.Body, left: c.maxBytes, max: c.maxBytes}, c.maxSeries, each)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return answer{}, fmt.Errorf("the answer ends too early: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return answer{}, err
	case a.status == "error":
		return answer{}, fmt.Errorf("%s: %s", a.errorType, a.message)
	case a.status != "success":
		return answer{}, fmt.Errorf("the answer has the status %q", a.status)
	}
	return a, nil
}

// refusal is the error that the server tells, or the beginning of the page that a proxy answered in its place.
func refusal(response *http.Response) error {
	page, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return err
	}
	var e struct{ ErrorType, Error string }
	if json.Unmarshal(page, &e) == nil && e.Error != "" {
		return fmt.Errorf("%s: %s", e.ErrorType, e.Error)
	}
	return fmt.Errorf("the server answered %s: %.200s", response.Status, page)
}

// bounded fails an answer that is longer than max bytes when that many were read.
type bounded struct {
	io.Reader
	left, max int64
}

func (b *bounded) Read(p []byte) (int, error) {
	// One byte more than is left tells an answer of exactly max from a longer one.
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.Reader.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, b.max)
	}
	return n, err
}
