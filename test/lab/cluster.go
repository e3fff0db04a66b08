// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

//go:embed workload.yaml
var workload string

const namespace = "foresight-lab"

// server is the service's pod on a node.
type server struct{ node, address string }

// cluster is a local one, by way of its command line.
type cluster struct{ options }

func (c cluster) localcluster(ctx context.Context, stdin string, name string, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, "localcluster"), append([]string{name, "--dir", c.dir}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("localcluster %s %s: %w\n%s", name, strings.Join(args, " "), err, errs.String())
	}
	return out.Bytes(), nil
}

func (c cluster) kubectl(ctx context.Context, stdin string, args ...string) ([]byte, error) {
	return c.localcluster(ctx, stdin, "kubectl", append([]string{"-n", namespace}, args...)...)
}

func (c cluster) deploy(ctx context.Context) ([]server, error) {
	manifest := strings.ReplaceAll(workload, "WORK", c.work.String())
	if _, err := c.kubectl(ctx, manifest, "apply", "-f", "-"); err != nil {
		return nil, err
	}
	nodes, err := c.kubectl(ctx, "", "get", "nodes", "-o", "name")
	if err != nil {
		return nil, err
	}
	n := len(strings.Fields(string(nodes)))
	if n < 2 {
		return nil, errors.New("the cluster has fewer than two nodes, so none to compare with")
	}
	if _, err := c.kubectl(ctx, "", "scale", "deployment/service", "--replicas="+strconv.Itoa(n)); err != nil {
		return nil, err
	}
	if _, err := c.kubectl(ctx, "", "rollout", "status", "deployment/service", "--timeout=120s"); err != nil {
		return nil, err
	}
	out, err := c.kubectl(ctx, "", "get", "pods", "-l", "app=service", "-o", `jsonpath={range .items[*]}{.spec.nodeName} {.status.podIP}{"\n"}{end}`)
	if err != nil {
		return nil, err
	}
	var servers []server
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) != 2 {
			return nil, fmt.Errorf("a pod of the service has no address: %q", line)
		}
		servers = append(servers, server{node: fields[0], address: fields[1]})
	}
	slices.SortFunc(servers, func(a, b server) int { return strings.Compare(a.node, b.node) })
	for i := 1; i < len(servers); i++ {
		if servers[i].node == servers[i-1].node {
			return nil, fmt.Errorf("two pods of the service are on %s", servers[i].node)
		}
	}
	return servers, nil
}

func (c cluster) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, _ = c.kubectl(ctx, "", "delete", "namespace", namespace, "--ignore-not-found")
}

// measure puts the burner next to the service's pod on one node, or nowhere, and returns a
// row for every pod.
func (c cluster) measure(ctx context.Context, servers []server, burner string, seed int) ([]row, error) {
	if burner == "" {
		if _, err := c.kubectl(ctx, "", "scale", "deployment/burner", "--replicas=0"); err != nil {
			return nil, err
		}
	} else {
		patch := fmt.Sprintf(`{"spec":{"replicas":1,"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":%q}}}}}`, burner)
		if _, err := c.kubectl(ctx, "", "patch", "deployment/burner", "-p", patch); err != nil {
			return nil, err
		}
	}
	if _, err := c.kubectl(ctx, "", "rollout", "status", "deployment/burner", "--timeout=120s"); err != nil {
		return nil, err
	}
	// The last burner is gone for sure, not only marked.
	if _, err := c.kubectl(ctx, "", "wait", "pod", "-l", "app=burner,node!="+burner, "--for=delete", "--timeout=1s"); err != nil && burner == "" {
		time.Sleep(time.Second)
	}

	before, err := c.stalled(ctx)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	rows := make([]row, len(servers))
	group, groupCtx := errgroup.WithContext(ctx)
	for i, s := range servers {
		group.Go(func() (err error) {
			rows[i] = row{Seed: seed, Burner: burner, Node: s.node}
			out, err := c.localcluster(groupCtx, "", "run", "--", filepath.Join(c.bin, "workload"), "load",
				"-url=http://"+s.address+":8080", "-seed="+strconv.Itoa(seed), fmt.Sprintf("-rate=%g", c.rate), "-duration="+c.duration.String())
			if err != nil {
				return err
			}
			if err := json.Unmarshal(out, &rows[i].latency); err != nil {
				return err
			}
			// Latencies of some of the requests only would look better than they are.
			if r := rows[i]; r.Requests == 0 || r.Errors > 0 {
				return fmt.Errorf("%d of %d requests to the pod on %s failed", r.Errors, r.Requests, s.node)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	after, err := c.stalled(ctx)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].Pressure = (after[rows[i].Node] - before[rows[i].Node]).Seconds() / time.Since(begin).Seconds()
	}
	return rows, nil
}

// stalled is for how long so far some task of a node has waited for a CPU.
func (c cluster) stalled(ctx context.Context) (map[string]time.Duration, error) {
	out, err := c.localcluster(ctx, "", "pressure", "-o", "json")
	if err != nil {
		return nil, err
	}
	var summaries []struct {
		Node struct {
			NodeName string
			CPU      struct {
				PSI struct{ Some struct{ Total uint64 } }
			}
		}
	}
	if err := json.Unmarshal(out, &summaries); err != nil {
		return nil, fmt.Errorf("reading pressure: %w", err)
	}
	stalled := map[string]time.Duration{}
	for _, s := range summaries {
		stalled[s.Node.NodeName] = time.Duration(s.Node.CPU.PSI.Some.Total)
	}
	return stalled, nil
}
