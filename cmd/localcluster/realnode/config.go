// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package realnode

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"text/template"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

//go:embed config
var configs embed.FS

//go:embed manifests/rbac.yaml
var rbac []byte

// RBAC returns the object that lets the API server use kubelets.
func RBAC() []byte { return rbac }

// The images every node has. They are one: it pauses, serves, loads and burns.
const (
	PauseImage    = "foresight.local/pause:dev"
	WorkloadImage = "foresight.local/workload:dev"
)

// ImageFile is the archive nodes import.
func ImageFile(l state.Layout) string { return l.Path("nodes", "workload.tar") }

// SchedulerImageFile is another one that they import if it is there: the Foresight scheduler's.
func SchedulerImageFile(l state.Layout) string { return l.Path("nodes", "scheduler.tar") }

// ProxyKubeconfig is kube-proxy's, on all nodes.
func ProxyKubeconfig(l state.Layout) string { return l.KubeconfigOf("kube-proxy") }

// WriteConfigs writes what containerd, the CNI plugins, kubelet and kube-proxy of a node
// read.
func WriteConfigs(l state.Layout, n Node) error {
	data := struct {
		Node                                                                 Node
		Dir, CA, Cert, Key, ProxyKubeconfig, PauseImage, CNIDir, Snapshotter string
	}{
		n, Dir(l, n.Name), l.Cert(state.ClusterCA), l.Cert(n.Name), l.Key(n.Name), ProxyKubeconfig(l), PauseImage, cniDir, snapshotter(l.Dir),
	}
	files := map[string]string{
		"containerd.toml": "containerd.toml",
		"pods.conflist":   "cni/pods.conflist",
		"kubelet.yaml":    "kubelet.yaml",
		"kube-proxy.yaml": "kube-proxy.yaml",
	}
	templates, err := template.ParseFS(configs, "config/*")
	if err != nil {
		return err
	}
	for name, file := range files {
		path := File(l, n.Name, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		out, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if err := templates.ExecuteTemplate(out, name, data); err != nil {
			out.Close()
			return fmt.Errorf("writing %s: %w", path, err)
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	// There is no DNS in the cluster, and the machine's is out of reach.
	return os.WriteFile(File(l, n.Name, "resolv.conf"), nil, 0o644)
}

// snapshotter is how containerd stacks an image's layers: overlays cannot be stacked on
// the overlay that is a container's own root.
func snapshotter(dir string) string {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err == nil && fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native"
	}
	return "overlayfs"
}

// KubeletArgs is kubelet's command line.
func KubeletArgs(l state.Layout, n Node) []string {
	return []string{
		"--config=" + File(l, n.Name, "kubelet.yaml"),
		"--kubeconfig=" + l.KubeconfigOf(n.Name),
		"--hostname-override=" + n.Name,
		"--node-ip=" + n.IP,
		"--node-labels=topology.kubernetes.io/zone=" + n.Zone,
	}
}

// ProxyArgs is kube-proxy's command line.
func ProxyArgs(l state.Layout, n Node) []string {
	return []string{"--config=" + File(l, n.Name, "kube-proxy.yaml")}
}
