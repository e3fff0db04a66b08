// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package whatif is foresight try --dry-run: where pods would go, without making them.
package whatif

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

// wait is how long an answer is waited for: the scheduler ends a trial after a minute.
const wait = 90 * time.Second

// Options of a trial.
type Options struct {
	genericiooptions.IOStreams
	Config *genericclioptions.ConfigFlags
	Leader *leader.Asker
	Format output.Format
	// Objects of the user's files; there may be none.
	Objects []*resource.Info
	// Scheduler whose pods are decided on; empty is all.
	Scheduler string
	// Compare names the profile to compare with.
	Compare string
	// WithoutNodes are thought away.
	WithoutNodes []string
	// Configuration is a file with another configuration to decide by.
	Configuration string
}

// answer is what a trial came to, and what is to be said beside it.
type answer struct {
	decision.Tried
	// Notes say what is not shown, and why.
	Notes []string `json:"notes,omitempty"`

	compare bool
}

// Run shows where pods would go.
func Run(ctx context.Context, o Options) error {
	if o.Compare != "" && o.Compare != v1.DefaultSchedulerName {
		return fmt.Errorf("--compare %q: must be %s, for kube-scheduler's default profile", o.Compare, v1.DefaultSchedulerName)
	}
	trial := &decision.Trial{WithoutNodes: o.WithoutNodes, Compare: o.Compare != "", Detail: o.Format != output.Table}
	var err error
	if o.Configuration != "" {
		if trial.Configuration, err = readConfiguration(o.Configuration); err != nil {
			return fmt.Errorf("--config: %w", err)
		}
	}
	p, err := o.plan(ctx)
	if err != nil {
		return err
	}
	trial.Pods, trial.Anew = p.pods, p.anew
	if trial.Pods, err = o.only(trial.Pods); err != nil {
		return err
	}
	a := &answer{Notes: p.notes, compare: trial.Compare}
	a.Pods = []decision.TriedPod{}
	if len(trial.Pods)+len(trial.WithoutNodes) > 0 {
		if err := o.Leader.Post(ctx, "try", trial, &a.Tried, wait); err != nil {
			return err
		}
	}
	if err := output.Print(o.Out, o.Format, a, func(out io.Writer, a *answer) error { return a.print(out, o.Format == output.Wide) }); err != nil {
		return err
	}
	if a.Undecided > 0 {
		return fmt.Errorf("%d pods were not decided on in time", a.Undecided)
	}
	return nil
}

// plan checks the objects and takes their pods.
func (o *Options) plan(ctx context.Context) (*plan, error) {
	p := &plan{there: map[string]bool{}, absent: map[string]bool{}, priorities: map[string]int32{}}
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	if p.client, err = kubernetes.NewForConfig(config); err != nil {
		return nil, err
	}
	for _, info := range o.Objects {
		p.there[key(info.Mapping.GroupVersionKind.Kind, info.Namespace, info.Name)] = true
	}
	// The namespace of the kubeconfig, unless it is one of those to come.
	if p.standIn, _, err = o.Config.ToRawKubeConfigLoader().Namespace(); err != nil {
		return nil, err
	}
	if p.there[key("Namespace", "", p.standIn)] {
		p.standIn = v1.NamespaceDefault
	}
	for _, info := range o.Objects {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err := p.add(ctx, info); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// only returns the pods of the scheduler that is asked for.
func (o *Options) only(pods []decision.TrialPods) ([]decision.TrialPods, error) {
	if o.Scheduler == "" {
		return pods, nil
	}
	others := sets.New[string]()
	kept := slices.DeleteFunc(pods, func(p decision.TrialPods) bool {
		pod := &v1.Pod{}
		_ = json.Unmarshal(p.Pod, pod) // It was marshaled here.
		if pod.Spec.SchedulerName != o.Scheduler {
			others.Insert(pod.Spec.SchedulerName)
			return true
		}
		return false
	})
	if len(kept) == 0 && len(others) > 0 {
		return nil, fmt.Errorf("no pod has schedulerName %q: they have %s", o.Scheduler, strings.Join(sets.List(others), ", "))
	}
	return kept, nil
}

func readConfiguration(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, decision.MaxTrialConfigurationBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > decision.MaxTrialConfigurationBytes {
		return nil, fmt.Errorf("%s has more than %d bytes", path, decision.MaxTrialConfigurationBytes)
	}
	if data, err = yaml.YAMLToJSON(data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !strings.HasPrefix(string(data), "{") {
		return nil, errors.New(path + " holds no object")
	}
	return data, nil
}
