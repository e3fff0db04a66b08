// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

const bridge = "nodes"

// NewNetwork makes a network that has no link to the machine's, with a bridge for nodes to
// be plugged into, and returns its namespace. This process stays where it is.
func NewNetwork(address *net.IPNet) (netns.NsHandle, error) {
	runtime.LockOSThread()
	origin, err := netns.Get()
	if err != nil {
		return netns.None(), fmt.Errorf("finding this process's network: %w", err)
	}
	defer origin.Close()
	created, err := netns.New()
	if err != nil {
		return netns.None(), fmt.Errorf("making a network: %w", err)
	}
	err = fillNetwork(address)
	if back := netns.Set(origin); back != nil {
		// The thread stays locked, so that nobody else runs in the wrong network.
		return netns.None(), errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return created, err
}

func fillNetwork(address *net.IPNet) error {
	if err := linkUp("lo"); err != nil {
		return err
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name = bridge
	link := &netlink.Bridge{LinkAttrs: attributes}
	if err := netlink.LinkAdd(link); err != nil {
		return fmt.Errorf("making a bridge: %w", err)
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("addressing the bridge: %w", err)
	}
	return linkUp(bridge)
}

func linkUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("finding link %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("starting link %s: %w", name, err)
	}
	return nil
}

// Plug connects the network of process pid to the bridge of this process's network, and
// makes the addresses behind it known here. The other end is called eth0 there.
func Plug(name string, pid int, behind Route) error {
	master, err := netlink.LinkByName(bridge)
	if err != nil {
		return fmt.Errorf("finding the bridge: %w", err)
	}
	attributes := netlink.NewLinkAttrs()
	attributes.Name, attributes.MasterIndex = name, master.Attrs().Index
	cable := &netlink.Veth{LinkAttrs: attributes, PeerName: "eth0", PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(cable); err != nil {
		return fmt.Errorf("connecting the node to the bridge: %w", err)
	}
	if err := linkUp(name); err != nil {
		return err
	}
	// A node that comes back has the route already.
	if err := netlink.RouteReplace(&netlink.Route{Dst: behind.To, Gw: behind.Via, LinkIndex: master.Attrs().Index}); err != nil {
		return fmt.Errorf("routing to %v by %v: %w", behind.To, behind.Via, err)
	}
	return nil
}

// Route is a way to addresses behind a neighbour.
type Route struct {
	// To is nil for all addresses.
	To  *net.IPNet
	Via net.IP
}

// Configure sets up this process's own network, which has been plugged in.
func Configure(address *net.IPNet, routes []Route) error {
	if err := linkUp("lo"); err != nil {
		return err
	}
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("finding the node's link: %w", err)
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: address}); err != nil {
		return fmt.Errorf("addressing the node: %w", err)
	}
	if err := linkUp("eth0"); err != nil {
		return err
	}
	for _, r := range routes {
		if err := netlink.RouteAdd(&netlink.Route{Dst: r.To, Gw: r.Via, LinkIndex: link.Attrs().Index}); err != nil {
			return fmt.Errorf("routing to %v by %v: %w", r.To, r.Via, err)
		}
	}
	// The namespace's own, as all below /proc/sys/net/ipv4.
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}

// Within runs f in a network. What f starts or opens stays there.
func Within(network string, f func() error) error {
	target, err := netns.GetFromPath(network)
	if err != nil {
		return fmt.Errorf("finding the cluster's network: %w", err)
	}
	defer target.Close()
	runtime.LockOSThread()
	origin, err := netns.Get()
	if err != nil {
		return fmt.Errorf("finding this process's network: %w", err)
	}
	defer origin.Close()
	if err := netns.Set(target); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("entering the cluster's network: %w", err)
	}
	err = f()
	if back := netns.Set(origin); back != nil {
		return errors.Join(err, back)
	}
	runtime.UnlockOSThread()
	return err
}
