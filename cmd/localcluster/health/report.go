// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/simulation"
	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

// The states a component can be in.
const (
	Running   = "running"
	Unhealthy = "unhealthy"
	Stopped   = "stopped"
	Dead      = "dead"
)

// Report is how a cluster is.
type Report struct {
	Dir        string            `json:"dir"`
	Server     string            `json:"server"`
	Kubeconfig string            `json:"kubeconfig"`
	Healthy    bool              `json:"healthy"`
	Components []ComponentReport `json:"components"`
	Nodes      NodesReport       `json:"nodes"`

	// Started is false when `up` did not get through.
	Started bool `json:"started"`
}

// ComponentReport is how one component is.
type ComponentReport struct {
	Name     string `json:"name"`
	PID      int    `json:"pid,omitempty"`
	State    string `json:"state"`
	Reason   string `json:"reason,omitempty"`
	Endpoint string `json:"endpoint"`
	Log      string `json:"log"`
}

// NodesReport counts nodes.
type NodesReport struct {
	Ready int `json:"ready"`
	Total int `json:"total"`
	// Error says why they could not be counted.
	Error string `json:"error,omitempty"`
}

// NewReport finds out how the cluster is. It returns ErrNoCluster when there is none.
func NewReport(ctx context.Context, layout state.Layout) (*Report, error) {
	saved, err := layout.Load()
	if err != nil {
		return nil, err
	}
	report := &Report{
		Dir:        layout.Dir,
		Kubeconfig: layout.Kubeconfig(),
		Components: make([]ComponentReport, len(saved.Components)),
		Started:    saved.Ready,
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	probe, probeErr := NewProber(layout)
	var group errgroup.Group
	for i, c := range saved.Components {
		if c.Name == state.APIServer {
			report.Server = c.Endpoint
		}
		group.Go(func() error {
			report.Components[i] = examine(ctx, probe, probeErr, c)
			return nil
		})
	}
	group.Go(func() error {
		report.Nodes = countNodes(ctx, layout)
		return nil
	})
	_ = group.Wait()
	report.Healthy = len(report.Problems()) == 0
	return report, nil
}

func examine(ctx context.Context, probe *Prober, probeErr error, c state.Component) ComponentReport {
	r := ComponentReport{Name: c.Name, PID: c.PID, State: Running, Endpoint: c.Endpoint, Log: c.Log}
	switch {
	case c.Stopped:
		r.State, r.PID = Stopped, 0
	case !c.Running():
		r.State = Dead
	case probeErr != nil:
		r.State, r.Reason = Unhealthy, probeErr.Error()
	default:
		if err := probe.Check(ctx, c); err != nil {
			r.State, r.Reason = Unhealthy, err.Error()
		}
	}
	return r
}

func countNodes(ctx context.Context, l state.Layout) NodesReport {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return NodesReport{Error: err.Error()}
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return NodesReport{Error: err.Error()}
	}
	nodes, err := simulation.ListNodes(ctx, client)
	if err != nil {
		return NodesReport{Error: err.Error()}
	}
	r := NodesReport{Total: len(nodes)}
	for i := range nodes {
		if simulation.Ready(&nodes[i]) {
			r.Ready++
		}
	}
	return r
}

// Problems says in a few words each what is wrong.
func (r *Report) Problems() []string {
	var problems []string
	for _, c := range r.Components {
		if c.State != Running {
			problems = append(problems, c.Name+" is "+c.State)
		}
	}
	switch {
	case r.Nodes.Error != "":
		problems = append(problems, "nodes are unknown")
	case r.Nodes.Ready < r.Nodes.Total:
		problems = append(problems, fmt.Sprintf("%d of %d nodes are not ready", r.Nodes.Total-r.Nodes.Ready, r.Nodes.Total))
	}
	if !r.Started {
		problems = append(problems, "it was never up")
	}
	return slices.Clip(problems)
}

// Print writes the report as a table.
func (r *Report) Print(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "COMPONENT\tPID\tSTATE\tENDPOINT\tLOG")
	for _, c := range r.Components {
		pid := "-"
		if c.PID > 0 {
			pid = fmt.Sprint(c.PID)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", c.Name, pid, c.State, c.Endpoint, c.Log)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, c := range r.Components {
		if c.Reason != "" {
			fmt.Fprintf(out, "%s: %s\n", c.Name, c.Reason)
		}
	}
	if r.Nodes.Error != "" {
		fmt.Fprintf(out, "\nNodes: %s\n", r.Nodes.Error)
	} else {
		fmt.Fprintf(out, "\n%d of %d nodes ready\n", r.Nodes.Ready, r.Nodes.Total)
	}
	if !r.Started {
		fmt.Fprintln(out, "This cluster was never up: run `localcluster down`")
	}
	return nil
}
