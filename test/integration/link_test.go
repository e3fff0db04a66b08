// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// link is a way to the API server that a test can cut. Bytes go through it unchanged.
type link struct {
	listener net.Listener
	target   string

	mu     sync.Mutex
	mended *sync.Cond
	isCut  bool
	conns  map[net.Conn]bool
}

// newLink listens until the test ends.
func newLink(t *testing.T, server string) *link {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, target: u.Host, conns: map[net.Conn]bool{}}
	l.mended = sync.NewCond(&l.mu)
	t.Cleanup(func() {
		listener.Close()
		l.mend()
		l.mu.Lock()
		defer l.mu.Unlock()
		for c := range l.conns {
			c.Close()
		}
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // Closed.
			}
			go l.connect(client)
		}
	}()
	return l
}

// URL is where the API server is found through the link.
func (l *link) URL() string { return "https://" + l.listener.Addr().String() }

func (l *link) connect(client net.Conn) {
	server, err := net.Dial("tcp", l.target)
	if err != nil {
		client.Close()
		return
	}
	l.mu.Lock()
	l.conns[client], l.conns[server] = true, true
	l.mu.Unlock()
	var wg sync.WaitGroup
	for from, to := range map[net.Conn]net.Conn{client: server, server: client} {
		wg.Go(func() {
			l.copy(to, from)
			client.Close()
			server.Close()
		})
	}
	wg.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, client)
	delete(l.conns, server)
}

func (l *link) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		for l.isCut {
			l.mended.Wait()
		}
		l.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut lets nothing through. What was sent meanwhile arrives when the link is mended, as
// with packets that were lost and are sent again.
func (l *link) cut() { l.set(true) }

func (l *link) mend() { l.set(false) }

func (l *link) set(isCut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isCut = isCut
	l.mended.Broadcast()
}
