// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/peak/fit"
)

// Result is what load prints. Latencies are in milliseconds.
type Result struct {
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	P50      float64 `json:"p50"`
	P90      float64 `json:"p90"`
	P99      float64 `json:"p99"`
}

// load is an open loop: requests arrive at random times, as those of many independent
// users do, whether or not earlier ones have been answered. A closed loop would ask a slow
// server less and hide how slow it is.
func load(ctx context.Context, flags *flag.FlagSet, args []string) error {
	url := flags.String("url", "", "URL to ask")
	rate := flags.Float64("rate", 25, "requests a second")
	duration := flags.Duration("duration", 10*time.Second, "how long")
	seed := flags.Uint64("seed", 1, "seed of the arrival times")
	_ = flags.Parse(args)
	if *url == "" || *rate <= 0 || *duration <= 0 {
		return errors.New("--url is needed, and --rate and --duration above 0")
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	client := &http.Client{Timeout: 10 * time.Second}

	var mu sync.Mutex
	var latencies []float64
	var failures int
	var group sync.WaitGroup
	begin := time.Now()
	for due := time.Duration(0); due < *duration && ctx.Err() == nil; {
		due += time.Duration(random.ExpFloat64() / *rate * float64(time.Second))
		time.Sleep(time.Until(begin.Add(due)))
		group.Go(func() {
			// From when it was due: a late start is waiting, too.
			start := begin.Add(due)
			err := ask(ctx, client, *url, io.Discard)
			took := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failures++
				return
			}
			latencies = append(latencies, float64(took)/float64(time.Millisecond))
		})
	}
	group.Wait()
	result := Result{Requests: len(latencies) + failures, Errors: failures}
	result.P50, result.P90, result.P99 = fit.Quantile(latencies, 0.5), fit.Quantile(latencies, 0.9), fit.Quantile(latencies, 0.99)
	return json.NewEncoder(os.Stdout).Encode(result)
}

// get asks URLs and prints what they answer.
func get(ctx context.Context, flags *flag.FlagSet, args []string) error {
	timeout := flags.Duration("timeout", 5*time.Second, "how long an answer may take")
	_ = flags.Parse(args)
	client := &http.Client{Timeout: *timeout, Transport: &http.Transport{DisableKeepAlives: true}}
	for _, url := range flags.Args() {
		if err := ask(ctx, client, url, os.Stdout); err != nil {
			return err
		}
	}
	return nil
}

func ask(ctx context.Context, client *http.Client, url string, out io.Writer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
	_, err = io.Copy(out, response.Body)
	return err
}
