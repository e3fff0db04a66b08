// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/pkiutil"
)

// contextName is the cluster, user and context name in every kubeconfig.
const contextName = "localcluster"

// WriteCertKubeconfig writes a kubeconfig for user that holds all it needs, so the
// file can be copied elsewhere.
func (a *Authority) WriteCertKubeconfig(file, server, user string, groups ...string) error {
	cert, key, err := a.issue(clientConfig(user, groups))
	if err != nil {
		return fmt.Errorf("issuing a client certificate for %s: %w", user, err)
	}
	keyPEM, err := keyutil.MarshalPrivateKeyToPEM(key)
	if err != nil {
		return fmt.Errorf("encoding the key of %s: %w", user, err)
	}
	return a.writeKubeconfig(file, server, &clientcmdapi.AuthInfo{
		ClientCertificateData: pkiutil.EncodeCertPEM(cert),
		ClientKeyData:         keyPEM,
	})
}

// WriteTokenKubeconfig writes a kubeconfig that authenticates with a bearer token.
func WriteTokenKubeconfig(file, server string, caPEM []byte, token string) error {
	return write(file, server, caPEM, &clientcmdapi.AuthInfo{Token: token})
}

func (a *Authority) writeKubeconfig(file, server string, auth *clientcmdapi.AuthInfo) error {
	return write(file, server, a.CertPEM(), auth)
}

func write(file, server string, caPEM []byte, auth *clientcmdapi.AuthInfo) error {
	config := clientcmdapi.NewConfig()
	config.Clusters[contextName] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: caPEM}
	config.AuthInfos[contextName] = auth
	config.Contexts[contextName] = &clientcmdapi.Context{Cluster: contextName, AuthInfo: contextName}
	config.CurrentContext = contextName
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return fmt.Errorf("writing kubeconfig %s: %w", file, err)
	}
	return nil
}
