// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki makes the keys, certificates and kubeconfigs of a local cluster with
// kubeadm's own helpers, so that users, groups and key usages are what every
// kubeadm cluster has.
package pki

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"

	certutil "k8s.io/client-go/util/cert"
	kubeadmapi "k8s.io/kubernetes/cmd/kubeadm/app/apis/kubeadm"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pkiutil"
)

// algorithm keeps `up` fast: an RSA key takes longer to find than etcd takes to start.
const algorithm = kubeadmapi.EncryptionAlgorithmECDSAP256

// Authority is a certificate authority whose files live in one directory.
type Authority struct {
	dir  string
	name string
	cert *x509.Certificate
	key  crypto.Signer
}

// NewAuthority makes an authority and writes NAME.crt and NAME.key into dir.
func NewAuthority(dir, name, commonName string) (*Authority, error) {
	cert, key, err := pkiutil.NewCertificateAuthority(&pkiutil.CertConfig{
		Config:              certutil.Config{CommonName: commonName},
		EncryptionAlgorithm: algorithm,
	})
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	if err := pkiutil.WriteCertAndKey(dir, name, cert, key); err != nil {
		return nil, fmt.Errorf("writing authority %s: %w", name, err)
	}
	return &Authority{dir: dir, name: name, cert: cert, key: key}, nil
}

// CertFile is where the authority's certificate is.
func (a *Authority) CertFile() string { return filepath.Join(a.dir, a.name+".crt") }

// KeyFile is where the authority's key is.
func (a *Authority) KeyFile() string { return filepath.Join(a.dir, a.name+".key") }

// CertPEM is the authority's certificate as others embed it.
func (a *Authority) CertPEM() []byte { return pkiutil.EncodeCertPEM(a.cert) }

// WriteServing issues a certificate for a server on the loopback interface that is
// also known under extra names or addresses, and writes NAME.crt and NAME.key.
func (a *Authority) WriteServing(name string, extra ...string) error {
	alt := certutil.AltNames{
		DNSNames: []string{"localhost"},
		IPs:      []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, e := range extra {
		if ip := net.ParseIP(e); ip != nil {
			alt.IPs = append(alt.IPs, ip)
		} else {
			alt.DNSNames = append(alt.DNSNames, e)
		}
	}
	return a.write(name, certutil.Config{
		CommonName: name,
		AltNames:   alt,
		Usages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// WriteClient issues a client certificate for user and writes NAME.crt and NAME.key.
func (a *Authority) WriteClient(name, user string, groups ...string) error {
	return a.write(name, clientConfig(user, groups))
}

func (a *Authority) write(name string, config certutil.Config) error {
	cert, key, err := a.issue(config)
	if err != nil {
		return fmt.Errorf("issuing %s: %w", name, err)
	}
	if err := pkiutil.WriteCertAndKey(a.dir, name, cert, key); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

func (a *Authority) issue(config certutil.Config) (*x509.Certificate, crypto.Signer, error) {
	return pkiutil.NewCertAndKey(a.cert, a.key, &pkiutil.CertConfig{
		Config:              config,
		EncryptionAlgorithm: algorithm,
	})
}

func clientConfig(user string, groups []string) certutil.Config {
	return certutil.Config{
		CommonName:   user,
		Organization: groups,
		Usages:       []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
}

// WriteKeyPair writes NAME.key and NAME.pub: what service account tokens are signed
// and checked with.
func WriteKeyPair(dir, name string) error {
	key, err := pkiutil.GeneratePrivateKey(algorithm)
	if err != nil {
		return fmt.Errorf("making key %s: %w", name, err)
	}
	if err := pkiutil.WriteKey(dir, name, key); err != nil {
		return fmt.Errorf("writing key %s: %w", name, err)
	}
	if err := pkiutil.WritePublicKey(dir, name, key.Public()); err != nil {
		return fmt.Errorf("writing public key %s: %w", name, err)
	}
	return nil
}
