// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package front serves more paths on the secure port of an upstream server, behind the same authentication and authorization.
//
// Upstream makes its handler and its http.Server inside app.Run and hands out neither. But what it listens on and what it
// authenticates by are exchangeable, and a request knows its server (http.ServerContextKey). So the listener's first connection is
// one from within the process; while its request is authenticated, our handler is put before upstream's; and no other
// connection is taken before that is done, so no request sees the server change.
package front

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/server"
	genericfilters "k8s.io/apiserver/pkg/server/filters"
	"k8s.io/client-go/kubernetes/scheme"
)

// patience is how long the first request may take. Then upstream serves alone: probes matter more.
const patience = 10 * time.Second

// Front is more paths before an upstream server.
type Front struct {
	prefix  string
	handler http.Handler // authenticated and authorized

	inner   net.Listener
	ready   chan struct{} // closed when the server is ours, or has failed to be
	settle  sync.Once
	err     error
	pipe    net.Conn // the server's end
	handed  bool     // of the goroutine that accepts
	address net.Addr
}

// Install has the paths that begin with prefix served by handler. Call it before app.Run; Wait says whether it worked.
func Install(s *server.SecureServingInfo, authn *authenticator.Request, authz authorizer.UnconditionalAuthorizer, prefix string, handler http.Handler) (*Front, error) {
	if s == nil || s.Listener == nil {
		return nil, errors.New("there is no secure port")
	}
	if *authn == nil || authz == nil {
		return nil, errors.New("who asks would be neither authenticated nor authorized")
	}
	f := &Front{prefix: prefix, inner: s.Listener, ready: make(chan struct{}), address: s.Listener.Addr()}
	f.handler = secured(handler, *authn, authz)
	s.Listener = &listener{f.inner, f}
	*authn = &capturing{*authn, f}
	return f, nil
}

// secured is upstream's chain of handlers around ours.
func secured(handler http.Handler, authn authenticator.Request, authz authorizer.UnconditionalAuthorizer) http.Handler {
	info := &request.RequestInfoFactory{}
	handler = filters.WithAuthorization(handler, authz, scheme.Codecs)
	handler = filters.WithAuthentication(handler, authn, filters.Unauthorized(scheme.Codecs), nil, nil)
	handler = filters.WithRequestInfo(handler, info)
	handler = filters.WithCacheControl(handler)
	handler = genericfilters.WithHTTPLogging(handler)
	return genericfilters.WithPanicRecovery(handler, info)
}

// Wait returns when the paths are served, with nil, or with the reason why they are not.
func (f *Front) Wait(ctx context.Context) error {
	select {
	case <-f.ready:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *Front) settled(err error) {
	f.settle.Do(func() {
		f.err = err
		close(f.ready)
	})
}

// ServeHTTP sends ours to us.
func (f *Front) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, f.prefix) {
			f.handler.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// listener hands out a connection from within first, and others when that has done its work.
type listener struct {
	net.Listener
	front *Front
}

func (l *listener) Accept() (net.Conn, error) {
	f := l.front
	if !f.handed {
		f.handed = true
		var client net.Conn
		client, f.pipe = net.Pipe()
		go f.knock(client)
		return f.pipe, nil
	}
	<-f.ready
	return l.Listener.Accept()
}

// knock makes the first request. What is answered does not matter.
func (f *Front) knock(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	client := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}) //nolint:gosec // The other end of a pipe.
	_, err := fmt.Fprintf(client, "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	if err == nil {
		_, err = client.Read(make([]byte, 1))
	}
	if err != nil {
		f.settled(fmt.Errorf("the server does not answer itself: %w", err))
		return
	}
	f.settled(errors.New("the server answered, and authenticated nobody"))
}

// capturing authenticates as upstream does, and on the way puts the front before the server of the first request.
type capturing struct {
	authenticator.Request
	front *Front
}

func (c *capturing) AuthenticateRequest(r *http.Request) (*authenticator.Response, bool, error) {
	f := c.front
	select {
	case <-f.ready:
	default:
		// Nobody else has a connection yet.
		if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.Handler != nil {
			s.Handler = f.serve(s.Handler)
			f.settled(nil)
		} else {
			f.settled(errors.New("the server is none of net/http"))
		}
	}
	return c.Request.AuthenticateRequest(r)
}
