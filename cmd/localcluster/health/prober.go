// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package health asks the components of a cluster how they are.
package health

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/process"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// socketSuffix marks the host of a URL as a socket in the state directory.
const socketSuffix = ".socket.invalid"

// Prober asks components how they are, as the administrator.
type Prober struct {
	layout state.Layout
	client *http.Client
}

// NewProber returns a prober for the cluster whose kubeconfig exists by now.
func NewProber(layout state.Layout) (*Prober, error) {
	config, err := clientcmd.BuildConfigFromFlags("", layout.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	tlsConfig, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("reading the administrator's kubeconfig: %w", err)
	}
	return &Prober{layout: layout, client: httpClient(layout, tlsConfig)}, nil
}

func httpClient(layout state.Layout, tlsConfig *tls.Config) *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{
		Timeout: 3 * time.Second,
		Transport: &http.Transport{
			TLSClientConfig: tlsConfig,
			// Another process may have taken a dead component's port; a kept connection
			// would hide it.
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				host, _, _ := net.SplitHostPort(address)
				if socket, ok := strings.CutSuffix(host, socketSuffix); ok {
					return dialUnix(ctx, layout.Path(socket))
				}
				return dialer.DialContext(ctx, network, address)
			},
		},
	}
}

// dialUnix reaches sockets in directories whose path is longer than a socket's may be.
func dialUnix(ctx context.Context, socket string) (net.Conn, error) {
	dir, err := os.Open(filepath.Dir(socket))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(socket)))
}

// Check returns nil when the component says that it is well.
func (p *Prober) Check(ctx context.Context, c state.Component) error {
	base := c.Endpoint
	if socket, ok := strings.CutPrefix(base, "unix:"); ok {
		base = "http://" + socket + socketSuffix
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path(c.Name), nil)
	if err != nil {
		return err
	}
	response, err := p.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10))
		return fmt.Errorf("%s: %s", response.Status, firstFailure(string(body)))
	}
	return nil
}

// path is where a component tells how it is.
func path(name string) string {
	switch name {
	case state.ControllerManager:
		return "/healthz"
	case state.MetricsServer:
		// Without the exclusion it is not ready as long as no pod runs in the cluster.
		return "/readyz?exclude=metric-storage-ready"
	default: // Real nodes too.
		return "/readyz"
	}
}

// firstFailure picks the line that matters out of a verbose health report.
func firstFailure(body string) string {
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "[-]") {
			return strings.TrimSpace(line)
		}
	}
	first, _, _ := strings.Cut(body, "\n")
	return first
}

// Await returns when the component is well, or why it never will be.
func (p *Prober) Await(ctx context.Context, c state.Component, started *process.Started) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-started.Exited():
			cancel(fmt.Errorf("it ended: %w", started.Err()))
		case <-ctx.Done():
		}
	}()
	var last error
	err := wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if err := p.Check(ctx, c); err != nil {
			if ctx.Err() == nil {
				last = err
			}
			return false, nil
		}
		return true, nil
	})
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	return fmt.Errorf("not healthy in time, last answer: %w", last)
}
