// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package realnode

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// cniDir is where Debian's package puts the CNI plugins.
const cniDir = "/usr/lib/cni"

// required are the programs real nodes need and the Debian packages that hold them.
var required = []struct{ program, pkg string }{
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{cniDir + "/ptp", "containernetworking-plugins"},
	{"iptables", "iptables"},
	{"nft", "nftables"},
	{"conntrack", "conntrack"},
}

// Path is where programs are looked for: a user's PATH often lacks sbin.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Missing returns the packages whose programs are not here.
func Missing() []string {
	var missing []string
	for _, r := range required {
		if !installed(r.program) && (len(missing) == 0 || missing[len(missing)-1] != r.pkg) {
			missing = append(missing, r.pkg)
		}
	}
	return missing
}

func installed(program string) bool {
	if filepath.IsAbs(program) {
		_, err := os.Stat(program)
		return err == nil
	}
	for _, dir := range filepath.SplitList(Path) {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

// CheckMachine returns why this machine can have no real nodes, whatever is installed.
func CheckMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("real nodes need root, for namespaces and control groups: run it as root, or leave --real out for simulated nodes")
	}
	for _, name := range []string{"net", "mnt", "pid", "uts", "ipc", "cgroup"} {
		if _, err := os.Stat("/proc/self/ns/" + name); err != nil {
			return fmt.Errorf("real nodes need %s namespaces, which this kernel lacks: %w", name, err)
		}
	}
	return nil
}

// Install installs what is missing and says what that is. On a terminal it asks first,
// unless the user agreed in advance.
func Install(ctx context.Context, agreed bool, in *os.File, out io.Writer) error {
	missing := Missing()
	if len(missing) == 0 {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("real nodes need programs that are not here, and there is no apt-get to install them. In Debian they are in: %s", strings.Join(missing, " "))
	}
	commands := aptGet(missing)
	if err := agree(commands, agreed, in, out); err != nil {
		return err
	}
	for _, args := range commands {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		// No package may start a daemon or ask anything.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, output)
		}
	}
	if missing := Missing(); len(missing) > 0 {
		return fmt.Errorf("still missing after the installation: %s", strings.Join(missing, " "))
	}
	return nil
}

func aptGet(packages []string) [][]string {
	return [][]string{{"apt-get", "update"}, append([]string{"apt-get", "install", "--yes", "--no-install-recommends"}, packages...)}
}

// agree says what will be run, and returns an error when somebody is there to ask and does not want it.
func agree(commands [][]string, agreed bool, in *os.File, out io.Writer) error {
	var text []string
	for _, args := range commands {
		text = append(text, strings.Join(args, " "))
	}
	fmt.Fprintf(out, "Real nodes need packages that are not installed:\n  %s\n", strings.Join(text, " && "))
	if agreed || !terminal(in) {
		return nil
	}
	fmt.Fprint(out, "Run this now? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n')
	if !strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y") {
		return errors.New("nothing was installed")
	}
	return nil
}

func terminal(file *os.File) bool {
	_, err := unix.IoctlGetTermios(int(file.Fd()), unix.TCGETS)
	return err == nil
}
