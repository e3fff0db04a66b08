// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ui is foresight ui: a page of what is decided and predicted, on this machine only.
package ui

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/page"
)

// defaultPort of the page.
const defaultPort = 8137

// asker asks the leading scheduler; a leader.Asker is one.
type asker interface {
	Get(ctx context.Context, path string, query url.Values, into any) error
}

// NewCommand returns foresight ui.
func NewCommand() *cobra.Command {
	config := genericclioptions.NewConfigFlags(true)
	lead := leader.New(config)
	port, interval, shadowLease := defaultPort, 15*time.Second, "foresight-shadow/foresight-shadow"
	cmd := &cobra.Command{
		Use:   "ui",
		Short: "Serve a page of nodes, decisions and forecasts on this machine",
		Long: `Serve a page that shows what nodes use, have promised and are predicted to use, decisions as
they come and why, what is forecast of workloads, how often forecasts held, which pods were moved or would be,
and what an onlooker (docs/use/shadow.md) would have done.

The page is served to this machine only, and to nobody who does not know the address that is
printed: it holds a secret of this run. What it shows is read with the rights of the
kubeconfig, as foresight nodes reads it. Nothing is changed in the cluster.`,
		Example: `  foresight ui
  foresight ui --context production --port 9000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if interval < time.Second {
				return fmt.Errorf("--interval %v: must be 1s at least", interval)
			}
			if port < 0 || port > 65535 {
				return fmt.Errorf("--port %d: must be 0 to 65535", port)
			}
			return serve(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), lead, leader.NewFor(config, shadowLease), port, interval)
		},
	}
	config.AddFlags(cmd.Flags())
	lead.AddFlags(cmd)
	cmd.Flags().IntVar(&port, "port", port, "port of 127.0.0.1 to serve on; 0 is any that is free")
	cmd.Flags().StringVar(&shadowLease, "shadow-lease", shadowLease, "namespace and name of the Lease of an onlooker")
	cmd.Flags().DurationVar(&interval, "interval", interval, "how often nodes are read")
	return cmd
}

// serve serves the page until ctx ends.
func serve(ctx context.Context, out, problems io.Writer, from, onlooker asker, port int, interval time.Duration) error {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("--port %d: %w", port, err)
	}
	watching := newHeat(from, interval)
	// The first answer says at once what is wrong with the kubeconfig, the rights or the scheduler.
	if err := watching.read(ctx); err != nil {
		listener.Close()
		return err
	}
	port = listener.Addr().(*net.TCPAddr).Port
	secret := rand.Text()
	server := &http.Server{
		Handler:           guard(pages(from, onlooker, watching), port, secret),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	fmt.Fprintf(out, "Open http://127.0.0.1:%d/?secret=%s\nThe page is served until this command ends (Ctrl-C).\n", port, secret)
	go watching.run(ctx, problems)
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// pages are the page, and what it asks for.
func pages(from, onlooker asker, watching *heat) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", page.Own())
	mux.HandleFunc("GET /api/nodes", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("node") {
			pass(w, r, from, "nodes")
			return
		}
		nodes, err := watching.newest()
		answer(w, nodes, err)
	})
	mux.HandleFunc("GET /api/heat", func(w http.ResponseWriter, _ *http.Request) { answer(w, watching.history(), nil) })
	for path, from := range map[string]asker{"decisions": from, "explain": from, "workloads": from, "qos": from, "rebalance": from, "shadow": onlooker} {
		mux.HandleFunc("GET /api/"+path, func(w http.ResponseWriter, r *http.Request) { pass(w, r, from, path) })
	}
	return mux
}

// pass passes a question on.
func pass(w http.ResponseWriter, r *http.Request, from asker, path string) {
	var body json.RawMessage
	err := from.Get(r.Context(), path, r.URL.Query(), &body)
	answer(w, body, err)
}

func answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Cache-Control", "no-store")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // A browser that has gone needs no answer.
}
