// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package record is foresight record: what a cluster uses, written as a trace.
package record

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/component-helpers/resource"
	"k8s.io/utils/clock"

	"github.com/foresight-scheduler/foresight/plugins/predict/evaluate/replay/recording"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/metricsapi"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage/record"
)

type options struct {
	config   *genericclioptions.ConfigFlags
	out      string
	name     string
	what     string
	hash     bool
	interval time.Duration
	every    time.Duration
	duration time.Duration
}

// NewCommand returns foresight record.
func NewCommand() *cobra.Command {
	o := &options{config: genericclioptions.NewConfigFlags(true)}
	cmd := &cobra.Command{
		Use:   "record --out DIR",
		Short: "Record what a cluster uses as a trace",
		Long: `Read usage from metrics.k8s.io and write it as a trace, which foresight backtest
replays: a folder of CSV files, see docs/use/traces.md. With --what placement it also writes what
nodes and pods were, which foresight replay places anew; see docs/use/replay.md. A recording that was stopped, by
whatever, goes on when it is started again with the same folder, and loses only the
steps that were not complete.`,
		Example: `  foresight record --out my-cluster
  foresight record --out my-pods --what pods --for 24h
  foresight record --out my-cluster --what placement --anonymize --for 168h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.ErrOrStderr()) },
	}
	o.config.AddFlags(cmd.Flags())
	flags := cmd.Flags()
	flags.StringVar(&o.out, "out", "", "folder to write; also go on with")
	flags.StringVar(&o.name, "name", "recording", "name of the trace")
	flags.StringVar(&o.what, "what", "nodes", "nodes, or pods with the limits they have (of their node, where they have none), or placement: pods, and what nodes and pods were")
	flags.BoolVar(&o.hash, "anonymize", false, "with --what placement: write hashes in place of names, label values and images; names can be guessed with the file key in the folder, so keep it to yourself")
	flags.DurationVar(&o.interval, "interval", 5*time.Minute, "length of a step: whole seconds that divide an hour")
	flags.DurationVar(&o.every, "every", 30*time.Second, "how often to read; the readings of a step are averaged")
	flags.DurationVar(&o.duration, "for", 0, "how long to record; 0 is until interrupted")
	_ = cmd.MarkFlagRequired("out")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("what", cobra.FixedCompletions([]string{"nodes", "pods", "placement"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *options) run(ctx context.Context, progress io.Writer) (err error) {
	if o.what != "nodes" && o.what != "pods" && o.what != "placement" {
		return fmt.Errorf("--what %q: must be nodes, pods or placement", o.what)
	}
	if o.hash && o.what != "placement" {
		return errors.New("--anonymize: only --what placement hashes names")
	}
	if o.every <= 0 || o.every > o.interval {
		return fmt.Errorf("--every %s: must be positive and at most --interval, %s", o.every, o.interval)
	}
	if o.duration < 0 {
		return fmt.Errorf("--for %s: must not be negative", o.duration)
	}
	restConfig, err := o.config.ToRESTConfig()
	if err != nil {
		return err
	}
	if o.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.duration)
		defer cancel()
	}
	sizes, err := watchSizes(ctx, restConfig, o.what != "nodes")
	if err != nil {
		return err
	}
	// The name says what is recorded, so that a recording of something else is not gone on with.
	name := fmt.Sprintf("%s (%s of %s)", o.name, o.what, restConfig.Host)
	options := record.Options{Name: name, Interval: o.interval, Origin: restConfig.Host}
	usageDir := o.out
	var placement *recording.Writer
	switch o.what {
	case "nodes":
		options.Node = sizes.node
	case "pods":
		options.Pod = sizes.pod
	default:
		if placement, err = recording.Open(o.out, o.hash); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, placement.Close()) }()
		usageDir = recording.UsageDir(o.out)
		options.Pod = func(p usage.PodSample) (record.Workload, bool) {
			w, ok := sizes.pod(p)
			w.Name = placement.Column(p.Namespace, p.Name)
			return w, ok
		}
		if o.hash {
			options.Name, options.Origin = o.name, ""
		}
	}
	recorder, err := record.Open(usageDir, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, recorder.Close()) }()
	source, err := metricsapi.NewForConfig(restConfig)
	if err != nil {
		return err
	}
	collector, err := usage.NewCollector(source, usage.NewCleaner(usage.DefaultBounds(), sizes.machine), usage.Schedule{Interval: o.every}, clock.RealClock{})
	if err != nil {
		return err
	}
	recording, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if placement != nil {
		if err := watchPlacement(sizes.factory, placement, func(err error) { stop(err) }); err != nil {
			return err
		}
	}
	fmt.Fprintf(progress, "recording %s of %s to %s, a step every %s\n", o.what, restConfig.Host, o.out, o.interval)
	go tellOfFailures(recording, collector, progress)
	steps := recorder.Counts().Steps
	collector.Run(recording, func(r usage.Reading) {
		if err := recorder.Add(r); err != nil {
			stop(err)
			return
		}
		if c := recorder.Counts(); c.Steps > steps {
			steps = c.Steps
			fmt.Fprintf(progress, "%d steps of %d %s\n", c.Steps, c.Workloads, o.what)
		}
	})
	// Being stopped is how a recording ends; failing to write is not.
	if cause := context.Cause(recording); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	if s := collector.Status(); s.Readings == 0 && s.LastErr != nil {
		return fmt.Errorf("no reading was good, the last one: %w", s.LastErr)
	}
	return nil
}

// tellOfFailures reports readings that fail, which the recording shows as gaps.
func tellOfFailures(ctx context.Context, c *usage.Collector, progress io.Writer) {
	ticker := time.NewTicker(2 * time.Second)
	defer ticker.Stop()
	var told uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if s := c.Status(); s.Failures > told {
			told = s.Failures
			fmt.Fprintln(progress, "reading failed:", s.LastErr)
		}
	}
}

// sizes tells what nodes have and pods may use, from informers' caches.
type sizes struct {
	machine usage.Machines
	pods    corelisters.PodLister // nil where no pods are recorded
	factory informers.SharedInformerFactory
}

func watchSizes(ctx context.Context, config *rest.Config, pods bool) (*sizes, error) {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	// An informer retries what a user should rather hear of: no rights, no server.
	if _, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return nil, fmt.Errorf("watching nodes: %w", err)
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	s := &sizes{machine: usage.MachinesFrom(factory.Core().V1().Nodes().Lister()), factory: factory}
	if pods { // Whoever records nodes needs no right to see pods.
		if _, err := client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
			return nil, fmt.Errorf("watching pods: %w", err)
		}
		s.pods = factory.Core().V1().Pods().Lister()
	}
	factory.StartWithContext(ctx)
	if result := factory.WaitForCacheSyncWithContext(ctx); result.Err != nil {
		return nil, fmt.Errorf("watching nodes, or pods: %w", result.Err)
	}
	return s, nil
}

func (s *sizes) node(n usage.NodeSample) (record.Workload, bool) {
	m, ok := s.machine(n.Node)
	return record.Workload{Name: n.Node, Cores: m.Cores, Bytes: m.Bytes}, ok
}

func (s *sizes) pod(p usage.PodSample) (record.Workload, bool) {
	pod, err := s.pods.Pods(p.Namespace).Get(p.Name)
	if err != nil {
		return record.Workload{}, false
	}
	m, ok := s.machine(pod.Spec.NodeName)
	limits := resource.PodLimits(pod, resource.PodResourcesOptions{})
	if q, limited := limits[v1.ResourceCPU]; limited && !q.IsZero() {
		m.Cores = q.AsApproximateFloat64()
	}
	if q, limited := limits[v1.ResourceMemory]; limited && !q.IsZero() {
		m.Bytes = q.AsApproximateFloat64()
	}
	return record.Workload{Name: p.Namespace + "/" + p.Name, Cores: m.Cores, Bytes: m.Bytes}, ok
}
