// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/scheduler"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	testclock "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/manifests"
	"github.com/foresight-scheduler/foresight/plugins"
	"github.com/foresight-scheduler/foresight/plugins/predict/cycle"
	"github.com/foresight-scheduler/foresight/plugins/predict/learn"
	"github.com/foresight-scheduler/foresight/plugins/predict/usage"
	"github.com/foresight-scheduler/foresight/plugins/qos"
	"github.com/foresight-scheduler/foresight/plugins/suite/profiles"
)

// profile chooses among a seed's candidates as a scheduler that runs it: all its plugins, on nodes on which the hogs are pods.
type profile struct {
	name string
	// config is a KubeSchedulerConfiguration with one profile.
	config func(model string) string
}

const stockConfig = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

var schedulers = []profile{
	{"profile: stock", func(string) string { return stockConfig }},
	{"profile: trimaran-lvrb", func(string) string {
		return stockConfig + "profiles:\n- plugins:\n    score:\n      enabled:\n      - name: LoadVariationRiskBalancing\n        weight: 10\n"
	}},
	{"profile: foresight", func(model string) string {
		return strings.Replace(string(manifests.SchedulerConfig), "      scoreFrom: Model\n", "      scoreFrom: Model\n      modelFile: "+strconv.Quote(model)+"\n", 1)
	}},
}

const (
	// watched is for how long an engine has seen, when it decides, what the node did in the windows before the service came: that is
	// shorter, and repeated.
	watched = 30 * time.Minute
	step    = 30 * time.Second
	// fullest is the share of the node that is requested on the fullest candidate. Only the order of requests counts, and the service
	// must fit everywhere.
	fullest = .7
)

// decide notes for each candidate which schedulers choose it for the service, which uses own of a CPU. A model is the path of a file.
func (l lab) decide(ctx context.Context, all []candidate, own float64, model string) error {
	for _, p := range schedulers {
		chosen, err := p.choose(ctx, all, own, model)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		all[chosen].chosenBy = append(all[chosen].chosenBy, p.name)
	}
	return nil
}

func (p *profile) choose(ctx context.Context, all []candidate, own float64, model string) (int, error) {
	ctx, cancel := context.WithCancel(klog.NewContext(ctx, klog.Logger{}))
	defer cancel()
	plugins.RegisterArgs()
	object, _, err := scheme.Codecs.UniversalDecoder().Decode([]byte(p.config(model)), nil, nil)
	if err != nil {
		return 0, err
	}
	cfg, ok := object.(*kubeschedulerconfig.KubeSchedulerConfiguration)
	if !ok {
		return 0, fmt.Errorf("%T is no configuration of a scheduler", object)
	}
	args, err := profiles.SoleOrDefault[*config.PredictionArgs](cfg, config.PredictionName)
	if err != nil {
		return 0, err
	}
	nodes, pods := objects(all)
	engine, service, err := observe(ctx, args, all, nodes, pods)
	if err != nil {
		return 0, err
	}
	cluster := make([]runtime.Object, 0, len(nodes)+len(pods))
	for _, n := range nodes {
		cluster = append(cluster, n)
	}
	for _, pod := range pods {
		cluster = append(cluster, pod)
	}
	client := fake.NewClientset(cluster...)
	informers := scheduler.NewInformerFactory(client, 0, nil)
	everyNode := int32(100)
	sched, err := scheduler.New(ctx, client, informers, nil, func(string) events.EventRecorderLogger { return &events.FakeRecorder{} },
		scheduler.WithProfiles(cfg.Profiles...), scheduler.WithPercentageOfNodesToScore(&everyNode),
		scheduler.WithFrameworkOutOfTreeRegistry(plugins.Registry(plugins.Options{Engine: engine, QoS: service})))
	if err != nil {
		return 0, err
	}
	informers.Start(ctx.Done())
	informers.WaitForCacheSync(ctx.Done())
	if err := sched.WaitForHandlersSync(ctx); err != nil {
		return 0, err
	}
	for _, f := range sched.Profiles {
		snapshot, ok := f.SnapshotSharedLister().(*cache.Snapshot)
		if !ok {
			return 0, fmt.Errorf("the scheduler's snapshot is a %T", f.SnapshotSharedLister())
		}
		if err := sched.Cache.UpdateSnapshot(klog.FromContext(ctx), snapshot); err != nil {
			return 0, err
		}
		info, err := framework.NewPodInfo(newService(own))
		if err != nil {
			return 0, err
		}
		result, err := sched.SchedulePod(ctx, f, framework.NewCycleState(), &framework.QueuedPodInfo{PodInfo: info})
		if err != nil {
			return 0, err
		}
		for i, n := range nodes {
			if n.Name == result.SuggestedHost {
				return i, nil
			}
		}
	}
	return 0, errors.New("no node was chosen")
}

// objects are the candidates as nodes of one CPU, and their hogs as pods.
func objects(all []candidate) (nodes []*v1.Node, pods []*v1.Pod) {
	most := 0.
	for i := range all {
		most = max(most, all[i].requested())
	}
	for i := range all {
		name := fmt.Sprint("node-", i)
		size := v1.ResourceList{v1.ResourceCPU: resource.MustParse("1"), v1.ResourceMemory: resource.MustParse("8Gi"), v1.ResourcePods: resource.MustParse("110")}
		nodes = append(nodes, &v1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{v1.LabelHostname: name}},
			Status:     v1.NodeStatus{Capacity: size, Allocatable: size, Conditions: []v1.NodeCondition{{Type: v1.NodeReady, Status: v1.ConditionTrue}}},
		})
		for k, h := range all[i].hogs {
			pods = append(pods, newPod(fmt.Sprintf("hog-%d-%d", i, k), h.Kind, name, h.Requested*fullest/most, false))
		}
	}
	return nodes, pods
}

// newService is the pod that is placed: it requests what it uses, and as its limits do, too, its objective is latency.
func newService(own float64) *v1.Pod { return newPod("service", "service", "", own, true) }

func newPod(name, workload, node string, cores float64, limited bool) *v1.Pod {
	amounts := v1.ResourceList{
		v1.ResourceCPU:    *resource.NewMilliQuantity(max(1, int64(math.Round(cores*1000))), resource.DecimalSI),
		v1.ResourceMemory: resource.MustParse("64Mi"),
	}
	p := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "lab", Name: name, UID: types.UID(name), Labels: map[string]string{"app": workload},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: workload, UID: types.UID(workload), Controller: ptr.To(true)}},
		},
		Spec:   v1.PodSpec{NodeName: node, SchedulerName: v1.DefaultSchedulerName, Containers: []v1.Container{{Name: "main", Resources: v1.ResourceRequirements{Requests: amounts}}}},
		Status: v1.PodStatus{Phase: v1.PodRunning, QOSClass: v1.PodQOSBurstable},
	}
	if limited {
		p.Spec.Containers[0].Resources.Limits, p.Status.QOSClass, p.Status.Phase = amounts, v1.PodQOSGuaranteed, v1.PodPending
	}
	return p
}

// observe has an engine and the QoS plugins see what the candidates did before the service came.
func observe(ctx context.Context, args *config.PredictionArgs, all []candidate, nodes []*v1.Node, pods []*v1.Pod) (*learn.Engine, *qos.Service, error) {
	end := time.Now()
	clock := testclock.NewFakeClock(end.Add(-watched))
	engine := learn.New(*args, clock)
	byName := map[string]*v1.Pod{}
	for _, p := range pods {
		byName[p.Name] = p
	}
	stepper := engine.Stepper(learn.Cluster{
		Machines: func(string) (usage.Machine, bool) { return usage.MachineOf(nodes[0]), true },
		Pod:      func(_, name string) *v1.Pod { return byName[name] },
		Nodes:    func() []*v1.Node { return nodes },
	})
	service := qos.NewService(cycle.NewViews(engine.Reader()), nil).Untold()
	for at := 0; !clock.Now().After(end); at++ {
		r := seen(all, nodes, clock.Now(), at)
		service.Observe(&r)
		if err := stepper.Step(ctx, r); err != nil {
			return nil, nil, err
		}
		clock.Step(step)
	}
	return engine, service, nil
}

// seen is a reading of what the candidates did in one of the windows. Hogs have used the CPU in proportion to what they want.
func seen(all []candidate, nodes []*v1.Node, now time.Time, at int) usage.Reading {
	r := usage.Reading{Start: now, End: now}
	for i := range all {
		c := &all[i]
		busy := c.before.CPU
		if n := len(c.before.windows); n > 0 {
			busy = c.before.windows[at%n]
		}
		n := usage.NodeSample{Node: nodes[i].Name, Sample: usage.Sample{Time: now, Window: step}}
		n.Set(usage.CPU, busy)
		n.Set(usage.Memory, 2<<30)
		for q, resource := range map[usage.Quantity]string{usage.CPUSome: "cpu", usage.MemorySome: "memory", usage.IOSome: "io"} {
			n.Set(q, c.before.Pressure[resource])
		}
		r.Nodes = append(r.Nodes, n)
		wanted := 0.
		for _, h := range c.hogs {
			wanted += h.cores()
		}
		for k, h := range c.hogs {
			name := fmt.Sprintf("hog-%d-%d", i, k)
			p := usage.PodSample{Namespace: "lab", Name: name, UID: name, Node: nodes[i].Name, Sample: usage.Sample{Time: now, Window: step}}
			p.Set(usage.CPU, busy*h.cores()/wanted)
			p.Set(usage.Memory, 64<<20)
			r.Pods = append(r.Pods, p)
		}
	}
	return r
}
