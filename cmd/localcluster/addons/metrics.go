// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package addons

import (
	"context"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
)

//go:embed manifests/metrics-server-rbac.yaml
var metricsServerRBAC []byte

//go:embed manifests/metrics-server-api.yaml
var metricsServerAPI []byte

// MetricsServerRBAC returns the objects that give metrics-server its rights.
func MetricsServerRBAC() []byte { return metricsServerRBAC }

// MetricsAPI returns the objects that route metrics.k8s.io to metrics-server.
func MetricsAPI(port int, caPEM []byte) ([]*unstructured.Unstructured, error) {
	objects, err := Parse(metricsServerAPI)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		switch object.GetKind() {
		case "Service":
			err = unstructured.SetNestedSlice(object.Object, []any{map[string]any{
				"name": "https", "protocol": "TCP", "port": int64(port),
			}}, "spec", "ports")
		case "APIService":
			err = unstructured.SetNestedField(object.Object, base64.StdEncoding.EncodeToString(caPEM), "spec", "caBundle")
			if err == nil {
				err = unstructured.SetNestedField(object.Object, int64(port), "spec", "service", "port")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// AwaitMetrics returns when `kubectl top nodes` shows n nodes. metrics-server needs two
// samples of each, so that takes an interval at least.
func AwaitMetrics(ctx context.Context, client kubernetes.Interface, n int) error {
	var seen int
	var last error
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		data, err := client.CoreV1().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1/nodes").DoRaw(ctx)
		if err != nil {
			last = err
			return false, nil //nolint:nilerr // It is asked again, until the context ends.
		}
		var list struct {
			Items []json.RawMessage `json:"items"`
		}
		if err := json.Unmarshal(data, &list); err != nil {
			return false, fmt.Errorf("reading node metrics: %w", err)
		}
		seen = len(list.Items)
		return seen >= n, nil
	})
	if err != nil {
		return fmt.Errorf("metrics of %d of %d nodes (last error: %w): %w", seen, n, last, err)
	}
	return nil
}
