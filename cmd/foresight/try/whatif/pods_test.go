// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package whatif

import (
	"encoding/json"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/plugins/predict/forecast"
)

// Controllers have the pods that they would make, of the workload that forecasts know them by.
func TestPodsOfControllers(t *testing.T) {
	const template = "template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: i}]}}"
	for name, tc := range map[string]struct {
		object, kind string
		names        string
		workload     forecast.Workload
		why          string
	}{
		"deployment":          {"{metadata: {name: web}, spec: {replicas: 2, " + template + "}}", "Deployment.apps", "web-1 web-2", forecast.Workload{Namespace: "b", Kind: "Deployment", Name: "web"}, ""},
		"one by default":      {"{metadata: {name: web}, spec: {" + template + "}}", "ReplicaSet.apps", "web-1", forecast.Workload{Namespace: "b", Kind: "ReplicaSet", Name: "web"}, ""},
		"none":                {"{metadata: {name: web}, spec: {replicas: 0, " + template + "}}", "Deployment.apps", "", forecast.Workload{}, "no pods"},
		"stateful set":        {"{metadata: {name: db}, spec: {replicas: 2, ordinals: {start: 3}, volumeClaimTemplates: [{metadata: {name: data}}], " + template + "}}", "StatefulSet.apps", "db-3 db-4", forecast.Workload{Namespace: "b", Kind: "StatefulSet", Name: "db"}, ""},
		"job":                 {"{metadata: {name: j}, spec: {parallelism: 3, completions: 2, " + template + "}}", "Job.batch", "j-1 j-2", forecast.Workload{Namespace: "b", Kind: "Job", Name: "j"}, ""},
		"a queue":             {"{metadata: {name: j}, spec: {parallelism: 3, " + template + "}}", "Job.batch", "j-1 j-2 j-3", forecast.Workload{Namespace: "b", Kind: "Job", Name: "j"}, ""},
		"suspended":           {"{metadata: {name: j}, spec: {suspend: true, " + template + "}}", "Job.batch", "", forecast.Workload{}, "suspended"},
		"cron job":            {"{metadata: {name: nightly}, spec: {jobTemplate: {spec: {" + template + "}}}}", "CronJob.batch", "nightly-1", forecast.Workload{Namespace: "b", Kind: "CronJob", Name: "nightly"}, "one run"},
		"controller of old":   {"{metadata: {name: rc}, spec: {replicas: 1, " + template + "}}", "ReplicationController", "rc-1", forecast.Workload{Namespace: "b", Kind: "ReplicationController", Name: "rc"}, ""},
		"a pod that is bound": {"{metadata: {name: p}, spec: {nodeName: node-1, containers: [{name: c, image: i}]}}", "Pod", "p", forecast.Workload{}, ""},
	} {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(tc.object), &u.Object); err != nil {
			t.Fatal(err)
		}
		sets, why, err := makers[tc.kind](u)
		if err != nil || !strings.Contains(why, tc.why) || (why == "") != (tc.why == "") {
			t.Errorf("%s: %q, %v", name, why, err)
		}
		var names []string
		for _, s := range sets {
			names = append(names, s.names...)
			pod := &v1.Pod{ObjectMeta: s.template.ObjectMeta, Spec: s.template.Spec}
			pod.Namespace, pod.OwnerReferences = "b", s.owner
			if w, _ := forecast.WorkloadOf(pod); len(s.names) > 0 && w != tc.workload {
				t.Errorf("%s: its pods are of %+v", name, w)
			}
			if pod.Spec.NodeName != "" {
				t.Errorf("%s: its pod is on a node", name)
			}
			if tc.kind == "StatefulSet.apps" {
				pod.Name = s.names[1]
				s.each(1, pod)
				if got := pod.Spec.Volumes[0].PersistentVolumeClaim.ClaimName; got != "data-db-4" || pod.Labels["apps.kubernetes.io/pod-index"] != "4" {
					t.Errorf("%s has the claim %q and the labels %v", pod.Name, got, pod.Labels)
				}
			}
		}
		if got := strings.Join(names, " "); got != tc.names {
			t.Errorf("%s: pods %q, want %q", name, got, tc.names)
		}
	}
}

// What is sent of a pod holds nothing that no scheduler looks at.
func TestWhatIsSent(t *testing.T) {
	pod := &v1.Pod{}
	if err := yaml.Unmarshal([]byte(`
metadata: {name: a, annotations: {note: SECRET, foresight-scheduler.dev/predicted-cpu: "1"}, managedFields: [{manager: SECRET}]}
spec:
  volumes: [{name: s, secret: {secretName: SECRET}}, {name: c, configMap: {name: SECRET}}, {name: data, persistentVolumeClaim: {claimName: data}}]
  imagePullSecrets: [{name: SECRET}]
  hostAliases: [{ip: 1.2.3.4, hostnames: [SECRET]}]
  initContainers: [{name: i, image: i, restartPolicy: Always, command: [SECRET], resources: {requests: {cpu: 100m}}}]
  containers: [{name: c, image: i, args: [SECRET], env: [{name: A, value: SECRET}], envFrom: [{secretRef: {name: SECRET}}], ports: [{hostPort: 80, containerPort: 80}],
    livenessProbe: {exec: {command: [SECRET]}}, volumeMounts: [{name: s, mountPath: /SECRET}], resources: {requests: {cpu: 250m}}}]
`), pod); err != nil {
		t.Fatal(err)
	}
	bare(pod)
	data, err := json.Marshal(pod)
	if err != nil || strings.Contains(string(data), "SECRET") {
		t.Errorf("%s, %v", data, err)
	}
	for _, want := range []string{"predicted-cpu", "data", "250m", "100m", `"hostPort":80`, `"restartPolicy":"Always"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%q is not sent: %s", want, data)
		}
	}
}
