// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeinit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"
)

// Socket is where the node tells whether it is ready, relative to the cluster's
// directory: a socket's path may have no more than 107 bytes.
func Socket(name string) string { return name + ".sock" }

func (s *supervisor) serveReadiness() error {
	socket := Socket(s.node.Name)
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return fmt.Errorf("listening for questions: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := s.ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	return nil
}

// ready returns what of the node is not.
func (s *supervisor) ready(ctx context.Context) error {
	s.mu.Lock()
	missing := slices.ContainsFunc(s.programs, func(p program) bool { return p.once && !s.done[p.name] })
	s.mu.Unlock()
	if missing {
		return errors.New("images are not imported yet")
	}
	for name, url := range map[string]string{
		"kubelet":    "http://127.0.0.1:10248/healthz",
		"kube-proxy": "http://127.0.0.1:10256/healthz",
	} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", name, response.Status)
		}
	}
	return nil
}
