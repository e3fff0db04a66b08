// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// ErrPortTaken says that another process listens on a port.
var ErrPortTaken = errors.New("is taken")

// FreePorts returns n different loopback ports on which nothing listens. All of them
// are held open until the last one is known, so the kernel gives none twice. Somebody
// else may still take one before its user listens; that user has to be ready for it.
func FreePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		listener, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// CheckPort returns ErrPortTaken when something listens on the loopback port.
func CheckPort(port int) error {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d %w", port, ErrPortTaken)
	}
	if err != nil {
		return fmt.Errorf("trying port %d: %w", port, err)
	}
	return listener.Close()
}
