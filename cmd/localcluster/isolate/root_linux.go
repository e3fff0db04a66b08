// Copyright The Foresight Authors.
// SPDX-License-Identifier: Apache-2.0

package isolate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Self is where this binary is in a root that EnterRoot made.
const Self = "/localcluster"

// EnterRoot makes dir/root the root of this process's mount namespace, which must be its
// own: the machine's programs and settings to read, empty places to write, and of the
// machine's files only dir besides, at the path it has.
//
// The caller is the first process of a new PID namespace with a network of its own; /proc
// and /sys are theirs.
func EnterRoot(dir, root, self string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private: %w", err)
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	if err := bind(root, root, 0); err != nil {
		return err
	}
	for _, name := range []string{"usr", "etc", "bin", "sbin", "lib", "lib32", "lib64", "libx32"} {
		if err := mirror("/"+name, filepath.Join(root, name)); err != nil {
			return err
		}
	}
	for _, name := range []string{"dev", "proc", "sys", "run", "tmp", "var/lib", "var/log", "var/tmp", "root", "mnt", "opt", ".old"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Chmod(filepath.Join(root, "tmp"), 0o777|fs.ModeSticky); err != nil {
		return err
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := bind("/dev", filepath.Join(root, "dev"), unix.MS_REC); err != nil {
		return err
	}
	for _, m := range []struct{ fstype, at, options string }{
		{"proc", "proc", ""}, {"sysfs", "sys", ""}, {"tmpfs", "run", "mode=755"},
	} {
		if err := unix.Mount(m.fstype, filepath.Join(root, m.at), m.fstype, unix.MS_NOSUID|unix.MS_NODEV, m.options); err != nil {
			return fmt.Errorf("mounting %s: %w", m.at, err)
		}
	}
	if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
		return err
	}
	if err := bind(dir, filepath.Join(root, dir), 0); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, Self), nil, 0o755); err != nil {
		return err
	}
	if err := bind(self, filepath.Join(root, Self), 0); err != nil {
		return err
	}

	if err := unix.PivotRoot(root, filepath.Join(root, ".old")); err != nil {
		return fmt.Errorf("changing the root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/.old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the old root: %w", err)
	}
	if err := os.Remove("/.old"); err != nil {
		return err
	}
	// Volumes that kubelet mounts must reach containers that run already.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing mounts: %w", err)
	}
	return nil
}

// mirror shows a directory of the machine, to be read only, or copies a link to one.
func mirror(from, to string) error {
	info, err := os.Lstat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, to); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := bind(from, to, 0); err != nil {
		return err
	}
	if err := unix.Mount("", to, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("protecting %s: %w", from, err)
	}
	return nil
}

func bind(from, to string, flags uintptr) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND|flags, ""); err != nil {
		return fmt.Errorf("showing %s at %s: %w", from, to, err)
	}
	return nil
}

// MountCgroups mounts the hierarchies anew, as they are seen from the control group in
// which this process's namespace began, and moves this process into the system group.
func MountCgroups(hierarchies []Hierarchy) error {
	const root = "/sys/fs/cgroup"
	if len(hierarchies) == 1 && hierarchies[0].V2() {
		if err := unix.Mount("cgroup2", root, "cgroup2", 0, ""); err != nil {
			return fmt.Errorf("mounting control groups: %w", err)
		}
		return enter(filepath.Join(root, systemGroup))
	}
	if err := unix.Mount("tmpfs", root, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting control groups: %w", err)
	}
	for _, h := range hierarchies {
		name, fstype := filepath.Base(h.Mount), "cgroup"
		if h.V2() {
			fstype = "cgroup2"
		}
		at := filepath.Join(root, name)
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(fstype, at, fstype, 0, h.Options); err != nil {
			return fmt.Errorf("mounting control groups %s: %w", name, err)
		}
		if controllers := strings.Split(name, ","); len(controllers) > 1 {
			for _, controller := range controllers {
				if err := os.Symlink(name, filepath.Join(root, controller)); err != nil {
					return err
				}
			}
		}
		if err := enter(filepath.Join(at, systemGroup)); err != nil {
			return err
		}
	}
	return nil
}
