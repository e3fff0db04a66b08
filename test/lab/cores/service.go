// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// load is what the service is asked.
type load struct {
	Rate   float64       // requests/s
	Length time.Duration // of the run
	Window time.Duration // that a row is about
	Rounds int           // of spin a request
	Seed   uint64        // of the arrival times
}

// run is what one run of the service told.
type run struct {
	// Latencies in milliseconds, by when the request was due.
	Latencies []float64 `json:"latencies"`
	Windows   []window  `json:"windows"`
	Seconds   float64   `json:"seconds"`
}

type window struct {
	Latency float64 `json:"latency"` // mean, in ms
	Own     float64 `json:"own"`     // CPU that the service used, in CPUs
	Node    use     `json:"node"`
}

// serve runs the service once on the node.
func (n node) serve(ctx context.Context, l load) (run, error) {
	cmd := itself(ctx, "serve", "--cpu", strconv.Itoa(n.cpu), "--cgroup", n.cgroup, "--rate", fmt.Sprint(l.Rate), "--length", l.Length.String(),
		"--window", l.Window.String(), "--rounds", strconv.Itoa(l.Rounds), "--seed", fmt.Sprint(l.Seed))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return run{}, err
	}
	if err := n.start(cmd); err != nil {
		return run{}, err
	}
	var r run
	decodeErr := json.NewDecoder(out).Decode(&r)
	if err := cmd.Wait(); err != nil {
		return run{}, fmt.Errorf("the service on CPU %d: %w", n.cpu, err)
	}
	return r, decodeErr
}

// runService is the process of the service: an HTTP server whose answers cost CPU time, and who asks
// it. He is on the same node, so that nobody else's neighbours delay the questions.
func runService(args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	var n node
	var l load
	flags.IntVar(&n.cpu, "cpu", 0, "")
	flags.StringVar(&n.cgroup, "cgroup", "", "")
	flags.Float64Var(&l.Rate, "rate", 0, "")
	flags.DurationVar(&l.Length, "length", 0, "")
	flags.DurationVar(&l.Window, "window", 0, "")
	flags.IntVar(&l.Rounds, "rounds", 0, "")
	flags.Uint64Var(&l.Seed, "seed", 0, "")
	_ = flags.Parse(args)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, spin(l.Rounds))
	})}
	go func() { _ = server.Serve(listener) }()
	r, err := l.ask(n, "http://"+listener.Addr().String())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// ask sends requests when they are due, whether or not earlier ones have been answered, as many
// independent users do. A loop that waits for answers would ask a slow server less. They come evenly with some
// chance, so that equal rates are equal in every window.
func (l load) ask(n node, url string) (run, error) {
	random := rand.New(rand.NewPCG(l.Seed, 0))
	count := int(l.Rate * l.Length.Seconds())
	latencies, errs := make([]float64, count), make([]error, count)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	// A request that is not answered by then counts as one that took until then.
	ctx, stop := context.WithTimeout(context.Background(), 2*l.Length)
	defer stop()
	request := func(due time.Time) (float64, error) {
		question, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return 0, err
		}
		response, err := client.Do(question)
		if err == nil {
			err = response.Body.Close()
		}
		if ctx.Err() != nil {
			err = nil
		}
		// From when it was due: a late start is waiting, too.
		return float64(time.Since(due)) / float64(time.Millisecond), err
	}
	if _, err := request(time.Now()); err != nil { // The connection is there when it counts.
		return run{}, err
	}
	begin := time.Now()
	windows := make([]window, int(l.Length/l.Window))
	var group sync.WaitGroup
	var watching error
	group.Go(func() { watching = watch(n, begin, l.Window, windows) })
	gap := float64(time.Second) / l.Rate
	for i := range count {
		due := begin.Add(time.Duration((float64(i) + random.Float64()) * gap))
		time.Sleep(time.Until(due))
		group.Go(func() { latencies[i], errs[i] = request(due) })
	}
	group.Wait()
	if watching != nil {
		return run{}, watching
	}
	for _, err := range errs {
		if err != nil {
			// Latencies of some of the requests only would look better than they are.
			return run{}, err
		}
	}
	perWindow := count / len(windows)
	for w := range windows {
		for _, ms := range latencies[w*perWindow : (w+1)*perWindow] {
			windows[w].Latency += ms / float64(perWindow)
		}
	}
	return run{Latencies: latencies, Windows: windows, Seconds: time.Since(begin).Seconds()}, nil
}

// watch fills in what each window used.
func watch(n node, begin time.Time, length time.Duration, windows []window) error {
	before, err := n.read()
	if err != nil {
		return err
	}
	own := processTime()
	for w := range windows {
		time.Sleep(time.Until(begin.Add(time.Duration(w+1) * length)))
		after, err := n.read()
		if err != nil {
			return err
		}
		used := processTime()
		windows[w].Node = after.since(before)
		windows[w].Own = float64(used-own) / float64(after.at.Sub(before.at))
		before, own = after, used
	}
	return nil
}

// processTime is the CPU time of this process, to the nanosecond: what getrusage says is as of the last tick.
func processTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

// roundsOf is how many rounds of spin take so much CPU time. The best of some tries is what the CPU
// does when nobody else wants it.
func roundsOf(work time.Duration) int {
	const rounds = 1 << 21
	best := time.Duration(1 << 62)
	for range 8 {
		before := processTime()
		runtime.KeepAlive(spin(rounds))
		best = min(best, processTime()-before)
	}
	return max(1, int(float64(rounds)*float64(work)/float64(max(best, 1))))
}
