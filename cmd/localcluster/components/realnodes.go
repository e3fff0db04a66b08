// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package components

import (
	"fmt"
	"os"
	"strconv"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/argv"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/network"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/nodeinit"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// clusterNetwork takes the ports to forward.
func clusterNetwork() int {
	ports := make([]int, len(os.Args)-1)
	for i, arg := range os.Args[1:] {
		port, err := strconv.Atoi(arg)
		if err != nil {
			return failed(err)
		}
		ports[i] = port
	}
	return failed(network.Serve(ports))
}

// node takes the node's name; the cluster's directory is the working directory.
func node() int {
	dir, err := os.Getwd()
	if err != nil {
		return failed(err)
	}
	command := []string{"/proc/self/exe", argv.Subcommand, "node-init", dir, os.Args[1]}
	return failed(nodeinit.Keep(state.Layout{Dir: dir}, os.Args[1], command))
}

// nodeInit takes the cluster's directory and the node's name.
func nodeInit() int {
	return failed(nodeinit.Run(state.Layout{Dir: os.Args[1]}, os.Args[2], []string{argv.Subcommand}))
}

func failed(err error) int {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
