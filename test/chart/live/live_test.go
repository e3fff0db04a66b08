// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package live installs the chart with Helm on a local cluster with real nodes, upgrades it, goes back and removes it, while pods
// are created (make chart-live).
package live

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	scheduler = "foresight-scheduler"
	system    = "foresight-system"
	stream    = "stream"
)

// cluster is one that `make chart-live` has brought up, and whose nodes have the scheduler's image.
type cluster struct {
	t         *testing.T
	repo, dir string
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(c.t.Context(), filepath.Join(c.repo, "bin", name), args...)
	cmd.Dir = c.repo
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(c.dir, "kubeconfig"))
	return cmd
}

func (c *cluster) run(name string, args ...string) string {
	c.t.Helper()
	out, err := c.command(name, args...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (c *cluster) helm(args ...string) string {
	c.t.Helper()
	return c.run("helm", append(args, "--namespace", system)...)
}

func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	return c.run("localcluster", append([]string{"kubectl", "--dir", c.dir}, args...)...)
}

func (c *cluster) apply(manifest string) {
	c.t.Helper()
	cmd := c.command("localcluster", "kubectl", "--dir", c.dir, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("apply: %v\n%s", err, out)
	}
}

func (c *cluster) eventually(what string, condition func() (bool, string)) {
	c.t.Helper()
	for deadline := time.Now().Add(3 * time.Minute); ; time.Sleep(500 * time.Millisecond) {
		ok, said := condition()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%s: not after three minutes; last: %s", what, said)
		}
	}
}

// ready returns when both replicas are, and none of another revision is left.
func (c *cluster) ready() {
	c.t.Helper()
	c.kubectl("-n", system, "rollout", "status", "statefulset/"+scheduler, "--timeout=3m")
}

// volumes are what a cluster with disks has: a class, and one volume a node.
func (c *cluster) volumes() {
	manifest := `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: disks}
provisioner: kubernetes.io/no-provisioner
volumeBindingMode: WaitForFirstConsumer
`
	for i := range 2 {
		manifest += fmt.Sprintf(`---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk-%d}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: disks
  persistentVolumeReclaimPolicy: Retain
  local: {path: /mnt}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-%d]}]}]}}
`, i, i)
	}
	c.apply(manifest)
}

// workload is a Deployment of pods for our scheduler that is scaled up step by step while the scheduler is replaced.
const workload = `
apiVersion: v1
kind: Namespace
metadata: {name: stream}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: stream}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      schedulerName: foresight-scheduler
      terminationGracePeriodSeconds: 0
      containers:
      - {name: c, image: "foresight.local/workload:dev", imagePullPolicy: Never, args: [pause], resources: {requests: {cpu: 1m, memory: 4Mi}}}
`

// during scales the workload by about five pods a second while do runs, and returns when every pod of it runs.
func (c *cluster) during(do func()) (created int) {
	c.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	replicas := 2
	for running := true; running; {
		select {
		case <-done:
			running = false
		case <-time.After(500 * time.Millisecond):
			if replicas < 80 {
				replicas += 3
				c.kubectl("-n", stream, "scale", "deployment/web", fmt.Sprint("--replicas=", replicas))
			}
		}
	}
	c.kubectl("-n", stream, "rollout", "status", "deployment/web", "--timeout=3m")
	c.placedByUs(replicas)
	created = replicas - 2
	c.kubectl("-n", stream, "scale", "deployment/web", "--replicas=2")
	c.kubectl("-n", stream, "rollout", "status", "deployment/web", "--timeout=3m")
	return created
}

// placedByUs holds that so many pods are there, all bound, each once: a pod that was bound twice would have two such events.
func (c *cluster) placedByUs(want int) {
	c.t.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     struct{ NodeName, SchedulerName string }
		}
	}
	c.decode(&pods, "-n", stream, "get", "pods", "-o", "json")
	bound := 0
	for _, p := range pods.Items {
		if p.Spec.NodeName != "" && p.Spec.SchedulerName == scheduler {
			bound++
		}
	}
	if bound < want {
		c.t.Errorf("%d of %d pods are bound", bound, want)
	}
	var events struct {
		Items []struct {
			Reason             string
			InvolvedObject     struct{ Name string }
			ReportingComponent string
		}
	}
	c.decode(&events, "-n", stream, "get", "events", "-o", "json")
	times := map[string]int{}
	for _, e := range events.Items {
		if e.Reason == "Scheduled" {
			if times[e.InvolvedObject.Name]++; e.ReportingComponent != scheduler || times[e.InvolvedObject.Name] > 1 {
				c.t.Errorf("%s was scheduled by %s, %d times", e.InvolvedObject.Name, e.ReportingComponent, times[e.InvolvedObject.Name])
			}
		}
	}
}

func (c *cluster) decode(into any, args ...string) {
	c.t.Helper()
	if err := json.Unmarshal([]byte(c.kubectl(args...)), into); err != nil {
		c.t.Fatal(err)
	}
}

// A chart's life: installed, upgraded, gone back and removed, while pods come. What was learned outlives each step.
func TestLife(t *testing.T) {
	dir := os.Getenv("FORESIGHT_CHART_CLUSTER")
	if dir == "" {
		t.Skip("FORESIGHT_CHART_CLUSTER names no local cluster; `make chart-live` brings one up")
	}
	repo, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, repo: repo, dir: dir}
	c.volumes()
	values := []string{"--set", "persistence.enabled=true", "--set", "persistence.storageClassName=disks"}
	before := c.objects()

	c.helm(append([]string{"install", "foresight", "manifests/chart", "--create-namespace", "--wait", "--timeout=4m"}, values...)...)
	c.ready()
	c.apply(workload)
	c.kubectl("-n", stream, "rollout", "status", "deployment/web", "--timeout=3m")
	c.placedByUs(2)
	known := func() string { return c.run("foresight", "workloads", "-n", stream, "-o", "json") }
	c.eventually("the workload is known", func() (bool, string) {
		out := known()
		return strings.Contains(out, "web"), out
	})

	upgraded := c.during(func() {
		c.helm(append([]string{"upgrade", "foresight", "manifests/chart", "--wait", "--timeout=4m", "--set", "scheduler.extraArgs={--v=2}"}, values...)...)
		c.ready()
	})
	c.learned()
	back := c.during(func() {
		c.helm("rollback", "foresight", "1", "--wait", "--timeout=4m")
		c.ready()
	})
	c.learned()
	t.Logf("%d pods were created during the upgrade, %d during the rollback; all run, each was bound once", upgraded, back)

	c.kubectl("delete", "namespace", stream)
	c.helm("uninstall", "foresight", "--wait", "--timeout=4m")
	c.eventually("nothing is left", func() (bool, string) {
		left := ""
		for o := range c.objects() {
			if !before[o] {
				left += o + "\n"
			}
		}
		return left == "", left
	})
}

// learned holds that both replicas began with what the ones before them had learned.
func (c *cluster) learned() {
	c.t.Helper()
	for _, pod := range []string{scheduler + "-0", scheduler + "-1"} {
		c.eventually(pod+" has read its checkpoint", func() (bool, string) {
			log := c.kubectl("-n", system, "logs", pod)
			return strings.Contains(log, "Read the checkpoint"), log
		})
	}
}

// objects are all of the kinds that the chart has, but for what Kubernetes puts into every namespace. The lease goes with the namespace,
// and the claims that hold what was learned are left by every StatefulSet on purpose.
func (c *cluster) objects() map[string]bool {
	c.t.Helper()
	out := map[string]bool{}
	for object := range strings.FieldsSeq(c.kubectl("get", "--all-namespaces", "-o",
		`jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}`,
		"deployments,statefulsets,pods,services,configmaps,serviceaccounts,secrets,roles,rolebindings,clusterroles,clusterrolebindings,"+
			"flowschemas,networkpolicies,poddisruptionbudgets,resourcequotas")) {
		if !strings.HasSuffix(object, "/kube-root-ca.crt") && !strings.HasSuffix(object, "/default") {
			out[object] = true
		}
	}
	return out
}
