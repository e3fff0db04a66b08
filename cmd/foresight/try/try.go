// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package try is foresight try: a workload applied, and what was decided about it.
package try

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/kubernetes"

	"github.com/foresight-scheduler/foresight/cmd/foresight/try/whatif"
	"github.com/foresight-scheduler/foresight/cmd/internal/complete"
	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
)

type options struct {
	genericiooptions.IOStreams
	leader.Flags
	files     []string
	scheduler string
	timeout   time.Duration
	force     bool
	yes       bool
	remove    bool

	// Of --dry-run.
	dryRun        bool
	compare       string
	withoutNodes  []string
	configuration string
}

// NewCommand returns foresight try.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags()}
	cmd := &cobra.Command{
		Use:   "try -f FILE",
		Short: "Apply a workload and show where each of its pods went, how long that took, and why some wait; or only say where they would go",
		Long: `Apply a workload for real, wait until every pod of it is decided about, and show the
decisions: the node of each placed pod with the time from the pod's creation
to its binding as seen from here, and the reasons of each pod that waits. A CronJob is
also started once, as kubectl create job --from does.

What exists already and is as the manifests say is not touched. What exists and would change is
shown as a diff, and nothing is applied without --yes. Fields that others manage are not
taken from them without --force-conflicts, as with kubectl apply --server-side. Nothing is removed
afterwards, or with --rm all that this command made.

Exits with 0 when all that can be decided is: a pod that cannot be placed and says why is a decision, and so is
a controller that says why it makes no pods, such as a Job that is suspended or a quota that is used up. Exits
with 1 where a pod is not decided about within the timeout.

With --dry-run nothing is created: the API server checks the manifests, and the scheduler that
leads says where each of their pods would go on the nodes as they are, and why, each with those before
it in their places. --compare default-scheduler shows beside it what kube-scheduler's default
profile would do, and how much overload both are expected to cause. --without-node NAME decides on the
pods of that node anew, as if it were gone; that works without -f too. --config FILE decides by
another KubeSchedulerConfiguration. What a user needs is in the ClusterRole foresight-trials.`,
		Example: `  foresight try -f manifests/examples/first-workload.yaml
  foresight try -f my-app/ -o json
  foresight try -f my-app/ --rm
  foresight try -f my-app/ --dry-run --compare default-scheduler
  foresight try --dry-run --without-node node-3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.IOStreams = genericiooptions.IOStreams{In: cmd.InOrStdin(), Out: cmd.OutOrStdout(), ErrOut: cmd.ErrOrStderr()}
			if err := o.check(cmd.Flags().Changed); err != nil {
				return err
			}
			if o.dryRun {
				return o.whatIf(cmd.Context())
			}
			return o.run(cmd.Context())
		},
	}
	o.Add(cmd)
	cmd.Flags().StringSliceVarP(&o.files, "filename", "f", nil, "files, directories or - with the workload's manifests")
	o.Format.AddWideFlag(cmd)
	cmd.Flags().StringVar(&o.scheduler, "scheduler", "", "wait for and show only pods with this schedulerName")
	cmd.Flags().DurationVar(&o.timeout, "timeout", 2*time.Minute, "how long to wait for decisions")
	cmd.Flags().BoolVar(&o.force, "force-conflicts", false, "If true, server-side apply will force the changes against conflicts.")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "change objects that exist already and differ")
	cmd.Flags().BoolVar(&o.remove, "rm", false, "remove what this command made when the decisions are shown, also after a failure; what it changed stays changed")
	_ = cmd.MarkFlagFilename("filename", "yaml", "yml", "json")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "create nothing, and show where the pods would go and why")
	cmd.Flags().StringVar(&o.compare, "compare", "", "with --dry-run: default-scheduler shows beside it what kube-scheduler's default profile would do")
	cmd.Flags().StringArrayVar(&o.withoutNodes, "without-node", nil, "with --dry-run: a node to do without; its pods are decided on anew. May be repeated")
	cmd.Flags().StringVar(&o.configuration, "config", "", "with --dry-run: file of another KubeSchedulerConfiguration to decide by")
	_ = cmd.RegisterFlagCompletionFunc("compare", cobra.FixedCompletions([]string{v1.DefaultSchedulerName}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("without-node", complete.Nodes(o.Config))
	_ = cmd.MarkFlagFilename("config", "yaml", "yml", "json")
	return cmd
}

// check returns an error for flags that do not go together.
func (o *options) check(given func(flag string) bool) error {
	for _, flag := range []string{"compare", "without-node", "config", "scheduler-lease", "scheduler-address", "scheduler-ca"} {
		if given(flag) && !o.dryRun {
			return fmt.Errorf("--%s: takes --dry-run too", flag)
		}
	}
	for _, flag := range []string{"rm", "yes", "force-conflicts", "timeout"} {
		if given(flag) && o.dryRun {
			return fmt.Errorf("--%s: has no meaning with --dry-run, which changes nothing", flag)
		}
	}
	if len(o.files) == 0 && len(o.withoutNodes) == 0 {
		return errors.New("--filename, -f: name the workload's manifests")
	}
	return nil
}

// whatIf says where pods would go.
func (o *options) whatIf(ctx context.Context) error {
	trial := whatif.Options{
		IOStreams: o.IOStreams, Config: o.Config, Leader: o.Leader, Format: o.Format, Scheduler: o.scheduler,
		Compare: o.compare, WithoutNodes: o.withoutNodes, Configuration: o.configuration,
	}
	if len(o.files) > 0 {
		workload, err := readWorkload(o.Config, o.files)
		if err != nil {
			return err
		}
		for _, object := range workload.objects {
			trial.Objects = append(trial.Objects, object.Info)
		}
	}
	return whatif.Run(ctx, trial)
}

func (o *options) run(ctx context.Context) error {
	if o.timeout <= 0 {
		return fmt.Errorf("--timeout %s: must be positive", o.timeout)
	}
	o.Config.WithDeprecatedPasswordFlag()
	restConfig, err := o.Config.ToRESTConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return err
	}
	workload, err := readWorkload(o.Config, o.files)
	if err != nil {
		return err
	}

	// 1. Nothing of others' is changed unasked.
	if err := workload.plan(o.force, o.yes, o.ErrOut); err != nil {
		return err
	}

	// 2. Watch before applying, so that no pod is born unseen.
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	w, err := watchPods(ctx, client, workload)
	if err != nil {
		return err
	}

	// 3. Apply, wait for the decisions, and show them.
	err = o.apply(ctx, client, workload, w)
	if o.remove {
		err = errors.Join(err, workload.remove(ctx, client, o.ErrOut))
	}
	return err
}

func (o *options) apply(ctx context.Context, client kubernetes.Interface, workload *workload, w *podWatch) error {
	if err := workload.apply(ctx, o.force, o.ErrOut); err != nil {
		return err
	}
	short, waitErr := w.wait(ctx, client, o.scheduler, o.ErrOut)
	// Also the ones there are when time ran out.
	placements := w.placements(o.scheduler)
	for _, s := range short {
		placements = append(placements, placement{Namespace: s.namespace, Owner: s.owner, Missing: s.missing, Reason: s.reason})
	}
	sortPlacements(placements)
	if len(placements) == 0 && waitErr == nil {
		fmt.Fprintln(o.ErrOut, "the workload makes no pods")
	}
	return cmp.Or(waitErr, output.Print(o.Out, o.Format, placements, printTable))
}
