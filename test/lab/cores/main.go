// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Command cores measures, on one machine without a cluster, what a service suffers beside
// neighbours, and whether a model that learned from some kinds of neighbours chooses well among others.
//
// Its nodes are two CPUs of the machine. The service and its neighbours, the hogs, are processes that may
// run on their node's CPU only; utilisation is the CPU's and pressure (PSI) that of the node's control group. Memory, its
// bandwidth and the disk are the machine's, so hogs that want those hurt both nodes.
//
// 1. The data set OUT/learned, and with --judged OUT/judged of other kinds of hogs, in the form that `foresight model` reads.
// 2. OUT/model.json, which `foresight model train` learns from OUT/learned.
// 3. For each seed some nodes with hogs of all kinds, or with --unseen of those that were not learned from: what each node's requests,
// use and pressure are, and the latency that the service then has on each of them. OUT/choices.csv and tables say which node
// each way to choose takes, what that comes to, and whether it is more than chance. Among the ways are whole profiles of a scheduler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/model/quality"
)

// lab is what all runs have in common.
type lab struct {
	nodes   []node
	out     string
	begin   time.Time
	rounds  int // of spin a request
	observe time.Duration
	// run and window of the data set, and the run at rate that choices are judged by.
	run, window, chosenRun time.Duration
	rate                   float64
	candidates             int
	kinds                  []string // of the hogs to choose among
	objective              float64  // of a request, in ms
}

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func command(args []string) error {
	if len(args) > 0 && args[0] == "hog" {
		return runHog(args[1:])
	}
	if len(args) > 0 && args[0] == "serve" {
		return runService(args[1:])
	}
	flags := flag.NewFlagSet("cores", flag.ExitOnError)
	l := lab{begin: time.Now(), observe: 2 * time.Second, run: 4 * time.Second, window: 500 * time.Millisecond, rate: 80}
	out := flags.String("out", "lab", "directory for the data sets, the model and the choices")
	foresight := flags.String("foresight", "bin/foresight", "the command that learns")
	seeds := flags.Int("seeds", 40, "neighbourhoods to choose in")
	flags.IntVar(&l.candidates, "candidates", 4, "nodes with their hogs to choose among, for each seed")
	repeats := flags.Int("repeats", 1, "runs of each hog, what it wants, and rate that is learned from")
	judged := flags.Bool("judged", false, "also measure a data set of the kinds that are not learned from (4 minutes)")
	work := flags.Duration("work", 2*time.Millisecond, "CPU time of a request")
	flags.DurationVar(&l.chosenRun, "run", 3*time.Second, "length of a run that a choice is judged by")
	unseen := flags.Bool("unseen", false, "choose among kinds of hogs that were not learned from, not among all")
	objective := flags.Duration("objective", 20*time.Millisecond, "a request that takes longer is late")
	known := flags.String("model", "", "a model to choose with; nothing is learned then")
	_ = flags.Parse(args)
	if *seeds < 1 || *repeats < 1 || l.candidates < 2 || *work < 100*time.Microsecond || l.chosenRun < time.Second || flags.NArg() > 0 {
		return errors.New("--seeds and --repeats must be 1 or more, --candidates 2 or more, --work 100µs or more, --run 1s or more, and there are no other arguments")
	}
	l.out, l.kinds, l.objective = *out, append(slices.Clone(learnedKinds), judgedKinds...), float64(*objective)/float64(time.Millisecond)
	if *unseen {
		l.kinds = judgedKinds
	}
	if err := os.MkdirAll(l.out, 0o755); err != nil {
		return err
	}
	nodes, release, err := newNodes(2)
	if err != nil {
		return err
	}
	defer release()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l.nodes, l.rounds = nodes, roundsOf(*work)

	model := *known
	if model == "" {
		// 1. What the model learns from, and what it is judged on.
		if err := l.dataSet(ctx, filepath.Join(l.out, "learned"), cells(learnedKinds, *repeats, 1)); err != nil {
			return err
		}
		if *judged {
			if err := l.dataSet(ctx, filepath.Join(l.out, "judged"), cells(judgedKinds, 1, 2)); err != nil {
				return err
			}
		}
		// 2. The command that a user has.
		model = filepath.Join(l.out, "model.json")
		learn := exec.CommandContext(ctx, *foresight, "model", "train", "--data", filepath.Join(l.out, "learned"), "--out", model)
		learn.Stdout, learn.Stderr = os.Stdout, os.Stderr
		if err := learn.Run(); err != nil {
			return fmt.Errorf("%s: %w", *foresight, err)
		}
	}
	m, _, err := quality.Load(model, &quality.Placement)
	if err != nil {
		return err
	}
	// 3. Does it choose well among hogs of which it never saw the like?
	return l.comparison(ctx, *seeds, quality.NewTable(m), model)
}
