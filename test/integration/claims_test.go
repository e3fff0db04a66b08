// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// newTenant returns a namespace that may not claim what takes from others.
func newTenant(t *testing.T) string {
	t.Helper()
	ns := newNamespace(t)
	remove := []byte(`{"metadata":{"labels":{"foresight-scheduler.dev/claims":null}}}`)
	if _, err := client.CoreV1().Namespaces().Patch(t.Context(), ns, "application/merge-patch+json", remove, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	return ns
}

// The shipped admission policy refuses at the door what the scheduler would ignore, and nothing else; in a namespace that is allowed
// it refuses nothing.
func TestClaimsPolicyAtTheDoor(t *testing.T) {
	policy := filepath.Join(repo, "manifests/components/claims-policy/policy.yaml")
	mustLocalcluster(t, "kubectl", "apply", "--filename", policy)
	t.Cleanup(func() {
		if out, err := localcluster("kubectl", "delete", "--ignore-not-found", "--filename", policy); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	const prefix = "foresight-scheduler.dev/"
	tenant, trusted := newTenant(t), newNamespace(t)
	serial := 0
	try := func(namespace, label string, annotations map[string]string, limit string) error {
		serial++
		p := newPod(fmt.Sprint("claim-", serial), map[string]string{"nowhere": "at-all"}, "10m")
		if label != "" {
			p.Labels[prefix+"qos"] = label
		}
		p.Annotations = map[string]string{}
		for name, value := range annotations {
			p.Annotations[prefix+name] = value
		}
		if limit != "" {
			p.Spec.Containers[0].Resources.Limits = v1.ResourceList{"cpu": resource.MustParse(limit)}
		}
		_, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	// A policy counts a moment after it is there.
	eventually(t, "the policy counts", func(context.Context) (bool, string) {
		err := try(tenant, "realtime", nil, "")
		return err != nil, fmt.Sprint(err)
	})
	type values = map[string]string
	for name, tc := range map[string]struct {
		label       string
		annotations values
		limit       string
		says        string
	}{
		"nothing":                      {},
		"the objective of its class":   {label: "availability"},
		"a lower objective":            {label: "batch"},
		"a higher objective":           {label: "latency", says: "takes from others"},
		"no objective":                 {label: "fast", says: "takes from others"},
		"a response time":              {annotations: values{"response-time-objective": "1ms"}, says: "response-time-objective: this namespace"},
		"a prediction up to the limit": {annotations: values{"predicted-cpu": "2"}, limit: "2"},
		"a prediction over the limit":  {annotations: values{"predicted-cpu": "2001m"}, limit: "2", says: "may not claim more than"},
		"a prediction over a request":  {annotations: values{"predicted-cpu": "100000"}, says: "may not claim more than"},
		"a prediction of nothing":      {annotations: values{"predicted-cpu": "0"}, says: "to use nothing"},
		"a prediction of memory":       {annotations: values{"predicted-memory": "1Gi"}},
		"no quantity":                  {annotations: values{"predicted-memory": "much"}, says: "want a quantity"},
		"a long quantity":              {annotations: values{"predicted-cpu": strings.Repeat("9", 250<<10)}, says: "want a quantity"},
		"a huge exponent":              {annotations: values{"predicted-cpu": "1e-9999999"}, says: "want a quantity"},
		"overcommit":                   {annotations: values{"overcommit": "true"}},
		"service affinity":             {annotations: values{"service-affinity": "zone"}},
		"a long list":                  {annotations: values{"service-affinity": strings.Repeat("a,", 2000)}, says: "2048 bytes at most"},
	} {
		err := try(tenant, tc.label, tc.annotations, tc.limit)
		if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
			t.Errorf("%s: %.500v, want %q", name, err, tc.says)
		}
		if err := try(trusted, tc.label, tc.annotations, tc.limit); err != nil {
			t.Errorf("%s, in a namespace that is allowed: %.500v", name, err)
		}
	}
	// It counts for a moment after it is gone, too: the next test's pods are not for it.
	mustLocalcluster(t, "kubectl", "delete", "--filename", policy)
	eventually(t, "the policy counts no more", func(context.Context) (bool, string) {
		err := try(tenant, "realtime", nil, "")
		return err == nil, fmt.Sprint(err)
	})
}

// What a tenant may not claim has no effect and is told; and whatever a tenant writes, the next pod is placed at once.
func TestClaimsOfTenants(t *testing.T) {
	ns := newTenant(t)
	pool := newNodes(t, "claims", 2, nil)
	const prefix = "foresight-scheduler.dev/"
	for name, text := range map[string]string{
		"service-affinity": strings.Repeat("-,", 127<<10), "service-anti-affinity": strings.Repeat("a/b,", 60<<10), "predicted-cpu": strings.Repeat("9", 250<<10),
		"predicted-memory": "1e-9999999", "overcommit": strings.Repeat("true", 60<<10), "response-time-objective": strings.Repeat("1h", 120<<10), "no-such-key": strings.Repeat("x", 250<<10),
	} {
		long := newPod("long-"+name, pool, "10m")
		long.Annotations = map[string]string{prefix + name: text}
		create(t, ns, long)
		plain := newPod("after-"+name, pool, "10m")
		begun := time.Now()
		create(t, ns, plain)
		placed(t, ns, plain.Name)
		t.Logf("after %s: %s", name, time.Since(begun))
		if d := time.Since(begun); d > 5*time.Second {
			t.Errorf("a pod after one with a long %s took %s", name, d)
		}
	}
	greedy := newPod("greedy", pool, "10m")
	greedy.Labels[prefix+"qos"], greedy.Annotations = "realtime", map[string]string{}
	create(t, ns, greedy)
	placed(t, ns, greedy.Name)
	for pod, want := range map[string]string{"greedy": "ClaimNotAllowed", "long-no-such-key": "UnknownAnnotation"} {
		eventually(t, want+" of "+pod, func(ctx context.Context) (bool, string) {
			events, err := client.CoreV1().Events(ns).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.name=" + pod})
			if err != nil {
				return false, err.Error()
			}
			var seen []string
			for _, e := range events.Items {
				if seen = append(seen, e.Reason); e.Reason == want {
					return true, ""
				}
			}
			return false, fmt.Sprint(seen)
		})
	}
}
