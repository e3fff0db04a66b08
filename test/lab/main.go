// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command lab measures what co-location does to a service on real nodes: the truth that
// predictions of quality of service are judged by.
//
// On every node of a running local cluster (`localcluster up --real`) it puts one pod of a
// latency-sensitive service, asks each at a steady rate, and measures the latency and the
// CPU pressure (PSI), with no neighbour and with a burner on each node in turn, all of it
// for several seeds of the arrival times. Foresight places every pod.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	dir, bin, out string
	seeds         int
	duration      time.Duration
	rate          float64
	work          time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", ".localcluster", "directory of the running local cluster")
	flag.StringVar(&o.bin, "bin", "bin", "directory of the binaries")
	flag.StringVar(&o.out, "out", "lab", "directory for lab.csv and lab.png")
	flag.IntVar(&o.seeds, "seeds", 3, "how often to repeat everything")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "length of one measurement")
	flag.Float64Var(&o.rate, "rate", 25, "requests a second to each pod of the service")
	flag.DurationVar(&o.work, "work", 8*time.Millisecond, "CPU time of a request")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.seeds < 1 || o.duration < time.Second || o.rate <= 0 || o.work <= 0 {
		return fmt.Errorf("--seeds must be 1 or more, --duration 1s or more, --rate and --work above 0")
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return err
	}
	c := cluster{options: o}

	// 1. The service, one pod a node.
	defer c.remove()
	servers, err := c.deploy(ctx)
	if err != nil {
		return err
	}

	// 2. Every seed sees every neighbourhood, so that a slow minute of the machine does not
	// fall on one of them only.
	neighbourhoods := []string{""}
	for _, s := range servers {
		neighbourhoods = append(neighbourhoods, s.node)
	}
	var rows []row
	for seed := 1; seed <= o.seeds; seed++ {
		for _, burner := range neighbourhoods {
			fmt.Fprintf(os.Stderr, "seed %d of %d, burner on %s\n", seed, o.seeds, orNone(burner))
			measured, err := c.measure(ctx, servers, burner, seed)
			if err != nil {
				return err
			}
			rows = append(rows, measured...)
		}
	}

	// 3. The rows for others, the medians for the reader.
	if err := writeCSV(filepath.Join(o.out, "lab.csv"), rows); err != nil {
		return err
	}
	if err := plotRows(filepath.Join(o.out, "lab.png"), rows); err != nil {
		return err
	}
	printSummary(os.Stdout, rows)
	fmt.Printf("\nWritten: %s and %s\n", filepath.Join(o.out, "lab.csv"), filepath.Join(o.out, "lab.png"))
	return nil
}

func orNone(node string) string {
	if node == "" {
		return "no node"
	}
	return node
}
