// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/keyutil"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func newCluster(t *testing.T) (state.Layout, *Authority) {
	t.Helper()
	l := state.Layout{Dir: t.TempDir()}
	ca, err := WriteCertificates(l)
	if err != nil {
		t.Fatal(err)
	}
	return l, ca
}

func readCert(t *testing.T, file string) *x509.Certificate {
	t.Helper()
	certs, err := certutil.CertsFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return certs[0]
}

func pool(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	p, err := certutil.NewPool(file)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestServingCertificatesAreGoodForTheNamesTheyAreCalledBy(t *testing.T) {
	l, ca := newCluster(t)
	roots := pool(t, ca.CertFile())
	for _, name := range state.Names()[1:] {
		cert := readCert(t, l.Cert(name))
		for _, host := range append([]string{"localhost", "127.0.0.1", "::1"}, otherNames(name)...) {
			_, err := cert.Verify(x509.VerifyOptions{
				DNSName: host, Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			})
			if err != nil {
				t.Errorf("%s as %s: %v", name, host, err)
			}
		}
		if slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
			t.Errorf("%s's serving certificate makes a client of it", name)
		}
		if _, err := tls.LoadX509KeyPair(l.Cert(name), l.Key(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The API server believes whoever has a certificate of the front proxy's authority about
// any user, so that authority must not be the cluster's.
func TestTheFrontProxyHasAnAuthorityOfItsOwn(t *testing.T) {
	l, _ := newCluster(t)
	cert := readCert(t, l.Cert(state.FrontProxyClient))
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool(t, l.Cert(state.FrontProxyCA)), KeyUsages: usage}); err != nil {
		t.Error(err)
	}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool(t, l.Cert(state.ClusterCA)), KeyUsages: usage}); err == nil {
		t.Error("the cluster's authority vouches for the front proxy")
	}
}

func TestServiceAccountKeysAreAPair(t *testing.T) {
	l, _ := newCluster(t)
	if _, err := keyutil.PrivateKeyFromFile(l.Key(state.ServiceAccountKey)); err != nil {
		t.Error(err)
	}
	keys, err := keyutil.PublicKeysFromFile(l.Path("pki", state.ServiceAccountKey+".pub"))
	if err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func TestKeysArePrivate(t *testing.T) {
	l, ca := newCluster(t)
	if err := WriteKubeconfigs(l, ca, "https://127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if err := WriteTokenKubeconfig(l.KubeconfigOf(state.Foresight), "https://127.0.0.1:1", ca.CertPEM(), "secret"); err != nil {
		t.Fatal(err)
	}
	var private []string
	for _, pattern := range []string{"*.key", "*.kubeconfig"} {
		files, err := filepath.Glob(l.Path("pki", pattern))
		if err != nil {
			t.Fatal(err)
		}
		private = append(private, files...)
	}
	for _, file := range append(private, l.Kubeconfig()) {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", file, info.Mode())
		}
	}
	if info, err := os.Stat(l.PKI()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%s has mode %v, %v", l.PKI(), info.Mode(), err)
	}
}

func TestKubeconfigsCarryTheUsersUpstreamExpects(t *testing.T) {
	l, ca := newCluster(t)
	if err := WriteKubeconfigs(l, ca, "https://127.0.0.1:6443"); err != nil {
		t.Fatal(err)
	}
	roots := pool(t, ca.CertFile())
	for file, want := range map[string]struct {
		user   string
		groups []string
	}{
		l.Kubeconfig():                          {"localcluster-admin", []string{"system:masters"}},
		l.KubeconfigOf(state.ControllerManager): {"system:kube-controller-manager", nil},
		l.KubeconfigOf(state.Scheduler):         {"system:kube-scheduler", nil},
		l.KubeconfigOf(state.Kwok):              {"localcluster:kwok", nil},
	} {
		config, err := clientcmd.BuildConfigFromFlags("", file)
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != "https://127.0.0.1:6443" || config.Insecure {
			t.Errorf("%s: server %s, insecure %v", file, config.Host, config.Insecure)
		}
		certs, err := certutil.ParseCertsPEM(config.CertData)
		if err != nil {
			t.Fatal(err)
		}
		if certs[0].Subject.CommonName != want.user || !slices.Equal(certs[0].Subject.Organization, want.groups) {
			t.Errorf("%s: is %s of %v", file, certs[0].Subject.CommonName, certs[0].Subject.Organization)
		}
		_, err = certs[0].Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		if err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
