// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e tests the whole stack with real kubelets, containerd, runc and kube-proxy:
// what a user of Kubernetes relies on, with every pod placed by Foresight. The default
// scheduler is not there.
//
// It needs root and Debian's packages, so it runs by `make e2e` only.
package e2e

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

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	ours = "foresight-scheduler"
	// patience is for what takes seconds on an idle machine, and was seen to take two minutes on one with 30 jobs a CPU.
	patience = 4 * time.Minute
	// starting is for a whole cluster, which takes half a minute on an idle machine.
	starting = 8 * time.Minute
	// nodes of the shared cluster.
	nodes = 2
)

// The one cluster that tests share, each with a namespace of its own.
var (
	repo    string
	shared  cluster
	skipped string

	client  kubernetes.Interface
	objects dynamic.Interface
	mapper  meta.RESTMapper
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if skipped = reasonToSkip(); skipped != "" {
		fmt.Println("end-to-end tests are skipped:", skipped)
		return m.Run()
	}
	var err error
	if repo, err = filepath.Abs("../.."); err != nil {
		return fail(err)
	}
	// Fixed places, so that a run clears away what one that was killed has left.
	shared = cluster{dir: filepath.Join(repo, ".localcluster-e2e")}
	if out, err := shared.run("down"); err != nil {
		return fail(fmt.Errorf("localcluster down: %w\n%s", err, out))
	}
	before, err := machineNow()
	if err != nil {
		return fail(err)
	}
	out, err := shared.up("--nodes", fmt.Sprint(nodes), "--without", "kube-scheduler")
	if err != nil {
		return fail(fmt.Errorf("localcluster up: %w\n%s", err, out))
	}
	if err := connect(); err != nil {
		return fail(err)
	}
	code := m.Run()
	if out, err := shared.run("down"); err != nil {
		return fail(fmt.Errorf("localcluster down: %w\n%s", err, out))
	}
	if left := before.leftovers(shared.dir); len(left) > 0 {
		return fail(fmt.Errorf("down left on the machine:\n%s", strings.Join(left, "\n")))
	}
	return code
}

// reasonToSkip says why these tests cannot run here.
func reasonToSkip() string {
	switch {
	case os.Getenv("FORESIGHT_E2E") == "":
		return "they start real nodes on this machine; `make e2e` does"
	case os.Geteuid() != 0:
		return "real nodes need root"
	}
	// Where packages are missing they are installed: whoever runs `make e2e` agrees.
	if _, err := exec.LookPath("apt-get"); err != nil {
		if _, err := exec.LookPath("containerd"); err != nil {
			return "containerd is missing, and there is no apt-get to install it"
		}
	}
	return ""
}

func needCluster(t *testing.T) {
	t.Helper()
	if skipped != "" {
		t.Skip(skipped)
	}
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

func connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", shared.kubeconfig())
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	if client, err = kubernetes.NewForConfig(config); err != nil {
		return err
	}
	if objects, err = dynamic.NewForConfig(config); err != nil {
		return err
	}
	mapper, err = newMapper(config)
	return err
}

func newMapper(config *rest.Config) (meta.RESTMapper, error) {
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	groups, err := restmapper.GetAPIGroupResources(discoverer)
	if err != nil {
		return nil, err
	}
	return restmapper.NewDiscoveryRESTMapper(groups), nil
}

// cluster is one of bin/localcluster's.
type cluster struct{ dir string }

func (c cluster) kubeconfig() string { return filepath.Join(c.dir, "kubeconfig") }

func bin(name string) string { return filepath.Join(repo, "bin", name) }

func (c cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, bin("localcluster"), append([]string{name, "--dir", c.dir}, args...)...)
	cmd.Dir = repo
	return cmd
}

func (c cluster) up(args ...string) (string, error) {
	return c.run("up", append([]string{"--real", "--yes", "--timeout", starting.String()}, args...)...)
}

// run returns all that bin/localcluster printed.
func (c cluster) run(name string, args ...string) (string, error) {
	// The first start installs packages as well.
	ctx, cancel := context.WithTimeout(context.Background(), 2*starting)
	defer cancel()
	out, err := c.command(ctx, name, args...).CombinedOutput()
	return string(out), err
}

// kubectl returns what kubectl printed; a failure ends the test.
func kubectl(t *testing.T, namespace string, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := shared.command(t.Context(), "kubectl", append([]string{"-n", namespace}, args...)...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %q: %v\n%s%s", args, err, out.String(), errs.String())
	}
	return out.String()
}
