// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package simulation

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/component-base/version"
)

// NodeSelector selects the nodes kwok looks after, by annotation.
const NodeSelector = annotation + "=" + annotationValue

const (
	annotation      = "kwok.x-k8s.io/node"
	annotationValue = "fake"
)

// simulatedNode is the i-th node, complete as a kubelet would register it.
func simulatedNode(i, kubeletPort int) *corev1.Node {
	name := fmt.Sprintf("node-%d", i)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("8"),
		corev1.ResourceMemory:           resource.MustParse("32Gi"),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:     name,
				corev1.LabelTopologyZone: "zone-" + string(rune('a'+i%3)),
				corev1.LabelArchStable:   "amd64",
				corev1.LabelOSStable:     "linux",
				"type":                   "simulated",
			},
			Annotations: map[string]string{
				annotation: annotationValue,
				// One server speaks for all kubelets, so each has a path of its own.
				"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + name + "/metrics/resource",
			},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: "127.0.0.1"},
				{Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{
				KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(kubeletPort)},
			},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:            "amd64",
				OperatingSystem:         "linux",
				OSImage:                 "simulated",
				KernelVersion:           "simulated",
				ContainerRuntimeVersion: "kwok://simulated",
				KubeletVersion:          version.Get().GitVersion, // the release this module is built against
			},
		},
	}
}

// CreateNodes creates nodes that are not there yet.
func CreateNodes(ctx context.Context, client kubernetes.Interface, n, kubeletPort int) error {
	const parallel = 16
	errs := make([]error, n)
	workqueue.ParallelizeUntil(ctx, parallel, n, func(i int) {
		_, errs[i] = client.CoreV1().Nodes().Create(ctx, simulatedNode(i, kubeletPort), metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(errs[i]) {
			errs[i] = nil
		}
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := utilerrors.NewAggregate(errs); err != nil {
		return fmt.Errorf("creating nodes: %w", err)
	}
	return nil
}

// AwaitNodes returns when n nodes accept pods.
func AwaitNodes(ctx context.Context, client kubernetes.Interface, n int) error {
	// Listing many nodes takes the API server longer than making one of them ready.
	interval := 100*time.Millisecond + time.Duration(n)*time.Millisecond
	var ready int
	err := wait.PollUntilContextCancel(ctx, interval, true, func(ctx context.Context) (bool, error) {
		nodes, err := ListNodes(ctx, client)
		if err != nil {
			return false, nil //nolint:nilerr // It is asked again, until the context ends.
		}
		ready = 0
		for i := range nodes {
			if Ready(&nodes[i]) && len(nodes[i].Spec.Taints) == 0 {
				ready++
			}
		}
		return ready >= n, nil
	})
	if err != nil {
		return fmt.Errorf("%d of %d nodes ready: %w", ready, n, err)
	}
	return nil
}

// ListNodes returns all nodes.
func ListNodes(ctx context.Context, client kubernetes.Interface) ([]corev1.Node, error) {
	// From the API server's cache: etcd need not be asked for what is polled.
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("listing nodes: %w", err)
	}
	return list.Items, nil
}

// Ready tells whether a node is.
func Ready(node *corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
