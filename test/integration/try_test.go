// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// tried is a row of foresight try.
type tried struct {
	Pod, Owner, Node, Reason string
	Missing                  int `json:"missing_pods"`
}

// try runs foresight try with a manifest, in a namespace or in those that the manifest names, and returns its rows and what it
// said.
func try(t *testing.T, namespace, manifest string, flags ...string) ([]tried, string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "workload.yaml")
	if err := os.WriteFile(file, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	args := append([]string{"try", "--kubeconfig", kubeconfig(), "-f", file, "-o", "json"}, flags...)
	if namespace != "" {
		args = append(args, "-n", namespace)
	}
	cmd := exec.CommandContext(t.Context(), bin("foresight"), args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var rows []tried
	if len(out) > 0 {
		if err := json.Unmarshal(out, &rows); err != nil {
			t.Fatalf("%v in %s", err, out)
		}
	}
	return rows, stderr.String(), err
}

const podSpec = "{schedulerName: foresight-scheduler, containers: [{name: c, image: none, resources: {requests: {cpu: 10m}}}]}"

// Controllers that make no pods, or not all, say why; nobody has to wait for the timeout.
func TestTryTellsWhyNoPodsCome(t *testing.T) {
	quota := "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: one}\nspec: {hard: {pods: \"1\"}}\n---\n"
	template := ", template: {metadata: {labels: {app: x}}, spec: " + podSpec + "}"
	apps := "selector: {matchLabels: {app: x}}" + template
	jobTemplate := strings.Replace(template, "{schedulerName", "{restartPolicy: Never, schedulerName", 1)
	for name, tc := range map[string]struct {
		manifest string
		placed   int
		missing  int
		reason   string
	}{
		"suspended job":           {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: held}\nspec: {suspend: true, parallelism: 2, completions: 2" + jobTemplate + "}", 0, 2, "suspended"},
		"job that is gone":        {"apiVersion: batch/v1\nkind: Job\nmetadata: {name: done}\nspec: {ttlSecondsAfterFinished: 0, parallelism: 2, completions: 2" + jobTemplate + "}", 2, 0, ""},
		"paused deployment":       {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: paused}\nspec: {paused: true, replicas: 2, " + apps + "}", 0, 2, "paused"},
		"deployment over quota":   {quota + "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: three}\nspec: {replicas: 3, " + apps + "}", 1, 2, "exceeded quota"},
		"stateful set over quota": {quota + "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: three}\nspec: {serviceName: x, replicas: 3, podManagementPolicy: Parallel, " + apps + "}", 1, 2, "exceeded quota"},
		"stateful set behind a large pod": {"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: big}\nspec: {serviceName: x, replicas: 3, " +
			strings.Replace(apps, "10m", `"100"`, 1) + "}", 0, 2, "big-0"},
		"gated pod":                   {"apiVersion: v1\nkind: Pod\nmetadata: {name: gated}\nspec: {schedulingGates: [{name: example.com/wait}], schedulerName: foresight-scheduler, containers: [{name: c, image: none}]}", 0, 0, "example.com/wait"},
		"cron job of a suspended job": {"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec: {schedule: \"0 0 1 1 *\", jobTemplate: {spec: {suspend: true" + jobTemplate + "}}}", 0, 1, "suspended"},
	} {
		t.Run(name, func(t *testing.T) {
			ns := newNamespace(t)
			rows, said, err := try(t, ns, tc.manifest, "--timeout", "50s")
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			placed, missing, reasons := 0, 0, ""
			for _, r := range rows {
				if r.Node != "" {
					placed++
				}
				missing += r.Missing
				reasons += r.Reason + "\n"
			}
			if placed != tc.placed || missing != tc.missing || !strings.Contains(reasons, tc.reason) {
				t.Errorf("%d placed and %d missing, want %d and %d and the reason %q:\n%+v", placed, missing, tc.placed, tc.missing, tc.reason, rows)
			}
		})
	}
}

// What others have made is shown and stays as it is, until the user agrees to each: to change it, and to take fields
// from who manages them.
func TestTryChangesNothingOfOthersUnasked(t *testing.T) {
	ns := newNamespace(t)
	deployment := func(replicas string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: " + replicas +
			", selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: " + podSpec + "}}"
	}
	replicas := func() int32 {
		t.Helper()
		d, err := client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return *d.Spec.Replicas
	}
	if _, said, err := try(t, ns, deployment("12")); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	// An autoscaler, or a person, wants another number.
	if _, err := client.AppsV1().Deployments(ns).Patch(t.Context(), "web", types.MergePatchType, []byte(`{"spec":{"replicas":8}}`), metav1.PatchOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
	more := "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n"
	for _, flags := range [][]string{nil, {"--yes"}, {"--force-conflicts"}} {
		_, said, err := try(t, ns, deployment("6")+more, flags...)
		if err == nil || !strings.Contains(said, `"replicas": 6`) || !strings.Contains(said, `"replicas": 8`) {
			t.Errorf("%v: %v\n%s", flags, err, said)
		}
		if hint := "`--force-conflicts`"; strings.Contains(said, hint) == (len(flags) > 0 && flags[0] == "--force-conflicts") {
			t.Errorf("%v: it says\n%s", flags, said)
		}
		if replicas() != 8 {
			t.Fatalf("%v: there are %d replicas", flags, replicas())
		}
		if _, err := client.CoreV1().ConfigMaps(ns).Get(t.Context(), "more", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%v: another object was applied: %v", flags, err)
		}
	}
	if _, said, err := try(t, ns, deployment("6"), "--yes", "--force-conflicts"); err != nil || replicas() != 6 {
		t.Errorf("with both flags there are %d replicas: %v\n%s", replicas(), err, said)
	}
	// What is there already as it should be is not touched.
	before, err := client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, said, err := try(t, ns, deployment("6")); err != nil || !strings.Contains(said, "unchanged") {
		t.Errorf("the same again: %v\n%s", err, said)
	}
	after, err := client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil || after.Generation != before.Generation || len(after.ManagedFields) != len(before.ManagedFields) {
		t.Errorf("generation %d became %d, %v", before.Generation, after.Generation, err)
	}
}

// With --rm nothing is left of what was made, also where it could not be decided about, and all of what was there is.
func TestTryRemovesWhatItMade(t *testing.T) {
	ns := newNamespace(t)
	there := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: there, namespace: " + ns + "}\ndata: {a: b}\n"
	if _, said, err := try(t, "", there); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	made := there + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + ns + "-made}\n---\n" +
		"apiVersion: v1\nkind: Pod\nmetadata: {name: inside, namespace: " + ns + "-made}\nspec: " + podSpec + "\n---\n" +
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: " + ns + "}\nspec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: " + podSpec + "}}"
	undecided := "\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: nobodys, namespace: " + ns + "}\nspec: " + strings.Replace(podSpec, "foresight-scheduler", "nobody", 1)
	for name, tc := range map[string]struct {
		manifest, timeout string
		fails             bool
	}{"decided": {made, "50s", false}, "undecided": {made + undecided, "10s", true}} {
		_, said, err := try(t, "", tc.manifest, "--rm", "--timeout", tc.timeout)
		if (err != nil) != tc.fails {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
		pods, err := client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(pods.Items) > 0 {
			t.Errorf("%s: %d pods are left, %v\n%s", name, len(pods.Items), err, said)
		}
		if _, err := client.CoreV1().Namespaces().Get(t.Context(), ns+"-made", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			t.Errorf("%s: the namespace is left: %v", name, err)
		}
		if _, err := client.CoreV1().ConfigMaps(ns).Get(t.Context(), "there", metav1.GetOptions{}); err != nil {
			t.Errorf("%s: what was there before: %v", name, err)
		}
	}
}
