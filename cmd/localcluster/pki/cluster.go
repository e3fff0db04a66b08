// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"fmt"
	"os"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// kwokUser is bound to its role in simulation/config/rbac.yaml.
const kwokUser = "localcluster:kwok"

// WriteCertificates makes everything that does not depend on a port.
func WriteCertificates(l state.Layout) (*Authority, error) {
	if err := os.Mkdir(l.PKI(), 0o700); err != nil {
		return nil, fmt.Errorf("making certificates: %w", err)
	}
	ca, err := NewAuthority(l.PKI(), state.ClusterCA, "localcluster-ca")
	if err != nil {
		return nil, err
	}
	frontProxy, err := NewAuthority(l.PKI(), state.FrontProxyCA, "localcluster-front-proxy-ca")
	if err != nil {
		return nil, err
	}
	if err := frontProxy.WriteClient(state.FrontProxyClient, state.FrontProxyClient); err != nil {
		return nil, err
	}
	if err := ca.WriteClient(state.KubeletClient, "kube-apiserver-kubelet-client", "kubeadm:cluster-admins"); err != nil {
		return nil, err
	}
	for _, name := range state.Names()[1:] {
		if err := ca.WriteServing(name, otherNames(name)...); err != nil {
			return nil, err
		}
	}
	return ca, WriteKeyPair(l.PKI(), state.ServiceAccountKey)
}

// otherNames are the names under which a component is called inside the cluster.
func otherNames(component string) []string {
	switch component {
	case state.APIServer:
		return []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			"10.96.0.1", realnode.ControlPlaneIP,
		}
	case state.MetricsServer:
		// The aggregation layer checks for the Service's name, whatever it resolves to.
		return []string{"metrics-server.kube-system.svc"}
	default:
		return nil
	}
}

// WriteKubeconfigs gives the administrator and the components with certificates of
// their own what they reach the API server with.
func WriteKubeconfigs(l state.Layout, ca *Authority, server string) error {
	for _, k := range []struct {
		file, user string
		groups     []string
	}{
		{l.Kubeconfig(), "localcluster-admin", []string{"system:masters"}},
		{l.KubeconfigOf(state.ControllerManager), "system:kube-controller-manager", nil},
		{l.KubeconfigOf(state.Scheduler), "system:kube-scheduler", nil},
		{l.KubeconfigOf(state.Kwok), kwokUser, nil},
	} {
		if err := ca.WriteCertKubeconfig(k.file, server, k.user, k.groups...); err != nil {
			return err
		}
	}
	return nil
}

// WriteNode gives a real node the certificate of its kubelet's server and what kubelet
// and kube-proxy reach the API server with.
func WriteNode(l state.Layout, ca *Authority, server string, n realnode.Node) error {
	if err := ca.WriteServing(n.Name, n.Name, n.IP); err != nil {
		return err
	}
	if err := ca.WriteCertKubeconfig(l.KubeconfigOf(n.Name), server, "system:node:"+n.Name, "system:nodes"); err != nil {
		return err
	}
	return ca.WriteCertKubeconfig(realnode.ProxyKubeconfig(l), server, "system:kube-proxy")
}
