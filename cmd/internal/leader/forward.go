// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package leader

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"

	corev1 "k8s.io/api/core/v1"
)

// forward returns a host and port of this machine that lead to a pod's, as kubectl port-forward does, until end is called.
func forward(ctx context.Context, config *rest.Config, namespace, pod string, port int) (host string, end func(), err error) {
	own := rest.CopyConfig(config)
	own.GroupVersion, own.APIPath, own.NegotiatedSerializer = &corev1.SchemeGroupVersion, "/api", scheme.Codecs.WithoutConversion()
	own.Timeout = 0 // It is a connection's and not a request's.
	client, err := rest.RESTClientFor(own)
	if err != nil {
		return "", nil, err
	}
	url := client.Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(own)
	if err != nil {
		return "", nil, err
	}
	tunnel, err := portforward.NewSPDYOverWebsocketDialer(url, own)
	if err != nil {
		return "", nil, err
	}
	// As kubectl: websockets, and SPDY for API servers that know no others.
	dialer := portforward.NewFallbackDialer(tunnel, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url), func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	stop, ready, failed := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	var said bytes.Buffer
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{"0:" + strconv.Itoa(port)}, stop, ready, io.Discard, &said)
	if err != nil {
		return "", nil, err
	}
	go func() { failed <- forwarder.ForwardPorts() }()
	explain := func(err error) error {
		return fmt.Errorf("forwarding a port to the pod %s/%s: %w %s", namespace, pod, err, strings.TrimSpace(said.String()))
	}
	select {
	case <-ready:
	case err := <-failed:
		return "", nil, explain(err)
	case <-ctx.Done():
		close(stop)
		return "", nil, ctx.Err()
	}
	ports, err := forwarder.GetPorts()
	if err != nil || len(ports) != 1 {
		close(stop)
		return "", nil, explain(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local))), func() { close(stop); <-failed }, nil
}
