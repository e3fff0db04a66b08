// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package prometheustest

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// Cousin is a server that answers as Prometheus does. Start returns its URL, as a configuration would name it.
type Cousin struct {
	Name  string
	Start func(t *testing.T, target http.Handler, labels map[string]string) string
	// Tenant is what the header X-Scope-OrgID must say, if anything.
	Tenant string
}

// Cousins are the servers that build from the module proxy (test/servers).
var Cousins = []Cousin{
	{Name: "Thanos", Start: thanos},
	{Name: "Mimir", Start: mimir, Tenant: "my-cluster"},
	{Name: "VictoriaMetrics", Start: victoriaMetrics},
}

// thanos is a querier over the sidecars of two Prometheus servers, a pair that scrapes the same.
func thanos(t *testing.T, target http.Handler, labels map[string]string) string {
	t.Helper()
	binary := program(t, "thanos")
	query := []string{"query", "--query.replica-label=replica", "--log.level=warn"}
	for _, replica := range []string{"a", "b"} {
		dir := t.TempDir()
		address := freeAddress(t)
		configured := strings.Replace(config(t, target, labels), "global: {", fmt.Sprintf("global: {external_labels: {replica: %s}, ", replica), 1)
		_ = process(t, program(t, "prometheus"), "--config.file="+write(t, filepath.Join(dir, "prometheus.yml"), configured),
			"--storage.tsdb.path="+filepath.Join(dir, "data"), "--storage.tsdb.min-block-duration=2h", "--storage.tsdb.max-block-duration=2h",
			"--web.listen-address="+address, "--log.level=warn")
		awaitURL(t, "http://"+address+"/-/ready")
		grpc, side := freeAddress(t), freeAddress(t)
		_ = process(t, binary, "sidecar", "--prometheus.url=http://"+address, "--tsdb.path="+filepath.Join(dir, "data"),
			"--grpc-address="+grpc, "--http-address="+side, "--log.level=warn")
		awaitURL(t, "http://"+side+"/-/ready")
		query = append(query, "--endpoint="+grpc)
	}
	address := freeAddress(t)
	_ = process(t, binary, append(query, "--http-address="+address, "--grpc-address="+freeAddress(t))...)
	awaitURL(t, "http://"+address+"/-/ready")
	return "http://" + address + "/?dedup=true&partial_response=false"
}

// mimir takes what a Prometheus writes to it, of one tenant.
func mimir(t *testing.T, target http.Handler, labels map[string]string) string {
	t.Helper()
	binary := program(t, "mimir")
	dir := t.TempDir()
	address, grpc, gossip := freeAddress(t), freeAddress(t), freeAddress(t)
	ports := map[string]string{}
	for name, a := range map[string]string{"http": address, "grpc": grpc, "gossip": gossip} {
		_, port, err := net.SplitHostPort(a)
		if err != nil {
			t.Fatal(err)
		}
		ports[name] = port
	}
	ring := "{kvstore: {store: inmemory}, instance_addr: 127.0.0.1}"
	configured := fmt.Sprintf(`
multitenancy_enabled: true
server: {http_listen_address: 127.0.0.1, http_listen_port: %s, grpc_listen_address: 127.0.0.1, grpc_listen_port: %s, log_level: warn}
memberlist: {bind_addr: [127.0.0.1], bind_port: %s}
common: {storage: {backend: filesystem, filesystem: {dir: %s/common}}}
blocks_storage: {storage_prefix: blocks, tsdb: {dir: %[4]s/tsdb}, bucket_store: {sync_dir: %[4]s/sync}}
compactor: {data_dir: %[4]s/compactor, sharding_ring: %[5]s}
distributor: {ring: %[5]s}
ingester: {ring: {kvstore: {store: inmemory}, instance_addr: 127.0.0.1, replication_factor: 1}}
store_gateway: {sharding_ring: {kvstore: {store: inmemory}, instance_addr: 127.0.0.1, replication_factor: 1}}
ruler_storage: {backend: filesystem, filesystem: {dir: %[4]s/rules}}
alertmanager_storage: {backend: filesystem, filesystem: {dir: %[4]s/alerts}}
activity_tracker: {filepath: %[4]s/activity}
frontend: {address: 127.0.0.1}
usage_stats: {enabled: false}
`, ports["http"], ports["grpc"], ports["gossip"], dir, ring)
	_ = process(t, binary, "-target=all", "-config.file="+write(t, filepath.Join(dir, "mimir.yml"), configured))
	awaitURL(t, "http://"+address+"/ready")

	data := t.TempDir()
	scraper := freeAddress(t)
	configured = config(t, target, labels) + fmt.Sprintf(`
remote_write:
- url: http://%s/api/v1/push
  headers: {X-Scope-OrgID: my-cluster}
  queue_config: {batch_send_deadline: 250ms}
`, address)
	_ = process(t, program(t, "prometheus"), "--config.file="+write(t, filepath.Join(data, "prometheus.yml"), configured),
		"--storage.tsdb.path="+filepath.Join(data, "data"), "--web.listen-address="+scraper, "--log.level=warn")
	awaitURL(t, "http://"+scraper+"/-/ready")
	return "http://" + address + "/prometheus"
}

// victoriaMetrics scrapes by itself. An answer leaves the newest 30 s out unless it is told to wait less for late samples.
func victoriaMetrics(t *testing.T, target http.Handler, labels map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	address := freeAddress(t)
	_ = process(t, program(t, "victoria-metrics"), "-promscrape.config="+write(t, filepath.Join(dir, "prometheus.yml"), config(t, target, labels)),
		"-storageDataPath="+filepath.Join(dir, "data"), "-httpListenAddr="+address, "-search.latencyOffset=1s", "-loggerLevel=WARN")
	awaitURL(t, "http://"+address+"/health")
	return "http://" + address
}

func awaitURL(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	await(t, http.DefaultClient, request)
}
