// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a user may get wrong at start: each is refused at once, with an exit code and a
// message that names the place and what is allowed there.
func TestBadConfigurations(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// The subtests run after this function has returned.
	t.Cleanup(func() { listener.Close() })
	occupied := listener.Addr().(*net.TCPAddr).Port

	profile := func(plugins, pluginConfig string) string {
		return fmt.Sprintf(`
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection: {kubeconfig: %q}
leaderElection: {leaderElect: false}
profiles:
- schedulerName: test
  plugins: {multiPoint: {enabled: [%s]}}
  pluginConfig: [%s]
`, kubeconfig(), plugins, pluginConfig)
	}
	args := func(plugin, args string) string {
		return profile(fmt.Sprintf("{name: %s}", plugin), fmt.Sprintf("{name: %s, args: %s}", plugin, args))
	}
	for name, tc := range map[string]struct {
		config string
		flags  []string
		want   []string
	}{
		"unknown arg": {
			config: args("ResourceFit", `{limitGuard: {}}`),
			want:   []string{".profiles[0].pluginConfig[0]", "ResourceFit", `unknown field "limitGuard"`},
		},
		"weight out of range": {
			config: args("ResourceFit", `{balancedAllocation: {weight: 101}}`),
			want:   []string{"pluginConfig[ResourceFit].args.balancedAllocation.weight", "101", "[0-100]"},
		},
		"plugin weight out of range": {
			config: profile(`{name: Taints, weight: 3000000000000}`, ""),
			want:   []string{"3000000000000"},
		},
		"shape not increasing": {
			config: args("ResourceFit", `{scoringStrategy: {type: RequestedToCapacityRatio, requestedToCapacityRatio: {shape: [{utilization: 50, score: 1}, {utilization: 50, score: 2}]}}}`),
			want:   []string{"pluginConfig[ResourceFit].args.scoringStrategy.requestedToCapacityRatio.shape[1].utilization", "sorted in increasing order"},
		},
		"unknown strategy": {
			config: args("ResourceFit", `{scoringStrategy: {type: Best}}`),
			want:   []string{"args.scoringStrategy.type", "Best", "LeastAllocated"},
		},
		"guard without a bound": {
			config: args("ResourceFit", `{limitsGuard: {mode: Filter}}`),
			want:   []string{"args.limitsGuard.max", "Required value"},
		},
		"effect that evicts": {
			config: args("Taints", `{predictedPressure: {effect: NoExecute}}`),
			want:   []string{"pluginConfig[Taints].args.predictedPressure.effect", "NoExecute", "PreferNoSchedule"},
		},
		"label that is none": {
			config: args("Affinity", `{serviceAffinity: {labels: ["a b"]}}`),
			want:   []string{"pluginConfig[Affinity].args.serviceAffinity.labels[0]", "a b"},
		},
		"args of an unknown plugin": {
			config: profile(`{name: ResourceFit}`, `{name: ResourceFitt, args: {a: 1}}`),
			want:   []string{"profiles[0].pluginConfig[0].name", "ResourceFitt"},
		},
		"unknown plugin": {
			config: profile(`{name: Foresee}`, ""),
			want:   []string{`profiles[0].plugins.multiPoint.enabled: "Foresee": there is no such plugin`},
		},
		"version that is gone": {
			config: strings.Replace(profile("", ""), "/v1\n", "/v1beta3\n", 1),
			want:   []string{"v1beta3"},
		},
		"no cluster":         {want: []string{"no cluster to talk to", "--kubeconfig"}},
		"missing kubeconfig": {flags: []string{"--kubeconfig", "/does/not/exist"}, want: []string{"/does/not/exist", "no such file"}},
		"missing config":     {flags: []string{"--config", "/does/not/exist"}, want: []string{"--config", "/does/not/exist"}},
		"occupied port": {
			flags: []string{"--kubeconfig", kubeconfig(), "--bind-address", "127.0.0.1", "--secure-port", fmt.Sprint(occupied), "--leader-elect=false"},
			want:  []string{fmt.Sprint(occupied), "address already in use"},
		},
		"the default scheduler's lease": {
			flags: []string{"--kubeconfig", kubeconfig(), "--leader-elect-resource-name", "kube-scheduler", "--leader-elect-resource-namespace", "kube-system"},
			want:  []string{"kube-system/kube-scheduler", "default scheduler's", "leaderElection.resourceName"},
		},
		"the default scheduler's lease by omission": {
			config: strings.Replace(profile("", ""), "leaderElect: false", "leaderElect: true", 1),
			want:   []string{"kube-system/kube-scheduler", "default scheduler's"},
		},
		"coordinated election": {
			flags: []string{"--kubeconfig", kubeconfig(), "--feature-gates", "CoordinatedLeaderElection=true"},
			want:  []string{"CoordinatedLeaderElection"},
		},
		"unknown flag": {flags: []string{"--no-such-flag"}, want: []string{"--no-such-flag"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags := tc.flags
			if tc.config != "" {
				file := filepath.Join(t.TempDir(), "config.yaml")
				if err := os.WriteFile(file, []byte(tc.config), 0o600); err != nil {
					t.Fatal(err)
				}
				flags = append([]string{"--config", file, "--secure-port", "0"}, flags...)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience/2)
			defer cancel()
			out, err := commandContext(ctx, bin(ours), flags...)
			if err == nil || ctx.Err() != nil {
				t.Fatalf("%v: not refused at once, %v\n%s", flags, err, out)
			}
			// The log quotes what it prints.
			out = strings.ReplaceAll(out, `\"`, `"`)
			for _, want := range tc.want {
				if !strings.Contains(out, want) {
					t.Errorf("does not say %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, "panic") {
				t.Errorf("panicked:\n%s", out)
			}
		})
	}
}

// Every YAML file we ship is accepted: configurations by the scheduler, all else by the
// API server. The scenarios' are applied in earnest by TestScenarios.
func TestManifestsAreAccepted(t *testing.T) {
	err := filepath.WalkDir(filepath.Join(repo, "manifests"), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		rel, err := filepath.Rel(repo, path)
		if err != nil || strings.HasPrefix(rel, scenarios) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		t.Run(rel, func(t *testing.T) {
			switch text := string(data); {
			case strings.Contains(text, "kind: KubeSchedulerConfiguration"):
				acceptedByScheduler(t, path)
			case strings.Contains(text, "\nkind: Kustomization"):
				acceptedByServer(t, "--kustomize", filepath.Dir(path))
			case strings.Contains(text, "\nkind: Component"):
				acceptedByServer(t, "--kustomize", overlayWith(t, filepath.Dir(path)))
			default:
				acceptedByServer(t, "--filename", path)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// overlayWith returns a folder with an overlay of manifests/base that has the component.
func overlayWith(t *testing.T, component string) string {
	t.Helper()
	dir := t.TempDir()
	relative := func(path string) string {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		return rel
	}
	text := fmt.Sprintf("resources: [%s]\ncomponents: [%s]\n", relative(filepath.Join(repo, "manifests/base")), relative(component))
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func acceptedByServer(t *testing.T, flag, path string) {
	t.Helper()
	out, err := localcluster("kubectl", "apply", "--server-side", "--force-conflicts", "--field-manager=test", "--dry-run=server", "--validate=strict", flag, path)
	// A dry run makes no namespace for the objects that would live in it.
	if err != nil && !onlyNamespaceMissing(out) {
		t.Errorf("%v\n%s", err, out)
	}
}

func onlyNamespaceMissing(out string) bool {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "Error") && !(strings.Contains(line, "namespaces \"") && strings.Contains(line, "not found")) {
			return false
		}
	}
	return true
}

func acceptedByScheduler(t *testing.T, path string) {
	t.Helper()
	// --write-config-to ends the process after the plugins are made.
	out, err := command(bin(ours), "--config", path, "--master", restConfig.Host, "--secure-port", "0",
		"--write-config-to", filepath.Join(t.TempDir(), "complete.yaml"))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
