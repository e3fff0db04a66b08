// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package realnode

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"

	"k8s.io/utils/cpuset"

	"github.com/foresight-scheduler/foresight/cmd/localcluster/state"
)

func TestNodesDivideTheCPUs(t *testing.T) {
	for _, tc := range []struct {
		nodes, cpus int
		want        string
	}{
		{2, 2, "0 1"}, {2, 8, "0-3 4-7"}, {3, 8, "0-1 2-4 5-7"}, {3, 2, "0 0 1"}, {1, 4, "0-3"},
	} {
		var got []string
		for _, n := range Plan(state.Layout{Dir: "/x"}, tc.nodes, tc.cpus, 1<<30) {
			if _, err := cpuset.Parse(n.CPUs); err != nil {
				t.Errorf("%q: %v", n.CPUs, err)
			}
			got = append(got, n.CPUs)
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%d CPUs for %d nodes: got %q, want %q", tc.cpus, tc.nodes, got, tc.want)
		}
	}
}

func TestAddressesAreApartAndEveryNodeKnowsTheOthers(t *testing.T) {
	seen := map[string]bool{ControlPlaneIP: true}
	for _, n := range Plan(state.Layout{Dir: "/x"}, MaxNodes, 2, 1<<30) {
		if seen[n.IP] || seen[n.PodCIDR] || net.ParseIP(n.IP) == nil {
			t.Errorf("%s has %s and %s", n.Name, n.IP, n.PodCIDR)
		}
		seen[n.IP], seen[n.PodCIDR] = true, true
		if _, _, err := net.ParseCIDR(n.PodCIDR); err != nil {
			t.Error(err)
		}
		if len(n.Neighbours) != MaxNodes-1 {
			t.Errorf("%s knows %d others", n.Name, len(n.Neighbours))
		}
	}
}

func TestClustersHaveControlGroupsOfTheirOwn(t *testing.T) {
	a, b := CgroupPrefix(state.Layout{Dir: "/a"}), CgroupPrefix(state.Layout{Dir: "/b"})
	if a == b || strings.HasPrefix(a, b) {
		t.Errorf("%s and %s", a, b)
	}
	if n := Plan(state.Layout{Dir: "/a"}, 1, 1, 1)[0]; !strings.HasPrefix(n.Cgroup, a) {
		t.Errorf("%s does not begin with %s, so down would not find it", n.Cgroup, a)
	}
}

func TestConfigurationNamesTheNode(t *testing.T) {
	l := state.Layout{Dir: t.TempDir()}
	n := Plan(l, 2, 2, 1<<30)[1]
	if err := n.Save(l); err != nil {
		t.Fatal(err)
	}
	if loaded, err := Load(l, n.Name); err != nil || loaded.IP != n.IP || len(loaded.Neighbours) != 1 {
		t.Errorf("%+v, %v", loaded, err)
	}
	if err := WriteConfigs(l, n); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"kubelet.yaml":      "address: " + n.IP,
		"kube-proxy.yaml":   "hostnameOverride: " + n.Name,
		"cni/pods.conflist": n.PodCIDR,
		"containerd.toml":   PauseImage,
	} {
		data, err := os.ReadFile(File(l, n.Name, file))
		if err != nil || !bytes.Contains(data, []byte(want)) || bytes.Contains(data, []byte("{{")) {
			t.Errorf("%s (%v) lacks %q:\n%s", file, err, want, data)
		}
	}
}

func TestNobodyAgreedSoNothingIsInstalled(t *testing.T) {
	if len(Missing()) == 0 {
		t.Skip("nothing is missing here")
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	var out bytes.Buffer
	err = Install(t.Context(), false, null, &out)
	if err == nil {
		t.Fatal("it was installed")
	}
	for _, pkg := range Missing() {
		if !strings.Contains(out.String()+err.Error(), pkg) {
			t.Errorf("%s is not named: %s%v", pkg, out.String(), err)
		}
	}
}
