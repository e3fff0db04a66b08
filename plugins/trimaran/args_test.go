// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package trimaran

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/events"
	"k8s.io/dynamic-resource-allocation/resourceslice/tracker"
	"k8s.io/klog/v2"
	"k8s.io/klog/v2/ktesting"
	fwk "k8s.io/kube-scheduler/framework"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	kubeschedulerv1 "k8s.io/kubernetes/pkg/scheduler/apis/config/v1"
	"k8s.io/kubernetes/pkg/scheduler/backend/cache"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/dynamicresources"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/metrics"
	"k8s.io/kubernetes/pkg/scheduler/util/assumecache"
	schedulerplugins "sigs.k8s.io/scheduler-plugins/apis/config"
	schedulerpluginsv1 "sigs.k8s.io/scheduler-plugins/apis/config/v1"
)

func schemes() []*runtime.Scheme {
	return []*runtime.Scheme{scheme.Scheme, kubeschedulerv1.GetPluginArgConversionScheme()}
}

// decode reads a KubeSchedulerConfiguration as kube-scheduler does: strictly.
func decode(data string) (*kubeschedulerconfig.KubeSchedulerConfiguration, error) {
	register()
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode([]byte(data), nil, nil)
	if err != nil {
		return nil, err
	}
	return obj.(*kubeschedulerconfig.KubeSchedulerConfiguration), nil
}

// load makes a framework, with upstream's plugins too, for each profile.
func load(t *testing.T, data string, opts Options, nodes ...*v1.Node) (*kubeschedulerconfig.KubeSchedulerConfiguration, []framework.Framework, []fwk.NodeInfo) {
	t.Helper()
	metrics.Register()
	cfg, err := decode(data)
	if err != nil {
		t.Fatalf("%v in\n%s", err, data)
	}
	registry := frameworkplugins.NewInTreeRegistry()
	for name, factory := range Factories(opts) {
		if err := registry.Register(name, factory); err != nil {
			t.Fatal(err)
		}
	}
	ctx, snapshot := t.Context(), cache.NewSnapshot(nil, nodes)
	factory := informers.NewSharedInformerFactory(fake.NewClientset(), 0)
	slices, err := tracker.StartTracker(ctx, tracker.Options{SliceInformer: factory.Resource().V1().ResourceSlices(), KubeClient: fake.NewClientset()})
	if err != nil {
		t.Fatal(err)
	}
	claims := assumecache.NewAssumeCache(klog.FromContext(ctx), factory.Resource().V1().ResourceClaims().Informer(), "ResourceClaim", "", nil)
	dra := dynamicresources.NewDRAManager(ctx, claims, slices, factory)
	var frameworks []framework.Framework
	for i := range cfg.Profiles {
		f, err := frameworkruntime.NewFramework(ctx, registry, &cfg.Profiles[i],
			frameworkruntime.WithInformerFactory(factory),
			frameworkruntime.WithEventRecorder(events.NewFakeRecorder(1)),
			frameworkruntime.WithSnapshotSharedLister(snapshot),
			frameworkruntime.WithSharedDRAManager(dra))
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		t.Cleanup(func() { _ = f.Close() })
		frameworks = append(frameworks, f)
	}
	infos, err := snapshot.NodeInfos().List()
	if err != nil {
		t.Fatal(err)
	}
	return cfg, frameworks, infos
}

// The examples of scheduler-plugins v0.34.7 as they stand in its documentation, but for
// the version: those that say v1beta3 say v1 here, since that is what kube-scheduler reads.
// All of them enable Score alone.
const (
	// pkg/trimaran/targetloadpacking/README.md, load-watcher as a library.
	packingLibrary = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
profiles:
- schedulerName: trimaran
  plugins:
    score:
      disabled:
      - name: NodeResourcesBalancedAllocation
      - name: NodeResourcesLeastAllocated
      enabled:
       - name: TargetLoadPacking
  pluginConfig:
  - name: TargetLoadPacking
    args:
      defaultRequests:
        cpu: "2000m"
      defaultRequestsMultiplier: "2"
      targetUtilization: 70
      metricProvider:
        type: Prometheus
        address: http://prometheus-k8s.monitoring.svc.cluster.local:9090
`
	// The same, load-watcher as a service.
	packingService = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
profiles:
- schedulerName: trimaran
  plugins:
    score:
      disabled:
      - name: NodeResourcesBalancedAllocation
      - name: NodeResourcesLeastAllocated
      enabled:
       - name: TargetLoadPacking
  pluginConfig:
  - name: TargetLoadPacking
    args:
      defaultRequests:
        cpu: "2000m"
      defaultRequestsMultiplier: "2"
      targetUtilization: 70
      watcherAddress: http://127.0.0.1:2020
`
	// manifests/trimaran/scheduler-config.yaml.
	packingManifest = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
clientConnection:
  kubeconfig: "REPLACE_ME_WITH_KUBE_CONFIG_PATH"
profiles:
- schedulerName: trimaran
  plugins:
    score:
      disabled:
      - name: NodeResourcesBalancedAllocation
      - name: NodeResourcesLeastAllocated
      enabled:
      - name: TargetLoadPacking
  pluginConfig:
    - name: TargetLoadPacking
      args:
        defaultRequestsMultiplier: "1"
        targetUtilization: 40
        metricProvider:
          type: Prometheus
          address: "http://replace_me_with_prometheus_server:9090"
`
	// pkg/trimaran/README.md, with the kind of the args spelled out.
	balancing = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
profiles:
- schedulerName: trimaran
  plugins:
    score:
      enabled:
       - name: LoadVariationRiskBalancing
  pluginConfig:
  - name: LoadVariationRiskBalancing
    args:
      apiVersion: kubescheduler.config.k8s.io/v1
      kind: LoadVariationRiskBalancingArgs
      metricProvider:
        type: Prometheus
        address: http://prometheus-k8s.monitoring.svc.cluster.local:9090
        insecureSkipVerify: true
      safeVarianceMargin: 1
      safeVarianceSensitivity: 2
`
	// pkg/trimaran/lowriskovercommitment/README.md.
	overCommitment = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
profiles:
- schedulerName: trimaran
  plugins:
    score:
      enabled:
       - name: LowRiskOverCommitment
  pluginConfig:
  - name: LowRiskOverCommitment
    args:
      smoothingWindowSize: 5
      riskLimitWeights:
        cpu: 0.5
        memory: 0.5
      metricProvider:
        type: Prometheus
        address: http://prometheus-k8s.monitoring.svc.cluster.local:9090
`
	// pkg/trimaran/peaks/deployment/scheduler-config.yaml, with the placeholders filled in from
	// test/integration/peaks_test.go. The fields do begin with capitals: the struct tags of
	// PeaksArgs are not valid.
	peaks = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection:
  leaderElect: false
profiles:
- schedulerName: Peaks
  plugins:
    preScore:
      disabled:
      - name: '*'
    score:
      enabled:
      - name: Peaks
      disabled:
      - name: '*'
  pluginConfig:
    - name: Peaks
      args:
        WatcherAddress: http://load-watcher:2020
        NodePowerModel:
          node-1: {k0: 471.7412504314313, k1: -91.50493019588365, k2: -0.07186049052516228}
          node-2: {k0: 471.7412504314313, k1: -1091.50493019588365, k2: -0.07186049052516228}
          node-3: {k0: 471.7412504314313, k1: -2091.50493019588365, k2: -0.07186049052516228}
`
)

// The examples load unchanged, their args arrive, and the plugin scores: with Score enabled
// alone upstream calls no PreScore.
func TestExamplesLoad(t *testing.T) {
	nodes := []*v1.Node{node("node-1", "4", "8Gi"), node("node-2", "4", "8Gi"), node("node-3", "4", "8Gi")}
	usage := view{"node-1": used(1, gi), "node-2": used(2, gi), "node-3": used(3, gi)}
	for name, tc := range map[string]struct {
		data, plugin string
		args         func(runtime.Object) bool
		best         string
	}{
		// The pod takes 1 core: 50, 75 and 100 % for a target of 70 or 40.
		"packing, library": {packingLibrary, TargetLoadPackingName, func(obj runtime.Object) bool {
			a := obj.(*schedulerplugins.TargetLoadPackingArgs)
			return a.TargetUtilization == 70 && a.DefaultRequestsMultiplier == "2" && a.DefaultRequests.Cpu().MilliValue() == 2000 && a.MetricProvider.Type == schedulerplugins.Prometheus
		}, "node-1"},
		"packing, service": {packingService, TargetLoadPackingName, func(obj runtime.Object) bool {
			return obj.(*schedulerplugins.TargetLoadPackingArgs).WatcherAddress == "http://127.0.0.1:2020"
		}, "node-1"},
		"packing, manifest": {packingManifest, TargetLoadPackingName, func(obj runtime.Object) bool {
			a := obj.(*schedulerplugins.TargetLoadPackingArgs)
			return a.DefaultRequestsMultiplier == "1" && a.DefaultRequests.Cpu().MilliValue() == 1000 // the default
		}, "node-1"},
		"balancing": {balancing, LoadVariationRiskBalancingName, func(obj runtime.Object) bool {
			a := obj.(*schedulerplugins.LoadVariationRiskBalancingArgs)
			return a.SafeVarianceMargin == 1 && a.SafeVarianceSensitivity == 2
		}, "node-1"},
		"overcommitment": {overCommitment, LowRiskOverCommitmentName, func(obj runtime.Object) bool {
			a := obj.(*schedulerplugins.LowRiskOverCommitmentArgs)
			return a.SmoothingWindowSize == 5 && a.RiskLimitWeights[v1.ResourceMemory] == 0.5
		}, ""}, // Nothing is requested on the nodes, so any use is beyond it: all are equal.
		// From 25, 50 and 75 %, 25 % more is 91.5·(e^−1.80 − e^−3.59) = 12.7 W,
		// 1091.5·(e^−3.59 − e^−5.39) = 25.1 W and 2091.5·(e^−5.39 − e^−7.19) = 8.0 W.
		"peaks": {peaks, PeaksName, func(obj runtime.Object) bool {
			a := obj.(*schedulerplugins.PeaksArgs)
			return a.WatcherAddress == "http://load-watcher:2020" && a.NodePowerModel["node-2"].K1 == -1091.50493019588365
		}, "node-3"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, frameworks, infos := load(t, tc.data, usage.options(), nodes...)
			var args runtime.Object
			for _, c := range cfg.Profiles[0].PluginConfig {
				if c.Name == tc.plugin {
					args = c.Args
				}
			}
			if args == nil || !tc.args(args) {
				t.Errorf("got args %+v", args)
			}
			if called := frameworks[0].ListPlugins().PreScore.Enabled; slices.ContainsFunc(called, func(p kubeschedulerconfig.Plugin) bool { return p.Name == tc.plugin }) {
				t.Errorf("PreScore has %v; then this is no test of Score alone", called)
			}
			state := framework.NewCycleState()
			pod := podWith("p", "1", "1", "1Gi", "1Gi")
			if _, status, _ := frameworks[0].RunPreFilterPlugins(t.Context(), state, pod); !status.IsSuccess() {
				t.Fatal(status)
			}
			if status := frameworks[0].RunPreScorePlugins(t.Context(), state, pod, infos); !status.IsSuccess() {
				t.Fatal(status)
			}
			list, status := frameworks[0].RunScorePlugins(t.Context(), state, pod, infos)
			if !status.IsSuccess() {
				t.Fatal(status)
			}
			scores := map[string]int64{}
			for _, n := range list {
				for _, s := range n.Scores {
					if s.Name == tc.plugin {
						scores[n.Name] = s.Score
					}
				}
			}
			if len(scores) != 3 {
				t.Fatalf("the plugin scored %v", scores)
			}
			for n, s := range scores {
				if tc.best != "" && n != tc.best && s >= scores[tc.best] {
					t.Errorf("got %v, want %s first", scores, tc.best)
				}
			}
		})
	}
}

// Without args, or without pluginConfig, upstream makes the default args.
func TestDefaultArgs(t *testing.T) {
	for name, want := range everyPlugin() {
		if name == PeaksName {
			continue // It has no defaults.
		}
		for _, pluginConfig := range []string{"", "\n  pluginConfig:\n  - name: " + name + "\n    args: {}"} {
			cfg, _, _ := load(t, "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- plugins: {score: {enabled: [{name: "+name+"}]}}"+pluginConfig, Options{})
			for _, c := range cfg.Profiles[0].PluginConfig {
				switch got := c.Args.(type) {
				case *schedulerplugins.TargetLoadPackingArgs:
					w := want.(*schedulerplugins.TargetLoadPackingArgs)
					if got.TargetUtilization != w.TargetUtilization || got.DefaultRequestsMultiplier != w.DefaultRequestsMultiplier || got.DefaultRequests.Cpu().Cmp(*w.DefaultRequests.Cpu()) != 0 {
						t.Errorf("got %+v", got)
					}
				case *schedulerplugins.LoadVariationRiskBalancingArgs:
					w := want.(*schedulerplugins.LoadVariationRiskBalancingArgs)
					if got.SafeVarianceMargin != w.SafeVarianceMargin || got.SafeVarianceSensitivity != w.SafeVarianceSensitivity {
						t.Errorf("got %+v", got)
					}
				case *schedulerplugins.LowRiskOverCommitmentArgs:
					w := want.(*schedulerplugins.LowRiskOverCommitmentArgs)
					if got.SmoothingWindowSize != w.SmoothingWindowSize || !maps.Equal(got.RiskLimitWeights, w.RiskLimitWeights) {
						t.Errorf("got %+v", got)
					}
				}
			}
		}
	}
}

// AddToScheme is all that a scheme needs, and does no harm twice.
func TestAddToScheme(t *testing.T) {
	s := runtime.NewScheme()
	for range 2 {
		if err := AddToScheme(s); err != nil {
			t.Fatal(err)
		}
	}
	for name := range everyPlugin() {
		obj, err := s.New(schedulerpluginsv1.SchemeGroupVersion.WithKind(name + "Args"))
		if err != nil {
			t.Fatal(err)
		}
		s.Default(obj)
		if obj, err = s.ConvertToVersion(obj, schedulerplugins.SchemeGroupVersion); err != nil {
			t.Fatal(err)
		}
		if name == PeaksName {
			obj = peaksArgs("n")
		}
		if _, err := Factories(Options{})[name](t.Context(), obj, nil); err != nil {
			t.Errorf("%s with default args: %v", name, err)
		}
	}
}

// The decoder is strict about the args of these plugins too.
func TestStrict(t *testing.T) {
	for _, data := range []string{
		strings.Replace(packingLibrary, "targetUtilization", "targetUtilisation", 1),
		strings.Replace(balancing, "kind: LoadVariationRiskBalancingArgs", "kind: TargetLoadPackingArgs", 1),
		strings.Replace(peaks, "WatcherAddress", "watcherAddress", 1), // See PeaksArgs.
	} {
		if _, err := decode(data); err == nil {
			t.Errorf("no error for\n%s", data)
		}
	}
}

// Args belong to a plugin, not to the package: two profiles keep their own.
func TestTwoProfiles(t *testing.T) {
	profile := func(name, target string) string {
		return "- schedulerName: " + name + "\n  plugins: {multiPoint: {disabled: [{name: '*'}], enabled: [{name: PrioritySort}, {name: DefaultBinder}, {name: TargetLoadPacking, weight: 1}]}}\n" +
			"  pluginConfig: [{name: TargetLoadPacking, args: {targetUtilization: " + target + "}}]\n"
	}
	_, frameworks, infos := load(t, "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n"+profile("low", "20")+profile("high", "80"),
		view{"n": used(1, gi)}.options(), node("n", "10", "8Gi"))
	// The pod takes 1 core of 10 where 1 is used, so U is 20 %.
	for i, want := range []int64{
		100, // the target
		85,  // (100−80)·20/80 + 80
	} {
		if got := scoresOf(t, frameworks[i], podWith("p", "", "1", "", ""), infos)["n"]; got != want {
			t.Errorf("profile %d: got %d, want %d", i, got, want)
		}
	}
}

// Wrong args are refused with the place in the file.
func TestRefuses(t *testing.T) {
	packing := func(edit func(*schedulerplugins.TargetLoadPackingArgs)) runtime.Object {
		a := packingArgs()
		edit(a)
		return a
	}
	balancing := func(edit func(*schedulerplugins.LoadVariationRiskBalancingArgs)) runtime.Object {
		a := balancingArgs()
		edit(a)
		return a
	}
	commitment := func(edit func(*schedulerplugins.LowRiskOverCommitmentArgs)) runtime.Object {
		a := overCommitmentArgs()
		edit(a)
		return a
	}
	power := func(k1, k2 float64) runtime.Object {
		return &schedulerplugins.PeaksArgs{NodePowerModel: map[string]schedulerplugins.PowerModel{"n": {K1: k1, K2: k2}}}
	}
	t.Setenv(PowerModelEnv, "")
	for _, tc := range []struct {
		plugin string
		args   runtime.Object
		want   string
	}{
		{TargetLoadPackingName, balancingArgs(), "TargetLoadPackingArgs"},
		{TargetLoadPackingName, nil, "TargetLoadPackingArgs"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) { a.TargetUtilization = 101 }), "pluginConfig[TargetLoadPacking].args.targetUtilization"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) { a.TargetUtilization = 0 }), "args.targetUtilization"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) { a.DefaultRequestsMultiplier = "a" }), "args.defaultRequestsMultiplier"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) { a.DefaultRequestsMultiplier = "NaN" }), "args.defaultRequestsMultiplier"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) { a.DefaultRequestsMultiplier = "-1" }), "args.defaultRequestsMultiplier"},
		{TargetLoadPackingName, packing(func(a *schedulerplugins.TargetLoadPackingArgs) {
			a.DefaultRequests = v1.ResourceList{v1.ResourceCPU: resource.MustParse("-1")}
		}), "args.defaultRequests[cpu]"},
		{LoadVariationRiskBalancingName, balancing(func(a *schedulerplugins.LoadVariationRiskBalancingArgs) { a.SafeVarianceMargin = -1 }), "args.safeVarianceMargin"},
		{LoadVariationRiskBalancingName, balancing(func(a *schedulerplugins.LoadVariationRiskBalancingArgs) { a.SafeVarianceSensitivity = math.NaN() }), "args.safeVarianceSensitivity"},
		{LowRiskOverCommitmentName, commitment(func(a *schedulerplugins.LowRiskOverCommitmentArgs) { a.SmoothingWindowSize = 0 }), "args.smoothingWindowSize"},
		{LowRiskOverCommitmentName, commitment(func(a *schedulerplugins.LowRiskOverCommitmentArgs) { a.RiskLimitWeights[v1.ResourceCPU] = 1.5 }), "args.riskLimitWeights[cpu]"},
		{PeaksName, peaksArgs(), "environment variable NODE_POWER_MODEL"},
		{PeaksName, power(1, 8), `node "n"`},          // e^800
		{PeaksName, power(math.NaN(), 0), `node "n"`}, // no JSON or YAML has it
	} {
		if _, err := Factories(Options{})[tc.plugin](t.Context(), tc.args, nil); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got error %v, want one that has %q", tc.plugin, err, tc.want)
		}
	}
}

// Power models may come from the file that the environment variable names.
func TestPowerModelFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "models.json")
	t.Setenv(PowerModelEnv, file)
	for data, want := range map[string]string{
		"{\n\t\"n\": {\"k0\": 0, \"k1\": 1, \"k2\": 0.1}\n}": "",
		`{"n": {"k0": "<replace with node 1 k0>"}}`:          "want {",
		`{"n": {"k3": 1}}`: "k3",
		`{"n": `:           "want {",
		`{}`:               "power models",
		"":                 "want {",
	} {
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Factories(Options{})[PeaksName](t.Context(), &schedulerplugins.PeaksArgs{}, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got error %v, want %q", data, err, want)
		}
	}
	t.Setenv(PowerModelEnv, file+".none")
	if _, err := Factories(Options{})[PeaksName](t.Context(), &schedulerplugins.PeaksArgs{}, nil); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no file: got error %v", err)
	}
	// The file is not read where the args have models.
	if _, err := Factories(Options{})[PeaksName](t.Context(), peaksArgs("n"), nil); err != nil {
		t.Error(err)
	}
}

// One log line says that a load-watcher or a provider is not asked; none where nobody named
// one. It has no token. Another one says that there is no usage at all.
func TestWarns(t *testing.T) {
	made := func(name string, args runtime.Object, opts Options) string {
		logger := ktesting.NewLogger(ktesting.NopTL{}, ktesting.NewConfig(ktesting.BufferLogs(true), ktesting.Verbosity(10)))
		if _, err := Factories(opts)[name](klog.NewContext(t.Context(), logger), args, nil); err != nil {
			t.Fatal(err)
		}
		return logger.GetSink().(ktesting.Underlier).GetBuffer().String()
	}
	for name, args := range everyPlugin("n") {
		if logs := made(name, args, Options{}); strings.Count(logs, "\n") != 1 || !strings.Contains(logs, "no usage") || !strings.Contains(logs, name) {
			t.Errorf("%s without usage: got %q", name, logs)
		}
	}
	watcher := schedulerplugins.TrimaranSpec{WatcherAddress: "http://watcher:2020"}
	prometheus := schedulerplugins.TrimaranSpec{MetricProvider: schedulerplugins.MetricProviderSpec{Type: schedulerplugins.Prometheus, Address: "http://p:9090", Token: "s3cret"}}
	unset := schedulerplugins.TrimaranSpec{MetricProvider: schedulerplugins.MetricProviderSpec{Type: schedulerplugins.KubernetesMetricsServer}}
	for i, spec := range []schedulerplugins.TrimaranSpec{watcher, prometheus, unset} {
		for name, args := range everyPlugin("n") {
			switch a := args.(type) {
			case *schedulerplugins.TargetLoadPackingArgs:
				a.TrimaranSpec = spec
			case *schedulerplugins.LoadVariationRiskBalancingArgs:
				a.TrimaranSpec = spec
			case *schedulerplugins.LowRiskOverCommitmentArgs:
				a.TrimaranSpec = spec
			case *schedulerplugins.PeaksArgs:
				if i == 1 {
					continue // It has no provider.
				}
				a.WatcherAddress = spec.WatcherAddress
			}
			logs := made(name, args, view{}.options())
			if i == 2 {
				if logs != "" {
					t.Errorf("%s: got %s", name, logs)
				}
			} else if strings.Count(logs, "\n") != 1 || !strings.Contains(logs, name) || !strings.Contains(logs, "Foresight") || strings.Contains(logs, "s3cret") {
				t.Errorf("%s: got %q", name, logs)
			}
		}
	}
}
