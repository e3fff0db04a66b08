// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package explain is foresight explain: why a pod is where it is, or waits.
package explain

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/foresight-scheduler/foresight/cmd/internal/complete"
	"github.com/foresight-scheduler/foresight/cmd/internal/leader"
	"github.com/foresight-scheduler/foresight/cmd/internal/output"
	"github.com/foresight-scheduler/foresight/plugins/decision"
)

type options struct {
	leader.Flags
	now   bool
	wide  bool
	clock func() time.Time
}

// NewCommand returns foresight explain.
func NewCommand() *cobra.Command {
	o := &options{Flags: leader.NewFlags(), clock: time.Now}
	cmd := &cobra.Command{
		Use:   "explain POD|KIND/NAME",
		Short: "Show why a pod is where it is, or waits",
		Long: `Show why a pod is where it is, or waits: the nodes that came into question with each plugin's
part in their score, what the nodes were predicted to use, the sentence that matters, what
would change the choice, what the nodes came to since, and what kube-scheduler's default
profile would have chosen.

Of deploy/NAME, statefulset/NAME, daemonset/NAME, replicaset/NAME or job/NAME it takes a pod
that waits, else the newest one. A pod whose decision nobody recorded, because it is older
or another scheduler's, is evaluated now, as if it were not on its node.

It asks the scheduler that leads, which it finds by its Lease, with the credentials of the
kubeconfig. The ClusterRole foresight-reader says what a user needs for that.`,
		Example: `  foresight explain web-0
  foresight explain deploy/web -n shop
  foresight explain web-0 --now -o yaml`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			x, err := o.explain(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return output.Print(cmd.OutOrStdout(), o.Format, x, o.print)
		},
		ValidArgsFunction: complete.Pods(o.Config),
	}
	o.Add(cmd)
	o.Format.AddFlag(cmd)
	cmd.Flags().BoolVar(&o.now, "now", false, "evaluate the pod anew, also where the decision was recorded")
	cmd.Flags().BoolVar(&o.wide, "all-plugins", false, "show the part of every plugin, also of those that say the same of all nodes")
	return cmd
}

// explained is a pod with its explanation.
type explained struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	decision.Explanation
}

func (o *options) explain(ctx context.Context, what string) (*explained, error) {
	namespace, _, err := o.Config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return nil, err
	}
	name, err := o.podOf(ctx, namespace, what)
	if err != nil {
		return nil, err
	}
	x := &explained{Namespace: namespace, Pod: name}
	query := url.Values{"namespace": {namespace}, "pod": {name}}
	if o.now {
		query.Set("now", "true")
	}
	return x, o.Leader.Get(ctx, "explain", query, &x.Explanation)
}

// podOf is the pod that is meant by POD, pod/POD or KIND/NAME.
func (o *options) podOf(ctx context.Context, namespace, what string) (string, error) {
	kind, name, ok := strings.Cut(what, "/")
	if !ok {
		return what, nil
	}
	kinds := map[string]string{
		"pod": "Pod", "pods": "Pod", "po": "Pod", "deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment",
		"sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet", "ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet",
		"rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet", "job": "Job", "jobs": "Job",
	}
	switch kind = kinds[strings.ToLower(kind)]; kind {
	case "":
		return "", fmt.Errorf("%q: name a pod, or deploy/NAME, statefulset/NAME, daemonset/NAME, replicaset/NAME or job/NAME", what)
	case "Pod":
		return name, nil
	}
	client, err := o.client()
	if err != nil {
		return "", err
	}
	selector, err := selectorOf(ctx, client, namespace, kind, name)
	if err != nil {
		return "", err
	}
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return "", fmt.Errorf("listing the pods of %s: %w", what, err)
	}
	if len(pods.Items) == 0 {
		return "", fmt.Errorf("%s has no pods", what)
	}
	return slices.MaxFunc(pods.Items, func(a, b v1.Pod) int {
		if waits := compare(a.Spec.NodeName == "", b.Spec.NodeName == ""); waits != 0 {
			return waits
		}
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	}).Name, nil
}

func compare(a, b bool) int {
	switch {
	case a && !b:
		return 1
	case b && !a:
		return -1
	}
	return 0
}

// selectorOf is the selector of a controller's pods.
func selectorOf(ctx context.Context, client kubernetes.Interface, namespace, kind, name string) (string, error) {
	var selector *metav1.LabelSelector
	var err error
	get := metav1.GetOptions{}
	switch kind {
	case "Deployment":
		d, e := client.AppsV1().Deployments(namespace).Get(ctx, name, get)
		if err = e; e == nil {
			selector = d.Spec.Selector
		}
	case "StatefulSet":
		s, e := client.AppsV1().StatefulSets(namespace).Get(ctx, name, get)
		if err = e; e == nil {
			selector = s.Spec.Selector
		}
	case "DaemonSet":
		d, e := client.AppsV1().DaemonSets(namespace).Get(ctx, name, get)
		if err = e; e == nil {
			selector = d.Spec.Selector
		}
	case "ReplicaSet":
		r, e := client.AppsV1().ReplicaSets(namespace).Get(ctx, name, get)
		if err = e; e == nil {
			selector = r.Spec.Selector
		}
	case "Job":
		j, e := client.BatchV1().Jobs(namespace).Get(ctx, name, get)
		if err = e; e == nil {
			selector = j.Spec.Selector
		}
	}
	if err != nil {
		return "", fmt.Errorf("reading %s %s/%s: %w", kind, namespace, name, err)
	}
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

func (o *options) client() (kubernetes.Interface, error) {
	config, err := o.Config.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}
