// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth"
)

// Config says which server is asked, how and for what.
type Config struct {
	// URL of the server, such as https://prometheus.monitoring:9090, with the path before
	// /api/v1, if any.
	URL string
	// Files hold the credentials; they are read again when they change. They need https,
	// unless the server is on this machine.
	Files httpauth.Files
	// Nodes and Pods are the queries; empty queries are CadvisorNodes and CadvisorPods, which a query of response times
	// of pods leaves as they are.
	Nodes, Pods Queries
	// Labels of the answers; empty names are those of DefaultLabels.
	Labels Labels
	// Window of rates, at least two scrape intervals and better four; 0 is 5 minutes.
	Window time.Duration
	// QueryTimeout of one query, which the server is told too; 0 is 20 seconds.
	QueryTimeout time.Duration
	// MaxSeries that one answer may hold; 0 is 300,000.
	MaxSeries int
	// MaxBytes that one answer may have; 0 is 64 MiB. An answer is read series by series, so memory is used for the samples
	// that come of it, some hundred bytes a node or pod, and not for what it weighs.
	MaxBytes int64
	// ChunkSteps is how many steps of history one query asks for; 0 is 120. Chunks that
	// turn out to be too much for the other limits are halved.
	ChunkSteps int
}

// setDefaults sizes the limits for large clusters: one of 15,000 nodes and 150,000 pods answers with
// 150,000 series and 25 MB.
func (c *Config) setDefaults() {
	if len(c.Nodes.Values) == 0 {
		c.Nodes = CadvisorNodes()
	}
	if !c.Pods.ofUse() {
		defaults := CadvisorPods()
		defaults.Values = append(defaults.Values, c.Pods.Values...)
		c.Pods = defaults
	}
	labels := DefaultLabels()
	for _, l := range []struct {
		have *string
		std  string
	}{
		{&c.Labels.Node, labels.Node}, {&c.Labels.Namespace, labels.Namespace},
		{&c.Labels.Pod, labels.Pod}, {&c.Labels.UID, labels.UID},
	} {
		if *l.have == "" {
			*l.have = l.std
		}
	}
	if c.Window == 0 {
		c.Window = 5 * time.Minute
	}
	if c.QueryTimeout == 0 {
		c.QueryTimeout = 20 * time.Second
	}
	if c.MaxSeries == 0 {
		c.MaxSeries = 300_000
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = 64 << 20
	}
	if c.ChunkSteps == 0 {
		c.ChunkSteps = 120
	}
}

func (c *Config) validate() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("the URL %q is not that of an http or https server", u.Redacted())
	case u.User != nil:
		return errors.New("the URL holds a user: credentials belong in files")
	case u.Scheme == "http" && c.Files.Secret() && !loopback(u.Hostname()):
		return errors.New("credentials over http: use https")
	case c.Window < time.Second, c.Window%time.Second != 0:
		return errors.New("the window must be whole seconds")
	case c.QueryTimeout < 0, c.MaxSeries < 0, c.MaxBytes < 0, c.ChunkSteps < 0:
		return errors.New("the timeout and the limits must not be negative")
	}
	return nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1"
}
