// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"time"
)

// serve answers every request with the pod's name, after it has used so much CPU time.
func serve(ctx context.Context, flags *flag.FlagSet, args []string) error {
	address := flags.String("address", ":8080", "address to listen on")
	work := flags.Duration("work", 0, "CPU time of a request on an idle CPU")
	delay := flags.Duration("delay", 0, "time until the server is ready")
	_ = flags.Parse(args)
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	rounds := roundsOf(*work)
	ready := time.Now().Add(*delay)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		spin(rounds)
		fmt.Fprintln(w, host)
	})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if time.Now().Before(ready) {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
		}
	})
	server := &http.Server{Addr: *address, Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Shutdown(context.WithoutCancel(ctx))
	}()
	fmt.Println("listening on", *address)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
