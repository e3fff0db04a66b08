// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package integration tests the binaries against upstream's own etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler and metrics-server, as cmd/localcluster runs
// them: the scheduler with the identity, RBAC and configuration of manifests/base.
package integration

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	ours     = "foresight-scheduler"
	patience = 60 * time.Second
)

// The one cluster that all tests share; each takes a namespace and nodes of its own.
var (
	repo       string
	clusterDir string
	restConfig *rest.Config
	client     kubernetes.Interface
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if repo, err = filepath.Abs("../.."); err != nil {
		return fail(err)
	}
	build := exec.Command("make", "-s", "-C", repo, "build")
	build.Stdout, build.Stderr = os.Stdout, os.Stderr
	if err := build.Run(); err != nil {
		return fail(fmt.Errorf("make build: %w", err))
	}
	// A fixed place, so that a run clears away what one that was killed has left.
	clusterDir = filepath.Join(repo, ".localcluster-test")
	if out, err := localcluster("down"); err != nil {
		return fail(fmt.Errorf("localcluster down: %w\n%s", err, out))
	}
	defer func() { _, _ = localcluster("down") }()
	if out, err := localcluster("up", "--nodes", "6", "--manifests", filepath.Join(repo, "manifests/base"), "--scheduler-binary", bin(ours),
		"--audit-policy", filepath.Join(repo, "test/integration/testdata/audit-policy.yaml")); err != nil {
		return fail(fmt.Errorf("localcluster up: %w\n%s", err, out))
	}
	if restConfig, err = clientcmd.BuildConfigFromFlags("", kubeconfig()); err != nil {
		return fail(err)
	}
	restConfig.QPS, restConfig.Burst = 500, 1000
	if client, err = kubernetes.NewForConfig(restConfig); err != nil {
		return fail(err)
	}
	return m.Run()
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func bin(name string) string { return filepath.Join(repo, "bin", name) }

func kubeconfig() string { return filepath.Join(clusterDir, "kubeconfig") }

// localcluster runs bin/localcluster on the tests' cluster and returns all it printed.
func localcluster(args ...string) (string, error) {
	return command(bin("localcluster"), append([]string{args[0], "--dir", clusterDir}, args[1:]...)...)
}

func command(path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	return commandContext(ctx, path, args...)
}

// commandContext runs a command until it ends or the context does, which is an error.
func commandContext(ctx context.Context, path string, args ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = repo
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("still running: %w", ctx.Err())
	}
	return out.String(), err
}

// newNamespace makes a namespace that goes, with all in it, when the test ends.
func newNamespace(t *testing.T) string {
	t.Helper()
	ns, err := client.CoreV1().Namespaces().Create(t.Context(), &v1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "test-", Labels: map[string]string{"foresight-scheduler.dev/claims": "allowed"}, // what takes from others
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Namespaces().Delete(context.Background(), ns.Name, metav1.DeleteOptions{}); err != nil {
			t.Errorf("deleting namespace %s: %v", ns.Name, err)
		}
	})
	return ns.Name
}

// nodePool is the label of the nodes that a test made for itself.
const nodePool = "integration.test/pool"

// newNodes makes simulated nodes that only pods with the pool's selector use, and
// returns the selector. The taint keeps other tests' pods away.
func newNodes(t *testing.T, pool string, count int, change func(i int, n *v1.Node)) map[string]string {
	t.Helper()
	for i := range count {
		n := &v1.Node{
			ObjectMeta: metav1.ObjectMeta{
				Name:   fmt.Sprintf("%s-%d", pool, i),
				Labels: map[string]string{nodePool: pool, v1.LabelHostname: fmt.Sprintf("%s-%d", pool, i)},
			},
			Spec: v1.NodeSpec{Taints: []v1.Taint{{Key: nodePool, Value: pool, Effect: v1.TaintEffectNoSchedule}}},
			Status: v1.NodeStatus{
				Capacity:    capacity("4", "8Gi", "110"),
				Allocatable: capacity("4", "8Gi", "110"),
			},
		}
		if change != nil {
			change(i, n)
		}
		createNode(t, n)
	}
	return map[string]string{nodePool: pool}
}

// createNode makes a node, waits until its kubelet says it is ready, and removes it
// when the test ends.
func createNode(t *testing.T, n *v1.Node) {
	t.Helper()
	// What the simulated kubelets know their nodes by, and metrics-server the kubelets.
	like, err := client.CoreV1().Nodes().Get(t.Context(), "node-0", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	n.Annotations = map[string]string{}
	for _, key := range []string{"kwok.x-k8s.io/node", "metrics.k8s.io/resource-metrics-path"} {
		n.Annotations[key] = strings.ReplaceAll(like.Annotations[key], like.Name, n.Name)
	}
	n.Status.Addresses, n.Status.DaemonEndpoints = like.Status.Addresses, like.Status.DaemonEndpoints
	allocatable := n.Status.Allocatable
	if _, err := client.CoreV1().Nodes().Create(t.Context(), n, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		err := client.CoreV1().Nodes().Delete(context.Background(), n.Name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("deleting node %s: %v", n.Name, err)
		}
	})
	eventually(t, "node "+n.Name+" ready with its own size", func(ctx context.Context) (bool, string) {
		now, err := client.CoreV1().Nodes().Get(ctx, n.Name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		for _, c := range now.Status.Conditions {
			if c.Type == v1.NodeReady && c.Status == v1.ConditionTrue {
				got, want := now.Status.Allocatable[v1.ResourceCPU], allocatable[v1.ResourceCPU]
				return got.Cmp(want) == 0 && !hasTaint(now, v1.TaintNodeNotReady), fmt.Sprintf("allocatable %v, taints %v", got.String(), now.Spec.Taints)
			}
		}
		return false, "not ready"
	})
}

func hasTaint(n *v1.Node, key string) bool {
	for _, t := range n.Spec.Taints {
		if t.Key == key {
			return true
		}
	}
	return false
}

func capacity(cpu, memory, pods string) v1.ResourceList {
	return v1.ResourceList{
		v1.ResourceCPU: resource.MustParse(cpu), v1.ResourceMemory: resource.MustParse(memory), v1.ResourcePods: resource.MustParse(pods),
	}
}

// newPod returns a pod of ours that may use the pool's nodes.
func newPod(name string, pool map[string]string, cpu string) *v1.Pod {
	p := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": name}},
		Spec: v1.PodSpec{
			SchedulerName: ours,
			NodeSelector:  pool,
			Containers: []v1.Container{{Name: "c", Image: "none", Resources: v1.ResourceRequirements{
				Requests: v1.ResourceList{v1.ResourceCPU: resource.MustParse(cpu)},
			}}},
		},
	}
	for _, value := range pool {
		p.Spec.Tolerations = []v1.Toleration{{Key: nodePool, Value: value, Effect: v1.TaintEffectNoSchedule}}
	}
	return p
}

func create(t *testing.T, namespace string, pods ...*v1.Pod) {
	t.Helper()
	for _, p := range pods {
		if _, err := client.CoreV1().Pods(namespace).Create(t.Context(), p, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// newPriorityClass creates a PriorityClass for the test's time, and waits until pods may name it: admission reads the
// classes from an informer, so for a moment after its creation it refuses pods of a class it has not seen yet.
func newPriorityClass(t *testing.T, namespace string, class *schedulingv1.PriorityClass) {
	t.Helper()
	classes := client.SchedulingV1().PriorityClasses()
	if _, err := classes.Create(t.Context(), class, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := classes.Delete(context.Background(), class.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	probe := newPod("probe", nil, "1m")
	probe.Spec.PriorityClassName = class.Name
	eventually(t, "PriorityClass "+class.Name+" known to admission", func(ctx context.Context) (bool, string) {
		_, err := client.CoreV1().Pods(namespace).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err == nil, fmt.Sprint(err)
	})
}

// eventually polls until the condition holds, and fails with its last answer.
func eventually(t *testing.T, what string, condition func(ctx context.Context) (bool, string)) {
	t.Helper()
	var last string
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		ok, said := condition(ctx)
		if ctx.Err() == nil {
			last = said
		}
		return ok, nil
	})
	if err != nil {
		t.Fatalf("%s: %v; last: %s", what, err, last)
	}
}

// placed waits until the pod has a node, and returns its name.
func placed(t *testing.T, namespace, name string) string {
	t.Helper()
	var node string
	eventually(t, name+" placed", func(ctx context.Context) (bool, string) {
		p, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		node = p.Spec.NodeName
		return node != "", whyNot(p)
	})
	return node
}

// refused waits until the scheduler says that the pod has to wait, and why.
func refused(t *testing.T, namespace, name, reason string) {
	t.Helper()
	eventually(t, name+" refused", func(ctx context.Context) (bool, string) {
		p, err := client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		if p.Spec.NodeName != "" {
			return false, "placed on " + p.Spec.NodeName
		}
		return strings.Contains(whyNot(p), reason), whyNot(p)
	})
}

func whyNot(p *v1.Pod) string {
	for _, c := range p.Status.Conditions {
		if c.Type == v1.PodScheduled && c.Status == v1.ConditionFalse {
			return c.Message
		}
	}
	return "no decision"
}
