// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/pki"
)

// WriteServiceAccountKubeconfig lets a component outside the cluster be what it would
// be inside of it, so that a missing right shows.
func WriteServiceAccountKubeconfig(ctx context.Context, client kubernetes.Interface, ca *pki.Authority, server, namespace, name, file string) error {
	const year = 365 * 24 * time.Hour
	seconds := int64(year.Seconds())
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}},
		metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("requesting a token for service account %s/%s: %w", namespace, name, err)
	}
	return pki.WriteTokenKubeconfig(file, server, ca.CertPEM(), token.Status.Token)
}
