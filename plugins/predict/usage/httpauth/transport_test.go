// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package httpauth

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage/httpauth/httpauthtest"
)

// who answers with the credentials that it sees.
func who(w http.ResponseWriter, r *http.Request) {
	name := ""
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		name = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	_, _ = io.WriteString(w, r.Header.Get("Authorization")+"|"+name)
}

func serve(t *testing.T, ca *httpauthtest.Authority) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(who))
	s.TLS = ca.ServerConfig(t)
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func get(t *testing.T, c *http.Client, url string) (string, error) {
	t.Helper()
	resp, err := c.Get(url)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// Headers go with every request, from the arguments or from a file that may change, and what cannot be sent is refused at once.
func TestHeaders(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("X-Scope-OrgID")+"|"+r.Header.Get("X-Key"))
	}))
	defer server.Close()
	file := httpauthtest.Write(t, "key", []byte("one\n"))
	c, err := NewClient(Files{Headers: []Header{{Name: "x-scope-orgid", Value: "team"}, {Name: "X-Key", File: file}}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"one", "two"} {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := get(t, c, server.URL); got != "team|"+key || err != nil {
			t.Errorf("the server saw %q, error %v", got, err)
		}
	}
	if err := os.WriteFile(file, []byte("a\nb"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c, server.URL); err == nil || !strings.Contains(err.Error(), "X-Key") {
		t.Errorf("two lines: error %v", err)
	}
	for _, headers := range [][]Header{
		{{Name: "", Value: "a"}}, {{Name: "a b", Value: "a"}}, {{Name: "Host", Value: "a"}}, {{Name: "X"}}, {{Name: "X", Value: "a", File: file}},
		{{Name: "X", Value: "a\nb"}}, {{Name: "X", Value: "a"}, {Name: "x", Value: "b"}}, {{Name: "Authorization", Value: "Bearer a"}},
		{{Name: "X", File: "/does/not/exist"}},
	} {
		if _, err := NewClient(Files{Headers: headers}, time.Minute); err == nil {
			t.Errorf("%v is taken", headers)
		}
	}
}

// Every file may change between two requests, and the second one uses the new content.
func TestFilesAreReadAgain(t *testing.T) {
	old, young := httpauthtest.NewAuthority(t), httpauthtest.NewAuthority(t)
	oldURL, youngURL := serve(t, old), serve(t, young)
	cert, key := old.Issue(t, "first")
	files := Files{
		CA:    httpauthtest.Write(t, "ca.pem", old.PEM),
		Token: httpauthtest.Write(t, "token", []byte("one\n")),
		Cert:  httpauthtest.Write(t, "cert.pem", cert),
		Key:   httpauthtest.Write(t, "key.pem", key),
	}
	c, err := NewClient(files, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(url, want string) {
		t.Helper()
		if got, err := get(t, c, url); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	expect(oldURL, "Bearer one|first")
	if _, err := get(t, c, youngURL); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a server of another authority: error %v", err)
	}

	httpauthtest.Rewrite(t, files.Token, []byte("two"))
	expect(oldURL, "Bearer two|first")

	cert, key = young.Issue(t, "second")
	httpauthtest.Rewrite(t, files.Cert, cert)
	httpauthtest.Rewrite(t, files.Key, key)
	httpauthtest.Rewrite(t, files.CA, young.PEM)
	expect(youngURL, "Bearer two|second")
	if _, err := get(t, c, oldURL); err == nil {
		t.Error("the old authority is still trusted, over a connection from before")
	}

	// What cannot be read is not sent without.
	httpauthtest.Rewrite(t, files.Token, nil)
	if _, err := get(t, c, youngURL); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty token: error %v", err)
	}
	if err := os.Remove(files.CA); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c, youngURL); err == nil {
		t.Error("no CA file, and no error")
	}
}

func TestBasicAuth(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(who))
	defer s.Close()
	files := Files{Username: "u", Password: httpauthtest.Write(t, "password", []byte("p\n"))}
	c, err := NewClient(files, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := get(t, c, s.URL); err != nil || got != "Basic dTpw|" {
		t.Errorf("got %q, %v", got, err)
	}
	httpauthtest.Rewrite(t, files.Password, []byte("q"))
	if got, err := get(t, c, s.URL); err != nil || got != "Basic dTpx|" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	asked := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer other.Close()
	s := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	defer s.Close()
	c, err := NewClient(Files{}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, c, s.URL); err != nil || asked {
		t.Errorf("asked the other server: %v, error %v", asked, err)
	}
}

func TestNewClientRefuses(t *testing.T) {
	for name, files := range map[string]Files{
		"no such CA":          {CA: "/nonexistent"},
		"no PEM":              {CA: httpauthtest.Write(t, "ca.pem", []byte("x"))},
		"no such token":       {Token: "/nonexistent"},
		"no such certificate": {Cert: "/nonexistent", Key: "/nonexistent"},
		"half a certificate":  {Cert: "/nonexistent"},
		"no password":         {Username: "u"},
		"a token and a user":  {Token: "t", Username: "u", Password: "p"},
		"no such password":    {Username: "u", Password: "/nonexistent"},
	} {
		if _, err := NewClient(files, time.Minute); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
