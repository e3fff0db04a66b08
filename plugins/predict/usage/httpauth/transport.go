// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package httpauth is an HTTP client whose certificates, token and password come from
// files and are read again when they are used, because in a cluster they are replaced
// under a running process: a service account's token every hour.
//
// client-go's transports look at a token once a minute and at a CA every five minutes,
// and keep a goroutine and a cache per process. These files are small, so here they are
// read for each request.
package httpauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/bounded"
)

// maxFile is how many bytes a file of credentials may have. A bundle of all public authorities has 250,000.
const maxFile = 4 << 20

// Files name the credentials. All are optional.
type Files struct {
	// CA holds the PEM certificates that servers are verified against; empty is those of
	// the system.
	CA string
	// Cert and Key are the PEM client certificate and its key.
	Cert, Key string
	// Token holds a bearer token.
	Token string
	// Username goes with the password in the file Password, for basic authentication.
	Username, Password string
	// Headers are sent with every request, such as X-Scope-OrgID for the tenant of a Mimir.
	Headers []Header
	// ServerName is the name that the server's certificate must have; empty is the host
	// that was asked.
	ServerName string
}

// Header of a request, with a Value or with a File that holds it.
type Header struct{ Name, Value, File string }

// Secret says whether there are credentials, which are not to be sent in the clear.
func (f *Files) Secret() bool {
	return f.Token != "" || f.Username != "" || slices.ContainsFunc(f.Headers, func(h Header) bool { return h.File != "" })
}

// ownHeaders are set by whoever sends a request.
var ownHeaders = []string{"Connection", "Content-Length", "Content-Type", "Host", "Idempotency-Key", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// validateHeaders says which header cannot be sent.
func (f *Files) validateHeaders() error {
	seen := map[string]bool{}
	for _, h := range f.Headers {
		name := http.CanonicalHeaderKey(h.Name)
		switch {
		case !httpguts.ValidHeaderFieldName(h.Name):
			return fmt.Errorf("%.100q is no name of a header", h.Name)
		case slices.Contains(ownHeaders, name):
			return fmt.Errorf("the header %s is not for anybody to set", name)
		case name == "Authorization" && (f.Token != "" || f.Username != ""):
			return errors.New("the header Authorization and a token file or a user name exclude each other")
		case name == "Authorization" && h.File == "":
			return errors.New("the header Authorization holds credentials, which belong in files")
		case seen[name]:
			return fmt.Errorf("the header %s is given twice", name)
		case (h.Value == "") == (h.File == ""):
			return fmt.Errorf("the header %s needs a value or a file with it, and not both", name)
		case !httpguts.ValidHeaderFieldValue(h.Value):
			return fmt.Errorf("the header %s has a value that cannot be sent", name)
		}
		seen[name] = true
	}
	return nil
}

// Validate says which fields do not go together.
func (f *Files) Validate() error {
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return errors.New("a client certificate and its key belong together")
	case (f.Username == "") != (f.Password == ""):
		return errors.New("a user name and a password file belong together")
	case f.Token != "" && f.Username != "":
		return errors.New("a token file and a user name exclude each other")
	}
	return f.validateHeaders()
}

// NewClient returns a client with the credentials in files, which must be readable now.
// It keeps unused connections open for idle, follows no redirects, which would carry
// the credentials elsewhere, and uses no proxy. It has no timeout but that of the
// request's context.
func NewClient(files Files, idle time.Duration) (*http.Client, error) {
	if err := files.Validate(); err != nil {
		return nil, err
	}
	t := &transport{files: files, idle: idle}
	if _, err := t.current(); err != nil {
		return nil, err
	}
	if _, err := t.clientCertificate(nil); err != nil {
		return nil, err
	}
	if err := t.authorize(&http.Request{Header: http.Header{}}); err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

// transport adds the credentials to each request.
type transport struct {
	files Files
	idle  time.Duration

	mu   sync.Mutex
	ca   []byte // of base
	base *http.Transport
}

var _ http.RoundTripper = &transport{}

// RoundTrip sends the request with the credentials that the files hold now.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	base, err := t.current()
	if err == nil {
		r = r.Clone(r.Context())
		err = t.authorize(r)
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // As the interface asks of every return.
		}
		return nil, err
	}
	return base.RoundTrip(r)
}

// CloseIdleConnections is called by the client's method of that name.
func (t *transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
}

// authorize adds the headers, and the token or the password.
func (t *transport) authorize(r *http.Request) error {
	for _, h := range t.files.Headers {
		value := h.Value
		if h.File != "" {
			var err error
			if value, err = secret(h.File); err != nil {
				return fmt.Errorf("the header %s: %w", h.Name, err)
			}
			if !httpguts.ValidHeaderFieldValue(value) {
				return fmt.Errorf("the header %s: what %s holds cannot be sent", h.Name, h.File)
			}
		}
		r.Header.Set(h.Name, value)
	}
	switch {
	case t.files.Token != "":
		token, err := secret(t.files.Token)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bearer "+token)
	case t.files.Username != "":
		password, err := secret(t.files.Password)
		if err != nil {
			return err
		}
		r.SetBasicAuth(t.files.Username, password)
	}
	return nil
}

// secret reads a file of one line. Without a secret a request is not sent: the server
// would only see an anonymous one and its answer would hide the reason.
func secret(file string) (string, error) {
	data, err := bounded.ReadFile(file, maxFile)
	if err != nil {
		return "", err
	}
	s := strings.TrimSpace(string(data))
	if s == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return s, nil
}

// current returns the transport that trusts the CA file as it is now. A file that cannot
// be used is an error, and not a reason to trust what it held before: it may have been
// replaced because that was not to be trusted any more.
func (t *transport) current() (*http.Transport, error) {
	var ca []byte
	if t.files.CA != "" {
		var err error
		if ca, err = bounded.ReadFile(t.files.CA, maxFile); err != nil {
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.base != nil && bytes.Equal(ca, t.ca) {
		return t.base, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.files.ServerName}
	if t.files.CA != "" {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fmt.Errorf("%s holds no PEM certificate", t.files.CA)
		}
	}
	if t.files.Cert != "" {
		config.GetClientCertificate = t.clientCertificate
	}
	if t.base != nil {
		t.base.CloseIdleConnections()
	}
	t.ca = ca
	t.base = &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     config,
		TLSHandshakeTimeout: 10 * time.Second,
		IdleConnTimeout:     t.idle,
		// Nobody has more to say before an answer than this.
		MaxResponseHeaderBytes: 256 << 10,
		// HTTP/1.1: a few requests in turn gain nothing from HTTP/2, whose idle connections
		// are dearer, and there is one per node.
		MaxIdleConnsPerHost: 8,
	}
	return t.base, nil
}

func dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	return d.DialContext(ctx, network, address)
}

// clientCertificate is read for each handshake.
func (t *transport) clientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	if t.files.Cert == "" {
		return &tls.Certificate{}, nil
	}
	cert, err := tls.LoadX509KeyPair(t.files.Cert, t.files.Key)
	if err != nil {
		return nil, err
	}
	return &cert, nil
}
