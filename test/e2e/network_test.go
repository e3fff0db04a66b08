// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const servers = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        args: [serve]
        readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
`

// kube-proxy on every node hands connections to a Service on to pods of all nodes, also
// those to a port of any node.
func TestServices(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, servers)
	pods := awaitPods(t, ns, "web", nodes)
	service, err := client.CoreV1().Services(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// From beside the control plane pods are reached by their addresses.
	for _, p := range pods {
		eventually(t, "pod "+p.Name+" to answer", func(context.Context) error {
			out, err := shared.run("run", "--", bin("workload"), "get", "http://"+p.Status.PodIP+":8080")
			if err != nil || out != p.Name+"\n" {
				return fmt.Errorf("%q, %v", out, err)
			}
			return nil
		})
	}
	urls := []string{"http://" + service.Spec.ClusterIP}
	for _, p := range pods {
		urls = append(urls, fmt.Sprintf("http://%s:%d", p.Status.HostIP, service.Spec.Ports[0].NodePort))
	}
	for _, from := range pods {
		for _, url := range urls {
			answered := map[string]bool{}
			eventually(t, fmt.Sprintf("%s to reach every pod by %s", from.Spec.NodeName, url), func(ctx context.Context) error {
				command := []string{"exec", from.Name, "-n", ns, "--", "/workload", "get"}
				for range 12 {
					command = append(command, url)
				}
				out, err := shared.command(ctx, "kubectl", command...).CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				for name := range strings.FieldsSeq(string(out)) {
					answered[name] = true
				}
				for _, p := range pods {
					if !answered[p.Name] {
						return fmt.Errorf("only %v answer", answered)
					}
				}
				return nil
			})
		}
	}
}

// No controller serves an Ingress here; that is not part of Kubernetes. The objects are.
func TestIngressObject(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec:
  rules:
  - host: shop.example
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`)
	ingress, err := client.NetworkingV1().Ingresses(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || ingress.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name != "web" {
		t.Errorf("%+v, %v", ingress, err)
	}
}
