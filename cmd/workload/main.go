// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Command workload is what the containers of real nodes run: a pause, a server whose
// answers cost CPU time, a client that measures it, and a burner. It needs nothing but
// itself, so it fits into an image without files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usage = `Usage: workload COMMAND [FLAGS]

  pause   do nothing until told to end
  serve   answer HTTP requests, each after some CPU time
  get     ask URLs once and print the answers
  load    ask a URL at a steady rate and print quantiles of the latency
  burn    keep CPUs busy
  exit    print a message and end with a status
  cat     print files
  write   write a text to a file
  fill    use so much memory`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		var status exitError
		if errors.As(err, &status) {
			os.Exit(int(status))
		}
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// exitError ends the program with a status of the user's choice.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("status %d", int(e)) }

func run(ctx context.Context, args []string) error {
	commands := map[string]func(context.Context, *flag.FlagSet, []string) error{
		"pause": pause, "serve": serve, "get": get, "load": load, "burn": burn, "exit": exit, "cat": cat, "write": write, "fill": fill,
	}
	if len(args) == 0 {
		return errors.New("no command\n" + usage)
	}
	if strings.TrimLeft(args[0], "-") == "help" || args[0] == "-h" {
		fmt.Println(usage)
		return nil
	}
	command, known := commands[args[0]]
	if !known {
		return fmt.Errorf("unknown command %q\n%s", args[0], usage)
	}
	return command(ctx, flag.NewFlagSet(args[0], flag.ExitOnError), args[1:])
}

func pause(ctx context.Context, _ *flag.FlagSet, _ []string) error {
	<-ctx.Done()
	return nil
}

func exit(_ context.Context, flags *flag.FlagSet, args []string) error {
	status := flags.Int("status", 0, "exit status")
	_ = flags.Parse(args)
	fmt.Println(strings.Join(flags.Args(), " "))
	if *status != 0 {
		return exitError(*status)
	}
	return nil
}

func cat(_ context.Context, _ *flag.FlagSet, files []string) error {
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Print(string(data))
	}
	return nil
}

func write(_ context.Context, _ *flag.FlagSet, args []string) error {
	if len(args) < 2 {
		return errors.New("write takes a file and a text")
	}
	return os.WriteFile(args[0], []byte(strings.Join(args[1:], " ")), 0o644)
}

func fill(ctx context.Context, _ *flag.FlagSet, args []string) error {
	if len(args) != 1 {
		return errors.New("fill takes a size such as 64Mi")
	}
	var mebibytes int
	if _, err := fmt.Sscanf(args[0], "%dMi", &mebibytes); err != nil {
		return fmt.Errorf("%q is not a size such as 64Mi", args[0])
	}
	memory := make([]byte, mebibytes<<20)
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	<-ctx.Done()
	fmt.Println(memory[len(memory)/2])
	return nil
}
