// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/spf13/cobra"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/events"

	"github.com/foresight-scheduler/foresight/test/bench/synthetic"
)

// binder is the variant that decides nothing: what the API server and the client of a scheduler cost, and so the most that any
// scheduler of this kind could place.
const binder = "binder"

// newBinderCommand is a process that binds each pod that waits to the next node, whether it fits or not, and sends the event that
// kube-scheduler would send.
func newBinderCommand() *cobra.Command {
	var kubeconfig string
	cmd := &cobra.Command{
		Use:    binder + " --kubeconfig FILE",
		Short:  "Bind pods to nodes in turn, as the floor that schedulers are measured against",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			// As kube-scheduler's client.
			config.ContentType, config.AcceptContentTypes = runtime.ContentTypeProtobuf, runtime.ContentTypeProtobuf+","+runtime.ContentTypeJSON
			config.QPS, config.Burst = clientQPS, clientQPS
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			return bindInTurn(cmd.Context(), client)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig of the API server")
	return cmd
}

// bindInTurn runs until the context ends. Each binding is in a goroutine of its own, as kube-scheduler's.
func bindInTurn(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return fmt.Errorf("listing nodes: %w", err)
	}
	broadcaster := events.NewEventBroadcasterAdapterWithContext(ctx, client)
	broadcaster.StartRecordingToSink(ctx.Done())
	defer broadcaster.Shutdown()
	recorder := broadcaster.NewRecorder(synthetic.SchedulerName)
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithTweakListOptions(func(l *metav1.ListOptions) {
		l.FieldSelector = fields.AndSelectors(fields.OneTermEqualSelector("spec.nodeName", ""),
			fields.OneTermEqualSelector("spec.schedulerName", synthetic.SchedulerName)).String()
	}))
	var turn atomic.Int64
	bind := func(pod *v1.Pod) {
		node := nodes.Items[int(turn.Add(1))%len(nodes.Items)].Name
		if err := client.CoreV1().Pods(pod.Namespace).Bind(ctx, &v1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
			Target:     v1.ObjectReference{Kind: "Node", Name: node},
		}, metav1.CreateOptions{}); err != nil {
			fmt.Println(err) // The run then ends at its limit, and the log says why.
			return
		}
		recorder.Eventf(pod, nil, v1.EventTypeNormal, "Scheduled", "Binding", "Successfully assigned %v/%v to %v", pod.Namespace, pod.Name, node)
	}
	if _, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(o any) { go bind(o.(*v1.Pod)) },
	}); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	factory.Shutdown()
	return nil
}
