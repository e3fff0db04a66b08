// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
)

func TestPod(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    args: [serve]
    readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
`)
	pod := awaitPod(t, ns, "web", "ready", ready)
	if !strings.HasPrefix(pod.Status.PodIP, "10.244.") || len(pod.Status.ContainerStatuses[0].ContainerID) == 0 {
		t.Errorf("address %q, container %q", pod.Status.PodIP, pod.Status.ContainerStatuses[0].ContainerID)
	}

	// What users do with a pod from outside.
	awaitLog(t, ns, "web", "listening")
	if out := kubectl(t, ns, "logs", "web"); !strings.Contains(out, "listening") {
		t.Errorf("kubectl logs: %q", out)
	}
	if out := kubectl(t, ns, "exec", "web", "--", "/workload", "get", "http://127.0.0.1:8080"); out != "web\n" {
		t.Errorf("kubectl exec: %q", out)
	}
	if body := throughPortForward(t, ns, "pod/web", 8080); body != "web\n" {
		t.Errorf("kubectl port-forward: %q", body)
	}
}

// throughPortForward asks a port of a pod through kubectl.
func throughPortForward(t *testing.T, namespace, target string, port int) string {
	t.Helper()
	cmd := shared.command(t.Context(), "kubectl", "-n", namespace, "port-forward", target, fmt.Sprintf(":%d", port))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	local := regexp.MustCompile(`127\.0\.0\.1:(\d+)`).FindStringSubmatch(line)
	if local == nil {
		t.Fatalf("kubectl port-forward says %q", line)
	}
	client := http.Client{Timeout: 20 * time.Second}
	response, err := client.Get("http://127.0.0.1:" + local[1])
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Containers of a pod share its network and its volumes.
func TestMultiContainerPod(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: two}
spec:
  initContainers:
  - {name: first, args: [write, /shared/greeting, from the first], volumeMounts: [{name: shared, mountPath: /shared}]}
  containers:
  - {name: server, args: [serve]}
  - {name: reader, args: [pause], volumeMounts: [{name: shared, mountPath: /shared}]}
  volumes:
  - {name: shared, emptyDir: {}}
`)
	pod := awaitPod(t, ns, "two", "ready", ready)
	if len(pod.Status.ContainerStatuses) != 2 {
		t.Errorf("%d containers", len(pod.Status.ContainerStatuses))
	}
	if out := kubectl(t, ns, "exec", "two", "-c", "reader", "--", "/workload", "get", "http://127.0.0.1:8080"); out != "two\n" {
		t.Errorf("the other container answers %q", out)
	}
	if out := kubectl(t, ns, "exec", "two", "-c", "reader", "--", "/workload", "cat", "/shared/greeting"); out != "from the first" {
		t.Errorf("the shared file holds %q", out)
	}
}

func TestQoSClasses(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: guaranteed}
spec:
  containers:
  - {name: c, args: [pause], resources: {limits: {cpu: 20m, memory: 16Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: burstable}
spec:
  containers:
  - {name: c, args: [pause], resources: {requests: {cpu: 10m}}}
---
apiVersion: v1
kind: Pod
metadata: {name: besteffort}
spec:
  containers:
  - {name: c, args: [pause]}
`)
	for name, class := range map[string]v1.PodQOSClass{
		"guaranteed": v1.PodQOSGuaranteed, "burstable": v1.PodQOSBurstable, "besteffort": v1.PodQOSBestEffort,
	} {
		pod := awaitPod(t, ns, name, "ready", ready)
		if pod.Status.QOSClass != class {
			t.Errorf("%s is %s", name, pod.Status.QOSClass)
		}
	}
}

func TestFailedContainers(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: never}
spec:
  restartPolicy: Never
  containers:
  - {name: c, args: [exit, -status=3, --, goodbye]}
---
apiVersion: v1
kind: Pod
metadata: {name: again}
spec:
  restartPolicy: OnFailure
  containers:
  - {name: c, args: [exit, -status=3]}
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - {name: c, args: [fill, 64Mi], resources: {limits: {memory: 24Mi}}}
`)
	pod := awaitPod(t, ns, "never", "failed", ended(v1.PodFailed))
	if code := pod.Status.ContainerStatuses[0].State.Terminated.ExitCode; code != 3 {
		t.Errorf("exit status %d", code)
	}
	awaitLog(t, ns, "never", "goodbye\n")
	awaitPod(t, ns, "again", "restarted", func(pod *v1.Pod) bool {
		return len(pod.Status.ContainerStatuses) == 1 && pod.Status.ContainerStatuses[0].RestartCount > 0
	})
	// The runtime says OOMKilled if the kernel's notice reaches it before the exit does, else Error. Nobody
	// but the kernel kills this container.
	pod = awaitPod(t, ns, "greedy", "failed", ended(v1.PodFailed))
	end := pod.Status.ContainerStatuses[0].State.Terminated
	if end.ExitCode != 128+int32(syscall.SIGKILL) || (end.Reason != "OOMKilled" && end.Reason != "Error") {
		t.Errorf("over its limit of memory it ended as %s, with status %d", end.Reason, end.ExitCode)
	}
}

// foresight timeline shows all six steps of a pod's life, in order.
func TestTimeline(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: life}
spec:
  containers:
  - {name: c, args: [pause]}
`)
	awaitPod(t, ns, "life", "ready", ready)
	type step struct {
		Name    string
		Seconds *float64
	}
	var life struct {
		Node  string
		Steps []step
	}
	eventually(t, "times of all six steps", func(context.Context) error {
		out := foresight(t, "timeline", "life", "-n", ns, "-o", "json")
		if err := json.Unmarshal([]byte(out), &life); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		untimed := slices.ContainsFunc(life.Steps, func(s step) bool { return s.Seconds == nil })
		if len(life.Steps) != 6 || life.Steps[5].Name != "running" || life.Node == "" || untimed {
			return errors.New(out)
		}
		return nil
	})
	last := 0.0
	for _, s := range life.Steps {
		// Most times are in whole seconds, cut off.
		if *s.Seconds < last-1 {
			t.Errorf("%s is at %.1f s, before the step before it at %.1f s", s.Name, *s.Seconds, last)
		}
		last = *s.Seconds
	}
	if out := foresight(t, "trace", "life", "-n", ns); !strings.Contains(out, "5 sandbox ready") {
		t.Errorf("the table is %s", out)
	}
}

func foresight(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin("foresight"), append(args, "--kubeconfig", shared.kubeconfig())...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("foresight %q: %v\n%s", args, err, out)
	}
	return string(out)
}

// metrics-server has real figures, and a container that burns has pressure where its
// machine measures it.
func TestUsageAndPressure(t *testing.T) {
	t.Parallel()
	ns := newNamespace(t)
	apply(t, ns, `
apiVersion: v1
kind: Pod
metadata: {name: burner}
spec:
  containers:
  - {name: c, args: [burn, -threads=2], resources: {limits: {cpu: 200m, memory: 32Mi}}}
`)
	awaitPod(t, ns, "burner", "ready", ready)
	eventually(t, "kubectl top to show the burner", func(ctx context.Context) error {
		out, err := shared.command(ctx, "kubectl", "-n", ns, "top", "pod", "burner", "--no-headers").CombinedOutput()
		fields := strings.Fields(string(out))
		if err != nil || len(fields) < 2 {
			return fmt.Errorf("%v: %s", err, out)
		}
		var cores int
		if _, err := fmt.Sscanf(fields[1], "%dm", &cores); err != nil || cores < 100 || cores > 300 {
			return fmt.Errorf("it uses %s", fields[1])
		}
		return nil
	})
	eventually(t, "two threads on 0.2 of a CPU to feel pressure", func(context.Context) error {
		out, err := shared.run("pressure", "-o", "json")
		if err != nil {
			if strings.Contains(out, "measures no pressure") {
				t.Skip(out)
			}
			return fmt.Errorf("%w: %s", err, out)
		}
		var summaries []struct {
			Pods []struct {
				PodRef struct{ Name, Namespace string }
				CPU    struct {
					PSI struct{ Some struct{ Total uint64 } }
				}
			}
		}
		if err := json.Unmarshal([]byte(out), &summaries); err != nil {
			return err
		}
		for _, s := range summaries {
			for _, p := range s.Pods {
				if p.PodRef.Namespace == ns && p.CPU.PSI.Some.Total > 0 {
					return nil
				}
			}
		}
		return errors.New(out)
	})
}
