// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package network is the component that holds the cluster's own network and lets the
// machine's loopback reach the control plane in it.
package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
)

const (
	// Socket is where the component answers health checks, relative to the cluster's
	// directory.
	Socket = "network.sock"
	// namespaceFD is where the process keeps its network open. Nothing else names the
	// network, so it ends with the last process that uses it.
	namespaceFD = 100
)

// Path is the network that the component with process id pid holds.
func Path(pid int) string { return fmt.Sprintf("/proc/%d/fd/%d", pid, namespaceFD) }

// Serve makes the network and forwards the ports until it is told to end.
func Serve(ports []int) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	namespace, err := isolate.NewNetwork(realnode.Address(realnode.ControlPlaneIP))
	if err != nil {
		return err
	}
	if err := unix.Dup3(int(namespace), namespaceFD, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("keeping the network open: %w", err)
	}
	self := Path(os.Getpid())
	if err := isolate.Within(self, func() error { return reserve(ports) }); err != nil {
		return err
	}
	for _, port := range ports {
		listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return err
		}
		go forward(listener, self)
	}
	if err := os.Remove(Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	listener, err := net.Listen("unix", Socket)
	if err != nil {
		return err
	}
	server := &http.Server{
		// It listens last: to answer is to be ready.
		Handler:           http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() { _ = server.Serve(listener) }()
	<-ctx.Done()
	return nil
}

// reserve keeps the kernel from giving components' ports to outgoing connections. The
// file is that of the network the calling thread is in.
func reserve(ports []int) error {
	list := make([]string, len(ports))
	for i, port := range ports {
		list[i] = strconv.Itoa(port)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_local_reserved_ports", []byte(strings.Join(list, ",")), 0o644)
}

// forward hands every connection on to the same port in the network.
func forward(listener net.Listener, network string) {
	port := listener.Addr().(*net.TCPAddr).Port
	for {
		from, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := dial(network, port)
			if err != nil {
				return
			}
			defer to.Close()
			go func() {
				_, _ = io.Copy(to, from)
				_ = to.(*net.TCPConn).CloseWrite()
			}()
			_, _ = io.Copy(from, to)
			_ = from.(*net.TCPConn).CloseWrite()
		}()
	}
}

func dial(network string, port int) (conn net.Conn, err error) {
	err = isolate.Within(network, func() (err error) {
		// A literal address: a second one to try would be tried on another thread.
		conn, err = net.DialTCP("tcp4", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		return err
	})
	return conn, err
}
