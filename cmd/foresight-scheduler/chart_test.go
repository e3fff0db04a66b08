// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	frameworkplugins "k8s.io/kubernetes/pkg/scheduler/framework/plugins"

	"github.com/foresight-scheduler/foresight/config"
	"github.com/foresight-scheduler/foresight/plugins"
)

// The chart knows which names of plugins and args this binary has: others it leaves out, and says so.
func TestTheChartKnowsThePlugins(t *testing.T) {
	text, err := os.ReadFile("../../manifests/chart/templates/_config.tpl")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), `{{- define "foresight.plugins" -}}`)
	list, _, _ = strings.Cut(list, "{{- end -}}")
	var known []string
	for line := range strings.Lines(list) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "- "); ok {
			known = append(known, name)
		}
	}
	all := sets.New(config.NotPlugins()...).Clone()
	for name := range maps.Keys(frameworkplugins.NewInTreeRegistry()) {
		all.Insert(name)
	}
	for name := range plugins.Registry(plugins.Options{}) {
		all.Insert(name)
	}
	if want := slices.Sorted(maps.Keys(all)); !slices.Equal(known, want) {
		t.Errorf("the chart knows\n%v\nand there are\n%v", known, want)
	}
}
