// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// A configuration of a version that is gone, as Trimaran's samples are, says what to change it to.
func TestOldVersions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yaml")
	for config, want := range map[string]string{
		"apiVersion: kubescheduler.config.k8s.io/v1beta3\nkind: KubeSchedulerConfiguration\nprofiles:\n- schedulerName: trimaran\n  plugins: {score: {enabled: [{name: TargetLoadPacking}]}}\n  pluginConfig:\n" +
			"  - name: TargetLoadPacking\n    args: {watcherAddress: http://127.0.0.1:2020}\n": `apiVersion: "kubescheduler.config.k8s.io/v1beta3" is not read any more: change it to kubescheduler.config.k8s.io/v1`,
		"apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- pluginConfig:\n" +
			"  - name: TargetLoadPacking\n    args: {apiVersion: kubescheduler.config.k8s.io/v1beta2, kind: TargetLoadPackingArgs}\n": `profiles[0].pluginConfig[0].args.apiVersion: "kubescheduler.config.k8s.io/v1beta2" of "TargetLoadPacking" is not read any more`,
	} {
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := options.LoadConfigFromFile(klog.Background(), file)
		if err == nil {
			t.Fatalf("loaded:\n%s", config)
		}
		if got := explainVersion(file, err); !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("error %v, want %s", got, want)
		}
	}
	other := errors.New("another")
	if got := explainVersion(filepath.Join(t.TempDir(), "none"), other); got != other {
		t.Errorf("error %v", got)
	}
}
