// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package argv knows the command lines of a cluster's components.
package argv

import (
	"fmt"
	"strconv"
	"time"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/network"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/nodeinit"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/realnode"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/simulation"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// Settings is what the command lines depend on.
type Settings struct {
	state.Layout
	// Self is this binary, which becomes the upstream components.
	Self string
	// ForesightBinary is our scheduler.
	ForesightBinary string
	// APIServerBinary is another kube-apiserver than this binary's own, or empty.
	APIServerBinary string
	Ports           *Ports
	Nodes           int
	// Real says that the nodes are real ones, in a network with the control plane.
	Real          bool
	UsageInterval time.Duration
	// AuditPolicy is a file for the API server, or empty.
	AuditPolicy string
}

// Subcommand is the hidden first argument with which this binary becomes a component.
const Subcommand = "component"

const (
	serviceCIDR = "10.96.0.0/16"
	podCIDR     = "10.244.0.0/16"
	// The sockets are relative to the state directory, where etcd and its client run: a
	// socket's path may have no more than 107 bytes, a directory's may. etcd takes a
	// relative one only without a slash.
	etcdSocket = "etcd-client.sock"
	etcdPeer   = "etcd-peer.sock"
)

// Server is the API server's URL.
func (s Settings) Server() string { return s.Endpoint(state.APIServer) }

// Endpoint is where a component answers health checks.
func (s Settings) Endpoint(name string) string {
	switch {
	case name == state.Etcd:
		return "unix:" + etcdSocket
	case name == state.Network:
		return "unix:" + network.Socket
	case s.Ports.Of(name) == 0:
		return "unix:" + nodeinit.Socket(name)
	}
	return fmt.Sprintf("https://127.0.0.1:%d", s.Ports.Of(name))
}

// Command returns the command line of a component.
func (s Settings) Command(name string) []string {
	if name == state.Foresight {
		return append([]string{s.ForesightBinary}, s.foresightArgs()...)
	}
	args, known := map[string]func() []string{
		state.Network:           s.networkArgs,
		state.Etcd:              s.etcdArgs,
		state.APIServer:         s.apiServerArgs,
		state.ControllerManager: s.controllerManagerArgs,
		state.Scheduler:         s.schedulerArgs,
		state.Kwok:              s.kwokArgs,
		state.MetricsServer:     s.metricsServerArgs,
	}[name]
	if !known {
		return []string{s.Self, Subcommand, "node", name}
	}
	if name == state.APIServer && s.APIServerBinary != "" {
		return append([]string{s.APIServerBinary}, args()...)
	}
	return append([]string{s.Self, Subcommand, name}, args()...)
}

// networkArgs are the ports by which the machine reaches the control plane.
func (s Settings) networkArgs() []string {
	var ports []string
	for _, name := range state.Names()[1:] {
		ports = append(ports, strconv.Itoa(s.Ports.Of(name)))
	}
	return ports
}

// serving returns the flags every upstream server has for its own port.
func (s Settings) serving(name string) []string {
	return []string{
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(s.Ports.Of(name)),
		"--tls-cert-file=" + s.Cert(name),
		"--tls-private-key-file=" + s.Key(name),
	}
}

// delegating returns the flags of servers that let the API server decide who may
// ask them.
func (s Settings) delegating(name string) []string {
	return append(s.serving(name),
		"--authentication-kubeconfig="+s.KubeconfigOf(name),
		"--authorization-kubeconfig="+s.KubeconfigOf(name),
	)
}

func (s Settings) etcdArgs() []string {
	return []string{
		"--name=localcluster",
		"--data-dir=etcd",
		"--listen-client-urls=unix://" + etcdSocket,
		"--advertise-client-urls=unix://" + etcdSocket,
		"--listen-peer-urls=unix://" + etcdPeer,
		"--initial-advertise-peer-urls=unix://" + etcdPeer,
		"--initial-cluster=localcluster=unix://" + etcdPeer,
		// A member that is alone may elect itself at once instead of after a second.
		"--heartbeat-interval=50",
		"--election-timeout=250",
		// The data need not survive the machine, only the process.
		"--unsafe-no-fsync",
		"--log-level=warn",
	}
}

func (s Settings) apiServerArgs() []string {
	args := append(s.serving(state.APIServer),
		"--advertise-address=127.0.0.1",
		// Endpoints must not be loopback addresses, and nobody here needs them.
		"--endpoint-reconciler-type=none",
	)
	if s.Real {
		args = append(s.serving(state.APIServer),
			// Flags count the last time: all addresses of the cluster's own network.
			"--bind-address=0.0.0.0",
			"--advertise-address="+realnode.ControlPlaneIP,
		)
	}
	if s.AuditPolicy != "" {
		args = append(args, "--audit-policy-file="+s.AuditPolicy, "--audit-log-path="+s.LogFile("audit"))
	}
	return append(args,
		"--etcd-servers=unix://"+etcdSocket,
		"--service-cluster-ip-range="+serviceCIDR,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--client-ca-file="+s.Cert(state.ClusterCA),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+s.Path("pki", state.ServiceAccountKey+".pub"),
		"--service-account-signing-key-file="+s.Key(state.ServiceAccountKey),
		"--requestheader-client-ca-file="+s.Cert(state.FrontProxyCA),
		"--requestheader-allowed-names="+state.FrontProxyClient,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+s.Cert(state.FrontProxyClient),
		"--proxy-client-key-file="+s.Key(state.FrontProxyClient),
		"--kubelet-certificate-authority="+s.Cert(state.ClusterCA),
		"--kubelet-client-certificate="+s.Cert(state.KubeletClient),
		"--kubelet-client-key="+s.Key(state.KubeletClient),
		"--kubelet-preferred-address-types=InternalIP",
	)
}

func (s Settings) controllerManagerArgs() []string {
	return append(s.delegating(state.ControllerManager),
		"--kubeconfig="+s.KubeconfigOf(state.ControllerManager),
		// At upstream's 20 requests a second it takes 5 s before the first pod may exist.
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
		// There is no second one, and a restarted one need not wait for a lease.
		"--leader-elect=false",
		"--use-service-account-credentials=true",
		"--root-ca-file="+s.Cert(state.ClusterCA),
		"--cluster-signing-cert-file="+s.Cert(state.ClusterCA),
		"--cluster-signing-key-file="+s.Key(state.ClusterCA),
		"--service-account-private-key-file="+s.Key(state.ServiceAccountKey),
		"--node-monitor-grace-period="+s.nodeGrace().String(),
		"--flex-volume-plugin-dir="+s.Path("flexvolume"),
	)
}

func (s Settings) schedulerArgs() []string {
	return append(s.delegating(state.Scheduler),
		"--kubeconfig="+s.KubeconfigOf(state.Scheduler),
		"--kube-api-qps=500",
		"--kube-api-burst=1000",
	)
}

func (s Settings) kwokArgs() []string {
	port := strconv.Itoa(s.Ports.Of(state.Kwok))
	return []string{
		"--config=" + s.KwokConfig(),
		// It tells of every lease, and warns of every node without pods at every scrape.
		"--v=ERROR",
		"--kubeconfig=" + s.KubeconfigOf(state.Kwok),
		"--server-address=127.0.0.1:" + port,
		"--tls-cert-file=" + s.Cert(state.Kwok),
		"--tls-private-key-file=" + s.Key(state.Kwok),
		"--manage-nodes-with-annotation-selector=" + simulation.NodeSelector,
		"--node-ip=127.0.0.1",
		"--node-port=" + port,
		"--node-lease-duration-seconds=" + strconv.Itoa(s.leaseSeconds()),
		"--cidr=" + podCIDR,
	}
}

func (s Settings) metricsServerArgs() []string {
	return append(s.delegating(state.MetricsServer),
		"--kubeconfig="+s.KubeconfigOf(state.MetricsServer),
		"--kubelet-certificate-authority="+s.Cert(state.ClusterCA),
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-use-node-status-port",
		"--metric-resolution="+s.UsageInterval.String(),
		"--kubelet-request-timeout="+(s.UsageInterval/2).String(),
	)
}

func (s Settings) foresightArgs() []string {
	args := append(s.delegating(state.Foresight),
		"--config="+s.ForesightConfig(),
	)
	if s.Real {
		// Containers go before the control plane, which on a small machine may not run for seconds. A scheduler that loses its
		// lease ends, and there is no kubelet here that would start it again.
		args = append(args, "--leader-elect-lease-duration=60s", "--leader-elect-renew-deadline=45s")
	}
	return args
}

// nodeGrace is how long a node may be silent. Real nodes renew leases of 10 s.
func (s Settings) nodeGrace() time.Duration {
	if s.Real {
		return 20 * time.Second
	}
	return time.Duration(s.leaseSeconds()+10) * time.Second
}

// leaseSeconds keeps the lease renewals of all nodes together below about 10 a second:
// kwok renews after a quarter of the duration, and on a laptop 1,000 nodes at
// upstream's 40 s would keep the control plane busy with nothing else.
func (s Settings) leaseSeconds() int {
	const upstream = 40
	return max(upstream, s.Nodes*4/10)
}
