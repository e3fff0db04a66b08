// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

// Package complete names what there is in the cluster, for a shell that completes what its user types.
package complete

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

const (
	// patience is how long a shell waits at most: one that waits for a cluster out of reach is worse than one that completes nothing.
	patience = 2 * time.Second
	// most names that are listed.
	most = 500
)

// Function is one that cobra asks for arguments or values of a flag.
type Function = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective)

// Nodes completes names of nodes that are not among the arguments. Without a cluster it is silent.
func Nodes(config *genericclioptions.ConfigFlags) Function {
	return with(config, func(ctx context.Context, client kubernetes.Interface, _ string, o metav1.ListOptions) (names []string, err error) {
		all, err := client.CoreV1().Nodes().List(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range all.Items {
			names = append(names, all.Items[i].Name)
		}
		return names, nil
	})
}

// Pods completes the name of one pod of the namespace. Without a cluster it is silent.
func Pods(config *genericclioptions.ConfigFlags) Function {
	complete := with(config, func(ctx context.Context, client kubernetes.Interface, namespace string, o metav1.ListOptions) (names []string, err error) {
		all, err := client.CoreV1().Pods(namespace).List(ctx, o)
		if err != nil {
			return nil, err
		}
		for i := range all.Items {
			names = append(names, all.Items[i].Name)
		}
		return names, nil
	})
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, typed)
	}
}

func with(config *genericclioptions.ConfigFlags, list func(context.Context, kubernetes.Interface, string, metav1.ListOptions) ([]string, error)) Function {
	return func(cmd *cobra.Command, args []string, typed string) (names []string, _ cobra.ShellCompDirective) {
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		namespace, _, err := config.ToRawKubeConfigLoader().Namespace()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		given, err := config.ToRESTConfig()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		own := rest.CopyConfig(given)
		own.WarningHandler = rest.NoWarnings{}
		client, err := kubernetes.NewForConfig(own)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		all, err := list(ctx, client, namespace, metav1.ListOptions{Limit: most})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, name := range all {
			if strings.HasPrefix(name, typed) && !slices.Contains(args, name) {
				names = append(names, name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}
