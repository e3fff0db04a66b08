// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package serving

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestLabelsSayWhere(t *testing.T) {
	for _, tc := range []struct{ address, host string }{
		{"127.0.0.1:10259", "127.0.0.1"}, {"[::1]:10259", "::1"}, {"[fd00::a:1]:10259", "fd00::a:1"}, {"0.0.0.0:10259", ""}, {"[::]:10259", ""},
	} {
		address, err := net.ResolveTCPAddr("tcp", tc.address)
		if err != nil {
			t.Fatal(err)
		}
		labels := Labels([]byte("certificate"), address)
		for key, value := range labels {
			if wrong := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(wrong) > 0 {
				t.Errorf("%s: label %s=%s: %v", tc.address, key, value, wrong)
			}
		}
		if host, port, err := Address(labels); err != nil || host != tc.host || port != 10259 {
			t.Errorf("%s: read as %q, %d, %v", tc.address, host, port, err)
		}
	}
	for _, labels := range []map[string]string{{PortLabel: "http"}, {PortLabel: "70000"}, {PortLabel: "1", AddressLabel: "evil.example"}} {
		if host, port, err := Address(labels); err == nil {
			t.Errorf("%v: read as %q, %d", labels, host, port)
		}
	}
	if _, port, err := Address(nil); port != 0 || err != nil {
		t.Errorf("without labels: %d, %v", port, err)
	}
}

// A client takes the one certificate that was published, and sends nothing to a server with another one.
func TestVerify(t *testing.T) {
	asked := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer server.Close()
	get := func(fingerprint string) error {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: Verify(fingerprint)}}
		defer client.CloseIdleConnections()
		response, err := client.Get(server.URL)
		if err == nil {
			response.Body.Close()
		}
		return err
	}
	if err := get(Fingerprint(server.Certificate().Raw)); err != nil || asked != 1 {
		t.Errorf("its own certificate: %v, asked %d times", err, asked)
	}
	for _, other := range []string{"", Fingerprint([]byte("another"))} {
		if err := get(other); err == nil || !strings.Contains(err.Error(), "published in its Lease") || asked != 1 {
			t.Errorf("%q: %v, asked %d times", other, err, asked)
		}
	}
}
