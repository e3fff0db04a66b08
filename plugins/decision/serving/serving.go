// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package serving is how the leader tells where it serves and by which certificate, and how a client finds and verifies it: in
// labels of the leader's Lease, which only the scheduler may write. They go with each renewal, so they are always the holder's.
package serving

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base32"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// The labels. A label holds 63 characters, which is enough for a hash in base 32.
const (
	CertificateLabel = "foresight-scheduler.dev/serving-certificate"
	AddressLabel     = "foresight-scheduler.dev/serving-address"
	PortLabel        = "foresight-scheduler.dev/serving-port"
)

// Prefix of the paths under which decisions are served.
const Prefix = "/foresight/v1/"

// Fingerprint of a certificate in DER: its SHA-256 in base 32.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// Labels are what the server at an address says of itself. An address that stands for all of a machine's is left out.
func Labels(certificate []byte, address net.Addr) map[string]string {
	labels := map[string]string{CertificateLabel: Fingerprint(certificate)}
	at, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return labels
	}
	labels[PortLabel] = strconv.Itoa(int(at.Port()))
	if ip := at.Addr().Unmap().WithZone(""); !ip.IsUnspecified() {
		labels[AddressLabel] = strings.ReplaceAll(ip.StringExpanded(), ":", "-")
	}
	return labels
}

// Address returns where the labels say that the leader serves: a host, "" where it is not said, and a port, 0 where there is none.
func Address(labels map[string]string) (host string, port int, err error) {
	text := labels[PortLabel]
	if text == "" {
		return "", 0, nil
	}
	if port, err = strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("label %s: %q is no port", PortLabel, text)
	}
	if text = labels[AddressLabel]; text == "" {
		return "", port, nil
	}
	ip, err := netip.ParseAddr(strings.ReplaceAll(text, "-", ":"))
	if err != nil {
		return "", 0, fmt.Errorf("label %s: %q is no address", AddressLabel, text)
	}
	return ip.String(), port, nil
}

// Verify returns the TLS configuration of a client that takes the one certificate with the fingerprint, and no other.
func Verify(fingerprint string) *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // The certificate is verified below, by what the leader has published instead of by an authority.
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 {
				return errors.New("the server has no certificate")
			}
			return same(s.PeerCertificates[0], fingerprint)
		},
	}
}

func same(certificate *x509.Certificate, fingerprint string) error {
	if got := Fingerprint(certificate.Raw); fingerprint == "" || got != fingerprint {
		return fmt.Errorf("the certificate (%.12s…) is not the one that the leader has published in its Lease (%.12s…)", got, fingerprint)
	}
	return nil
}
