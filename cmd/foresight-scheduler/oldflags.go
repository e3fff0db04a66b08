// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/foresight-scheduler/foresight/cmd/internal/policy"
	"github.com/foresight-scheduler/foresight/manifests"
)

// oldFlags are those that a kube-scheduler from 1.10 on knew and that of today does not,
// so that a command line of then can be brought along (docs/reference/flags.md has them all). Each
// one that is given is told in a warning, with its successor.
type oldFlags struct {
	fs   *pflag.FlagSet
	warn func(flag, format string, args ...any)

	port                  uint16
	policyFile            string
	policyConfigMap       string
	useLegacyPolicyConfig bool
	algorithmProvider     string
	schedulerName         string
	hardPodAffinityWeight int32
}

const (
	defaultProvider    = "DefaultProvider"
	autoscalerProvider = "ClusterAutoscalerProvider"
)

// successors are today's flags that say what the old one said.
var successors = map[string]string{
	"address":                 "bind-address",
	"lock-object-name":        "leader-elect-resource-name",
	"lock-object-namespace":   "leader-elect-resource-namespace",
	"pod-max-pending-timeout": "pod-max-in-unschedulable-pods-duration",
}

// withoutEffect are flags of which nothing is left, and why.
var withoutEffect = map[string]string{
	"failure-domains":                   "inter-pod affinity always names its topologyKey",
	"azure-container-registry-config":   "schedulers do not pull images; kubelets have --image-credential-provider-config",
	"google-json-key":                   "schedulers do not pull images; kubelets have --image-credential-provider-config",
	"experimental-logging-sanitization": "secrets are kept out of the log in the first place",
	"add-dir-header":                    toStderr, "alsologtostderr": toStderr, "log-backtrace-at": toStderr, "log-dir": toStderr,
	"log-file": toStderr, "log-file-max-size": toStderr, "logtostderr": toStderr, "one-output": toStderr,
	"skip-headers": toStderr, "skip-log-headers": toStderr, "stderrthreshold": toStderr,
}

const toStderr = "the log goes to the standard error only, each line with its header"

func newOldFlags() *oldFlags {
	o := &oldFlags{fs: pflag.NewFlagSet("old", pflag.ContinueOnError)}
	o.fs.IP("address", net.IPv4zero, "see --bind-address")
	o.fs.Uint16Var(&o.port, "port", 0, "see --secure-port")
	o.fs.StringVar(&o.policyFile, "policy-config-file", "", "file with a scheduler Policy")
	o.fs.StringVar(&o.policyConfigMap, "policy-configmap", "", "ConfigMap with a scheduler Policy")
	o.fs.String("policy-configmap-namespace", "kube-system", "namespace of --policy-configmap")
	o.fs.BoolVar(&o.useLegacyPolicyConfig, "use-legacy-policy-config", false, "--policy-config-file counts, --policy-configmap does not")
	o.fs.StringVar(&o.algorithmProvider, "algorithm-provider", defaultProvider, defaultProvider+" or "+autoscalerProvider)
	o.fs.StringVar(&o.schedulerName, "scheduler-name", "", "name that pods ask for the profile by")
	o.fs.Int32Var(&o.hardPodAffinityWeight, "hard-pod-affinity-symmetric-weight", 1, "weight of others' required pod affinity, 0-100")
	o.fs.String("lock-object-name", "", "see --leader-elect-resource-name")
	o.fs.String("lock-object-namespace", "", "see --leader-elect-resource-namespace")
	o.fs.Duration("pod-max-pending-timeout", 5*time.Minute, "see --pod-max-in-unschedulable-pods-duration")
	for name := range withoutEffect {
		o.fs.String(name, "", "has no effect")
		switch name {
		case "add-dir-header", "alsologtostderr", "logtostderr", "one-output", "skip-headers", "skip-log-headers", "experimental-logging-sanitization":
			o.fs.Lookup(name).NoOptDefVal = "true" // They were booleans, given without a value.
		}
	}
	o.fs.VisitAll(func(f *pflag.Flag) { f.Hidden = true })
	return o
}

// apply gives what the old flags say to their successors among flags, and warns of each.
// What changes the configuration waits for configuration.
func (o *oldFlags) apply(flags *pflag.FlagSet, stderr io.Writer) error {
	o.warn = func(flag, format string, args ...any) {
		fmt.Fprintf(stderr, "Warning: --%s: %s\n", flag, fmt.Sprintf(format, args...))
	}
	var given []string
	// Not Visit: it is the command's own set that was parsed.
	o.fs.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			given = append(given, f.Name)
		}
	})
	for _, name := range given {
		value := o.fs.Lookup(name).Value.String()
		if why, ok := withoutEffect[name]; ok {
			o.warn(name, "has no effect any more: %s", why)
		}
		successor := successors[name]
		switch {
		case successor == "":
		case flags.Changed(successor):
			o.warn(name, "has no effect beside its successor --%s %s", successor, flags.Lookup(successor).Value)
		default:
			if err := flags.Set(successor, value); err != nil {
				return fmt.Errorf("--%s: %w", name, err)
			}
			o.warn(name, "is now --%s; taken as --%[1]s %[2]s", successor, value)
		}
	}
	if o.fs.Changed("port") {
		const gone = "there is no insecure port any more; /livez, /readyz (once /healthz) and /metrics are served over HTTPS on the secure port, --secure-port"
		secure := flags.Lookup("secure-port").Value
		if o.port == 0 {
			o.warn("port", "can be left out: %s %s", gone, secure)
		} else {
			o.warn("port", "nothing listens on %d: %s %s", o.port, gone, secure)
		}
	}
	return o.checkConfiguration(flags.Lookup("config").Value.String() != "")
}

// checkConfiguration refuses what cannot be run with, in the order in which a
// kube-scheduler looked at these flags: a policy, then a provider.
func (o *oldFlags) checkConfiguration(hasConfig bool) error {
	switch {
	case !slices.Contains([]string{"", defaultProvider, autoscalerProvider}, o.algorithmProvider):
		return fmt.Errorf("--algorithm-provider %q: there was no such provider; there were %s and %s", o.algorithmProvider, defaultProvider, autoscalerProvider)
	case o.hardPodAffinityWeight < 0 || o.hardPodAffinityWeight > 100:
		return fmt.Errorf("--hard-pod-affinity-symmetric-weight %d: not in valid range [0-100]", o.hardPodAffinityWeight)
	case o.fs.Changed("scheduler-name") && o.schedulerName == "":
		return fmt.Errorf("--scheduler-name: empty")
	case o.useLegacyPolicyConfig && o.policyFile == "":
		return fmt.Errorf("--use-legacy-policy-config: wants the policy in --policy-config-file")
	case o.policyConfigMap != "" && !o.useLegacyPolicyConfig:
		return fmt.Errorf("--policy-configmap: policies are not read from ConfigMaps any more; convert it once, and give the result by --config: "+
			"kubectl -n %s get configmap %s -o jsonpath='{.data.policy\\.cfg}' | foresight convert-policy - > config.yaml",
			o.fs.Lookup("policy-configmap-namespace").Value, o.policyConfigMap)
	case o.policyFile != "" && hasConfig:
		return fmt.Errorf("--policy-config-file: not together with --config, which has its own plugins; " +
			"convert the policy by foresight convert-policy, and take over into --config what is wanted of it")
	case o.algorithmProvider == autoscalerProvider && hasConfig:
		return fmt.Errorf("--algorithm-provider %s: not together with --config, which has its own plugins; "+
			"it stood for scoringStrategy: {type: MostAllocated} in the args of ResourceFit (or NodeResourcesFit)", autoscalerProvider)
	}
	for name, field := range map[string]string{
		"scheduler-name":                     "profiles[].schedulerName",
		"hard-pod-affinity-symmetric-weight": "hardPodAffinityWeight in the args of InterPodAffinity",
	} {
		if o.fs.Changed(name) && hasConfig {
			o.warn(name, "has no effect beside --config, as it had none; it is now %s there", field)
		}
	}
	if o.policyConfigMap != "" {
		o.warn("policy-configmap", "has no effect, since --use-legacy-policy-config prefers the file")
	} else if o.fs.Changed("policy-configmap-namespace") {
		o.warn("policy-configmap-namespace", "has no effect: policies are not read from ConfigMaps any more")
	}
	if o.fs.Changed("use-legacy-policy-config") {
		o.warn("use-legacy-policy-config", "can be left out: a policy can only be in --policy-config-file")
	}
	return nil
}

// configuration is what to run with where there is no --config: the shipped one, changed
// by what the old flags say.
func (o *oldFlags) configuration() (map[string]any, error) {
	data := manifests.SchedulerConfig
	if o.policyFile != "" {
		var err error
		if data, err = o.convertPolicy(); err != nil {
			return nil, fmt.Errorf("--policy-config-file %s: %w", o.policyFile, err)
		}
	}
	cfg := map[string]any{}
	if err := yaml.Unmarshal(data, &cfg); err != nil {
		return nil, err
	}
	profile := cfg["profiles"].([]any)[0].(map[string]any)
	if o.schedulerName != "" {
		profile["schedulerName"] = o.schedulerName
		o.warn("scheduler-name", "is now profiles[].schedulerName in --config; taken as such")
	}
	if o.fs.Changed("hard-pod-affinity-symmetric-weight") {
		const plugin = "InterPodAffinity"
		if argsIn(profile, plugin) != nil {
			o.warn("hard-pod-affinity-symmetric-weight", "has no effect beside the policy's own, as it had none")
		} else {
			addArgs(profile, plugin, map[string]any{"hardPodAffinityWeight": int64(o.hardPodAffinityWeight)})
			o.warn("hard-pod-affinity-symmetric-weight", "is now hardPodAffinityWeight in the args of %s in --config; taken as such", plugin)
		}
	}
	if o.fs.Changed("algorithm-provider") {
		switch {
		case o.policyFile != "":
			o.warn("algorithm-provider", "has no effect beside --policy-config-file, as it had none")
		case o.algorithmProvider == autoscalerProvider:
			addArgs(profile, "ResourceFit", map[string]any{"scoringStrategy": map[string]any{"type": "MostAllocated"}})
			o.warn("algorithm-provider", "%s is now scoringStrategy: {type: MostAllocated} in the args of ResourceFit in --config; taken as such", autoscalerProvider)
		default:
			o.warn("algorithm-provider", "can be left out: the configuration without --config is the default")
		}
	}
	return cfg, nil
}

// convertPolicy refuses what would silently place pods elsewhere than the policy did.
func (o *oldFlags) convertPolicy() ([]byte, error) {
	data, err := os.ReadFile(o.policyFile)
	if err != nil {
		return nil, err
	}
	name := o.schedulerName
	if name == "" {
		name = "foresight-scheduler"
	}
	result, err := policy.Convert(data, name)
	if err != nil {
		return nil, err
	}
	if len(result.Missing) > 0 {
		return nil, fmt.Errorf("places pods by what there is no more: %s; foresight convert-policy makes a configuration without it, for --config", strings.Join(result.Missing, "; "))
	}
	o.warn("policy-config-file", "policies are gone since 1.23; this one was converted for pods with schedulerName: %s. "+
		"foresight convert-policy %s > config.yaml makes what to give by --config from now on", name, o.policyFile)
	for _, notice := range result.Notices {
		o.warn("policy-config-file", "%s", notice)
	}
	return result.Config, nil
}

// argsIn returns a plugin's args, or nil where the profile has none.
func argsIn(profile map[string]any, plugin string) map[string]any {
	all, _ := profile["pluginConfig"].([]any)
	for _, pc := range all {
		if pc := pc.(map[string]any); pc["name"] == plugin {
			args, _ := pc["args"].(map[string]any)
			return args
		}
	}
	return nil
}

func addArgs(profile map[string]any, plugin string, args map[string]any) {
	all, _ := profile["pluginConfig"].([]any)
	profile["pluginConfig"] = append(all, map[string]any{"name": plugin, "args": args})
}
