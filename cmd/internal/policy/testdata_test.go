// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/kubernetes/pkg/scheduler/framework"
)

// Files as users had them. For each: the plugins that filter and those that score, with
// their weights, in the profile that a scheduler makes of what the file is converted to
// (but for those that no policy had a say about), and what the user is told.
func TestFilesAreConverted(t *testing.T) {
	const claims = "NodeUnschedulable Taints VolumeBinding" // in every one that binds volumes
	for file, want := range map[string]struct {
		filters, scores string
		notices         []string
	}{
		"sample.json": {
			"Affinity NodeName NodePorts ResourceFit VolumeRestrictions VolumeZone " + claims,
			"NodeResourcesBalancedAllocation=1 PodTopologySpread=1 ResourceFit=1",
			[]string{"priorities[1] BalancedResourceAllocation: scores by how much", "priorities[2] ServiceSpreadingPriority: PodTopologySpread", "priorities[3] EqualPriority: left out"},
		},
		"extender.json": {"Affinity NodeName NodePorts ResourceFit " + claims, "ResourceFit=1", nil},
		"zones.yaml": {
			"Affinity NodeName NodePorts ResourceFit " + claims, "Affinity=4 ResourceFit=1",
			[]string{"predicates[2] RegionAffinity: the pods of a Service", "serviceAntiAffinity"},
		},
		"labels-presence.json": {"Affinity ResourceFit " + claims, "", nil},
		"label-preference.yaml": {
			"Affinity NodeName NodePorts ResourceFit " + claims, "Affinity=2 NodeAffinity=6",
			[]string{"in the score of labelPreference too", "several labelPreferences"},
		},
		"bin-packing.json":    {"Affinity NodeName NodePorts ResourceFit " + claims, "ResourceFit=2", nil},
		"most-requested.json": {"Affinity InterPodAffinity NodeName NodePorts ResourceFit " + claims, "ImageLocality=1 ResourceFit=5 Taints=1", nil},
		"defaults.json": {
			"Affinity InterPodAffinity NodeName NodePorts NodeVolumeLimits PodTopologySpread ResourceFit VolumeRestrictions VolumeZone " + claims,
			"Affinity=1 ImageLocality=1 InterPodAffinity=1 NodeResourcesBalancedAllocation=1 PodTopologySpread=2 ResourceFit=1 Taints=1",
			[]string{"priorities: none given, so the defaults of 1.22 hold"},
		},
		"nothing.yaml": {"NodeUnschedulable Taints", "", []string{"without CheckVolumeBinding"}},
		"names-of-1.10.json": {
			"NodePorts NodeVolumeLimits ResourceFit " + claims, "PodTopologySpread=1",
			[]string{
				"predicates[2] NoVolumeNodeConflict", "predicates[3] MaxEBSVolumeCount", "predicates[4] MaxGCEPDVolumeCount", "predicates[5] MaxAzureDiskVolumeCount",
				"predicates[6] CheckNodeCondition", "predicates[7] CheckNodeMemoryPressure", "predicates[8] CheckNodeDiskPressure",
				"predicates[10] PodToleratesNodeNoExecuteTaints", "priorities[0] SelectorSpreadPriority", "priorities[1] NodePreferAvoidPodsPriority: no equivalent", "alwaysCheckAllPredicates",
			},
		},
		"hard-affinity.yaml":   {"Affinity InterPodAffinity NodeName NodePorts PodTopologySpread ResourceFit " + claims, "InterPodAffinity=4 PodTopologySpread=2", nil},
		"least-and-ratio.yaml": {"Affinity NodeName NodePorts ResourceFit " + claims, "NodeResourcesFit=9 ResourceFit=1", nil},
		"limits-priority.yaml": {"Affinity NodeName NodePorts ResourceFit " + claims, "ResourceFit=1", []string{"priorities[0] ResourceLimitsPriority: no equivalent"}},
	} {
		t.Run(file, func(t *testing.T) {
			result, err := Convert(testFile(t, file), "test-scheduler")
			if err != nil {
				t.Fatal(err)
			}
			sched := load(t, result.Config)
			filters, scores := listed(sched.Profiles["test-scheduler"])
			if want := strings.Fields(want.filters); !slices.Equal(filters, sets.List(sets.New(want...))) {
				t.Errorf("filters %v\nwant    %v", filters, sets.List(sets.New(want...)))
			}
			if want := strings.Fields(want.scores); !slices.Equal(scores, want) {
				t.Errorf("scores %v\nwant   %v", scores, want)
			}
			if len(result.Notices) != len(want.notices) {
				t.Errorf("%d notices, want %d:\n%s", len(result.Notices), len(want.notices), strings.Join(result.Notices, "\n"))
			}
			for _, notice := range want.notices {
				if !slices.ContainsFunc(result.Notices, func(n string) bool { return strings.Contains(n, notice) }) {
					t.Errorf("no notice says %q:\n%s", notice, strings.Join(result.Notices, "\n"))
				}
				if !strings.Contains(string(result.Config), notice) {
					t.Errorf("the configuration's comments do not say %q", notice)
				}
			}
			if lost := file == "limits-priority.yaml"; len(result.Missing) > 0 != lost {
				t.Errorf("missing: %q", result.Missing)
			}
		})
	}
}

// listed are the filters and scores of a profile but for the plugins that came after policies.
func listed(f framework.Framework) (filters, scores []string) {
	newer := sets.New("DynamicResources", "NodeDeclaredFeatures")
	all := f.ListPlugins()
	for _, p := range all.Filter.Enabled {
		if !newer.Has(p.Name) {
			filters = append(filters, p.Name)
		}
	}
	for _, p := range all.Score.Enabled {
		if !newer.Has(p.Name) {
			scores = append(scores, fmt.Sprintf("%s=%d", p.Name, p.Weight))
		}
	}
	slices.Sort(filters)
	slices.Sort(scores)
	return filters, scores
}

// Broken files are refused, with the place.
func TestFilesAreRefused(t *testing.T) {
	for file, want := range map[string][]string{
		"broken-comma.json":         {"invalid character ']'"},
		"broken-indent.yaml":        {"line 5"},
		"broken-two-documents.yaml": {"one document"},
		"broken-empty.json":         {"empty"},
		"broken-field.json":         {`unknown field "predicate"`},
		"broken-predicate.json":     {"predicates[1].name", "PodFitsAll", "there was no such predicate"},
		"broken-weights.json":       {"priorities[0].weight", "priorities[1].weight", "-1"},
		"broken-type.json":          {"priorities", "weight", "string"},
		"broken-arguments.yaml":     {"priorities[0].argument", "only one of"},
		"broken-label.yaml":         {"predicates[0].argument.serviceAffinity.labels[0]", "zone of the node"},
		"broken-shape.yaml":         {"requestedToCapacityRatioArguments.shape[1].utilization", "more than the point before"},
		"broken-kind.yaml":          {"kind", "KubeSchedulerConfiguration", "Policy"},
		"broken-extenders.json":     {"extenders[1].bindVerb", "extenders[1].weight"},
	} {
		_, err := Convert(testFile(t, file), "test-scheduler")
		for _, text := range want {
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v, want it to say %q", file, err, text)
			}
		}
	}
}

func testFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
