// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package realnode

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
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

// On a terminal the user is asked, and whatever is not a yes is a no; where nobody can answer, what will be run is only said.
func TestPackagesAreInstalledWhenAgreed(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, tc := range []struct {
		agreed bool
		answer string // none: not a terminal
		asks   bool
		ok     bool
	}{
		{ok: true}, {agreed: true, ok: true}, {agreed: true, answer: "n\n", ok: true},
		{answer: "y\n", asks: true, ok: true}, {answer: "Yes\n", asks: true, ok: true}, {answer: "n\n", asks: true}, {answer: "\n", asks: true},
	} {
		in := null
		if tc.answer != "" {
			in = terminalThatSays(t, tc.answer)
		}
		var out bytes.Buffer
		err := agree(aptGet([]string{"runc", "conntrack"}), tc.agreed, in, &out)
		if (err == nil) != tc.ok || !strings.Contains(out.String(), "runc conntrack") || strings.Contains(out.String(), "[y/N]") != tc.asks {
			t.Errorf("%+v: %v, said %q", tc, err, out.String())
		}
	}
}

func terminalThatSays(t *testing.T, text string) *os.File {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { terminal.Close() })
	if _, err := user.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return terminal
}
