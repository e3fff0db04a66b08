// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	kubeschedulerconfig "k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
)

const runMain = "FORESIGHT_SCHEDULER_TEST_RUNS_MAIN"

// The tests run the command as users do, in a process of its own: it is this one.
func TestMain(m *testing.M) {
	if os.Getenv(runMain) != "" {
		main()
	}
	plugins.RegisterArgs()
	os.Exit(m.Run())
}

// runCommand starts the scheduler up to where it has its plugins and writes the configuration
// that it would run with.
func runCommand(t *testing.T, flags ...string) (cfg *kubeschedulerconfig.KubeSchedulerConfiguration, stderr string, err error) {
	t.Helper()
	written := filepath.Join(t.TempDir(), "complete.yaml")
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{"--write-config-to", written, "--master", "http://127.0.0.1:1", "--secure-port", "0"}, flags...)...)
	cmd.Env = append(os.Environ(), runMain+"=1")
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Run(); err != nil {
		return nil, strings.ReplaceAll(out.String(), `\"`, `"`), err
	}
	data, err := os.ReadFile(written)
	if err != nil {
		t.Fatal(err)
	}
	obj, _, err := scheme.Codecs.UniversalDecoder().Decode(data, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return obj.(*kubeschedulerconfig.KubeSchedulerConfiguration), out.String(), nil
}

// argsOf a plugin of the only profile.
func argsOf[T any](t *testing.T, cfg *kubeschedulerconfig.KubeSchedulerConfiguration, plugin string) T {
	t.Helper()
	i := slices.IndexFunc(cfg.Profiles[0].PluginConfig, func(pc kubeschedulerconfig.PluginConfig) bool { return pc.Name == plugin })
	if i < 0 {
		t.Fatalf("no args of %s", plugin)
	}
	return cfg.Profiles[0].PluginConfig[i].Args.(T)
}

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const policyText = `{"kind": "Policy", "apiVersion": "v1",
	"predicates": [{"name": "GeneralPredicates"}, {"name": "MatchInterPodAffinity"}, {"name": "CheckVolumeBinding"}],
	"priorities": [{"name": "MostRequestedPriority", "weight": 7}]`

const configText = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
leaderElection: {leaderElect: false}
profiles: [{schedulerName: mine}]
`

func weightOf(cfg *kubeschedulerconfig.KubeSchedulerConfiguration, plugin string) int32 {
	for _, p := range cfg.Profiles[0].Plugins.MultiPoint.Enabled {
		if p.Name == plugin {
			return p.Weight
		}
	}
	return -1
}

// What an old flag says holds, and a warning names its successor.
func TestOldFlagsAreTaken(t *testing.T) {
	type configuration = kubeschedulerconfig.KubeSchedulerConfiguration
	strategy := func(t *testing.T, cfg *configuration) string {
		return string(argsOf[*config.ResourceFitArgs](t, cfg, "ResourceFit").ScoringStrategy.Type)
	}
	policyFile := writeFile(t, "policy.json", policyText+"}")
	hardPolicy := writeFile(t, "policy.json", policyText+`, "hardPodAffinitySymmetricWeight": 30}`)
	ownConfig := writeFile(t, "config.yaml", configText)
	for name, tc := range map[string]struct {
		flags []string
		// said are the warnings, by flag.
		said map[string]string
		// log is what --v=1 tells of the flags as they hold.
		log   string
		check func(t *testing.T, cfg *configuration) bool
	}{
		"port 0":     {flags: []string{"--port=0"}, said: map[string]string{"port": "can be left out"}},
		"port":       {flags: []string{"--port", "10251"}, said: map[string]string{"port": "nothing listens on 10251"}},
		"logs":       {flags: []string{"--logtostderr", "--log-dir=/tmp", "--stderrthreshold=2"}, said: map[string]string{"logtostderr": "standard error", "log-dir": "standard error", "stderrthreshold": "standard error"}},
		"address":    {flags: []string{"--address", "127.0.0.1", "--v=1"}, log: `FLAG: --bind-address="127.0.0.1"`, said: map[string]string{"address": "is now --bind-address; taken as --bind-address 127.0.0.1"}},
		"underscore": {flags: []string{"--failure_domains=a"}, said: map[string]string{"failure-domains": "topologyKey"}},
		"pending":    {flags: []string{"--pod-max-pending-timeout=1m", "--v=1"}, log: `FLAG: --pod-max-in-unschedulable-pods-duration="1m0s"`, said: map[string]string{"pod-max-pending-timeout": "taken as --pod-max-in-unschedulable-pods-duration 1m0s"}},
		"both": {
			flags: []string{"--pod-max-pending-timeout=1m", "--pod-max-in-unschedulable-pods-duration=2m"},
			said:  map[string]string{"pod-max-pending-timeout": "beside its successor --pod-max-in-unschedulable-pods-duration 2m0s"},
		},
		"lock": {
			flags: []string{"--lock-object-name=a", "--lock-object-namespace=b"},
			said:  map[string]string{"lock-object-name": "--leader-elect-resource-name", "lock-object-namespace": "--leader-elect-resource-namespace"},
			check: func(_ *testing.T, cfg *configuration) bool {
				return cfg.LeaderElection.ResourceName == "a" && cfg.LeaderElection.ResourceNamespace == "b"
			},
		},
		"default provider": {
			flags: []string{"--algorithm-provider=DefaultProvider"}, said: map[string]string{"algorithm-provider": "can be left out"},
			check: func(t *testing.T, cfg *configuration) bool { return strategy(t, cfg) == "LeastAllocated" },
		},
		"autoscaler provider": {
			flags: []string{"--algorithm-provider=ClusterAutoscalerProvider"}, said: map[string]string{"algorithm-provider": "MostAllocated"},
			check: func(t *testing.T, cfg *configuration) bool {
				return strategy(t, cfg) == "MostAllocated" && argsOf[*config.ResourceFitArgs](t, cfg, "ResourceFit").BalancedAllocation.Weight == 1
			},
		},
		"name and hard affinity": {
			flags: []string{"--scheduler-name=old", "--hard-pod-affinity-symmetric-weight=50"},
			said:  map[string]string{"scheduler-name": "profiles[].schedulerName", "hard-pod-affinity-symmetric-weight": "hardPodAffinityWeight"},
			check: func(t *testing.T, cfg *configuration) bool {
				return cfg.Profiles[0].SchedulerName == "old" && argsOf[*kubeschedulerconfig.InterPodAffinityArgs](t, cfg, "InterPodAffinity").HardPodAffinityWeight == 50
			},
		},
		"policy": {
			flags: []string{"--policy-config-file", policyFile, "--use-legacy-policy-config=true", "--scheduler-name=old", "--algorithm-provider=ClusterAutoscalerProvider", "--policy-configmap=cm"},
			said: map[string]string{
				"policy-config-file": "converted for pods with schedulerName: old", "use-legacy-policy-config": "can be left out",
				"algorithm-provider": "no effect beside --policy-config-file", "policy-configmap": "prefers the file", "scheduler-name": "schedulerName",
			},
			check: func(t *testing.T, cfg *configuration) bool {
				return cfg.Profiles[0].SchedulerName == "old" && strategy(t, cfg) == "MostAllocated" && weightOf(cfg, "ResourceFit") == 7 && weightOf(cfg, "ImageLocality") == -1
			},
		},
		"policy with hard affinity": {
			flags: []string{"--policy-config-file", hardPolicy, "--hard-pod-affinity-symmetric-weight=50"},
			said:  map[string]string{"policy-config-file": "converted", "hard-pod-affinity-symmetric-weight": "no effect beside the policy's own"},
			check: func(t *testing.T, cfg *configuration) bool {
				return argsOf[*kubeschedulerconfig.InterPodAffinityArgs](t, cfg, "InterPodAffinity").HardPodAffinityWeight == 30
			},
		},
		"beside a configuration": {
			flags: []string{"--config", ownConfig, "--scheduler-name=old", "--hard-pod-affinity-symmetric-weight=50", "--port=0"},
			said:  map[string]string{"scheduler-name": "no effect beside --config", "hard-pod-affinity-symmetric-weight": "no effect beside --config", "port": ""},
			check: func(_ *testing.T, cfg *configuration) bool { return cfg.Profiles[0].SchedulerName == "mine" },
		},
		"none": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, said, err := runCommand(t, tc.flags...)
			if err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			warned := sets.New[string]()
			for line := range strings.Lines(said) {
				rest, ok := strings.CutPrefix(line, "Warning: --")
				if !ok {
					continue
				}
				flag, text, _ := strings.Cut(rest, ": ")
				if want, ok := tc.said[flag]; !ok || strings.Contains(text, want) {
					warned.Insert(flag)
				}
			}
			if want := sets.KeySet(tc.said); !warned.Equal(want) {
				t.Errorf("warned as wanted of %v, want %v:\n%s", sets.List(warned), sets.List(want), said)
			}
			if !strings.Contains(said, tc.log) {
				t.Errorf("the log lacks %q:\n%s", tc.log, said)
			}
			if tc.check != nil && !tc.check(t, cfg) {
				t.Errorf("the configuration is not as the flags said: %+v", cfg)
			}
		})
	}
}

// What cannot be run with ends with exit code 1 and says what to do instead.
func TestFlagsAreRefused(t *testing.T) {
	lost := writeFile(t, "policy.json", `{"kind": "Policy", "apiVersion": "v1", "priorities": [{"name": "ResourceLimitsPriority", "weight": 1}]}`)
	wrong := writeFile(t, "policy.json", `{"kind": "Policy", "apiVersion": "v1", "predicates": [{"name": "PodFits"}]}`)
	good := writeFile(t, "policy.json", policyText+"}")
	ownConfig := writeFile(t, "config.yaml", configText)
	for name, tc := range map[string]struct {
		flags []string
		want  []string
	}{
		"controller-manager": {[]string{"--terminated-pod-gc-threshold=100"}, []string{"--terminated-pod-gc-threshold belongs to kube-controller-manager,"}},
		"several":            {[]string{"--anonymous_auth"}, []string{"--anonymous-auth belongs to kube-apiserver and kubelet,"}},
		"proxy":              {[]string{"--proxy-mode=ipvs"}, []string{"kube-proxy"}},
		"nobody's":           {[]string{"--no-such-flag"}, []string{"unknown flag: --no-such-flag", "--help"}},
		"shorthand":          {[]string{"-z"}, []string{"unknown shorthand flag"}},
		"port":               {[]string{"--port=70000"}, []string{"--port", "70000"}},
		"duration":           {[]string{"--pod-max-pending-timeout=5"}, []string{"--pod-max-pending-timeout", "missing unit"}},
		"provider":           {[]string{"--algorithm-provider=Mine"}, []string{`--algorithm-provider "Mine"`, "DefaultProvider", "ClusterAutoscalerProvider"}},
		"hard affinity":      {[]string{"--hard-pod-affinity-symmetric-weight=101"}, []string{"[0-100]"}},
		"policy and config":  {[]string{"--policy-config-file", good, "--config", ownConfig}, []string{"--policy-config-file", "not together with --config", "foresight convert-policy"}},
		"provider and config": {[]string{"--algorithm-provider=ClusterAutoscalerProvider", "--config", ownConfig},
			[]string{"not together with --config", "MostAllocated"}},
		"legacy without a file":  {[]string{"--use-legacy-policy-config"}, []string{"--policy-config-file"}},
		"policy in a ConfigMap":  {[]string{"--policy-configmap=cm", "--policy-configmap-namespace=ns"}, []string{"kubectl -n ns get configmap cm", "foresight convert-policy"}},
		"missing policy":         {[]string{"--policy-config-file=/does/not/exist"}, []string{"--policy-config-file /does/not/exist", "no such file"}},
		"wrong policy":           {[]string{"--policy-config-file", wrong}, []string{"--policy-config-file", "predicates[0].name", "PodFits"}},
		"policy that loses":      {[]string{"--policy-config-file", lost}, []string{"priorities[0] ResourceLimitsPriority", "no equivalent", "foresight convert-policy"}},
		"default scheduler lock": {[]string{"--lock-object-name=kube-scheduler", "--lock-object-namespace=kube-system"}, []string{"default scheduler's"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, said, err := runCommand(t, tc.flags...)
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%v, want exit code 1", err)
			}
			for _, want := range tc.want {
				if !strings.Contains(said, want) {
					t.Errorf("does not say %q:\n%s", want, said)
				}
			}
		})
	}
}
