// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// component of Kubernetes, with flags that lists of settings often mix with a scheduler's.
type component struct {
	name  string
	flags []string
}

// components in the order of docs/reference/flags.md. Some flags are gone there too; that component
// is then who says so.
var components = []component{
	{"kube-apiserver", []string{
		"admission-control", "admission-control-config-file", "advertise-address", "allow-privileged", "anonymous-auth", "api-audiences",
		"audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize", "audit-log-path", "audit-policy-file", "audit-webhook-config-file",
		"authentication-config", "authentication-token-webhook-config-file", "authorization-config", "authorization-mode",
		"authorization-policy-file", "authorization-webhook-config-file", "basic-auth-file", "cors-allowed-origins",
		"default-not-ready-toleration-seconds", "default-unreachable-toleration-seconds", "default-watch-cache-size",
		"delete-collection-workers", "disable-admission-plugins", "egress-selector-config-file", "enable-admission-plugins",
		"enable-aggregator-routing", "enable-bootstrap-token-auth", "enable-priority-and-fairness", "encryption-provider-config",
		"endpoint-reconciler-type", "etcd-cafile", "etcd-certfile", "etcd-compaction-interval", "etcd-keyfile", "etcd-prefix", "etcd-servers",
		"etcd-servers-overrides", "event-ttl", "external-hostname", "goaway-chance", "insecure-bind-address", "insecure-port",
		"kubelet-certificate-authority", "kubelet-client-certificate", "kubelet-client-key", "kubelet-https", "kubelet-preferred-address-types",
		"kubelet-timeout", "max-mutating-requests-inflight", "max-requests-inflight", "min-request-timeout", "oidc-ca-file", "oidc-client-id",
		"oidc-groups-claim", "oidc-issuer-url", "oidc-username-claim", "proxy-client-cert-file", "proxy-client-key-file", "request-timeout",
		"runtime-config", "service-account-issuer", "service-account-jwks-uri", "service-account-key-file", "service-account-lookup",
		"service-account-max-token-expiration", "service-account-signing-key-file", "service-cluster-ip-range", "service-node-port-range",
		"shutdown-delay-duration", "storage-backend", "storage-media-type", "target-ram-mb", "token-auth-file", "tracing-config-file",
		"watch-cache", "watch-cache-sizes",
	}},
	{"kube-controller-manager", []string{
		"allocate-node-cidrs", "attach-detach-reconcile-sync-period", "cidr-allocator-type", "cloud-config", "cloud-provider", "cluster-cidr",
		"cluster-name", "cluster-signing-cert-file", "cluster-signing-duration", "cluster-signing-key-file", "concurrent-cron-job-syncs",
		"concurrent-daemonset-syncs", "concurrent-deployment-syncs", "concurrent-endpoint-syncs", "concurrent-gc-syncs",
		"concurrent-horizontal-pod-autoscaler-syncs", "concurrent-job-syncs", "concurrent-namespace-syncs", "concurrent-rc-syncs",
		"concurrent-replicaset-syncs", "concurrent-resource-quota-syncs", "concurrent-service-endpoint-syncs", "concurrent-service-syncs",
		"concurrent-serviceaccount-token-syncs", "concurrent-statefulset-syncs", "concurrent-ttl-after-finished-syncs", "configure-cloud-routes",
		"controller-start-interval", "controllers", "deleting-pods-burst", "deleting-pods-qps", "deployment-controller-sync-period",
		"disable-attach-detach-reconcile-sync", "enable-dynamic-provisioning", "enable-garbage-collector", "enable-hostpath-provisioner",
		"enable-taint-manager", "experimental-cluster-signing-duration", "flex-volume-plugin-dir", "horizontal-pod-autoscaler-cpu-initialization-period",
		"horizontal-pod-autoscaler-downscale-delay", "horizontal-pod-autoscaler-downscale-stabilization",
		"horizontal-pod-autoscaler-initial-readiness-delay", "horizontal-pod-autoscaler-sync-period", "horizontal-pod-autoscaler-tolerance",
		"horizontal-pod-autoscaler-upscale-delay", "horizontal-pod-autoscaler-use-rest-clients", "insecure-experimental-approve-all-kubelet-csrs-for-group",
		"large-cluster-size-threshold", "max-endpoints-per-slice", "min-resync-period", "mirroring-concurrent-service-endpoint-syncs",
		"namespace-sync-period", "node-cidr-mask-size", "node-eviction-rate", "node-monitor-grace-period", "node-monitor-period",
		"node-startup-grace-period", "node-sync-period", "pod-eviction-timeout", "pv-recycler-increment-timeout-nfs",
		"pv-recycler-pod-template-filepath-hostpath", "pv-recycler-pod-template-filepath-nfs", "pvclaimbinder-sync-period", "register-retry-count",
		"resource-quota-sync-period", "root-ca-file", "route-reconciliation-period", "secondary-node-eviction-rate",
		"service-account-private-key-file", "service-cluster-ip-range", "terminated-pod-gc-threshold", "unhealthy-zone-threshold",
		"use-service-account-credentials",
	}},
	{"kubelet", []string{
		"allow-privileged", "allowed-unsafe-sysctls", "anonymous-auth", "application-metrics-count-limit", "authentication-token-webhook", "authorization-mode",
		"bootstrap-kubeconfig", "cadvisor-port", "cgroup-driver", "cgroup-root", "cgroups-per-qos", "cloud-config", "cloud-provider", "cluster-dns",
		"cluster-domain", "cni-bin-dir", "cni-conf-dir", "config-dir", "container-log-max-files", "container-log-max-size", "container-runtime",
		"container-runtime-endpoint", "cpu-cfs-quota", "cpu-cfs-quota-period", "cpu-manager-policy", "cpu-manager-reconcile-period",
		"docker-endpoint", "dynamic-config-dir", "enable-controller-attach-detach", "enable-server", "enforce-node-allocatable", "event-burst",
		"event-qps", "eviction-hard", "eviction-max-pod-grace-period", "eviction-minimum-reclaim", "eviction-pressure-transition-period",
		"eviction-soft", "eviction-soft-grace-period", "fail-swap-on", "file-check-frequency", "hairpin-mode", "healthz-bind-address",
		"healthz-port", "hostname-override", "image-credential-provider-bin-dir", "image-credential-provider-config", "image-gc-high-threshold",
		"image-gc-low-threshold", "image-pull-progress-deadline", "image-service-endpoint", "kube-reserved", "kube-reserved-cgroup", "kubelet-cgroups",
		"make-iptables-util-chains", "manifest-url", "max-open-files", "max-pods", "maximum-dead-containers", "maximum-dead-containers-per-container",
		"memory-manager-policy", "minimum-container-ttl-duration", "minimum-image-ttl-duration", "network-plugin", "network-plugin-mtu", "node-ip",
		"node-labels", "node-status-max-images", "node-status-update-frequency", "non-masquerade-cidr", "oom-score-adj", "pod-cidr",
		"pod-infra-container-image", "pod-manifest-path", "pod-max-pids", "pods-per-core", "protect-kernel-defaults", "provider-id", "qos-reserved",
		"read-only-port", "register-node", "register-schedulable", "register-with-taints", "registry-burst", "registry-qps", "reserved-cpus",
		"reserved-memory", "resolv-conf", "root-dir", "rotate-certificates", "rotate-server-certificates", "runtime-cgroups",
		"runtime-request-timeout", "seccomp-default", "serialize-image-pulls", "streaming-connection-idle-timeout", "sync-frequency",
		"system-cgroups", "system-reserved", "system-reserved-cgroup", "topology-manager-policy", "topology-manager-scope", "volume-plugin-dir",
		"volume-stats-agg-period",
	}},
	{"kube-proxy", []string{
		"bind-address-hard-fail", "cleanup", "cleanup-iptables", "cluster-cidr", "config-sync-period", "conntrack-max-per-core", "conntrack-min",
		"conntrack-tcp-timeout-close-wait", "conntrack-tcp-timeout-established", "conntrack-udp-timeout", "detect-local-mode", "healthz-bind-address",
		"healthz-port", "hostname-override", "iptables-masquerade-bit", "iptables-min-sync-period", "iptables-sync-period", "ipvs-exclude-cidrs",
		"ipvs-min-sync-period", "ipvs-scheduler", "ipvs-strict-arp", "ipvs-sync-period", "masquerade-all", "metrics-bind-address", "metrics-port",
		"nodeport-addresses", "oom-score-adj", "pod-bridge-interface", "pod-interface-name-prefix", "proxy-mode", "proxy-port-range",
	}},
	{"etcd", []string{
		"advertise-client-urls", "auto-compaction-retention", "data-dir", "election-timeout", "heartbeat-interval", "initial-advertise-peer-urls",
		"initial-cluster", "initial-cluster-state", "initial-cluster-token", "listen-client-urls", "listen-metrics-urls", "listen-peer-urls",
		"max-request-bytes", "quota-backend-bytes", "snapshot-count",
	}},
	{"cluster-autoscaler", []string{
		"balance-similar-node-groups", "expander", "max-node-provision-time", "max-nodes-total", "new-pod-scale-up-delay", "node-group-auto-discovery",
		"nodes", "scale-down-delay-after-add", "scale-down-enabled", "scale-down-unneeded-time", "scale-down-utilization-threshold",
		"skip-nodes-with-local-storage", "skip-nodes-with-system-pods",
	}},
}

// explainFlag says whose flag it is, where another component knows it.
func explainFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	name := strings.ReplaceAll(unknown.GetSpecifiedName(), "_", "-")
	var owners []string
	for _, c := range components {
		if slices.Contains(c.flags, name) {
			owners = append(owners, c.name)
		}
	}
	if len(owners) == 0 {
		return fmt.Errorf("%w (%s --help lists those there are)", err, cmd.Name())
	}
	return fmt.Errorf("--%s belongs to %s, not to a scheduler: give it there and leave it out here", name, strings.Join(owners, " and "))
}
