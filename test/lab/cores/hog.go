// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// A hog is a neighbour of some kind that works so hard, from 0 (not at all) to 1.
type hog struct {
	Kind      string  `json:"kind"`
	Intensity float64 `json:"intensity"`
	// Requested is what its pod says that it wants, in CPUs.
	Requested float64 `json:"requested"`
}

// kinds of hogs: the model learns from the first, and is judged among the others.
var (
	learnedKinds = []string{"herd", "memory", "io"}
	judgedKinds  = []string{"burst", "spin"}
)

// shape says of how many processes a hog of a kind is, and how much of the time each works at intensity 1.
var shape = map[string]struct {
	processes int
	share     float64
}{
	"herd": {4, .5}, "memory": {3, .5}, "io": {2, 1}, "burst": {3, .5}, "spin": {2, .8},
}

// cores is how many CPUs a hog wants on average, were it alone.
func (h hog) cores() float64 {
	s := shape[h.Kind]
	return float64(s.processes) * s.share * h.Intensity
}

// wanting is the hog of a kind that wants so many CPUs on average.
func wanting(kind string, cores float64) hog {
	return hog{Kind: kind, Intensity: cores / hog{Kind: kind, Intensity: 1}.cores()}
}

// start runs the hog's processes until ctx ends.
func (h hog) start(ctx context.Context, n node, scratch string, seed uint64) (wait func(), err error) {
	var started []*exec.Cmd
	wait = func() {
		for _, cmd := range started {
			_ = cmd.Wait() // It is killed, which is an error that says nothing.
		}
	}
	for i := range shape[h.Kind].processes {
		cmd := itself(ctx, "hog", "--kind", h.Kind, "--intensity", fmt.Sprint(h.Intensity), "--seed", fmt.Sprint(seed+uint64(i)),
			"--file", filepath.Join(scratch, fmt.Sprintf("hog-%d-%d-%d", n.cpu, seed, i)))
		if err := n.start(cmd); err != nil {
			return wait, err
		}
		started = append(started, cmd)
	}
	return wait, nil
}

// itself is this program with a subcommand.
func itself(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Stderr = os.Stderr
	return cmd
}

const period = 20 * time.Millisecond

// runHog is one process of a hog. It works for its share of each period and sleeps for the rest:
//
//	herd    computes; many processes
//	spin    computes; fewer processes, each longer
//	burst   computes, in periods of about a second
//	memory  walks through 64 MiB
//	io      writes 64 KiB and waits until they are on the disk
func runHog(args []string) error {
	flags := flag.NewFlagSet("hog", flag.ExitOnError)
	kind := flags.String("kind", "", "")
	intensity := flags.Float64("intensity", 0, "")
	seed := flags.Uint64("seed", 0, "")
	path := flags.String("file", "", "")
	_ = flags.Parse(args)
	random := rand.New(rand.NewPCG(*seed, 1))
	work := func() error { runtime.KeepAlive(spin(1 << 12)); return nil }
	length, share := period, *intensity*shape[*kind].share
	switch *kind {
	case "spin", "herd":
	case "burst":
		length = time.Second
	case "memory":
		memory, at := make([]byte, 64<<20), 0
		work = func() error {
			for range 4096 {
				memory[at]++
				at = (at + 64) % len(memory)
			}
			return nil
		}
	case "io":
		file, err := os.Create(*path)
		if err != nil {
			return err
		}
		if err := os.Remove(*path); err != nil { // It goes with the process.
			return err
		}
		block, at := make([]byte, 64<<10), int64(0)
		work = func() error {
			if _, err := file.WriteAt(block, at); err != nil {
				return err
			}
			at = (at + int64(len(block))) % (16 << 20)
			return file.Sync()
		}
	default:
		return fmt.Errorf("no hog of kind %q", *kind)
	}
	for {
		begin := time.Now()
		// Around the period, so that hogs do not fall into step.
		this := time.Duration((.5 + random.Float64()) * float64(length))
		for time.Since(begin) < time.Duration(share*float64(this)) {
			if err := work(); err != nil {
				return err
			}
		}
		time.Sleep(this - time.Since(begin))
	}
}

// spin computes for so many rounds; inlined where nobody wants the result, it would not.
//
//go:noinline
func spin(rounds int) uint64 {
	x := uint64(88172645463325252)
	for range rounds {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}
