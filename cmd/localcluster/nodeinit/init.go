// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package nodeinit

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/isolate"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Run is the node's first process. It does not return unless something is wrong.
func Run(l state.Layout, name string, component []string) error {
	node, err := realnode.Load(l, name)
	if err != nil {
		return err
	}
	if err := isolateSelf(l, node); err != nil {
		return err
	}
	if err := configureNetwork(node); err != nil {
		return err
	}
	if err := os.Setenv("PATH", realnode.Path); err != nil {
		return err
	}
	return newSupervisor(l, node, component).run()
}

// isolateSelf completes the namespaces this process was started with.
func isolateSelf(l state.Layout, node realnode.Node) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// Read while the machine's mounts are still to be seen.
	hierarchies, err := isolate.Hierarchies()
	if err != nil {
		return err
	}
	if err := isolate.EnterRoot(l.Dir, realnode.File(l, node.Name, "root"), self); err != nil {
		return err
	}
	if err := isolate.MountCgroups(hierarchies); err != nil {
		return err
	}
	if err := isolate.PretendMachine(isolate.Share{CPUs: node.CPUs, Memory: node.Memory}); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(node.Name)); err != nil {
		return fmt.Errorf("naming the node: %w", err)
	}
	return os.Chdir(l.Dir)
}

// pluggedFD is where the keeper tells that the node is in the network.
const pluggedFD = 3

func configureNetwork(node realnode.Node) error {
	plugged := os.NewFile(pluggedFD, "plugged")
	if _, err := plugged.Read(make([]byte, 1)); err != nil {
		return fmt.Errorf("waiting for the network: %w", err)
	}
	plugged.Close()
	routes := []isolate.Route{{Via: net.ParseIP(realnode.ControlPlaneIP)}}
	for ip, cidr := range node.Neighbours {
		_, to, err := net.ParseCIDR(cidr)
		if err != nil {
			return err
		}
		routes = append(routes, isolate.Route{To: to, Via: net.ParseIP(ip)})
	}
	return isolate.Configure(node.Address(), routes)
}
