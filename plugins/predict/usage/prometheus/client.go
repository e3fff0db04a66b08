// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

// ErrTooLarge is the error of an answer beyond MaxSeries or MaxBytes. The queries select
// more than nodes and pods then, or the limits are too low for the cluster.
var ErrTooLarge = bounded.ErrTooLarge

// client asks the server and bounds its answers. client_golang's would hold a whole answer, and all of its series, before
// they can be counted.
type client struct {
	http      *http.Client
	api       *url.URL
	timeout   time.Duration
	maxSeries int
	maxBytes  int64
	// params says whether the server takes the parameters that it need not know.
	params atomic.Int32
}

// Whether a server takes the parameters limit and timeout. Google's refuses the first; a server that has refused a query with
// both, and answered it without, is not sent them any more.
const (
	untried int32 = iota
	taken
	refused
)

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
	a, err := c.withParams(ctx, endpoint, query, each)
	if err == nil && a.resultType != resultType {
		err = fmt.Errorf("the answer is no %s, but %.100q", resultType, a.resultType)
	}
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", query.Get("query"), err)
	}
	return a.warnings, nil
}

// withParams asks with the parameters that not every server knows, and without where they are refused.
func (c *client) withParams(ctx context.Context, endpoint string, query url.Values, each func(*series) error) (answer, error) {
	if c.params.Load() == refused {
		return c.do(ctx, endpoint, query, each)
	}
	with := maps.Clone(query)
	// The server is told when to give up. Servers that know the parameter limit cut the answer one series after the last one
	// that is accepted, which then shows.
	with.Set("timeout", duration(c.timeout))
	with.Set("limit", strconv.Itoa(c.maxSeries+1))
	a, err := c.do(ctx, endpoint, with, each)
	if err == nil {
		c.params.Store(taken)
	}
	// What answers 400 has handed on no series, so nothing is told twice.
	if bad := (*badRequest)(nil); !errors.As(err, &bad) || c.params.Load() == taken {
		return a, err
	}
	if a, err = c.do(ctx, endpoint, query, each); err == nil {
		c.params.Store(refused)
	}
	return a, err
}

// duration as every version of Prometheus reads it: one number and one unit. Go's 1m30s and 1.5s are refused by many.
func duration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10) + "ms"
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
		return answer{}, withoutURL(err)
	}
	switch response.StatusCode {
	case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		response.Body.Close()
		// What is in the configured URL stays, such as a tenant that a proxy wants there.
		all := u.Query()
		maps.Copy(all, query)
		u.RawQuery = all.Encode()
		get, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return answer{}, err
		}
		if response, err = c.http.Do(get); err != nil {
			return answer{}, withoutURL(err)
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
	a, err := readAnswer(bounded.Reader(response.Body, c.maxBytes), c.maxSeries, each)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return answer{}, fmt.Errorf("the answer ends too early: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return answer{}, err
	case a.status == "error":
		return answer{}, fmt.Errorf("%.100s: %.1000s", a.errorType, a.message)
	case a.status != "success":
		return answer{}, fmt.Errorf("the answer has the status %.100q", a.status)
	}
	return a, nil
}

// withoutURL is the error without the URL, of which the query may hold what not everybody is to read.
func withoutURL(err error) error {
	if of := (*url.Error)(nil); errors.As(err, &of) {
		return of.Err
	}
	return err
}

// badRequest is the error of an answer 400.
type badRequest struct{ error }

func (b *badRequest) Unwrap() error { return b.error }

// refusal is the error that the server tells, or the beginning of the page that a proxy answered in its place.
func refusal(response *http.Response) error {
	page, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return err
	}
	var e struct{ ErrorType, Error string }
	if json.Unmarshal(page, &e) == nil && e.Error != "" {
		err = fmt.Errorf("%.100s: %.1000s", e.ErrorType, e.Error)
	} else {
		err = fmt.Errorf("the server answered %s: %.200s", response.Status, page)
	}
	if response.StatusCode == http.StatusBadRequest {
		return &badRequest{err}
	}
	return err
}
