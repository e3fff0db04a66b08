// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package metricsapi reads usage from the metrics.k8s.io API, which metrics-server and
// the Prometheus adapter serve: CPU and memory of every node and pod, in two list calls
// however large the cluster is.
package metricsapi

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
	"k8s.io/metrics/pkg/client/clientset/versioned"
	typed "k8s.io/metrics/pkg/client/clientset/versioned/typed/metrics/v1beta1"

	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
)

// Source reads metrics.k8s.io. It needs the right to list nodes and pods there.
type Source struct {
	client typed.MetricsV1beta1Interface
}

var _ usage.Source = &Source{}

// New returns a source that asks the given client.
func New(client versioned.Interface) *Source {
	return &Source{client: client.MetricsV1beta1()}
}

// NewForConfig returns a source that asks the API server of config. It prefers protobuf,
// which decodes several times faster than JSON, and takes JSON from servers that have
// nothing else.
func NewForConfig(config *rest.Config) (*Source, error) {
	config = rest.CopyConfig(config)
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	client, err := versioned.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("client of metrics.k8s.io: %w", err)
	}
	return New(client), nil
}

// Name is the name of the API group.
func (*Source) Name() string {
	return metricsv1beta1.GroupName
}

// Read lists the metrics of all nodes and of all pods. A failure of either is an error:
// the two come from one server, and half a reading would look like half a cluster.
func (s *Source) Read(ctx context.Context) (usage.Reading, error) {
	reading := usage.Reading{Start: time.Now()}
	nodes, err := s.client.NodeMetricses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return usage.Reading{}, fmt.Errorf("listing node metrics: %w", err)
	}
	pods, err := s.client.PodMetricses(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return usage.Reading{}, fmt.Errorf("listing pod metrics: %w", err)
	}
	// There may be no pods. But metrics-server answers without nodes only while it has not
	// scraped them, or cannot.
	if len(nodes.Items) == 0 {
		return usage.Reading{}, fmt.Errorf("listing node metrics: %w", usage.ErrEmpty)
	}

	reading.Nodes = make([]usage.NodeSample, len(nodes.Items))
	for i := range nodes.Items {
		m := &nodes.Items[i]
		reading.Nodes[i] = usage.NodeSample{Node: m.Name, Sample: sample(m.Timestamp, m.Window)}
		v := &reading.Nodes[i].Values
		if cpu, ok := m.Usage[corev1.ResourceCPU]; ok {
			v.Set(usage.CPU, value(&cpu))
		}
		if memory, ok := m.Usage[corev1.ResourceMemory]; ok {
			v.Set(usage.Memory, value(&memory))
		}
	}

	reading.Pods = make([]usage.PodSample, len(pods.Items))
	for i := range pods.Items {
		m := &pods.Items[i]
		// The metrics of a pod carry neither its UID nor its node.
		reading.Pods[i] = usage.PodSample{Namespace: m.Namespace, Name: m.Name, Sample: sample(m.Timestamp, m.Window)}
		v := &reading.Pods[i].Values
		if cpu, ok := sum(m.Containers, corev1.ResourceCPU); ok {
			v.Set(usage.CPU, cpu)
		}
		if memory, ok := sum(m.Containers, corev1.ResourceMemory); ok {
			v.Set(usage.Memory, memory)
		}
	}
	reading.End = time.Now()
	return reading, nil
}

func sample(at metav1.Time, window metav1.Duration) usage.Sample {
	return usage.Sample{Time: at.Time, Window: window.Duration}
}

// sum adds a resource over the containers. Where one of them lacks it there is no sum: a
// part of a pod's usage is not the pod's usage.
func sum(containers []metricsv1beta1.ContainerMetrics, name corev1.ResourceName) (float64, bool) {
	if len(containers) == 0 {
		return 0, false
	}
	total := 0.0
	for i := range containers {
		q, ok := containers[i].Usage[name]
		if !ok {
			return 0, false
		}
		x := value(&q)
		if x < 0 {
			return x, true // Not hidden by the others, for the Cleaner to drop and to count.
		}
		total += x
	}
	return total, true
}

// value of a quantity in its base unit: cores or bytes.
func value(q *resource.Quantity) float64 {
	return q.AsApproximateFloat64()
}
