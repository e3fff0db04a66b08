// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package front

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/server"
	"k8s.io/apiserver/pkg/server/dynamiccertificates"
	certutil "k8s.io/client-go/util/cert"
)

// byToken knows two users by their tokens, and takes whoever brings none for anonymous, as upstream does.
func byToken(r *http.Request) (*authenticator.Response, bool, error) {
	name, ok := map[string]string{"Bearer reader": "reader", "Bearer other": "other", "": "system:anonymous"}[r.Header.Get("Authorization")]
	return &authenticator.Response{User: &user.DefaultInfo{Name: name}}, ok, nil
}

func readersOnly(_ context.Context, a authorizer.Attributes) (authorizer.Decision, string, error) {
	if a.GetPath() == "/livez" || a.GetUser().GetName() == "reader" && a.GetVerb() == "get" && strings.HasPrefix(a.GetPath(), "/foresight/v1/") {
		return authorizer.DecisionAllow, "", nil
	}
	return authorizer.DecisionNoOpinion, "", nil
}

// serve starts a server as app.Run does, and returns its address.
func serve(t *testing.T, handler http.Handler) (*Front, string) {
	t.Helper()
	cert, key, err := certutil.GenerateSelfSignedCertKey("localhost", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := dynamiccertificates.NewStaticCertKeyContent("test", cert, key)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server.SecureServingInfo{Listener: inner, Cert: provider}
	var authn authenticator.Request = authenticator.RequestFunc(byToken)
	authz := authorizer.AuthorizerFunc(readersOnly)
	f, err := Install(s, &authn, authz, "/foresight/v1/", handler)
	if err != nil {
		t.Fatal(err)
	}
	upstreams := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "upstream's") })
	stop := make(chan struct{})
	_, stopped, err := s.Serve(secured(upstreams, authn, authz), time.Second, stop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(stop); <-stopped })
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := f.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	return f, "https://" + inner.Addr().String()
}

func TestPathsAreServedBesideUpstreams(t *testing.T) {
	ours := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "ours at "+r.URL.Path) })
	_, url := serve(t, ours)
	for _, protocol := range []string{"http/1.1", "h2"} {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: protocol == "h2", TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
		defer client.CloseIdleConnections()
		for _, tc := range []struct {
			method, path, token string
			code                int
			body                string
		}{
			{"GET", "/livez", "", 200, "upstream's"},
			{"GET", "/foresight/v1/nodes", "reader", 200, "ours at /foresight/v1/nodes"},
			{"GET", "/foresight/v1/nodes", "other", 403, "forbidden"},
			{"GET", "/foresight/v1/nodes", "", 403, "forbidden"},
			{"GET", "/foresight/v1/nodes", "wrong", 401, "Unauthorized"},
			{"POST", "/foresight/v1/nodes", "reader", 403, "forbidden"},
			{"GET", "/foresight/", "reader", 403, "forbidden"},
			{"GET", "/metrics", "reader", 403, "forbidden"},
		} {
			request, err := http.NewRequestWithContext(t.Context(), tc.method, url+tc.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tc.token != "" {
				request.Header.Set("Authorization", "Bearer "+tc.token)
			}
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != tc.code || !strings.Contains(string(body), tc.body) {
				t.Errorf("%s: %s %s as %q: %d %s, want %d %s", response.Proto, tc.method, tc.path, tc.token, response.StatusCode, body, tc.code, tc.body)
			}
			if want := map[string]int{"http/1.1": 1, "h2": 2}[protocol]; response.ProtoMajor != want {
				t.Errorf("%s was asked for, and %s spoken", protocol, response.Proto)
			}
		}
	}
}

// A server that is not upstream's way is served all the same, and Wait says why ours is not.
func TestWithoutAuthenticationNothingIsServed(t *testing.T) {
	var none authenticator.Request
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	s := &server.SecureServingInfo{Listener: inner}
	if _, err := Install(s, &none, authorizer.AuthorizerFunc(readersOnly), "/foresight/v1/", nil); err == nil || s.Listener != inner {
		t.Errorf("error %v, listener changed: %v", err, s.Listener != inner)
	}
	if _, err := Install(nil, &none, nil, "/", nil); err == nil {
		t.Error("served without a port")
	}
}
